// Prove this machine's runtime, and the program digits.mjs as it stands: node selftest.mjs
//
// Every golden input goes through the program as a picture in a file would. What reaches the model must be
// the golden pixels, and the answer the golden answer. The exit code is 1 where it is not.
//
// An image here is { height, width, pixels }. A case is a golden input that went through the program:
//     image           what should reach the model, from a picture whose values go up to `largest`
//     wanted          the golden answer
//     given           what did reach the model; null where nothing did
//     found, error    the program's answer, or the error it failed with; the other is null

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { answer, MODEL, readPgm, session } from "./digits.mjs"; // first: it sets how onnxruntime is loaded
import ort from "onnxruntime-node";

const LARGEST = [255, 1023]; // values of the golden pictures' PGM form, in turn
const NORMALIZATIONS = [{ mean: 0.5, std: 0.5 }, { mean: 0.1307, std: 0.3081 }];
const ALTERED = "the pixels that reach the model";

/** Run all golden inputs, and say what is wrong. */
async function main() {
  const golden = JSON.parse(await readFile(new URL("golden.json", import.meta.url), "utf8"));
  const [model] = golden.models;
  const machine = `onnxruntime-node ${ort.env.versions.node}, Node ${process.version}, ${process.arch}`;
  console.log(`${machine}; golden answers by ${golden.runtime}`);
  const found = createHash("sha256").update(await readFile(MODEL)).digest("hex");
  if (found !== model.sha256) {
    const [is, not] = [found, model.sha256].map((hash) => `${hash.slice(0, 12)}...`);
    console.log(`FAILED: ${model.file} is another file: SHA-256 ${is}, not ${not}`);
    return 1;
  }
  const cases = await run(golden.inputs, model.answers);
  const faults = findFaults(cases, model.tolerance);
  for (const [fault, some] of faults) {
    const names = some.slice(0, 3).map((each) => each.name);
    const detail = fault === ALTERED ? diagnosis(some) : (some[0].error ?? "");
    const count = `${some.length} of ${cases.length} golden inputs`;
    console.log(`FAILED: ${count} (${names.join(", ")}, ...): ${fault} ${detail}`.trimEnd());
  }
  if (faults.size) return 1;
  const off = Math.max(...cases.map(distance)).toExponential(1);
  console.log(`passed: ${cases.length} golden inputs, logits off by ${off} at most, ${model.tolerance} allowed`);
  return 0;
}

/** Each golden input through the program, beginning with the reading of a picture's file. */
async function run(inputs, answers) {
  const given = watched(await session());
  const cases = [];
  for (const [index, input] of inputs.entries()) {
    const image = decode(input.pixels, input.height, input.width);
    const largest = LARGEST[index % LARGEST.length];
    given.length = 0;
    let found = null;
    let error = null;
    try {
      found = await answer(readPgm(pgm(image, largest)));
    } catch (failure) {
      error = `${failure}`.split("\n")[0];
    }
    const wanted = { ...answers[index], seen: input.seen && decode(input.seen, 28, 28) };
    cases.push({ name: input.name, image, largest, wanted, given: given.at(-1) ?? null, found, error });
  }
  return cases;
}

/** A list that gets what the model is given from now on. */
function watched(model) {
  const given = [];
  const ask = model.run.bind(model);
  model.run = (feeds, ...rest) => {
    for (const { dims, data } of Object.values(feeds)) {
      const [height, width] = dims.slice(-2);
      given.push({ height, width, pixels: data });
    }
    return ask(feeds, ...rest);
  };
  return given;
}

/** A golden image. */
function decode(text, height, width) {
  return { height, width, pixels: new Uint8Array(Buffer.from(text, "base64")) };
}

/** An image as a binary PGM, with values up to `largest`. */
function pgm({ height, width, pixels }, largest) {
  const bytes = largest > 255 ? 2 : 1;
  const content = Buffer.alloc(pixels.length * bytes);
  pixels.forEach((pixel, index) => content.writeUIntBE(stored(pixel, largest), index * bytes, bytes));
  return Buffer.concat([Buffer.from(`P5\n# golden\n${width} ${height}\n${largest}\n`), content]);
}

/** The value of a pixel in such a picture. */
function stored(pixel, largest) {
  return Math.floor((pixel * largest + 127) / 255);
}

/** What is wrong, and with which golden inputs. */
function findFaults(cases, tolerance) {
  const found = new Map();
  for (const each of cases) {
    const fault = faultOf(each, tolerance);
    if (fault) found.set(fault, [...(found.get(fault) ?? []), each]);
  }
  return found;
}

