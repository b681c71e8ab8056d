// The page: what is drawn goes to the worker, at most once a frame, and its answers are shown.

import { Pad } from "./pad.js";

const REMEMBERED = 25; // calls whose median is shown
const QUIET = 700; // milliseconds without a change before something is spoken

const $ = (id) => document.getElementById(id);
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const pad = new Pad($("canvas"), $("cursor"), changed, later((words) => ($("pen").textContent = words)));
const speak = later((words) => ($("spoken").textContent = words));

let contract = null;
let models = []; // a row of the table each, and the milliseconds of its last calls
let bars = [];
let scheduled = null; // the frame that will paint
let stale = true; // painted anew since it was last sent
let busy = true; // the worker is, first with loading

/** A function that is called once the calls of it have paused. */
function later(act) {
  let timer;
  return (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(words), QUIET);
  };
}

function changed() {
  $("undo").disabled = !pad.undoable;
  $("clear").disabled = pad.blank;
  $("invitation").hidden = !pad.blank;
  if (contract) complain("");
  scheduled ??= requestAnimationFrame(frame);
  settle();
}

/** Say whether the answer shown is of the picture shown. */
function settle() {
  $("results").ariaBusy = String(busy || stale || scheduled !== null);
}

function frame() {
  scheduled = null;
  pad.paint();
  stale = true;
  ask();
}

function ask() {
  if (busy || !stale) return;
  [busy, stale] = [true, false];
  worker.postMessage(pad.pixels());
}

function complain(words) {
  $("trouble").textContent = words;
  $("trouble").hidden = !words;
}

function fail(words) {
  $("answer").textContent = "no answer";
  $("answer").className = "none";
  $("why").textContent = "";
  complain(words);
}

worker.onmessage = ({ data }) => {
  if (data.models) begin(data);
  else if (data.answers) show(data.answers);
  else fail(data.failed);
  busy = contract === null; // what failed to load cannot be asked
  ask();
  settle();
};
worker.onerror = () => fail("This browser could not start the network.");

/** Build the tables, now that labels and models are known. */
function begin(known) {
  contract = known.contract;
  bars = contract.labels.map((label) => row($("bars"), label, 2));
  for (const { head, cells } of bars) {
    const track = cells[0].appendChild(document.createElement("div"));
    track.className = "track";
    track.appendChild(document.createElement("div"));
    track.style.setProperty("--threshold", contract.threshold);
    head.parentElement.style.setProperty("--probability", 0);
  }
  models = known.models.map(({ name, bytes }) => {
    const { cells } = row($("models"), name, 3);
    cells[2].textContent = `${(bytes / 1000).toFixed(1)} kB`;
    return { cells, calls: [] };
  });
  $("mark").textContent = `Below the mark, at ${percent(contract.threshold)}, the answer is “no digit”.`;
  const { dataset, test_accuracy, checkpoint_sha256 } = contract;
  $("model").textContent =
    `Model ${checkpoint_sha256.slice(0, 12)}…, ${(100 * test_accuracy).toFixed(2)}% right on the test images of ${dataset}.`;
}

/** A new row of a table: its head and `count` empty cells. */
function row(table, name, count) {
  const line = table.insertRow();
  const head = line.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = name;
  return { head, cells: Array.from({ length: count }, () => line.insertCell()) };
}

/** Show an answer of each model; the first model's is the large one: a digit, or the digits of a number. */
function show(answers) {
  const [first] = answers;
  const digits = digitsOf(first);
  const doubts = (digits.length ? first.number.doubts : first.doubts).map(({ sentence }) => `; ${sentence}`).join("");
  if (digits.length) count(first.number, doubts);
  else if (first.why && first.label !== null) answer("no number", `${capital(first.why)}${doubts}.`);
  else if (first.label !== null) answer(first.label, `${percent(first.probability)} sure${doubts}`);
  else if (empty(first)) answer("no digit", "Nothing to read yet.");
  else answer("no digit", refusal(first, doubts));
  const none = digits.length ? first.number.number === null : first.label === null || first.why;
  const long = digits.length || (first.label ?? "").length > 2;
  $("answer").className = [none && "none", long && "long"].filter(Boolean).join(" ");
  const shown = leastSure(digits)?.answer ?? first;
  $("probabilities-title").textContent = digits.length ? "Probabilities of the digit that is the least sure" : "Probabilities";
  bars.forEach(({ head, cells }, index) => {
    const probability = shown.probabilities[index];
    head.parentElement.style.setProperty("--probability", probability);
    head.parentElement.className = contract.labels[index] === shown.label ? "best" : "";
    cells[1].textContent = percent(probability);
  });
  models.forEach((model, index) => tell(model, answers[index]));
  frame28($("seen"), shown.seen);
  strip(digits);
  boxes(digits);
}

