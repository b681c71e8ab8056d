/* small_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[SMALL_INT8_SCRATCH_BYTES / 4];
 *     small_int8_answer answer;
 *     small_int8_read(canvas, height, width, stride, &answer, scratch);         gives its label, too
 *
 * canvas   height x width bytes, 8 to 2048 each, one digit anywhere; light on dark, or dark on light
 * stride   bytes from a row to the next, at least the width, at most 2^20; below 0 where the first row lies last
 * label    of the digit, an index; -1 where there is none, or no such canvas
 * seen     28 x 28 bytes: what the network was shown of it
 * scores   logits in steps of 1.52587890625e-05
 * size     454 bytes of tables, 1,600 of scratch; 3,520 products an image
 *
 * Values are bytes that stand for scale * (value - zero). A layer's sums, 32 bits, become values by
 * clip(floor(sum * multiplier / 2^shift + 1/2) + zero, low, high). The layers, as they are computed:
 *
{"unit": 1.52587890625e-05, "steps": [
{"kind": "convolve", "name": "features.0", "reads": [0], "plane": [4, 4, 2], "seen": [28, 28, 1], "kernel": [5, 5], "stride": [3, 3], "padding": [0, 0], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "zeros": [64], "zero": 0, "low": 0, "high": 255},
{"kind": "dense", "name": "head", "reads": [1], "plane": [1, 1, 10], "seen": 32, "zeros": [0], "zero": 0, "low": -2147483647, "high": 2147483647}
]}
 */

#include <stdint.h>

#if defined(__AVR__)                            /* constants lie in another address space there */
#include <avr/pgmspace.h>
#define EDGEDIGITS_CONST const PROGMEM
#define EDGEDIGITS_INT8(place) ((int8_t)pgm_read_byte(place))
#define EDGEDIGITS_UINT8(place) ((uint8_t)pgm_read_byte(place))
#define EDGEDIGITS_UINT16(place) ((uint16_t)pgm_read_word(place))
#define EDGEDIGITS_INT32(place) ((int32_t)pgm_read_dword(place))
#else
#ifndef EDGEDIGITS_CONST                        /* define it to put them into a section of your own */
#define EDGEDIGITS_CONST const
#endif
#define EDGEDIGITS_INT8(place) (*(place))
#define EDGEDIGITS_UINT8(place) (*(place))
#define EDGEDIGITS_UINT16(place) (*(place))
#define EDGEDIGITS_INT32(place) (*(place))
#endif
#if defined(__AVX2__) && defined(__GNUC__)      /* the same integers, in wide registers */
#define EDGEDIGITS_WIDE
#include <immintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEDIGITS_C_CONTRACT 1
#define SMALL_INT8_CLASSES 10
#define SMALL_INT8_SCRATCH_BYTES 1600

typedef struct {
    int32_t label;
    int32_t scores[SMALL_INT8_CLASSES];
    uint8_t seen[784];
} small_int8_answer;

int32_t small_int8_read(const uint8_t *canvas, int32_t height, int32_t width, int32_t stride,
                        small_int8_answer *answer, void *scratch);
extern const char *const small_int8_labels[SMALL_INT8_CLASSES];
extern const char small_int8_contract[];

/* floor(sum * multiplier / 2^shift + 1/2), whatever >> does to negative numbers. */
static int32_t rescale(int32_t sum, uint16_t multiplier, uint8_t shift)
{
    const int64_t exact = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    return (int32_t)(exact >= 0 ? exact >> shift : ~(~exact >> shift));
}

static int32_t clip(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

#define BLOCK 8
#define WINDOW 64

static int32_t smaller(int32_t one, int32_t other)
{
    return one < other ? one : other;
}

/* What a layer's sums begin with, and how they become values: clip(rescale(sum) + zero, low, high). */
typedef struct {
    const int32_t *bias;
    const uint16_t *multiplier;
    const uint8_t *shift;
    int32_t zero, low, high;
} scaling;

static void begin(int32_t *sums, const int32_t *bias, int32_t count)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        sums[i] = EDGEDIGITS_INT32(bias + i);
    }
}

