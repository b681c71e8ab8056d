// What is doubtful about a picture, whatever a network answers: as `edgedigits predict` says it, by the same numbers.

const CONTRAST = 16; // levels of 255 between ink and paper: below, a picture counts as empty
const LOW_CONTRAST = 64;
const INKED = 0.4019; // of the contrast: weaker pixels are paper
const GRID = 96; // cells of the longer side in which shapes are told apart
const TALL = 0.5; // of the tallest shape: smaller ones may be parts of a digit, or specks

/**
 * The doubts about grey pixels, 0 to 255, row by row: { word, sentence } each, none when all is well.
 * The words are "empty", "low-contrast", "touches-border" and "several-shapes"; the last two only where a digit is
 * looked for, not where a network is shown pictures as a whole.
 */
export function doubts(pixels, width, height, whole = false) {
  const { paper, contrast } = levels(pixels, width, height);
  if (Math.abs(contrast) < CONTRAST) return [doubt("empty", "empty: nothing differs from the paper")];
  const inked = (at) => (pixels[at] - paper) / contrast > INKED;
  const found = [];
  if (Math.abs(contrast) < LOW_CONTRAST)
    found.push(doubt("low-contrast", `low contrast: ${Math.abs(contrast).toFixed(0)} of 255 between ink and paper`));
  if (whole) return found;
  if (border(width, height).some(inked))
    found.push(doubt("touches-border", "touches the border: part of it may be missing"));
  const count = shapes(reduced(inked, width, height));
  if (count > 1) found.push(doubt("several-shapes", `several digits: ${count} separate shapes`));
  return found;
}

function doubt(word, sentence) {
  return { word, sentence };
}

/** The level of the paper, which is the side, light or dark, on which most of the border lies; and how far off the ink is. */
function levels(pixels, width, height) {
  let [low, high] = [255, 0];
  for (const pixel of pixels) {
    if (pixel < low) low = pixel;
    if (pixel > high) high = pixel;
  }
  const edge = border(width, height).map((at) => pixels[at]);
  const light = edge.filter((pixel) => pixel > (low + high) / 2);
  const paperIsLight = light.length / edge.length > 0.5;
  const side = paperIsLight ? light : edge.filter((pixel) => pixel <= (low + high) / 2);
  const paper = side.reduce((sum, pixel) => sum + pixel, 0) / side.length;
  return { paper, contrast: (paperIsLight ? low : high) - paper };
}

/** Where the outermost pixels are; corners are there twice. */
function border(width, height) {
  const rows = Array.from({ length: width }, (_, column) => [column, (height - 1) * width + column]);
  const columns = Array.from({ length: height }, (_, row) => [row * width, row * width + width - 1]);
  return [...rows, ...columns].flat();
}

/** At most GRID cells each way, a row an array; a cell has ink where any of its pixels has. */
function reduced(inked, width, height) {
  const grain = Math.ceil(Math.max(width, height) / GRID);
  const cells = Array.from({ length: Math.ceil(height / grain) }, () => new Uint8Array(Math.ceil(width / grain)));
  for (let row = 0, at = 0; row < height; row++)
    for (let column = 0; column < width; column++, at++)
      if (inked(at)) cells[Math.floor(row / grain)][Math.floor(column / grain)] = 1;
  return cells;
}

/** How many connected shapes are tall enough to be digits. Cells are neighbours also across corners. */
function shapes(cells) {
  const heights = [];
  for (let row = 0; row < cells.length; row++)
    for (let column = 0; column < cells[0].length; column++)
      if (cells[row][column]) heights.push(heightOfTaken(cells, row, column));
  const tallest = Math.max(...heights);
  return heights.filter((height) => height >= TALL * tallest).length;
}

/** The height of the shape that a cell belongs to, which is taken away. */
function heightOfTaken(cells, row, column) {
  const rows = new Set();
  const waiting = [[row, column]];
  cells[row][column] = 0;
  while (waiting.length) {
    const [y, x] = waiting.pop();
    rows.add(y);
    for (let below = y - 1; below <= y + 1; below++)
      for (let right = x - 1; right <= x + 1; right++)
        if (cells[below]?.[right]) {
          cells[below][right] = 0;
          waiting.push([below, right]);
        }
  }
  return rows.size;
}