/** The digits of a number of two or more; of what is one digit, none. */
function digitsOf({ number }) {
  return number && number.digits.length > 1 ? number.digits : [];
}

function leastSure(digits) {
  return digits.toSorted((one, other) => one.probability - other.probability)[0];
}

function count({ number, text, digits }, doubts) {
  const { label, probability } = leastSure(digits);
  const sure = number === null ? `; below ${percent(contract.threshold)} a digit is not sure` : "";
  answer(text, `${digits.length} digits; the least sure is ${label}, with ${percent(probability)}${sure}${doubts}.`);
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);

/** Why a picture shows no digit. */
function refusal({ best, probability, why }, doubts) {
  const sentences = [`At best ${best}, with ${percent(probability)}, and ${percent(contract.threshold)} is needed${doubts}.`];
  if (why) sentences.push(`As a number: ${why}.`);
  return sentences.join(" ");
}

/** Show what the network saw of each digit, with its label. */
function strip(digits) {
  const figures = digits.map(({ label, probability, sure, answer }) => {
    const figure = document.createElement("li");
    const canvas = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
    frame28(canvas, answer.seen);
    const words = document.createElement("span");
    words.textContent = `${label}${sure ? "" : "?"}`;
    figure.title = percent(probability);
    figure.className = sure ? "" : "doubted";
    figure.append(canvas, words);
    return figure;
  });
  $("digits").replaceChildren(...figures);
  $("digits").hidden = !digits.length;
}

/** Show where the digits are on the sheet. */
function boxes(digits) {
  const { width, height } = pad.canvas;
  $("boxes").setAttribute("viewBox", `0 0 ${width} ${height}`);
  const around = digits.map(({ box, sure }) => {
    const rectangle = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const sides = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
    for (const [name, value] of Object.entries(sides)) rectangle.setAttribute(name, value);
    rectangle.classList.toggle("doubted", !sure);
    return rectangle;
  });
  $("boxes").replaceChildren(...around);
}

function answer(large, small) {
  $("answer").textContent = large;
  $("why").textContent = small;
  speak(`${large}. ${small}`);
}

function tell({ cells, calls }, found) {
  calls.push(found.milliseconds);
  if (calls.length > REMEMBERED) calls.shift();
  const middle = calls.toSorted((a, b) => a - b)[calls.length >> 1];
  cells[0].textContent = digitsOf(found).length ? found.number.text : likeliest(found);
  cells[1].textContent = `${middle.toFixed(1)} ms`;
}

function likeliest(found) {
  const words = `${found.best}, ${percent(found.probability)}`;
  return found.label !== null ? words : empty(found) ? "no digit" : `no digit (${words})`;
}

/** Whether the network was shown nothing. */
function empty({ seen }) {
  return seen.every((value) => value === 0);
}

/** Paint 28x28 grey pixels on a canvas. */
function frame28(canvas, seen) {
  const image = new ImageData(28, 28);
  seen.forEach((value, pixel) => image.data.set([value, value, value, 255], 4 * pixel));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function percent(fraction) {
  return `${(100 * fraction).toFixed(1)}%`;
}

async function take(blob) {
  await pad.show(blob).catch((error) => complain(error.message));
}

/** The first picture of a paste or a drop. */
function takeFrom(event, transfer) {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const blob = transfer.files[0];
  if (blob) take(blob);
  else complain("There is no picture in it.");
}

$("undo").addEventListener("click", () => pad.undo());
$("clear").addEventListener("click", () => pad.clear());
$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", ({ target }) => {
  if (target.files.length) take(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
addEventListener("paste", (event) => takeFrom(event, event.clipboardData));
addEventListener("drop", (event) => takeFrom(event, event.dataTransfer));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && pad.undoable) pad.undo();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
changed();
