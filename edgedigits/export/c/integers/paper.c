/* A canvas of 8 to 2048 pixels a side. Where its ink is dark, `flip` is 255: a pixel ^ flip is then 255 less it, so that
   ink is always light. */
enum { SHORTEST = 8, LONGEST = 2048, CONTRAST = 16, BOX = 4019, BOX_PARTS = 10000 };
#define WIDEST 1048576L                             /* bytes from a row to the next: rows lie within 31 bits */

typedef struct {
    const uint8_t *pixels;
    int32_t height, width, stride;
    uint8_t flip;
} sheet;

static int32_t is_sheet(const sheet *canvas)
{
    const int32_t stride = canvas->stride;
    return canvas->height >= SHORTEST && canvas->height <= LONGEST && canvas->width >= SHORTEST &&
           canvas->width <= LONGEST && stride >= -WIDEST && stride <= WIDEST &&
           (stride >= canvas->width || stride <= -canvas->width);
}

static const uint8_t *row_of(const sheet *canvas, int32_t y)
{
    return canvas->pixels + y * canvas->stride;
}

static void find_extremes(const sheet *canvas, int32_t *low, int32_t *high)
{
    int32_t y, x;
    *low = 255;
    *high = 0;
    for (y = 0; y < canvas->height; y++) {
        const uint8_t *const row = row_of(canvas, y);
        for (x = 0; x < canvas->width; x++) {
            *low = row[x] < *low ? row[x] : *low;
            *high = row[x] > *high ? row[x] : *high;
        }
    }
}

/* Pixels of the border, the dark ones and the light ones: their sums, and how many they are. */
typedef struct {
    int32_t middle;                                 /* twice the value above which a pixel is light */
    int32_t totals[2], counts[2];
} border;

static void add_pixel(border *found, uint8_t value)
{
    const int32_t light = 2 * value > found->middle;
    found->totals[light] += value;
    found->counts[light]++;
}

/* The paper, which most of the border shows: the sum of its pixels there, and their count; and the lightest ink. */
typedef struct {
    int32_t total, count, ink;
} tones;

static tones find_tones(sheet *canvas)
{
    const uint8_t *const top = row_of(canvas, 0), *const bottom = row_of(canvas, canvas->height - 1);
    int32_t low, high, light, i;
    border found = {0, {0, 0}, {0, 0}};
    tones result;
    find_extremes(canvas, &low, &high);
    found.middle = low + high;
    for (i = 0; i < canvas->width; i++) {
        add_pixel(&found, top[i]);
        add_pixel(&found, bottom[i]);
    }
    for (i = 0; i < canvas->height; i++) {
        add_pixel(&found, row_of(canvas, i)[0]);
        add_pixel(&found, row_of(canvas, i)[canvas->width - 1]);
    }
    light = found.counts[1] > found.counts[0];
    canvas->flip = light ? 255 : 0;
    result.count = found.counts[light];
    result.total = light ? 255 * result.count - found.totals[1] : found.totals[0];
    result.ink = light ? 255 - low : high;
    return result;
}

/* How far the ink is above the paper, times the paper's count. */
static int32_t contrast_of(const tones *tone)
{
    return tone->ink * tone->count - tone->total;
}

/* The darkest value that counts as ink: it has more than BOX / BOX_PARTS of the contrast. */
static int32_t darkest_ink(const tones *tone)
{
    const int64_t least = (int64_t)contrast_of(tone) * BOX;
    int32_t value = 0;
    while ((int64_t)(value * tone->count - tone->total) * BOX_PARTS <= least) {
        value++;
    }
    return value;
}