/* Sums of the channels from `first` on become values; in the last layer they become scores. */
static void finish(const scaling *to, const int32_t *sums, int32_t first, int32_t count, uint8_t *values,
                   int32_t *scores)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        const uint16_t multiplier = EDGEDIGITS_UINT16(to->multiplier + first + i);
        const uint8_t shift = EDGEDIGITS_UINT8(to->shift + first + i);
        const int32_t value = clip(rescale(sums[i], multiplier, shift) + to->zero, to->low, to->high);
        if (scores) {
            scores[first + i] = value;
        } else {
            values[first + i] = (uint8_t)value;
        }
    }
}

#if defined(EDGEDIGITS_WIDE)
/* The same sums in wide registers and without a branch: two values at a time, centred and 16 bits wide, of up to PLACES
   places at once, which share what is read of the weights. Behind a window stands a 0. */
enum { PLACES = 4 };

static inline __m256i load(const int32_t *sums)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)sums);
}

static inline void store(int32_t *sums, __m256i lanes)
{
    _mm256_storeu_si256((__m256i *)(void *)sums, lanes);
}

/* A row of weights: eight of them, or sixteen, of which those behind `outputs` are another row's. */
static inline __m128i load_row(const int8_t *weights, int32_t outputs)
{
    const __m128i *const row = (const __m128i *)(const void *)weights;
    return outputs == 8 ? _mm_loadl_epi64(row) : _mm_loadu_si128(row);
}

/* Two values in each lane. */
static inline __m256i load_pair(const int16_t *window)
{
    int32_t pair;
    __builtin_memcpy(&pair, window, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Sums of 16 lanes, for 8 outputs and more; `count` rows may be read as such. */
__attribute__((always_inline)) static inline void add_pairs(int32_t (*sums)[16], int16_t (*windows)[WINDOW],
                                                            int32_t places, int32_t count, const int8_t *weights,
                                                            int32_t outputs)
{
    __m256i low[PLACES], high[PLACES];
    int32_t i, place;
    for (place = 0; place < places; place++) {
        low[place] = load(sums[place]);
        high[place] = load(sums[place] + 8);
    }
    for (i = 0; i < count; i += 2) {
        const __m128i row = load_row(weights + i * outputs, outputs);
        const __m128i next = i + 1 < count ? load_row(weights + (i + 1) * outputs, outputs) : _mm_setzero_si128();
        const __m256i first = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(row, next));
        const __m256i second = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(row, next));
        for (place = 0; place < places; place++) {
            const __m256i pair = load_pair(windows[place] + i);
            low[place] = _mm256_add_epi32(low[place], _mm256_madd_epi16(first, pair));
            if (outputs > 8) {
                high[place] = _mm256_add_epi32(high[place], _mm256_madd_epi16(second, pair));
            }
        }
    }
    for (place = 0; place < places; place++) {
        store(sums[place], low[place]);
        store(sums[place] + 8, high[place]);
    }
}

/* The same for any number of rows and outputs; the compiler knows the usual ones. */
static void add_windows(int32_t (*sums)[16], int16_t (*windows)[WINDOW], int32_t places, int32_t count,
                        const int8_t *weights, int32_t outputs)
{
    int32_t place, i, o, whole = 0;
    if (places == PLACES && outputs == 16) {
        add_pairs(sums, windows, PLACES, whole = count, weights, 16);
    } else if (places == PLACES && outputs == 8) {
        add_pairs(sums, windows, PLACES, whole = count, weights, 8);
    } else if (outputs >= 8) {
        whole = outputs % 8 == 0 ? count : (count - 1) / 2 * 2;    /* nothing behind them is read */
        for (place = 0; place < places; place++) {
            add_pairs(sums + place, windows + place, 1, whole, weights, outputs);
        }
    }
    for (i = whole; i < count; i++) {
        for (place = 0; place < places; place++) {
            for (o = 0; o < outputs; o++) {
                sums[place][o] += windows[place][i] * weights[i * outputs + o];
            }
        }
    }
}

