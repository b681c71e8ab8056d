// Proves this browser, its runtime, and digits.js as it stands, with the golden inputs of golden.json.

const $ = (id) => document.getElementById(id);

/** Test every model, and say what is wrong. */
async function main() {
  const { fetchedJson, load, runtime } = await import("./digits.js"); // here, so that its failure is one of the test
  const golden = await fetchedJson("golden.json");
  $("runtime").textContent = `${runtime} in ${navigator.userAgent}; golden answers by ${golden.runtime}.`;
  const faults = new Map(); // in words, and the models that have them
  for (const model of golden.models) {
    for (const fault of await test(await load(model.file), model, golden.inputs)) {
      faults.set(fault, [...(faults.get(fault) ?? []), model.file]);
    }
  }
  conclude(Array.from(faults, ([fault, files]) => `${files.join(", ")}: ${fault}`));
}

function conclude(faults) {
  const verdict = faults.length ? "failed" : "passed";
  $("verdict").textContent = faults.length ? "✗ Failed" : "✓ Passed";
  $("verdict").classList.add(verdict);
  for (const fault of faults) $("faults").appendChild(document.createElement("li")).textContent = fault;
  document.title = `${verdict}: self-test – EdgeDigits`;
}

/** What is wrong with a model's answers, in words. */
async function test(reader, model, inputs) {
  const changed = await altered(reader.model, model.sha256);
  if (changed) return [changed];
  const cases = [];
  for (const [index, input] of inputs.entries()) cases.push(await run(reader, input, model.answers[index]));
  const distances = cases.filter(({ answer }) => answer).map(distance);
  const off = distances.length ? Math.max(...distances).toExponential(1) : "no answer";
  const line = $("models").insertRow();
  for (const text of [model.file, inputs.length, off, model.tolerance]) line.insertCell().textContent = text;
  return [...wrongPixels(cases), ...wrongAnswers(cases, model.tolerance)];
}

/** Whether a file is another than the one of this self-test. Browsers compute hashes on https and localhost alone. */
async function altered(content, sha256) {
  if (!crypto.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return found === sha256 ? "" : `its SHA-256 is ${found.slice(0, 12)}…, recorded is ${sha256.slice(0, 12)}…`;
}

/** A golden input on its way through digits.js, with what reached the model, and the answer or why there is none. */
async function run(reader, { name, width, height, pixels, seen }, wanted) {
  const { session } = reader;
  const found = { name, width, height, wanted, pixels: decoded(pixels), seen: decoded(seen), given: null, error: "" };
  reader.session = {
    run(feeds) {
      [found.given] = Object.values(feeds);
      return session.run(feeds);
    },
  };
  try {
    found.answer = await reader.read(painted(found));
  } catch (error) {
    found.error = error.message;
  }
  reader.session = session;
  return found;
}

function decoded(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** The ImageData of a canvas that shows grey pixels. */
function painted({ width, height, pixels }) {
  const image = new ImageData(width, height);
  pixels.forEach((value, pixel) => image.data.set([value, value, value, 255], 4 * pixel));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.putImageData(image, 0, 0);
  return context.getImageData(0, 0, width, height);
}

const right = ({ given, width, height, pixels }) =>
  given?.type === "uint8" && given.dims.join() === `${height},${width}` && same(given.data, pixels);

const same = (some, others) => some.length === others.length && some.every((value, index) => value === others[index]);

/** What is wrong with the pixels that reach the model. */
function wrongPixels(cases) {
  const lost = cases.filter(({ given }) => !given);
  const wrong = cases.filter((found) => found.given && !right(found));
  return [
    ...told(lost, cases, () => `the model was not asked (${lost[0].error || "not by session.run"})`),
    ...told(wrong, cases, () => `the pixels that reach the model ${diagnosis(wrong)}`),
  ];
}

/** The usual mistake that makes these pixels of the golden ones. */
function diagnosis(wrong) {
  for (const [name, make] of Object.entries(MISTAKES)) {
    if (wrong.every((found) => same(found.given.data, make(found)))) return name;
  }
  const [{ given, pixels, width, height }] = wrong;
  if (given.type !== "uint8") return `are ${given.type}: the model takes uint8`;
  if (given.dims.join() !== `${height},${width}`) return `are [${given.dims}] of them, [${[height, width]}] wanted`;
  const off = Math.max(...given.data.map((value, index) => Math.abs(value - pixels[index])));
  return `are off by up to ${off} levels. Some browsers change a canvas when it is read, to hide their fingerprint`;
}

const MISTAKES = {
  "are inverted (255 - x)": ({ pixels }) => pixels.map((value) => 255 - value),
  "are divided by 255: the model takes 0 to 255, and scales them itself": ({ pixels }) =>
    Float32Array.from(pixels, (value) => value / 255),
  "are divided by 255 before they become whole numbers": ({ pixels }) => pixels.map((value) => value / 255),
  "are divided by 255 and rounded to 0 and 1": ({ pixels }) => pixels.map((value) => Math.round(value / 255)),
  "are black and white alone: a threshold is applied": ({ pixels }) => pixels.map((value) => (value > 127 ? 255 : 0)),
  "are the bytes of red, green, blue and alpha, one after the other": ({ pixels }) =>
    pixels.map((_, at) => (at % 4 === 3 ? 255 : pixels[at >> 2])),
  "are the alpha channel": ({ pixels }) => pixels.map(() => 255),
  "are right, but height and width are swapped": ({ pixels }) => pixels,
  "are transposed: rows and columns are swapped": ({ pixels, width, height }) =>
    pixels.map((_, at) => pixels[(at % height) * width + Math.floor(at / height)]),
  "are mirrored": ({ pixels, width }) => pixels.map((_, at) => pixels[at - (at % width) + width - 1 - (at % width)]),
  "are upside down": ({ pixels, width, height }) =>
    pixels.map((_, at) => pixels[(height - 1 - Math.floor(at / width)) * width + (at % width)]),
};

/** What is wrong with the answers to the right pixels. */
function wrongAnswers(cases, tolerance) {
  const asked = cases.filter(right);
  const failed = asked.filter(({ answer }) => !answer);
  const answered = asked.filter(({ answer }) => answer);
  const framed = answered.filter(({ answer, seen }) => !same(answer.seen, seen));
  const off = answered.filter((found) => !(distance(found) <= tolerance));
  const other = answered.filter(({ answer, wanted }) => !wanted.close && answer.label !== wanted.answer);
  return [
    ...told(failed, cases, () => failed[0].error),
    ...told(framed, cases, () => "the network is shown another picture: the runtime is at fault"),
    ...told(off, cases, () => `logits are off by ${Math.max(...off.map(distance)).toExponential(1)}, ${tolerance} allowed`),
    ...told(other, cases, () => {
      const [{ answer, wanted }] = other;
      return `the answer is ${said(answer.label)}, ${said(wanted.answer)} wanted: mind the contract's threshold and labels`;
    }),
  ];
}

const said = (label) => label ?? "no digit";

/** How far the logits are from the golden ones. */
function distance({ answer, wanted }) {
  return Math.max(...answer.logits.map((logit, index) => Math.abs(logit - wanted.logits[index])));
}

/** A fault, with the golden inputs that have it; nothing where none has. */
function told(some, cases, what) {
  const names = some.slice(0, 3).map(({ name }) => name);
  return some.length ? [`${some.length} of ${cases.length} golden inputs: ${what()}. First: ${names.join(", ")}`] : [];
}

main().catch((error) => conclude([error.message]));
