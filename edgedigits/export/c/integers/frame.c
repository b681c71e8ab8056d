/* What the network is shown of a canvas, as MNIST's digits were made: scaled into 20x20 pixels, the aspect kept, and put
   on 28x28 with the centre of mass in the middle. */
enum { CENTRE = 14, TIE = 10000, DIGIT_BITS = 23 };

/* A cell's sum less the paper's, both times the count of the paper's pixels: below 2^45. */
static uint64_t ink_of(uint32_t sum, const tones *tone, uint32_t area)
{
    const uint64_t all = (uint64_t)sum * (uint32_t)tone->count, paper = (uint64_t)area * (uint32_t)tone->total;
    return all > paper ? all - paper : 0;
}

/* Sums become 0 to 255, of which the largest is 255; of that, DIGIT_BITS are kept, so that it fits in 32 bits times 510.
   Halves go up, and what is as good as a half. */
static void make_digit(uint32_t *sums, int32_t count, const tones *tone, uint32_t area)
{
    uint64_t most = 0;
    uint32_t largest;
    int32_t shift = 0, i;
    for (i = 0; i < count; i++) {
        const uint64_t ink = ink_of(sums[i], tone, area);
        most = ink > most ? ink : most;
    }
    while (most >> shift >> DIGIT_BITS) {
        shift++;
    }
    largest = (uint32_t)(most >> shift);
    for (i = 0; i < count; i++) {
        const uint32_t ink = (uint32_t)(ink_of(sums[i], tone, area) >> shift);
        sums[i] = largest ? (2 * 255 * ink + largest + 2 * largest / TIE) / (2 * largest) : 0;
    }
}

/* Where the first cell goes, of a digit whose mass is at most 400 * 255: CENTRE - 1/2 less the centre of mass, rounded up,
   unless as good as a whole number; and such that all cells lie inside. */
static int32_t place_of(int32_t mass, int32_t moment, int32_t cells)
{
    const int32_t away = (2 * CENTRE - 1) * mass - 2 * moment;
    int32_t place;
    if (away <= 0) {
        return 0;
    }
    place = away / (2 * mass) + (away % (2 * mass) * TIE > 2 * mass);
    return place < FRAME - cells ? place : FRAME - cells;
}

static int32_t place_digit(const uint32_t *digit, int32_t rows, int32_t columns, uint8_t *seen)
{
    int32_t mass = 0, down = 0, across = 0, top, left, row, column;
    for (row = 0; row < rows; row++) {
        for (column = 0; column < columns; column++) {
            const int32_t value = (int32_t)digit[row * columns + column];
            mass += value;
            down += value * row;
            across += value * column;
        }
    }
    top = place_of(mass, down, rows);
    left = place_of(mass, across, columns);
    for (row = 0; row < rows; row++) {
        for (column = 0; column < columns; column++) {
            seen[(top + row) * FRAME + left + column] = (uint8_t)digit[row * columns + column];
        }
    }
    return mass > 0;
}

/* Whether there is ink on a canvas; `seen` is all 0 where there is none. */
static int32_t frame(sheet *canvas, uint8_t *seen, uint32_t *sums)
{
    span rows, columns;
    tones tone;
    int32_t i;
    for (i = 0; i < FRAME * FRAME; i++) {
        seen[i] = 0;
    }
    if (!is_sheet(canvas)) {
        return 0;
    }
    tone = find_tones(canvas);
    if (2 * contrast_of(&tone) <= (2 * CONTRAST - 1) * tone.count) {
        return 0;
    }
    find_box(canvas, darkest_ink(&tone), &rows, &columns);
    sum_cells(canvas, &rows, &columns, sums);
    make_digit(sums, rows.cells * columns.cells, &tone, (uint32_t)(width_of(&rows) * width_of(&columns)));
    return place_digit(sums, rows.cells, columns.cells, seen);
}