/* Bytes as 16 bits, less what stands for 0. */
static inline void widen(int16_t *window, const uint8_t *values, int32_t count, int32_t zero)
{
    const __m128i zeros = _mm_set1_epi16((int16_t)zero);
    int32_t i;
    for (i = 0; i + 8 <= count; i += 8) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(values + i));
        _mm_storeu_si128((__m128i *)(void *)(window + i), _mm_sub_epi16(_mm_cvtepu8_epi16(bytes), zeros));
    }
    for (; i < count; i++) {
        window[i] = (int16_t)(values[i] - zero);
    }
}
#endif

#if !defined(EDGEDIGITS_WIDE)
/* Each value times its row of weights, four at a time, since compilers for small devices unroll no loop; a value that
   stands for 0 costs nothing. */
static inline void add_rows(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero,
                            const int8_t *weights, int32_t outputs)
{
    int32_t i, o;
    for (i = 0; i < count; i++, weights += outputs) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            for (o = 0; o + 4 <= outputs; o += 4) {
                sums[o] += value * EDGEDIGITS_INT8(weights + o);
                sums[o + 1] += value * EDGEDIGITS_INT8(weights + o + 1);
                sums[o + 2] += value * EDGEDIGITS_INT8(weights + o + 2);
                sums[o + 3] += value * EDGEDIGITS_INT8(weights + o + 3);
            }
            for (; o < outputs; o++) {
                sums[o] += value * EDGEDIGITS_INT8(weights + o);
            }
        }
    }
}

/* The same; for a whole block the compiler knows how long a row is. */
static void add_products(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero,
                         const int8_t *weights, int32_t outputs)
{
    if (outputs == BLOCK) {
        add_rows(sums, values, count, zero, weights, BLOCK);
    } else {
        add_rows(sums, values, count, zero, weights, outputs);
    }
}
#endif

/* A product with a matrix. Weights: a block of outputs after the other, in each a row for each input. */
typedef struct {
    int32_t inputs, outputs, zero;
    const int8_t *weights;
    scaling to;
} dense_layer;

/* The sums of `count` outputs from `first` on. */
#if defined(EDGEDIGITS_WIDE)
static void sum_inputs(int32_t *sums, const dense_layer *layer, const uint8_t *values, int32_t first, int32_t count)
{
    const int8_t *const weights = layer->weights + first * layer->inputs;
    int32_t lanes[1][16] = {{0}}, from, o;
    begin(lanes[0], layer->to.bias + first, count);
    for (from = 0; from < layer->inputs; from += WINDOW) {
        const int32_t some = smaller(WINDOW, layer->inputs - from);
        int16_t windows[1][WINDOW] = {{0}};
        widen(windows[0], values + from, some, layer->zero);
        add_windows(lanes, windows, 1, some, weights + from * count, count);
    }
    for (o = 0; o < count; o++) {
        sums[o] = lanes[0][o];
    }
}
#else
static void sum_inputs(int32_t *sums, const dense_layer *layer, const uint8_t *values, int32_t first, int32_t count)
{
    begin(sums, layer->to.bias + first, count);
    add_products(sums, values, layer->inputs, layer->zero, layer->weights + first * layer->inputs, count);
}
#endif

static void dense(const dense_layer *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    int32_t first;
    for (first = 0; first < layer->outputs; first += BLOCK) {
        const int32_t count = smaller(BLOCK, layer->outputs - first);
        int32_t sums[BLOCK];
        sum_inputs(sums, layer, values, first, count);
        finish(&layer->to, sums, first, count, result, scores);
    }
}

/* A convolution; of each pool_height by pool_width sums, the largest becomes a value. Weights: a block of outputs
   after the other, in each a row for each input channel of each place of the kernel. */
