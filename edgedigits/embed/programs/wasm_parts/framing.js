// From a picture of any size to the 28 x 28 bytes that a network is shown, as MNIST's digits were made:
// the box of the ink in 20 x 20 pixels, its aspect kept, its centre of mass in the middle.

const CONTRAST = 16; // levels between ink and paper; below, a picture counts as blank
const BOX = 0.4019; // of the contrast: weaker pixels do not widen the box
const NUDGE = 1e-4; // decides ties as canvas files do
const FIELD = 20;
const FRAME = 28;

const rounded = (value) => Math.floor(value + 0.5 + NUDGE);

/** The pixels of an ImageData in grey, transparent ones over white. */
export function grey({ data, width, height }) {
  const pixels = new Float32Array(width * height);
  for (let pixel = 0, at = 0; pixel < pixels.length; pixel++, at += 4) {
    const light = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    pixels[pixel] = Math.round(255 + ((light - 255) * data[at + 3]) / 255);
  }
  return pixels;
}

/** What a network is shown of a picture: a Uint8Array of 28 x 28, all 0 where it is blank. */
export function frame(pixels, width, height) {
  const seen = new Uint8Array(FRAME * FRAME);
  const { paper, contrast } = sides(pixels, width, height);
  if (Math.abs(contrast) < CONTRAST - 0.5) return seen;
  const ink = pixels.map((value) => (value - paper) / contrast);
  const box = boxOf(ink, width, height);
  const longest = Math.max(box.rows.extent, box.columns.extent);
  for (const axis of [box.rows, box.columns]) axis.cells = Math.max(1, rounded((axis.extent * FIELD) / longest));
  return placed(scaled(ink, width, box), box, seen);
}

/** The paper's level, on whose side most of the border lies, and the ink's beyond it. */
function sides(pixels, width, height) {
  const low = pixels.reduce((a, b) => Math.min(a, b));
  const high = pixels.reduce((a, b) => Math.max(a, b));
  const border = [];
  for (let x = 0; x < width; x++) border.push(pixels[x], pixels[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(pixels[y * width], pixels[y * width + width - 1]);
  const light = border.filter((value) => value > (low + high) / 2);
  const onLight = 2 * light.length > border.length;
  const same = onLight ? light : border.filter((value) => value <= (low + high) / 2);
  const paper = same.reduce((a, b) => a + b) / same.length;
  return { paper, contrast: (onLight ? low : high) - paper };
}

/** Rows and columns that hold ink: the first, and how many. */
function boxOf(ink, width, height) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  ink.forEach((value, pixel) => {
    if (value <= BOX) return;
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y), Math.min(left, x), Math.max(right, x)];
  });
  return { rows: { first: top, extent: bottom - top + 1 }, columns: { first: left, extent: right - left + 1 } };
}

/** The ink of the box in its cells, by the area of each pixel that lies in each; the strongest is 255. */
function scaled(ink, width, { rows, columns }) {
  const down = coverage(rows);
  const across = coverage(columns);
  const sums = down.map((row) =>
    across.map((column) => {
      let sum = 0;
      for (const [y, tall] of row) for (const [x, wide] of column) sum += tall * wide * ink[y * width + x];
      return Math.max(0, sum);
    }),
  );
  const strongest = Math.max(1e-6, ...sums.flat());
  return sums.map((row) => row.map((value) => rounded((255 * value) / strongest)));
}

/** Of each cell along an axis, which pixels lie in it, and how much of each. A cell is at least a pixel wide. */
function coverage({ first, extent, cells }) {
  const step = extent / cells;
  const wide = Math.max(1, step);
  return Array.from({ length: cells }, (_, index) => {
    const start = first + Math.min(Math.max((index + 0.5) * step - wide / 2, 0), extent - wide);
    const parts = [];
    for (let pixel = Math.floor(start); pixel < start + wide; pixel++) {
      const part = Math.min(pixel + 1, start + wide) - Math.max(pixel, start);
      if (part > 0) parts.push([pixel, part]);
    }
    return parts;
  });
}

/** The digit on the frame, its centre of mass within half a pixel of the middle. */
function placed(digit, { rows, columns }, seen) {
  const whole = Math.max(1, digit.flat().reduce((a, b) => a + b));
  const shift = (cells, weigh) => {
    let moment = 0;
    digit.forEach((row, y) => row.forEach((value, x) => (moment += value * weigh(y, x))));
    return Math.min(Math.max(Math.ceil(FRAME / 2 - 0.5 - NUDGE - moment / whole), 0), FRAME - cells);
  };
  const top = shift(rows.cells, (y) => y);
  const left = shift(columns.cells, (_, x) => x);
  digit.forEach((row, y) => seen.set(row, (top + y) * FRAME + left));
  return seen;
}
