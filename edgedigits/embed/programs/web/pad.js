// The sheet to draw on: strokes and pictures go in, the canvas's own pixels come out.

const SIDE = 560; // pixels of an empty sheet
const PEN = 36; // wide enough for a digit that fills the sheet, and narrow enough for a small one
const STEP = SIDE / 28; // of the pen that arrow keys move
const LARGEST = 2048; // a side of a picture, as the contract has it
const SMALLEST = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  // What was done, in order: a stroke has points, a picture replaces what was there, and so does an empty sheet.
  #done = [];
  #stroke = null;
  #arrows = new Set();
  #pen = { x: SIDE / 2, y: SIDE / 2 };

  /**
   * canvas, cursor    the elements: the sheet, and what shows where the keyboard's pen is
   * changed()         called after whatever changes the picture
   * moved(words)      called with what the keyboard's pen does
   */
  constructor(canvas, cursor, changed, moved) {
    Object.assign(this, { canvas, cursor, changed, moved });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => event.isPrimary && this.#lift());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("keyup", (event) => this.#arrows.delete(event.key));
    canvas.addEventListener("blur", () => this.#leave());
    this.#place();
  }

  /** What is on the sheet now: strokes, or one picture, or nothing. */
  get #scene() {
    const last = this.#done.findLastIndex((item) => !item.points);
    const strokes = this.#done.slice(last + 1);
    return strokes.length > 0 || last < 0 ? strokes : [this.#done[last]];
  }

  get blank() {
    return !this.#scene.some((item) => item.points || item.picture);
  }

  get undoable() {
    return this.#done.length > 0;
  }

  /** The picture as ImageData. */
  pixels() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Paint the picture anew, in the colours of the page. */
  paint() {
    const [{ picture } = {}] = this.#scene;
    this.canvas.width = picture?.width ?? SIDE;
    this.canvas.height = picture?.height ?? SIDE;
    if (picture) return void this.context.drawImage(picture, 0, 0);
    const { color, backgroundColor } = getComputedStyle(this.canvas);
    this.context.fillStyle = backgroundColor;
    this.context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(this.context, { strokeStyle: color, lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    for (const { points } of this.#scene) if (points) trace(this.context, points);
  }

  clear() {
    this.#lift();
    if (!this.blank) this.#add({});
  }

  undo() {
    this.#lift();
    this.#done.pop();
    this.changed();
  }

  /** Show a picture, which is a Blob. Throws an Error in words. */
  async show(blob) {
    const image = await decoded(blob);
    const { naturalWidth: width, naturalHeight: height } = image;
    if (Math.min(width, height) < SMALLEST) {
      throw new Error(`This picture has ${width} × ${height} pixels; ${SMALLEST} × ${SMALLEST} are needed.`);
    }
    const scale = Math.min(1, LARGEST / Math.max(width, height));
    const picture = document.createElement("canvas");
    picture.width = Math.max(SMALLEST, Math.round(width * scale));
    picture.height = Math.max(SMALLEST, Math.round(height * scale));
    const context = picture.getContext("2d");
    context.fillStyle = "white"; // under what is transparent
    context.fillRect(0, 0, picture.width, picture.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, picture.width, picture.height);
    this.#lift();
    this.#add({ picture });
  }

  #add(item) {
    this.#done.push(item);
    this.changed();
  }

  #press(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#begin(this.#point(event));
  }

  #drag(event) {
    if (!this.#stroke || !event.isPrimary || !event.buttons) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) this.#stroke.push(this.#point(part));
    this.changed();
  }

  #begin(point) {
    this.#stroke = [point];
    this.#place();
    this.#add({ points: this.#stroke });
  }

  #lift() {
    this.#stroke = null;
    this.#place();
  }

  #point({ clientX, clientY }) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    return { x: ((clientX - left) * SIDE) / width, y: ((clientY - top) * SIDE) / width };
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      " ": () => this.#toggle(event),
      Enter: () => this.#toggle(event),
      Escape: () => this.clear(),
      Delete: () => this.clear(),
      Backspace: () => this.undo(),
    }[event.key];
    if (event.key in ARROWS) this.#arrow(event);
    else if (act) act();
    else return;
    event.preventDefault();
  }

  #toggle({ repeat }) {
    if (repeat) return;
    if (this.#stroke) this.#lift();
    else this.#begin({ ...this.#pen });
  }

  /** Two arrows held together lead across; with Shift, the steps are a quarter as long. */
  #arrow({ key, shiftKey }) {
    this.#arrows.add(key);
    for (const arrow of this.#arrows) {
      const [x, y] = ARROWS[arrow];
      this.#pen.x = within(this.#pen.x + (x * STEP) / (shiftKey ? 4 : 1));
      this.#pen.y = within(this.#pen.y + (y * STEP) / (shiftKey ? 4 : 1));
    }
    this.#place();
    if (!this.#stroke) return;
    this.#stroke.push({ ...this.#pen });
    this.changed();
  }

  #leave() {
    this.#arrows.clear();
    this.#lift();
  }

  #place() {
    const { x, y } = this.#pen;
    this.cursor.style.setProperty("--x", x / SIDE);
    this.cursor.style.setProperty("--y", y / SIDE);
    this.cursor.classList.toggle("down", this.#stroke !== null);
    const [across, down] = [x, y].map((value) => Math.round((100 * value) / SIDE));
    this.moved(`Pen ${this.#stroke ? "down" : "up"}, ${across} across, ${down} down of 100.`);
  }
}

const within = (value) => Math.min(SIDE, Math.max(0, value));

/** A smooth line through points: curves from the middle of one piece to the middle of the next. */
function trace(context, points) {
  const [first, last] = [points[0], points.at(-1)];
  context.beginPath();
  context.moveTo(first.x, first.y);
  points.slice(1, -1).forEach(({ x, y }, index) => {
    const next = points[index + 2];
    context.quadraticCurveTo(x, y, (x + next.x) / 2, (y + next.y) / 2);
  });
  context.lineTo(last.x + 0.01, last.y); // so that a single point is a dot
  context.stroke();
}

async function decoded(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } catch {
    throw new Error("This file is no picture that this browser can read.");
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}