typedef struct {
    int32_t height, width, channels;                /* what it reads */
    int32_t rows, columns, outputs;                 /* what it gives */
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, padding_y, padding_x;
    int32_t pool_height, pool_width;
    int32_t zero;
    const int8_t *weights;
    scaling to;
} convolution;

#if defined(EDGEDIGITS_WIDE)
/* What lies in the window of a place, centred: outside the image it is 0. */
static void see(int16_t *window, const convolution *layer, const uint8_t *values, int32_t top, int32_t left)
{
    const int32_t from = left < 0 ? -left : 0;
    const int32_t to = smaller(layer->kernel_width, layer->width - left);
    const int32_t span = layer->kernel_width * layer->channels;
    int32_t row, i;
    for (row = 0; row < layer->kernel_height; row++, window += span) {
        const int32_t y = top + row, inside = y >= 0 && y < layer->height && from < to;
        if (!inside || to - from < layer->kernel_width) {
            for (i = 0; i < span; i++) {
                window[i] = 0;
            }
        }
        if (inside) {
            widen(window + from * layer->channels, values + (y * layer->width + left + from) * layer->channels,
                  (to - from) * layer->channels, layer->zero);
        }
    }
}

/* Of the sums of a window of places, the largest. */
static void sum_pool(int32_t *largest, const convolution *layer, const uint8_t *values, int32_t y, int32_t x,
                     int32_t first, int32_t count)
{
    const int32_t taps = layer->kernel_height * layer->kernel_width * layer->channels;
    const int32_t all = layer->pool_height * layer->pool_width;
    int32_t done, place, i, row = 0, column = 0;
    for (done = 0; done < all; done += PLACES) {
        const int32_t places = smaller(PLACES, all - done);
        int32_t sums[PLACES][16] = {{0}};
        int16_t windows[PLACES][WINDOW];
        for (place = 0; place < places; place++) {
            begin(sums[place], layer->to.bias + first, count);
            see(windows[place], layer, values, (y + row) * layer->stride_y - layer->padding_y,
                (x + column) * layer->stride_x - layer->padding_x);
            windows[place][taps] = 0;
            column = column + 1 < layer->pool_width ? column + 1 : 0;
            row += column == 0;
        }
        add_windows(sums, windows, places, taps, layer->weights + first * taps, count);
        for (place = 0; place < places; place++) {
            for (i = 0; i < count; i++) {
                largest[i] = done + place == 0 || sums[place][i] > largest[i] ? sums[place][i] : largest[i];
            }
        }
    }
}
#else
/* The sums of one place: of each row of the kernel, what lies inside the image is one piece. */
static void add_window(int32_t *sums, const convolution *layer, const uint8_t *values, int32_t top, int32_t left,
                       const int8_t *weights, int32_t outputs)
{
    const int32_t from = left < 0 ? -left : 0;
    const int32_t to = smaller(layer->kernel_width, layer->width - left);
    int32_t row;
    for (row = 0; row < layer->kernel_height; row++) {
        const int32_t y = top + row;
        if (y >= 0 && y < layer->height && from < to) {
            add_products(sums, values + (y * layer->width + left + from) * layer->channels,
                         (to - from) * layer->channels, layer->zero,
                         weights + (row * layer->kernel_width + from) * layer->channels * outputs, outputs);
        }
    }
}

/* Of the sums of a window of places, the largest. */
static void sum_pool(int32_t *largest, const convolution *layer, const uint8_t *values, int32_t y, int32_t x,
                     int32_t first, int32_t count)
{
    const int8_t *weights = layer->weights + first * layer->kernel_height * layer->kernel_width * layer->channels;
    int32_t row, column, i, sums[BLOCK];
    for (row = 0; row < layer->pool_height; row++) {
        for (column = 0; column < layer->pool_width; column++) {
            begin(sums, layer->to.bias + first, count);
            add_window(sums, layer, values, (y + row) * layer->stride_y - layer->padding_y,
                       (x + column) * layer->stride_x - layer->padding_x, weights, count);
            for (i = 0; i < count; i++) {
                largest[i] = (row == 0 && column == 0) || sums[i] > largest[i] ? sums[i] : largest[i];
            }
        }
    }
}
#endif

