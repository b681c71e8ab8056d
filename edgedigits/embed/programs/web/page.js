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

/** Show an answer of each model; the first model's is the large one. */
function show(answers) {
  const [first] = answers;
  const doubts = first.doubts.map(({ sentence }) => `; ${sentence}`).join("");
  if (first.label !== null) answer(first.label, `${percent(first.probability)} sure${doubts}`);
  else if (empty(first)) answer("no digit", "Nothing to read yet.");
  else answer("no digit", `At best ${first.best}, with ${percent(first.probability)}${doubts}.`);
  $("answer").className = first.label === null ? "none" : first.label.length > 2 ? "long" : "";
  bars.forEach(({ head, cells }, index) => {
    const probability = first.probabilities[index];
    head.parentElement.style.setProperty("--probability", probability);
    head.parentElement.className = contract.labels[index] === first.label ? "best" : "";
    cells[1].textContent = percent(probability);
  });
  models.forEach((model, index) => tell(model, answers[index]));
  reveal(first.seen);
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
  const likeliest = `${found.best}, ${percent(found.probability)}`;
  cells[0].textContent = found.label !== null ? likeliest : empty(found) ? "no digit" : `no digit (${likeliest})`;
  cells[1].textContent = `${middle.toFixed(1)} ms`;
}

/** Whether the network was shown nothing. */
function empty({ seen }) {
  return seen.every((value) => value === 0);
}

/** Paint 28x28 grey pixels. */
function reveal(seen) {
  const image = new ImageData(28, 28);
  seen.forEach((value, pixel) => image.data.set([value, value, value, 255], 4 * pixel));
  $("seen").getContext("2d").putImageData(image, 0, 0);
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