/** What is wrong with one golden input, or nothing. */
function faultOf(each, tolerance) {
  const { given, found, wanted, image } = each;
  if (given && !same(given, image)) return ALTERED;
  if (!found) return "the program fails:";
  if (!given) return "the model was not asked through session().run";
  if (!(distance(each) <= tolerance))
    return `the pixels are right, the logits off by more than ${tolerance}: mind the runtime, and how it is read`;
  if (wanted.seen && !same({ height: 28, width: 28, pixels: found.seen }, wanted.seen))
    return "the network is shown another image than the golden one: the runtime computes otherwise";
  if (found.label !== wanted.answer && !wanted.close)
    return "the logits are right, and the answer is not: mind the contract's labels and threshold";
  return "";
}

/** The usual mistake that explains all altered pixels. */
function diagnosis(altered) {
  const tried = altered.map((each) => mistakes(each.image, each.largest));
  const index = tried[0].findIndex((_, number) =>
    altered.every((each, which) => same(each.given, tried[which][number][1])),
  );
  if (index >= 0) return tried[0][index][0];
  const { height, width, pixels } = altered[0].given;
  return `are others, for no usual reason; the first are ${pixels.constructor.name} [${height}, ${width}]`;
}

/** What each usual mistake makes of an image. */
function mistakes(image, largest) {
  const { height, width, pixels } = image;
  const mapped = (change, type = Uint8Array) => ({ height, width, pixels: type.from(pixels, change) });
  const placed = (place, shape = {}) => ({ height, width, ...shape, pixels: pixels.map((_, i) => pixels[place(i)]) });
  const row = (index) => Math.floor(index / width);
  const read = (values) => ({ height, width, pixels: Uint8Array.from(values, (value) => scaled(value, largest)) });
  const swapped = (value) => (largest > 255 ? ((value & 255) << 8) | (value >> 8) : value);
  const values = Array.from(pixels, (pixel) => stored(pixel, largest));
  const notScaled = "are not scaled to 0..255 by the largest value that the picture's header names";
  const normalized = NORMALIZATIONS.flatMap(({ mean, std }) => {
    const name = `are normalized with mean ${mean} and standard deviation ${std}, which the file does itself`;
    const change = (pixel) => (pixel / 255 - mean) / std;
    return [
      [name, mapped(change, Float32Array)],
      [`${name}, and cast to whole numbers`, mapped(change)],
    ];
  });
  return [
    ["are inverted (255 - x)", mapped((pixel) => 255 - pixel)],
    [
      "are transposed: rows and columns are swapped",
      placed((index) => (index % height) * width + Math.floor(index / height), { height: width, width: height }),
    ],
    ["are cut into rows of the wrong length: height and width are swapped", { height: width, width: height, pixels }],
    ["are upside down", placed((index) => (height - 1 - row(index)) * width + (index % width))],
    ["are mirrored", placed((index) => row(index) * width + width - 1 - (index % width))],
    ["are divided by 255, which the file does itself", mapped((pixel) => pixel / 255, Float32Array)],
    ["are divided by 255, which the file does itself, and cast to whole numbers", mapped((pixel) => pixel / 255)],
    ...normalized,
    ["are float, not uint8", mapped((pixel) => pixel, Float32Array)],
    ["are black and white alone", mapped((pixel) => (pixel > 127 ? 255 : 0))],
    [notScaled, mapped((pixel) => stored(pixel, largest))],
    [notScaled, mapped((pixel) => Math.min(255, stored(pixel, largest)))],
    ["are misread: the bytes of 16-bit values are swapped", read(values.map(swapped))],
    ...[1, 2].map((early) => [
      `are misread, ${early} too early: bytes of the picture's header are taken for pixels`,
      read(valuesFrom(pgm(image, largest), early, largest, pixels.length)),
    ]),
  ];
}

/** The values in a PGM, read so many bytes before they begin. */
function valuesFrom(data, early, largest, count) {
  const bytes = largest > 255 ? 2 : 1;
  const begin = data.length - count * bytes - early;
  return Array.from({ length: count }, (_, index) => data.readUIntBE(begin + index * bytes, bytes));
}

/** The pixel that a value stands for. */
function scaled(value, largest) {
  return Math.min(255, Math.floor((value * 255 + Math.floor(largest / 2)) / largest));
}

/** Whether two images are the same, of one type. */
function same(given, wanted) {
  const alike = given.height === wanted.height && given.width === wanted.width;
  const isBytes = ({ pixels }) => pixels instanceof Uint8Array;
  const typed = isBytes(given) === isBytes(wanted) && given.pixels.length === wanted.pixels.length;
  return alike && typed && given.pixels.every((pixel, index) => Math.abs(pixel - wanted.pixels[index]) < 1e-5);
}

/** How far the logits are from the golden ones. */
function distance({ found, wanted }) {
  return Math.max(...wanted.logits.map((logit, index) => Math.abs(logit - found.logits[index])));
}

process.exitCode = await main().catch((error) => {
  console.log(`FAILED: ${error.message}`);
  return 1;
});