static void convolve(const convolution *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    int32_t y, x, first, largest[BLOCK];
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++, result += layer->outputs) {
            for (first = 0; first < layer->outputs; first += BLOCK) {
                const int32_t count = smaller(BLOCK, layer->outputs - first);
                sum_pool(largest, layer, values, y * layer->pool_height, x * layer->pool_width, first, count);
                finish(&layer->to, largest, first, count, result, scores);
            }
        }
    }
}

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

/* When the largest score is no answer: where the softmax of the logits gives it a probability below the threshold. Of
   every other score, 1/2 to the power of how far it is below is summed: a table in steps of 1/64, linear between them. */
enum { STEPS = 64, PARTS = 256, BITS = 24 };
#define ONE 8388608L

typedef struct {
    const uint16_t *powers;
    uint16_t multiplier;
    uint8_t shift;
    uint32_t limit;
} deciding;

static uint32_t power_of(const uint16_t *powers, uint64_t place)
{
    const uint64_t exponent = place / (STEPS * PARTS);
    const uint32_t rest = (uint32_t)(place % (STEPS * PARTS));
    const uint32_t high = EDGEDIGITS_UINT16(powers + rest / PARTS), low = EDGEDIGITS_UINT16(powers + rest / PARTS + 1);
    return exponent < BITS ? (high * PARTS - (high - low) * (rest % PARTS)) >> exponent : 0;
}

