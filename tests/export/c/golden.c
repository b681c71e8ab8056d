/* small_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[SMALL_INT8_SCRATCH_BYTES / 4];
 *     int32_t scores[SMALL_INT8_CLASSES];
 *     small_int8_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits in steps of 1.52587890625e-05
 * size     454 bytes of tables, 32 of scratch; 3,520 products an image
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
#define SMALL_INT8_SCRATCH_BYTES 32

void small_int8_scores(const uint8_t *image, int32_t *scores, void *scratch);
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

void small_int8_scores(const uint8_t *image, int32_t *scores, void *scratch)
{
    uint8_t *const values = (uint8_t *)scratch;
    convolve(&features_0, image, values + 0, 0);
    dense(&head, values + 0, values, scores);
}

const char *const small_int8_labels[SMALL_INT8_CLASSES] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
};

const char small_int8_contract[] =
    "{\"version\":1,\"labels\":\"0123456789\"}";

#ifdef __cplusplus
}
#endif
