/* The part of an axis that holds ink, and how many of the field's cells it fills. Places on it are counted in parts of a
   pixel, 2 * cells each, so that cells begin and end at whole numbers. */
enum { FIELD = 20, FRAME = 28 };

typedef struct {
    int32_t first, extent, cells;
} span;

static span span_of(int32_t first, int32_t last, int32_t longest)
{
    span along;
    along.first = first;
    along.extent = last + 1 - first;
    along.cells = (2 * FIELD * along.extent + longest) / (2 * longest);
    along.cells = along.cells > 0 ? along.cells : 1;
    return along;
}

/* The rows and columns that hold ink: the longer of the two fills the field. */
static void find_box(const sheet *canvas, int32_t ink, span *rows, span *columns)
{
    int32_t top = canvas->height, bottom = 0, left = canvas->width, right = 0, y, x, longest;
    for (y = 0; y < canvas->height; y++) {
        const uint8_t *const row = row_of(canvas, y);
        for (x = 0; x < canvas->width; x++) {
            if ((row[x] ^ canvas->flip) >= ink) {
                top = y < top ? y : top;
                bottom = y;
                left = x < left ? x : left;
                right = x > right ? x : right;
            }
        }
    }
    longest = bottom - top > right - left ? bottom + 1 - top : right + 1 - left;
    *rows = span_of(top, bottom, longest);
    *columns = span_of(left, right, longest);
}

/* Parts of a cell, which is at least a pixel wide: at most 4096. */
static int32_t width_of(const span *along)
{
    return 2 * (along->extent > along->cells ? along->extent : along->cells);
}

static int32_t start_of(const span *along, int32_t cell)
{
    const int32_t width = width_of(along);
    return clip((2 * cell + 1) * along->extent - width / 2, 0, 2 * along->cells * along->extent - width);
}

/* How many parts of a pixel lie in a cell. */
static uint32_t covered(const span *along, int32_t start, int32_t pixel)
{
    const int32_t from = 2 * along->cells * pixel, to = from + 2 * along->cells, end = start + width_of(along);
    return (uint32_t)((end < to ? end : to) - (start > from ? start : from));
}

/* Pixels of a row, each times what of it lies in a cell: at most 255 * 4096. */
static uint32_t sum_across(const uint8_t *row, uint8_t flip, const span *columns, int32_t cell)
{
    const int32_t parts = 2 * columns->cells, start = start_of(columns, cell), end = start + width_of(columns);
    uint32_t sum = 0;
    int32_t x;
    for (x = start / parts; x * parts < end; x++) {
        sum += (uint32_t)(row[x] ^ flip) * covered(columns, start, x);
    }
    return sum;
}

/* The sum of each cell, at most 255 * 4096 * 4096, below 2^32. */
static void sum_cells(const sheet *canvas, const span *rows, const span *columns, uint32_t *sums)
{
    const int32_t parts = 2 * rows->cells;
    int32_t cell, y, i;
    for (i = 0; i < rows->cells * columns->cells; i++) {
        sums[i] = 0;
    }
    for (cell = 0; cell < rows->cells; cell++, sums += columns->cells) {
        const int32_t start = start_of(rows, cell), end = start + width_of(rows);
        for (y = start / parts; y * parts < end; y++) {
            const uint8_t *const row = row_of(canvas, rows->first + y) + columns->first;
            for (i = 0; i < columns->cells; i++) {
                sums[i] += covered(rows, start, y) * sum_across(row, canvas->flip, columns, i);
            }
        }
    }
}