static int32_t decide(const deciding *on, const int32_t *scores, int32_t classes)
{
    uint32_t sum = ONE;
    int32_t best = 0, i;
    for (i = 1; i < classes; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    for (i = 0; i < classes && sum <= on->limit; i++) {
        const uint32_t below = (uint32_t)scores[best] - (uint32_t)scores[i];
        sum += i == best ? 0 : power_of(on->powers, (uint64_t)below * on->multiplier >> on->shift);
    }
    return sum <= on->limit ? best : -1;
}

static EDGEDIGITS_CONST int8_t features_0_weight[50] = {
    127, 76, 95, 124, 18, 112, -70, 43, -122, -46, -114, -112, -51, -123, 38, -74, 108, 11, 126, 91, 80, 127,
    -4, 99, -86, 23, -126, -65, -104, -121, -30, -117, 58, -56, 118, 33, 119, 105, 62, 126, -25, 85, -100, 1,
    -127, -83, -90, -126, -10, -107
};
static EDGEDIGITS_CONST int32_t features_0_bias[2] = {
    16165, 12152
};
static EDGEDIGITS_CONST uint16_t features_0_multiplier[2] = {
    35889, 35889
};
static EDGEDIGITS_CONST uint8_t features_0_shift[2] = {
    24, 24
};
static const convolution features_0 = {
    28, 28, 1,
    4, 4, 2,
    5, 5,
    3, 3, 0, 0,
    2, 2,
    64,
    features_0_weight,
    {features_0_bias, features_0_multiplier, features_0_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST int8_t head_weight[320] = {
    127, -74, -41, 122, -102, -3, 104, -119, 58, -126, 89, 22, -114, 112, -17, -93, 95, 11, -109, 116, -27,
    -85, 126, -62, 118, -107, 8, 99, -122, 44, 71, -127, 18, 91, -124, 53, 62, -126, 85, 27, 119, -36, -77,
    127, -71, -44, 122, -99, -70, 127, -79, -36, 119, -104, 3, 102, 62, 53, -124, 93, 17, -112, 114, -22,
    -122, 99, 6, -107, 118, -32, -81, 127, -25, 116, -110, 13, 95, -124, 50, 66, -114, 23, 88, -126, 58, 57,
    -126, 90, -100, 122, -42, -74, 127, -75, -39, 121, -51, -65, 127, -83, -29, 118, -108, 9, -127, 67, 48,
    -123, 97, 10, -109, 117, 38, -121, 103, 0, -103, 121, -37, -77, -90, -19, 113, -113, 19, 91, -124, 55,
    108, -117, 28, 84, -127, 64, 52, -124, -10, -98, 123, -47, -69, 127, -80, -34, 126, -56, -60, 126, -88,
    -24, 116, -110, 76, -127, 72, 42, -122, 100, 5, -105, 80, 33, -118, 105, -5, -100, 122, -42, 124, -94,
    -14, 110, -116, 24, 88, -126, -4, 105, -119, 34, 80, -127, 69, 47, 112, -15, -94, 124, -52, -64, 127, -84,
    -86, 126, -61, -55, 124, -91, -19, 113, 43, 71, -127, 77, 37, -121, 103, 0, -126, 85, 28, -117, 109, -10,
    -97, 123, -46, 123, -98, -9, 108, -118, 29, 83, -104, 1, 102, -121, 39, 75, -127, 74, -112, 114, -20, -90,
    126, -57, -58, 126, -30, -83, 127, -66, -50, 124, -95, -13, -123, 48, 67, -127, 81, 32, -118, 107, 36, 79,
    124, -53, -53, 124, 77, 36, -116, 109, -8, 107, -122, 41, -89, 126, -67, -48, -127, 83, 20, -114, -102,
    -1, 98, -123, -27, -85, 127, -71, 61, -126, 94, 15, 119, -105, 14, 94, 118, -33, -72, 127, 60, 56, -123,
    98, -28, 117, -113, 19, -103, 121, -48, -67, -127, 65, 42, -122, -88, -23, 110, -116, -6, -99
};
static EDGEDIGITS_CONST int32_t head_bias[10] = {
    4399, 3299, 616, -2419, -4223, -3959, -1760, 1320, 3739, 4355
};
static EDGEDIGITS_CONST uint16_t head_multiplier[10] = {
    61021, 61021, 61021, 61021, 61021, 61021, 61021, 61021, 61021, 61021
};
static EDGEDIGITS_CONST uint8_t head_shift[10] = {
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12
};
static const dense_layer head = {
    32, 10, 0,
    head_weight,
    {head_bias, head_multiplier, head_shift, 0, -2147483647, 2147483647}
};

static EDGEDIGITS_CONST uint16_t powers[65] = {
    32768, 32415, 32066, 31720, 31379, 31041, 30706, 30376, 30048, 29725, 29405, 29088, 28774, 28464, 28158,
    27855, 27554, 27258, 26964, 26674, 26386, 26102, 25821, 25543, 25268, 24995, 24726, 24460, 24196, 23936,
    23678, 23423, 23170, 22921, 22674, 22430, 22188, 21949, 21713, 21479, 21247, 21019, 20792, 20568, 20347,
    20127, 19911, 19696, 19484, 19274, 19066, 18861, 18658, 18457, 18258, 18061, 17867, 17674, 17484, 17296,
    17109, 16925, 16743, 16562, 16384
};
static const deciding decision = {powers, 36365, 17, 20971520u};

static void score(const uint8_t *image, int32_t *scores, void *scratch)
{
    uint8_t *const values = (uint8_t *)scratch;
    convolve(&features_0, image, values + 0, 0);
    dense(&head, values + 0, values, scores);
}

int32_t small_int8_read(const uint8_t *canvas, int32_t height, int32_t width, int32_t stride,
                        small_int8_answer *answer, void *scratch)
{
    sheet asked = {canvas, height, width, stride, 0};
    const int32_t has_ink = frame(&asked, answer->seen, (uint32_t *)scratch);
    score(answer->seen, answer->scores, scratch);
    answer->label = has_ink ? decide(&decision, answer->scores, SMALL_INT8_CLASSES) : -1;
    return answer->label;
}

const char *const small_int8_labels[SMALL_INT8_CLASSES] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
};

const char small_int8_contract[] =
    "{\"version\":1,\"labels\":\"0123456789\"}";

#ifdef __cplusplus
}
#endif
