// The page: what is drawn is framed and read, at most once a frame, and the answer shown.

import { labels, load } from "./digits.js";
import { frame, grey } from "./framing.js";
import { Pad } from "./pad.js";

const QUIET = 700; // milliseconds without a change before something is spoken

const $ = (id) => document.getElementById(id);
const pad = new Pad($("canvas"), $("cursor"), changed, later((words) => ($("pen").textContent = words)));
const speak = later((words) => ($("spoken").textContent = words));
const bars = labels.map(row);

let network = null;
let scheduled = null; // the frame that will paint

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
  complain("");
  scheduled ??= requestAnimationFrame(paint);
}

function paint() {
  scheduled = null;
  pad.paint();
  if (network) show(pad.pixels());
}

function complain(words) {
  $("trouble").textContent = words;
  $("trouble").hidden = !words;
}

/** Read a picture, and show what the network saw and answered. */
function show(picture) {
  const start = performance.now();
  const seen = frame(grey(picture), picture.width, picture.height);
  const blank = seen.every((value) => value === 0);
  const found = network.read(seen);
  const spent = performance.now() - start;
  $("answer").textContent = blank ? "nothing yet" : found.label;
  $("answer").className = blank ? "none" : found.label.length > 2 ? "long" : "";
  $("why").textContent = blank ? "Draw a digit, or drop a picture of one." : `${percent(found.probability)} sure, in ${spent.toFixed(1)} ms`;
  bars.forEach(({ line, cell }, index) => {
    const probability = blank ? 0 : found.probabilities[index];
    line.style.setProperty("--probability", probability);
    line.className = !blank && labels[index] === found.label ? "best" : "";
    cell.textContent = blank ? "" : percent(probability);
  });
  reveal(seen);
  speak(`${$("answer").textContent}. ${$("why").textContent}`);
}

/** A new row of the table of probabilities. */
function row(label) {
  const line = $("bars").insertRow();
  const head = line.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = label;
  const track = line.insertCell().appendChild(document.createElement("div"));
  track.className = "track";
  track.appendChild(document.createElement("div"));
  line.style.setProperty("--probability", 0);
  return { line, cell: line.insertCell() };
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

function take(blob) {
  if (!blob) return complain("There is no picture in it.");
  pad.show(blob).catch((error) => complain(error.message));
}

$("undo").addEventListener("click", () => pad.undo());
$("clear").addEventListener("click", () => pad.clear());
$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", ({ target }) => {
  if (target.files.length) take(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
addEventListener("paste", (event) => take(event.clipboardData.files[0]));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  take(event.dataTransfer.files[0]);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && pad.undoable) pad.undo();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

load().then((ready) => {
  network = ready;
  changed();
}, () => complain("This browser does not run WebAssembly."));
changed();
