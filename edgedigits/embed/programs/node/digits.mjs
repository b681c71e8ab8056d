// Read the digit on a picture, or a number, with the ONNX file beside this one.
//
//     node digits.mjs [--number] PICTURE ...
//
//     import { answer, read } from "./digits.mjs";
//     console.log((await answer(await read("photo.png"))).label);
//     console.log((await answer({ height, width, pixels })).label); // pixels: Uint8Array, row by row
//     console.log((await readNumber({ height, width, pixels })).text); // of a line of digits

import { realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as numbers from "./numbers.mjs";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // of onnxruntime, which reads it when it is loaded
const { default: ort } = await import("onnxruntime-node");

const FOLDER = dirname(fileURLToPath(import.meta.url));
export const MODEL = join(FOLDER, "model.onnx");
const CONTRACT = JSON.parse(await readFile(join(FOLDER, "contract.json"), "utf8"));
const OUTPUTS = CONTRACT.outputs.map((output) => output.name);

const NUMBER = "--number";
const USAGE = `usage: node digits.mjs [--number] PICTURE ...

Read the digit on pictures, or, with --number, a line of up to 12 digits, "?" where one is not sure: binary PGM files,
and with sharp (npm install sharp) PNG, JPEG, GIF, WebP, AVIF and TIFF files. An answer a line. The exit code is 1 where
a picture could not be read, or shows no number.

examples:
  node digits.mjs example.pgm
  node digits.mjs --number photo.jpg
  node digits.mjs photo.jpg scan.png`;
const MOST_PIXELS = 50_000_000; // of a picture to decode

const PGM = /^P5(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})\s/;
const LONGEST_HEADER = 4096; // characters, with its comments

let loading;

/**
 * The model, loaded when it is first asked. One thread is the fastest for a network of this size. ONNX Runtime computes
 * in float32 as it comes; README.md says what another runtime must be told to do so.
 */
export function session() {
  loading ??= readFile(MODEL).then((model) => ort.InferenceSession.create(model, { intraOpNumThreads: 1 }));
  return loading;
}

/**
 * The answer to a picture { height, width, pixels }, pixels a Uint8Array with values from 0 to 255 as they are.
 *
 * label is that of the digit, or null: no digit. probability is that of the likeliest label; probabilities and
 * logits are those of all labels; seen is what the network was shown, 28x28 pixels. Throws a RangeError or TypeError.
 */
export async function answer(image) {
  const model = await session();
  const found = await model.run({ [CONTRACT.input.name]: prepare(image) }, OUTPUTS);
  const probabilities = found.probabilities.data;
  const probability = Math.max(...probabilities);
  const isDigit = probability >= (CONTRACT.threshold ?? 0);
  return {
    label: isDigit ? CONTRACT.labels[probabilities.indexOf(probability)] : null,
    probability,
    probabilities,
    logits: found.logits.data,
    seen: found.seen?.data ?? image.pixels,
  };
}

/**
 * The number on a picture, as `answer` takes it: { number, text, digits, doubts }, as numbers.mjs has them; number is
 * null unless all digits are sure. Throws a RangeError or TypeError, and a NoNumber where there is no line of digits.
 */
export async function readNumber(image, sheet = false) {
  if (!CONTRACT.sides || CONTRACT.framing)
    throw new RangeError("this file takes pictures as a whole; a canvas file that finds digits on them reads numbers");
  prepare(image);
  return numbers.readNumber(image, answer, CONTRACT, sheet);
}

/** The picture as the file takes it: all scaling and normalization is inside the file. */
function prepare({ height, width, pixels }) {
  if (!(pixels instanceof Uint8Array) || pixels.length !== height * width)
    throw new TypeError(`a Uint8Array of height * width pixels wanted, ${height} * ${width} given`);
  const [shortest, longest] = CONTRACT.sides ?? [28, 28];
  if (Math.min(height, width) < shortest || Math.max(height, width) > longest)
    throw new RangeError(`sides of ${shortest} to ${longest} pixels wanted, ${height} * ${width} given`);
  const takesBatch = CONTRACT.input.shape.length === 3;
  return new ort.Tensor("uint8", pixels, takesBatch ? [1, height, width] : [height, width]);
}

/** The picture in a binary PGM, { height, width, pixels }, whatever its largest value. Throws a RangeError. */
export function readPgm(data) {
  const header = PGM.exec(data.toString("latin1", 0, LONGEST_HEADER));
  if (!header) throw new RangeError("no binary PGM picture (P5)");
  const [width, height, largest] = header.slice(1).map(Number);
  if (largest < 1 || largest > 65535)
    throw new RangeError(`PGM picture with values up to ${largest}: 1 to 65535 wanted`);
  const bytes = largest > 255 ? 2 : 1;
  const begin = header[0].length;
  if (data.length < begin + height * width * bytes) throw new RangeError("PGM picture that ends early");
  const value = (index) => (bytes === 2 ? data.readUInt16BE(begin + 2 * index) : data[begin + index]);
  const scaled = (index) => Math.min(255, Math.floor((value(index) * 255 + (largest >> 1)) / largest));
  return { height, width, pixels: Uint8Array.from({ length: height * width }, (_, index) => scaled(index)) };
}

/** The picture in a file, { height, width, pixels }. Throws an Error that says what is missing or wrong. */
export async function read(name) {
  const data = await readFile(name);
  return PGM.test(data.toString("latin1", 0, LONGEST_HEADER)) ? readPgm(data) : readWithSharp(data);
}

/** The picture in any kind that sharp decodes: turned upright, grey, no larger than the file takes. */
async function readWithSharp(data) {
  const sharp = (await import("sharp").catch(() => null))?.default;
  if (!sharp) throw new RangeError("no binary PGM picture (P5); to read other kinds: npm install --ignore-scripts sharp");
  const longest = CONTRACT.sides?.[1];
  const { data: pixels, info } = await sharp(data, { limitInputPixels: MOST_PIXELS })
    .rotate() // as its EXIF data says
    .flatten({ background: "white" }) // under what is transparent
    .resize({ width: longest, height: longest, fit: "inside", withoutEnlargement: true })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { height: info.height, width: info.width, pixels: new Uint8Array(pixels) };
}

/** Print an answer for each picture that the command line names. */
async function main(names) {
  if (names.includes("-h") || names.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  if (!names.length) {
    console.error(USAGE);
    return 2;
  }
  const ask = names.includes(NUMBER) ? numberIn : digitIn;
  let unread = 0;
  for (const name of names.filter((given) => given !== NUMBER)) {
    try {
      console.log(`${name}: ${await ask(await read(name))}`);
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      unread += 1;
    }
  }
  return unread ? 1 : 0;
}

async function digitIn(image) {
  const { label, probability } = await answer(image);
  return `${label ?? "no digit"} (${(100 * probability).toFixed(1)}%)`;
}

async function numberIn(image) {
  return (await readNumber(image)).text;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2));
