// Reads digits: `const reader = await load("model.onnx")`, then `await reader.read(imageData)`, or `readNumber` of it.
// With the model, contract.json, doubts.js, numbers.js, ort.js and ort.wasm beside it, another page needs no more.

import { doubts } from "./doubts.js";
import { readNumber } from "./numbers.js";
import * as ort from "./ort.js";

const beside = (name) => new URL(name.split("/").map(encodeURIComponent).join("/"), import.meta.url);

ort.env.wasm.numThreads = 1; // more would need special headers, and one is the fastest for so small a network

export const runtime = `ONNX Runtime Web ${ort.env.versions.web}`;

let wasm; // fetched once, and here: an error in words, and no server needs to know the type of the file

/** A file ready to read canvases. Throws an Error that says what could not be loaded. */
export async function load(name) {
  wasm ??= fetched("ort.wasm");
  const [model, contract, binary] = await Promise.all([fetched(name), fetchedJson("contract.json"), wasm]);
  ort.env.wasm.wasmBinary = binary;
  return new Reader(await ort.InferenceSession.create(model), contract, model);
}

/** The bytes of a file beside this one: an ArrayBuffer. Throws an Error in words. */
export async function fetched(name) {
  const response = await fetch(beside(name)).catch(() => {
    throw new Error(`${name} could not be loaded: the server does not answer.`);
  });
  if (!response.ok) throw new Error(`${name} could not be loaded: the server answers ${response.status}.`);
  return response.arrayBuffer();
}

/** What a JSON file beside this one holds. */
export async function fetchedJson(name) {
  return JSON.parse(new TextDecoder().decode(await fetched(name)));
}

/** The pixels of an ImageData as the model takes them: a Uint8Array, row by row, transparent ones over white. */
export function grey({ data, width, height }) {
  const pixels = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < pixels.length; pixel++, at += 4) {
    const light = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    pixels[pixel] = Math.round(255 + ((light - 255) * data[at + 3]) / 255);
  }
  return pixels;
}

class Reader {
  constructor(session, contract, model) {
    Object.assign(this, { session, contract, model });
  }

  /**
   * The digit on an ImageData, light on dark or dark on light, with sides as the contract allows.
   *
   * label           of the digit, or null: no digit
   * best            the likeliest label, whether or not it is sure enough; `probability` is its own
   * probabilities   Float32Array in the order of the labels, and so are `logits`
   * seen            Uint8Array of 28x28 pixels: what the network was shown
   * doubts          what a person should look at, { word, sentence } each: see doubts.js
   * milliseconds    that the model took
   */
  async read(image) {
    const { width, height } = image;
    const { framing } = this.contract;
    const pixels = grey(image);
    return { ...(await this.#answer({ width, height, pixels })), doubts: doubts(pixels, width, height, !!framing) };
  }

  /**
   * The number on an ImageData: a line of up to 12 digits, as numbers.js says it, each with the `answer` of `read`.
   * Throws a NoNumber where there is no line of digits.
   */
  readNumber(image, sheet = false) {
    const { width, height } = image;
    return readNumber({ width, height, pixels: grey(image) }, (piece) => this.#answer(piece), this.contract, sheet);
  }

  /** What `read` returns, but for doubts, of pixels. */
  async #answer({ width, height, pixels }) {
    const { input, labels, threshold } = this.contract;
    const feeds = { [input.name]: new ort.Tensor("uint8", pixels, [height, width]) };
    const started = performance.now();
    const outputs = await this.session.run(feeds);
    const milliseconds = performance.now() - started;
    const [probabilities, logits, seen] = ["probabilities", "logits", "seen"].map((name) => outputs[name].data);
    const probability = Math.max(...probabilities);
    const best = labels[probabilities.indexOf(probability)];
    const label = probability < threshold ? null : best;
    return { label, best, probability, probabilities, logits, seen, milliseconds };
  }
}
