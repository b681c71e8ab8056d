/* cnn_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[CNN_INT8_SCRATCH_BYTES / 4];
 *     int32_t scores[CNN_INT8_CLASSES];
 *     cnn_int8_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits in steps of 1.52587890625e-05
 * size     9,302 bytes of tables, 2,352 of scratch; 290,080 products an image
 *
 * Values are bytes that stand for scale * (value - zero). A layer's sums, 32 bits, become values by
 * clip(floor(sum * multiplier / 2^shift + 1/2) + zero, low, high). The layers, as they are computed:
 *
{"unit": 1.52587890625e-05, "steps": [
{"kind": "convolve", "name": "features.0", "reads": [0], "plane": [14, 14, 8], "seen": [28, 28, 1], "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "convolve", "name": "features.3", "reads": [1], "plane": [7, 7, 16], "seen": [14, 14, 8], "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "dense", "name": "head.0", "reads": [2], "plane": [1, 1, 10], "seen": 784, "zeros": [0], "zero": 0, "low": -2147483647, "high": 2147483647}
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
#define CNN_INT8_CLASSES 10
#define CNN_INT8_SCRATCH_BYTES 2352

void cnn_int8_scores(const uint8_t *image, int32_t *scores, void *scratch);
extern const char *const cnn_int8_labels[CNN_INT8_CLASSES];
extern const char cnn_int8_contract[];

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

#define BLOCK 16
#define WINDOW 74

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

static EDGEDIGITS_CONST int8_t features_0_weight[72] = {
    -21, 63, -17, -7, 63, -119, -21, 63, -62, -71, 106, 16, 13, -74, 27, 33, -99, -117, -127, -99, 127, 64,
    72, -66, -10, -127, -62, 12, 4, -78, -99, 86, -107, -52, 82, -3, 50, 70, -127, -18, -17, 65, 24, -70, -91,
    127, 29, -127, 127, -70, -40, -127, -105, 88, 106, 33, 97, 40, 23, -77, -114, 37, -65, -37, 110, 35, 68,
    -30, -53, -84, -64, -43
};
static EDGEDIGITS_CONST int32_t features_0_bias[8] = {
    -934, 3222, 841, 15492, -31, -11936, 1585, -6130
};
static EDGEDIGITS_CONST uint16_t features_0_multiplier[8] = {
    34844, 37937, 47993, 41847, 60654, 47849, 50581, 62194
};
static EDGEDIGITS_CONST uint8_t features_0_shift[8] = {
    24, 23, 24, 24, 24, 24, 23, 24
};
static const convolution features_0 = {
    28, 28, 1,
    14, 14, 8,
    3, 3,
    1, 1, 1, 1,
    2, 2,
    0,
    features_0_weight,
    {features_0_bias, features_0_multiplier, features_0_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST int8_t features_3_weight[1152] = {
    -108, 43, -69, -51, -98, -50, -41, 0, 43, -16, 16, -4, -31, -38, -35, -28, 5, -22, 15, -65, 34, 2, -49,
    25, 41, 108, -26, -14, -64, -40, -53, -49, -67, -84, -27, 48, 110, -31, 43, -28, -62, -40, 31, 33, 48, 21,
    -12, -48, -29, 45, -22, -31, -20, 30, -44, -11, -17, -30, -13, 6, -14, -33, -26, -30, 24, 29, -28, 10,
    -32, 4, -12, 25, -39, -30, -49, 67, -62, -46, -9, -29, 11, -44, -52, -22, 80, -22, -52, 0, 8, 73, 31, -8,
    33, -41, 18, 57, 19, 89, -4, 54, -5, 17, 20, -59, -50, -58, -9, 99, -25, -36, -23, -30, -2, -1, 22, -52,
    -30, 48, 26, 22, 50, -8, -19, 46, -20, 46, -31, 109, -10, -95, 31, 42, 4, -58, -14, -27, 36, -37, 58, -7,
    16, -17, 7, -3, 18, -61, 85, -87, 1, -24, -33, 77, 25, 96, -82, 24, 30, 8, 20, 9, -37, -47, -19, 117, 47,
    -86, 59, 75, -115, -7, 43, -21, 10, -15, 31, 51, -41, 7, 13, -28, -16, 10, -43, 1, 6, -42, -23, 28, -19,
    -2, 26, -29, -9, -11, 0, -8, -19, -37, 10, 1, 18, 67, -50, 17, -22, -38, 13, -15, 13, 29, -28, -39, -81,
    -39, 15, 104, 23, 109, 9, 25, 37, -66, -48, -11, -26, 45, -66, 20, 43, -8, 52, -34, 11, -105, 46, -27,
    -73, -43, -61, 23, -61, -23, -22, -64, 62, -32, 16, 55, 42, 63, -46, 70, 54, 9, -50, -56, 3, -97, 39, 82,
    -16, -62, -35, -61, -7, -64, 127, -25, -27, 52, -59, -38, 62, -76, 22, -21, -15, 30, -44, 66, 14, -79, 21,
    -21, 19, 92, -98, -5, 44, 27, -29, 44, -82, -73, 20, 46, -97, 0, 23, -127, 3, -16, 44, 46, 72, -39, 2, -8,
    19, 33, -42, -9, 10, -42, 15, 12, -27, 46, -33, -24, -45, -67, -28, -44, -37, 32, 49, -25, 5, 71, -53, -4,
    48, -55, -98, -52, 10, 12, -54, 13, -102, 39, -3, 31, -29, -1, -7, -36, 69, 41, -126, -21, -57, -14, 65,
    -40, 11, 48, 28, -24, -3, -20, -73, -109, -86, -77, 107, 11, 14, -11, -2, -77, 9, -21, -7, 75, 8, 29, -49,
    1, 21, -49, 15, 4, -19, 27, -69, 95, -8, -5, 11, -73, 6, -67, -48, -30, -34, -29, -12, 69, 35, -7, -11,
    39, 10, 127, -46, -60, -14, 36, -62, 19, -15, 9, 45, -127, 11, 8, -46, -9, 38, -43, -53, -38, 10, -58, -5,
    -38, 19, -31, 29, 47, -36, 3, -22, -20, -11, 27, -43, 11, -41, -50, 11, 2, -22, 18, -2, -49, -28, -73,
    -106, -35, -12, 34, 8, -60, -10, -56, 105, 10, -87, 30, -20, -13, -2, -19, -70, 63, 127, 20, -45, -90,
    -29, -30, 2, -51, 33, -26, 30, -78, -29, 23, 26, -33, -26, -104, 85, 41, 24, -45, 32, 26, -14, -36, -43,
    -3, 30, 36, 17, -26, 36, -37, -127, -34, -28, 109, -20, -77, -16, 57, -52, -3, -25, -33, 15, 30, -15, 8,
    -7, -35, -5, 52, -2, -16, -28, -42, -7, 46, -18, -31, 85, 44, -17, 8, -28, -28, -87, 42, -54, 76, -2, 42,
    21, -12, -95, -70, 30, 0, 13, -34, -49, -5, 72, -53, 36, -58, -2, -17, -46, -5, -10, 40, -6, -2, -34, 8,
    -52, 17, -62, -56, -4, 8, -30, 29, -26, -14, 56, -42, 13, 1, 2, -4, 75, 23, -47, -11, 32, -23, -90, -37,
    35, 45, -22, -32, -14, 75, -8, -35, -42, 30, -41, -3, 8, -34, 12, -48, 54, 101, 8, 37, -6, -127, -13, -14,
    -1, 67, 53, 0, 11, -42, -53, -22, -65, -60, 3, 30, 20, -25, 25, -53, -75, -28, -22, 36, -8, -37, 19, 7,
    -96, -55, -40, -82, 37, -60, -55, 21, -51, -76, 92, 9, -32, 80, 8, -18, -1, -33, -29, -99, -39, 28, 26,
    -90, -12, 62, -50, 34, -26, 43, 24, 80, -5, 15, -35, 91, 53, -37, -70, -64, -37, -61, 13, -55, -12, 10,
    -9, 13, -59, -4, 19, -10, -27, -36, 20, -10, -40, 52, -42, -55, -16, -7, -10, -17, 39, 12, -44, -50, -8,
    -8, -62, -10, 26, 58, -61, -27, -6, -3, 15, -63, -102, -18, -8, 4, -58, 7, -67, -110, -20, 44, -44, 37,
    14, 8, 41, 59, -50, 4, 12, -2, 127, -70, -52, 71, -33, -58, 71, 34, 4, -70, -20, -77, -45, -27, -31, -2,
    47, -82, 12, -69, -16, 91, 11, -40, -66, -52, 63, 35, -10, 43, 30, -38, -56, -26, -7, 34, 30, 67, -3, -48,
    -37, -70, -88, -14, -86, -27, -98, -36, -17, 8, 18, 56, 117, -48, 11, -95, -44, 13, -36, 43, -45, -61,
    -95, 13, -31, 14, -27, -18, 18, -31, -51, 127, -70, -67, 28, -46, -17, 5, 50, 2, 1, -29, 10, -10, 29, -7,
    -21, -71, 17, 24, -16, 20, -33, -22, -79, -127, -75, -97, 27, -35, -16, 27, 63, -67, 3, -78, -12, 45, -90,
    77, 78, -27, -37, -9, 25, 89, 35, -57, 24, -117, -66, -28, -11, -40, -127, -37, 30, -28, 30, -55, -41,
    -74, -53, 99, -7, 117, 43, -22, 33, -67, 4, 12, -11, 73, 11, 43, 13, -10, -37, -127, -1, -77, 28, -40,
    -49, 36, -2, -55, -67, -17, 26, -6, 9, 60, 36, 59, -39, 87, -61, -62, 3, 26, -52, -15, -23, -15, -4, 29,
    36, 68, 75, -28, -72, -60, -29, 15, -127, 37, 62, 13, -5, -81, -13, -24, -35, 34, 19, -103, 34, 47, -48,
    30, 66, -13, 4, -55, -24, 35, -2, -50, -16, -16, -9, 27, -30, -95, 16, 6, -69, 22, -5, 10, -28, 2, -5,
    -14, 6, -1, -9, 47, 18, -23, -2, -40, -77, -69, -43, 31, -21, -43, 27, 18, -55, 24, 33, -84, -18, -24,
    -75, 9, -56, -31, -10, -11, -37, 69, 50, -52, -85, -4, -25, 35, 34, 103, 26, 23, -35, -46, -105, -31, -50,
    63, -24, 32, -4, 47, -31, -100, -30, -54, -90, 12, -13, 27, 68, 4, 33, -50, -11, 4, -40, 65, 24, -9, -5,
    24, -64, 50, 104, -40, -55, -49, 60, -77, 11, -25, -5, -68, 23, 68, -48, 29, 72, 32, -55, 11, 3, 2, -48,
    108, 0, 23, -103, 31, 12, -100, 98, -62, -58, 38, 28, 17, 57, -34, -11, 1, 9, -50, 43, -25, -1, 40, -59,
    -55, 35, 19, -28, -36, -13, 7, -127, -20, -50, 83, -56, -55, -33, -54, -127, 39, 46, -2, -40, -127, -63,
    -18, 38, 31, -22, -7, -62, -96, 42, -46, 16, 58, 5, 9, 50, 37, 16, -15, -7, 71, 50, 19, -41, 31, -15, -60,
    2, -22, -78, 40, 16, -53, 43, -38, -50, -8, 38, 33, -25, -7, 9, -88, -49, -72, -35, -50, 26, 17, -16, 40
};
static EDGEDIGITS_CONST int32_t features_3_bias[16] = {
    -19017, -2054, -2931, -5163, 239, -4080, -3296, -6838, -4834, -3720, -3261, -2930, -2124, -2258, -15978,
    -6365
};
static EDGEDIGITS_CONST uint16_t features_3_multiplier[16] = {
    41524, 50534, 61088, 42091, 44051, 47561, 54578, 46772, 53356, 40761, 43084, 51900, 52683, 55176, 39514,
    33138
};
static EDGEDIGITS_CONST uint8_t features_3_shift[16] = {
    27, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 25, 23
};
static const convolution features_3 = {
    14, 14, 8,
    7, 7, 16,
    3, 3,
    1, 1, 1, 1,
    2, 2,
    0,
    features_3_weight,
    {features_3_bias, features_3_multiplier, features_3_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST int8_t head_0_weight[7840] = {
    4, -2, -5, -5, 1, 2, 2, 1, 0, 0, -3, -1, -4, 7, -4, 2, 2, 5, -2, -3, 2, 7, -2, -7, -10, 1, 3, 6, 4, -3,
    -3, 0, -6, -3, -4, -3, 4, 3, -5, 4, 2, 20, 4, -3, -7, 3, -3, -5, -3, -8, -6, 5, -6, 6, 1, 0, 0, 2, -8, -6,
    3, 9, -5, -5, 0, -2, 2, -3, 2, -3, 5, 8, -8, -5, -7, 4, 5, -7, -4, -1, 1, 5, -1, 3, -1, -3, 1, -2, -5, 2,
    1, 0, -5, 2, 3, -3, -1, 1, -5, -3, 3, -3, -3, 1, 2, -1, 2, 3, -5, 1, -9, 6, -20, 20, -11, -2, 13, 3, -2,
    -1, 2, -3, 0, 6, 4, -4, 2, 1, -4, 3, -8, 2, -1, 12, -5, 5, 8, 3, -1, -7, 3, -1, -1, 3, -2, -1, 3, 5, 0, 1,
    1, 5, 0, 3, 0, -4, 2, 1, -2, 4, -1, 0, -4, -2, -4, -4, -2, -2, 2, 2, -8, 7, 7, 3, -7, -1, 12, 2, -4, -3,
    -11, 11, 9, 5, -22, -15, 20, 19, -1, -10, -3, 1, 3, 8, -10, 0, 8, 0, -5, -3, 2, 9, 8, 4, -7, 5, -1, -5, 1,
    0, 10, 5, -21, 0, 18, 1, 11, 13, 1, 0, 14, 2, -3, -5, 3, -10, -3, -4, 8, -5, -3, 6, 3, 3, 0, -2, 2, 2, -2,
    -2, -6, 7, 8, 0, -3, -8, 7, 5, -2, -8, 2, 1, -1, 6, 0, -8, 4, -3, -1, 3, -2, -4, 12, -6, 0, -6, -1, -1, 4,
    2, -10, 17, 3, 4, -16, -1, -1, 10, 22, 5, 0, 2, 3, -1, -9, -1, 7, 0, 2, -6, -8, -4, 23, 0, -27, -5, 43,
    -12, 5, -15, 0, -3, -3, 0, 4, 0, 4, 4, -1, -5, 2, 1, 1, -4, -2, -3, -1, -2, -4, -3, 3, -1, 0, -3, -3, -1,
    -2, -2, -2, 0, -13, 15, 8, 10, -2, -11, 18, 0, -11, -10, -4, 13, 9, -3, -14, -5, 27, 1, -24, -41, -17, 9,
    16, 7, -26, 7, 37, -8, 3, -13, -9, 11, -13, -5, -26, 4, 44, -21, -7, -8, 8, 12, 15, 13, 8, -13, -33, 21,
    1, 4, 12, 7, -4, -18, -2, -6, -21, -8, 25, 23, 5, -1, -7, 1, 9, -5, -9, 7, -10, 4, -15, -2, 69, 23, -20,
    -23, -13, 5, 4, -8, -5, 11, -9, 4, -10, 8, -10, -2, 6, 11, -8, -4, 34, 16, -2, -7, -13, 7, -6, -7, 6, 39,
    -5, 13, -10, -17, 15, -1, 10, -22, -8, 15, 8, 13, -20, 2, 20, -8, -6, -5, -22, 42, -6, 16, -16, -1, 25,
    -12, 3, -9, 2, -5, -5, -4, 3, -1, 0, 2, -1, -2, -2, 3, -6, 6, -5, 5, -2, 1, 2, -4, 4, 2, -1, 4, -2, 0, 1,
    -1, -4, -1, -7, -5, 26, 9, -13, -31, 42, -7, -3, -20, 3, 41, 13, 10, 11, 5, 11, -2, -1, -25, -14, 41, 2,
    -8, -39, 10, 42, -6, 15, -17, -24, 44, -21, -13, -22, -3, 70, -15, -20, -4, -1, 1, -6, 17, -23, -33, -22,
    -4, 11, 17, 19, 28, -30, 15, -20, -13, -7, -3, 4, 13, 22, 30, 5, -7, -1, -15, -3, -6, 2, -22, 0, 0, 78,
    40, -47, -33, -47, 12, 50, -7, 4, 18, 6, 4, -10, 1, 17, -11, -17, -4, 2, -8, 24, 19, -11, 0, -3, 1, -4,
    -9, 7, 50, 3, 11, -8, -24, 65, -46, -7, -39, 1, 41, 5, 19, -18, -5, 0, -8, -5, -13, -2, 68, -26, -15, -34,
    9, 44, -15, -25, -29, 0, 11, -1, -1, 1, 2, 4, -1, -1, -3, -1, 6, -22, 6, -6, 10, 9, -9, -5, 3, 2, 2, -3,
    4, 0, 1, 3, -1, 2, 2, -26, 48, 15, -19, -14, 0, 15, -4, 5, -15, 22, 14, -6, -24, -16, 4, 13, -9, 8, -5,
    -6, 21, -16, 4, -20, 15, 29, -11, 5, -21, -46, 95, -57, -20, -24, 28, 54, -11, -17, -11, -20, -15, -21,
    21, -32, 18, -6, 5, -18, 18, 20, 54, 0, -18, -7, -20, -24, -19, -8, 15, 17, 36, -18, -9, -13, -31, -2,
    -10, 10, 9, 13, -3, 55, 47, -23, -25, -20, -3, 17, 17, -4, 23, -11, 0, -4, 1, 14, -2, -18, -6, -3, 1, 1,
    6, -10, -1, 6, -2, 2, -7, 21, 57, -38, -39, 13, 1, 37, -32, 4, -8, 1, 22, 8, 14, -22, -7, -6, -1, -3, -10,
    -4, 47, -32, -17, -6, 17, 23, -20, -4, -19, -6, 3, -3, 0, -1, 5, 2, -1, 1, -1, -14, 5, -15, 3, -3, 27, 5,
    -8, -10, -3, -4, -3, 3, 1, -4, 4, 0, 4, 3, 4, -7, 32, 17, -17, -14, 6, 12, -6, -2, -8, -1, 9, -28, -27,
    20, 5, 9, 12, -8, 0, -18, 16, -2, -3, -8, 13, 22, -1, -11, -11, -24, 33, -4, -7, -21, 8, 43, -10, 2, -12,
    -8, 2, -39, -21, 23, 9, 0, -8, 11, -13, 17, 30, -20, -26, -1, 2, -2, -11, 6, -8, -3, -1, -4, 11, -11, -35,
    -3, 5, 15, 32, -2, 3, 23, 47, -8, -26, -13, 2, 2, -11, 2, 7, -10, -3, 2, 11, -3, -7, -5, -3, 0, -2, 0, -5,
    -1, 9, 2, 0, -1, -3, -8, 17, -21, -17, 27, 2, 1, -12, 1, -8, -1, 3, 6, 7, 4, 0, -4, 0, -5, -6, -10, 21,
    -14, -10, 5, 4, 7, 0, 0, -5, -3, 5, 2, -3, 0, 5, 1, -6, 2, -3, -3, -2, 6, 5, -3, -2, 7, 4, -3, 2, 2, 3, 0,
    4, 0, 0, 2, -3, 2, 3, -2, 13, 8, 13, 0, -1, -11, 11, 3, -7, 6, 6, 3, 3, 6, -3, -3, -4, 0, -5, -11, 8, -1,
    0, 1, 14, 1, -3, -1, 1, -2, 5, 4, -7, -11, 9, 5, -12, -2, -1, -3, 13, -14, -6, 13, 22, 13, -10, 6, -13,
    -4, 7, -5, 0, 6, -5, 4, -2, -4, -1, 3, -6, 6, 7, 5, -1, -17, -8, 6, -1, -2, 2, -3, -1, 6, 3, -5, -4, 0, 1,
    4, 2, -3, 0, 1, -4, 4, 4, 1, -3, -3, 3, -2, 1, 2, -4, 3, 2, -2, 3, 3, 7, -5, 7, -10, -3, 5, -7, 0, 7, -1,
    4, 4, -5, -3, -1, -2, -2, 4, -5, 1, 4, -3, 6, -6, 7, -1, -2, 2, 0, -4, 0, 1, 0, 0, 2, 4, 3, 1, 4, 4, 1,
    -4, 2, -4, 1, -8, -2, 2, 0, 2, 0, 2, 3, 1, -4, -2, 1, 0, -2, -4, -10, -10, 12, 1, 1, 13, -16, 2, -7, -9,
    11, -5, 15, -14, -2, 12, 12, -8, -20, -7, 0, 2, 6, 1, 0, 4, -2, 4, -4, 6, 20, 9, -10, -9, 4, -3, -8, -5,
    -3, 0, 10, -8, 3, 12, -15, -3, 31, -2, -11, 2, -4, -9, -3, 6, -4, -2, 12, 0, -3, 2, 6, -10, 18, -5, -10,
    0, 1, -1, 0, 0, -2, -2, -4, 4, -3, 2, 14, -6, -1, 1, -4, 5, 3, 2, -8, -1, -1, -2, 1, -1, -5, -1, 19, -7,
    -14, 2, 15, -6, -6, 11, -9, -23, -3, 16, -24, -2, 6, 18, -5, -3, -4, 3, -4, -1, 1, 8, 11, 2, -9, 4, 2,
    -17, 8, -2, 4, 16, 0, -5, -3, 0, -1, 1, 1, -1, 2, -2, 2, -5, -5, -4, -2, -3, 3, 1, -4, 3, -5, 2, 0, 4, -1,
    4, -5, -2, 0, 1, 1, 1, 0, -18, 19, -24, 4, 3, 22, 11, 4, -4, -16, -32, 17, -11, -6, 34, -15, 18, 53, 5,
    -45, 3, -30, -1, 6, -10, -3, 12, -16, 20, 5, -7, 22, 7, -3, -12, -1, 24, -15, -2, -9, 0, -33, 9, 0, 25,
    -36, -28, 82, -16, -38, -10, -7, 19, 25, 8, -16, -6, 26, -7, -10, -35, -2, 41, 44, -2, -44, -16, 56, -12,
    -5, -2, -7, -37, 22, 17, 6, -18, 38, -5, -10, 1, -10, 0, -1, 1, -1, 4, -8, 10, -6, -20, -7, 23, 44, -15,
    -22, -17, 68, -20, -19, 13, -30, -19, 18, 0, -12, -21, 25, 38, -1, -5, -14, -39, -22, 18, 14, 49, -20, 17,
    -24, 28, -32, -5, -38, -32, 20, 34, -27, 17, -4, -1, -4, -3, -2, 3, -4, 3, 1, -2, 2, -4, 4, -3, 2, -5, -5,
    2, 0, 2, -6, -4, 0, -2, -1, 1, -2, 0, -2, 2, 1, -50, -24, 20, -9, 72, 21, -13, 11, 15, -40, -52, 93, -22,
    15, 103, 15, -6, 25, -35, -61, 23, -5, -14, 4, -61, 35, -8, 3, 3, 56, -47, 16, -22, -41, 74, -6, 111, -35,
    -15, -50, -5, -46, 4, 38, 46, -31, -75, 66, -10, -22, -20, -4, 33, 75, -5, -26, -45, 30, -6, -4, -56, 0,
    84, 44, -6, -39, -43, 66, -10, -21, 7, 13, 42, 51, -49, -32, -48, 47, 0, 21, -34, -4, 2, 31, -19, 9, 3,
    -16, 34, 5, -50, -17, 43, 58, -37, -25, -65, 96, 10, 17, 6, 6, 0, -17, 3, -23, -28, -4, 30, 20, -37, 59,
    -35, -57, 12, 53, 27, -7, 2, -9, 45, 8, -8, -92, 67, 16, 40, 4, -12, -2, -4, -5, 0, 0, 3, 0, 1, 2, 0, 0,
    -1, 32, -18, -4, -7, -5, 5, -1, -5, -2, 3, 4, -3, -1, 4, -3, -1, 0, 2, -3, -44, 59, 99, 23, 65, -75, -15,
    -26, -13, -48, -5, 56, -7, -21, 101, -7, -12, -8, 16, -98, -20, -16, 19, 25, -75, 12, -1, 3, 5, 13, -64,
    103, -33, 21, 44, -11, 86, -17, -54, -82, 21, 15, 19, 16, 3, -14, -62, 0, 19, 5, -30, -14, 6, 97, -56,
    -30, -57, 15, 26, 22, -21, -20, 52, 37, -34, 8, -10, 40, -14, -20, 42, -59, 74, 16, -83, -18, -34, 28, 29,
    86, -43, 14, 19, -18, -14, 0, -17, -10, 49, 25, -17, -95, 14, -3, -87, 51, -16, 127, 8, 24, 29, 108, -34,
    -61, 25, 30, 40, -103, -20, -28, -58, 80, -5, -24, -2, 27, -40, -30, 33, -5, -5, 77, -31, -77, 37, 31, 52,
    -82, -36, -48, 0, -10, 0, -5, 5, 2, -9, -3, 7, 7, -37, 27, -52, -37, -7, 65, -8, 43, 6, -2, 4, 5, -1, -3,
    -1, 2, 2, -1, -3, 4, 29, 60, 70, 44, 8, -105, -36, -16, -21, 8, 5, 70, -37, -79, 94, -11, -2, -47, 51,
    -34, 15, -25, -18, 11, -18, 29, 35, 9, -6, 22, -98, 80, -7, 29, 36, 23, 46, 55, -21, -98, 2, -14, -56,
    -50, 3, 7, -22, 4, 3, 31, -33, 6, -1, -3, -12, 36, -8, 33, 27, -1, 5, -5, 1, -26, -3, 48, 21, -22, -23,
    -11, 58, -99, 56, 3, -72, -36, -3, 34, 35, 77, -28, 5, 0, -20, -3, 9, -4, -5, 45, -11, -11, -67, -7, -15,
    -40, 74, 18, 16, 13, 10, -9, 88, -51, -73, 64, 39, 42, -53, -21, -55, 27, 62, 23, 8, 9, -6, -74, 22, -34,
    -6, -58, 127, -61, -7, 91, -11, 50, -82, -8, -66, 0, 5, -4, 1, 4, 5, -1, -1, 0, 2, -15, 5, -11, -26, -17,
    94, -34, 30, 1, -5, -4, 3, 0, 1, -2, -1, -1, 4, 4, 3, 25, 3, 47, -8, -8, -60, -40, 2, 20, 17, -15, 21,
    -32, -35, 58, 7, -12, 3, 31, -15, -12, 26, -44, -39, 58, 51, 11, 3, 2, -37, -69, 43, -26, -29, 53, 42, 14,
    9, 4, -30, 0, 26, -64, -80, -6, 35, 30, 45, 8, -11, -3, -16, -30, -31, 10, 33, 13, 14, 18, -20, 2, -1,
    -34, -46, -1, 42, 41, -19, 15, -6, 74, -39, 37, 26, -32, -55, -45, -5, 39, 10, -10, -13, -19, -23, 12, 45,
    28, -16, 1, -26, -2, -33, -52, -38, 2, 85, 40, -12, 24, -13, -37, -2, -25, -27, 45, 27, 37, -6, 7, -30,
    38, 9, 10, 28, 13, -17, -64, 7, 7, -1, -52, 42, -13, -2, 28, 22, 23, -1, 3, -33, 2, -3, -3, 3, 3, -2, 4,
    -4, 3, -6, -29, -10, 1, -9, -11, 62, -8, -2, 2, 12, 1, 1, -3, -2, -4, 2, -3, 3, -1, 2, 25, -5, 16, 26, 3,
    -29, -40, 20, -1, -1, -6, -8, 4, 3, 6, 11, 1, -4, 15, -9, -12, 3, -6, -18, 32, 31, -4, -7, -5, -25, -16,
    30, 14, 11, 47, 8, -21, -8, 0, -27, -11, 1, -26, -43, 43, 56, -6, -6, 10, -30, 1, -8, -9, -14, 16, 20, -2,
    -1, 6, -10, 5, -2, -24, 5, -7, 9, 10, -11, 21, -5, -1, -11, -4, 9, 12, 10, -14, 0, 4, -10, -5, 7, -8, -6,
    15, 21, 2, -4, -8, -7, -3, -11, -15, -13, 9, 11, 15, 0, 8, -10, -8, 2, -15, -11, -6, 19, 16, -9, 8, 3, 0,
    -2, -4, -2, 0, 7, -11, 2, -3, -6, -13, 10, -6, 12, 2, -1, -4, 10, 3, -10, 4, -4, 1, 1, -2, -2, 1, 4, 2,
    -3, -10, -20, -7, 1, 8, 42, -10, -9, 9, -8, 4, 3, -1, -2, -3, 3, -1, 0, -2, 4, 4, -1, -20, -17, -3, 4, 32,
    2, -9, -4, -3, 0, 7, -11, 10, -20, -1, 8, 6, 1, -4, -5, 0, 0, 5, -5, 1, -7, 5, 4, -6, 13, 12, 2, -7, 6,
    -4, -17, 1, -3, 6, 3, -3, -2, -8, -15, -5, 32, 6, -9, 6, -9, 16, 24, -3, -17, 0, 10, -8, -8, 0, -1, 27,
    22, -12, -25, 0, -1, 2, -11, 2, -3, -3, -14, 1, -8, 2, 34, -3, -9, 4, -1, 2, 6, 2, -12, -3, 10, -7, -1,
    -1, -11, 4, 14, -5, -14, -10, 36, -1, -10, 26, -19, 10, 9, -6, -33, -13, -4, -5, 6, -1, 1, -10, -13, 2, 4,
    11, -8, 3, 6, 36, -2, -30, -50, 0, -12, 21, -3, 2, 0, 5, 5, -3, 0, -1, -2, -2, -2, -4, -1, 0, 6, 3, -1,
    -2, 0, -2, 1, -3, 3, -3, -2, 0, 0, -3, 0, 2, -2, -2, -1, -14, -11, -53, -43, 68, 29, -23, 9, -6, 24, -13,
    -37, -7, 18, 27, -5, 4, 16, 27, 8, 27, -34, 8, -34, 12, -14, 3, -22, 4, 50, -15, 14, 2, -5, 16, -2, 23,
    -17, -21, -14, -19, 6, 75, 39, -48, -23, -37, 86, 4, -37, -13, -19, 56, 61, -26, -49, -20, 62, 1, -35,
    -25, -9, 91, 92, -20, -58, -29, 33, -29, -45, -17, -18, -35, -72, 32, -5, -19, 84, 29, 7, 10, -24, -3,
    -11, 9, 3, -7, -15, 13, 17, -25, -15, 21, 60, -34, -22, -39, 39, 17, -36, 25, -41, 36, 14, 25, -28, 5, 13,
    -19, -19, 17, -24, -83, -98, 45, 23, 68, -60, 70, 50, 17, -57, -32, -54, -28, 5, 52, 32, 6, 19, -4, 2, 2,
    -7, -7, -2, 1, -3, 0, 1, 2, -4, 1, 2, -2, 6, 3, 13, -2, -3, 1, -3, 2, -3, -3, 3, 4, -3, 1, 4, -31, 52,
    -21, -28, 38, 30, -56, -4, 20, 29, -23, -62, -8, 23, 28, 7, -47, 38, 54, -26, 37, -28, -42, -9, 10, -25,
    23, 19, 8, 20, 20, -24, -35, -30, 52, -6, 50, 5, -42, -46, -28, -22, 90, 4, -9, -4, -35, 70, 12, -38, -62,
    -5, 38, 94, -29, -5, -61, 77, 23, -11, -43, 27, 107, 50, -20, -19, -37, 71, -84, -16, -44, 6, -7, -93, 16,
    -15, -56, 30, 127, 13, -33, -39, 4, 53, 6, -8, -21, -97, 59, 104, -10, 5, -2, -21, -59, -21, -54, 60, 27,
    57, 13, -7, 1, 78, -34, -30, 34, 26, -92, 25, 16, -58, -32, -104, 49, 13, 27, -33, 50, 29, 52, -61, -11,
    -109, 44, 12, 37, -12, 13, 59, -3, -5, 12, -1, -4, -1, -4, 9, 12, 0, 2, 26, -45, -33, 4, 8, -18, 40, -4,
    26, 2, -1, 5, 4, -2, -2, 4, -2, -3, -1, 66, 22, 62, -127, 29, 6, -66, 27, 8, -35, 26, -26, 25, 20, 21,
    -20, -29, -17, 0, -20, -9, 30, -60, 32, -28, -11, -14, -16, -7, 43, -34, 66, 59, 53, 45, -50, -1, -13,
    -87, -77, -12, -20, 55, -49, -8, 27, 73, -2, -51, -53, -80, -60, 26, 100, -78, 34, -29, 9, -9, 15, -15,
    -27, 113, 29, -45, 36, -25, 13, -57, -25, 3, -61, -6, -42, -46, -4, 38, 2, 53, 41, -19, -121, 28, 56, 25,
    18, 32, -44, 70, 58, -20, -40, 38, -1, -97, 42, -38, 113, 3, 8, -29, 93, 18, -23, -76, 8, 47, 36, -93,
    -31, -31, -3, -104, -34, 46, 14, -12, -81, 56, 46, -23, 27, 28, -39, 69, -13, 41, -30, -37, -23, 1, 0, 2,
    -5, -3, -8, 8, -2, 0, 1, -29, -38, 7, -53, 40, 1, -25, 11, 16, 77, 1, -3, 4, 3, 3, 3, 3, 4, -4, 4, 90, 62,
    83, -46, 4, -59, -25, -42, -36, 9, 57, -11, 18, -56, 79, -11, -39, 2, -20, -8, -49, 6, -83, 68, -27, -34,
    27, 2, -2, 16, -58, -9, 52, 54, 28, -106, -65, 12, 21, -26, -50, -53, -34, -14, -7, 26, 93, 60, -56, -9,
    -25, -56, -13, 43, -59, 76, -2, -7, 14, 41, -12, -26, 0, -18, -47, 111, 74, -38, -40, -13, 55, -50, -28,
    29, -28, 31, 63, 13, 11, -29, -16, -121, 6, 45, -8, -2, 28, -22, 51, 59, 10, -34, -30, -19, -71, 70, -1,
    36, 13, -25, -15, 14, -10, -32, 14, 54, 29, -28, -14, -8, -30, 31, 1, 62, 90, -20, -71, 38, -31, -3, 11,
    50, 52, 2, 84, -99, -17, 25, -11, -14, 6, -4, 3, 0, 5, -2, 3, 5, -3, -2, -53, -81, -16, 24, 19, 27, -43,
    20, 73, 28, 5, 2, 1, 5, 1, 0, -3, 4, 3, -3, 41, -50, 27, -10, -8, 9, -14, -9, -29, 3, 30, -2, 3, -16, 34,
    -28, -30, -9, 25, 3, -22, 3, -13, 25, 16, -27, -25, 16, 38, -11, 13, 35, 58, -4, 13, -113, -82, 42, 53,
    -11, -68, -11, -23, -29, 11, 19, 72, 60, 2, -25, 25, -34, -25, -53, -36, 45, 39, -43, 43, 18, -54, -38,
    -48, 4, 3, 67, 71, 2, 8, -21, 76, -32, -30, 18, -32, 20, 11, -27, 26, 8, -40, 12, -24, 36, 40, 21, -13,
    -12, 22, -54, 16, -24, -47, -53, -8, 127, -14, -29, 28, -5, -45, -19, -24, -37, 1, 104, 66, -6, 16, -27,
    46, -2, 37, 13, 50, -69, -78, 23, -44, 22, 20, 23, 42, 20, 3, -63, -54, 19, 5, -31, 2, -6, 2, -4, 2, 0,
    -2, 4, -2, -4, -23, -27, 10, -7, 1, 45, -32, 10, 40, -20, 4, 0, 0, -1, 4, 3, 4, 1, 4, -5, 33, -14, -4, 5,
    -38, -43, 23, 0, -1, 23, 10, 2, 15, -3, 1, -3, 3, -6, -2, 0, -1, -8, -3, -27, 17, 18, -21, 2, 16, -10, 30,
    18, 9, -9, -8, -50, -58, 9, 41, -21, -32, 12, 50, -17, 1, -9, 12, -5, 10, -18, -4, -9, -4, -7, -3, 39, 1,
    -5, 4, -15, -26, -8, -3, -11, 15, 42, 6, -2, -11, -17, 11, -18, 1, -13, -8, 20, -6, -4, 6, 2, -6, -4, -7,
    -14, 37, 30, -10, -9, 4, -23, -5, -17, -16, -18, 11, 47, -23, -7, 10, -16, -31, -8, -22, 1, 19, 65, 12, 0,
    21, -29, 33, -2, -3, -5, -5, -15, -7, 9, 8, 1, 1, 9, 0, 32, 5, -40, -15, 20, -5, -5, -2, 5, -2, 0, 0, -5,
    3, -1, 2, 3, 4, -6, 16, -25, 5, 42, -13, -14, -12, -1, 4, -2, 1, 2, 5, 4, 2, -4, -5, 2, 15, -10, -37, -37,
    14, -7, 47, 0, -16, 3, 17, -4, 6, 3, -3, -11, -8, 1, 16, -5, 25, 1, -14, -8, 0, 3, 5, 1, -11, -1, -13, 13,
    4, 0, -15, 8, -6, -5, 0, -5, -15, 0, 30, 19, 5, 9, -7, -19, 11, -14, -17, -6, 4, 13, -13, -12, -3, 43, 6,
    -5, -3, 12, 7, 14, -4, -19, -11, 15, 0, -17, 0, 3, -1, 8, 2, -1, 4, -12, -4, 4, 6, -6, 9, 7, 4, -3, -6,
    11, 3, -15, -1, -6, 0, -27, 5, -6, -5, 28, 7, 5, 22, -18, 63, -5, -11, 29, -1, -25, -10, -34, 19, -4, -25,
    -7, 4, -7, 8, -20, -9, 28, 63, -1, 11, -49, -22, -3, 31, 1, -9, 10, -2, 3, -2, -4, 0, 0, -1, 5, 1, -2, 2,
    -3, -1, -2, -2, -3, 3, 4, 1, 1, -1, -1, 0, 0, -2, -3, 1, 2, 4, 2, 39, -61, -35, -50, -58, 1, 33, 35, 12,
    19, -31, -12, -15, 76, -29, 30, -2, 55, -4, 21, 40, -19, 35, -96, 57, -43, 39, 7, 7, -25, 17, 11, -15, -5,
    -5, -20, 27, 7, -18, -23, -95, 8, 97, 96, -26, 83, -44, 33, -27, -48, -83, -4, 40, 13, 1, 45, -38, 44, 27,
    -13, -37, -19, 47, 74, 24, 27, -39, 65, -42, -73, 2, -24, -46, -32, 18, 16, 23, -57, 67, 15, 19, 0, 21,
    -20, 4, -13, 15, -46, 20, 41, -33, -26, -50, -66, 58, 40, -44, 40, 39, 35, -11, -23, 50, 52, -10, 17, -14,
    27, -32, -73, 51, -7, -50, -73, 26, -35, 18, -53, 26, 72, 43, -27, 7, -67, 37, -29, 32, -27, -16, 74, 3,
    0, -4, 1, 3, 0, -2, 6, 7, 4, 5, -3, 6, -9, 1, 3, 1, 15, 1, -1, 4, 0, -1, -4, -2, 4, -2, -1, -3, -5, 45,
    46, -69, -15, -53, 38, -25, 25, 19, 5, 22, -50, -56, 87, -63, 23, -18, 51, 42, 16, -3, 39, 90, -70, 2,
    -49, -13, -33, 73, -69, 17, 4, -77, -23, 35, -5, -25, 115, -57, -7, -68, -4, 85, 36, -27, 38, -42, 70,
    -43, -26, -84, -71, 31, 35, 26, 38, -118, 83, -13, 57, -29, 8, 51, 94, -21, 38, -66, 97, -97, -17, -27,
    -65, -11, -63, 56, 4, -21, -39, 118, -3, -12, -17, -10, -10, 35, 8, -16, -57, 62, 48, -75, -54, 22, -32,
    127, 6, -72, -19, 2, 127, -19, 55, 60, 50, -76, 10, 23, 87, -82, -46, 85, -110, -37, -60, 50, 34, 45, -80,
    63, 58, 7, 32, -43, -29, 15, -8, 76, 10, -49, 27, -3, -4, 0, -6, 2, 0, 0, -6, 5, 5, -46, 28, -5, -47, 23,
    31, -42, -25, 3, 66, -4, 4, 2, 2, 1, 3, -2, 3, 1, 2, 88, 91, -68, -66, -6, 19, -33, 13, -17, -14, 7, 66,
    -22, 69, -46, -37, 47, -7, -14, -7, -78, 51, 10, 56, -12, -35, 15, -26, 48, 7, -3, 94, 36, -38, -35, 4,
    -9, 68, -53, -7, -27, -19, 83, -9, 39, 17, 58, -34, -63, -21, -7, -99, 7, 83, -8, -13, -34, -2, -13, 57,
    5, -18, 1, 93, -49, 35, -32, -9, -28, 34, -49, -43, 40, 25, 31, 45, 74, -93, 27, -85, -2, -101, -31, 14,
    41, 5, 36, -30, 32, 8, -65, -71, -52, 29, 51, 24, 5, -14, -60, 64, -22, 48, -6, -19, -16, -11, 1, 49, -73,
    -15, -35, 27, -3, 49, -7, -13, 59, -44, 29, 4, 13, 33, 0, -69, 38, -36, 12, 77, -89, -38, -1, 0, -1, -4,
    3, -2, 0, -5, -1, -1, -13, -110, -28, -56, 80, -14, 2, -30, 68, 101, -2, 5, -4, -4, -4, -4, 1, 3, 5, -1,
    40, 82, -9, -12, -71, 30, -7, -21, -39, -43, 33, -10, 2, -33, 29, -38, -40, 27, 8, 2, -52, -31, -5, 54,
    11, -90, 32, -10, 28, 39, 50, 15, 32, -27, -42, -44, -54, 17, -6, 8, -49, -29, 25, -27, -12, 7, 101, 22,
    -41, 5, 19, -16, -25, 21, -47, 50, 16, 14, 5, -22, -19, -42, -7, 22, -31, 58, 14, -24, 38, -20, -34, -97,
    -7, 109, -66, 64, 73, -31, 30, -108, -31, -89, 46, 87, -14, -49, 38, 25, 88, -38, 5, -57, -13, 17, 0, 37,
    -3, 57, 17, -72, 11, 13, 41, -1, -19, -4, -23, 9, 16, -14, -50, 37, 12, 1, 22, -40, -26, 31, 27, 4, 38,
    95, 29, -52, 8, -49, -54, 4, -58, 37, 4, -4, 4, -1, 5, 3, -2, 1, 4, 2, -9, -94, 12, -29, 67, -62, -4, 28,
    53, 23, -1, -4, -5, -2, 2, 1, 0, 4, -3, 2, 5, -34, -17, 18, -26, 44, 1, -26, -22, 10, 27, -7, 16, -25, 3,
    -33, -17, 23, -13, 7, 39, -25, 41, -44, 20, -70, 15, -21, 72, 10, 68, -43, 39, -20, 15, -86, -50, 15, 36,
    21, -73, 10, 37, -22, 63, -36, -17, 27, -11, 4, 43, -23, -9, -21, -21, 63, -4, -35, -13, -23, -35, -4, 15,
    -9, -19, 33, 14, 15, 47, -38, 7, -18, -46, 40, 1, 30, 4, -3, 30, -59, -12, -12, 56, 49, 13, -69, -16, -5,
    81, -25, 16, -38, 69, -38, 54, 19, -24, -2, -8, -50, -44, -9, 8, 10, -11, 31, -13, -15, 52, -22, -7, -13,
    36, -25, 49, -43, -37, 50, -44, 24, 59, 17, 15, -30, -33, -54, -22, 1, -43, 27, 5, 1, 3, -5, -2, 0, -3, 2,
    -7, 4, -22, -20, 68, -66, 43, -54, 25, 57, 7, -61, -1, 2, 0, -2, -1, -4, -1, 0, -2, 4, 12, -9, -21, 8,
    -15, 18, 14, -6, 4, 12, 2, -6, 12, -9, 1, 2, 1, -3, -8, 1, 11, -5, 43, -9, -13, -9, 9, -3, -9, -10, 56, 0,
    58, -25, -57, -45, 1, -3, 18, -19, 0, 21, 27, -17, 7, -34, -2, -21, 8, -5, 0, -14, 19, -17, -2, 38, -15,
    -8, -6, -6, -29, -1, 5, -6, 15, 30, -16, 1, 13, -10, 25, 2, -3, -12, -9, 2, 9, -5, -4, -11, 5, -3, 19,
    -14, -2, -5, -16, 1, 25, -6, -8, -2, 37, -14, 2, 8, -4, -5, -9, -1, -9, -3, -1, -9, 2, 29, -24, -7, 35, 4,
    41, 4, -9, -4, -15, -14, 3, 4, -4, -3, 57, -13, 14, -29, -33, -44, 32, 9, 15, 12, 0, -1, -2, 0, -3, -2, 1,
    -2, 0, 1, -10, 7, 46, -10, 2, 0, 6, -7, -4, -16, 4, 2, -2, -5, -4, 1, -3, 0, 1, 4, 1, -7, 6, -11, -1, -18,
    43, -1, -7, -4, 45, -12, 30, 5, -12, 19, 3, -23, -23, -24, 23, -2, 12, -7, -4, -8, 3, -7, -6, -11, -6, 23,
    -4, -4, -4, -1, -2, 1, 8, 8, 7, -4, -1, 21, -10, 9, -1, -2, 6, -14, 3, 1, -1, -11, 12, 1, -11, 21, 2, -10,
    13, 12, 24, -24, 0, 20, 0, 18, -19, -29, 1, -7, 4, 26, -6, 9, -4, -7, -9, -8, 3, 7, 10, -10, 6, -4, 2, 3,
    -2, -8, 9, 0, -3, 13, 17, 8, 4, -7, -13, -24, -8, 19, 21, 28, -9, 22, -16, -11, -5, -19, 22, -1, -13, 3,
    7, -8, 1, -10, -6, 13, 34, -24, 36, -32, -18, -5, 9, -15, 6, -15, -2, -2, -2, 3, 3, -1, 3, -5, -4, 5, 2,
    5, 1, 1, -4, 2, -4, 4, 1, -1, 2, 2, -3, 0, -3, 1, 4, 0, -3, 0, 21, -47, 26, -21, -38, -57, 43, -2, -13,
    -20, -42, -20, -16, 43, -25, 76, 11, 27, 2, -10, 10, -4, 81, -78, 21, -27, 27, -21, 22, -56, 4, 20, -6,
    -24, -18, -1, 13, 48, -6, -4, -53, 48, -29, 65, 11, 55, -36, 12, -61, 5, -38, 9, -26, -9, 57, 47, -37,
    -21, -14, -3, -44, 13, -13, 61, 19, 27, -11, 70, -35, -65, -15, -25, -35, 16, 13, 51, -15, -41, 13, 20,
    30, -5, -3, -35, -8, -22, 17, 3, 46, -9, 51, -3, -9, 21, 34, 8, 13, -36, -39, 11, -70, 49, 15, 9, -10, 28,
    -70, 81, -17, 14, 27, -42, -16, -30, 0, -33, 30, -30, 38, 18, 52, -14, 82, -59, -10, -60, -15, -6, 43,
    -21, 7, -5, -6, 3, 6, 4, -1, 1, -6, 1, 10, -5, 2, -3, 4, -8, -1, -2, -5, 0, 3, -1, -5, 1, -3, -4, 1, 3,
    -2, 2, 69, 0, -61, -29, -18, 3, 34, -4, 9, -17, 1, -43, -22, 72, -79, 43, -8, 47, -15, 0, -52, -6, 102,
    -60, 14, -45, 19, -3, 106, -48, 7, 86, -22, -36, -20, 14, -22, 85, 10, -66, -16, 86, 0, 70, -3, 53, -86,
    -11, -115, 56, -85, -24, -24, 48, 92, 61, -127, 18, -35, 82, -29, 28, 28, 73, -27, 33, -49, 47, -61, -2,
    8, -62, -5, -8, 33, 67, 13, -17, 38, 13, 27, -62, 26, -38, 57, -43, -8, -39, 65, 26, 10, -30, -13, -1, 70,
    -21, -51, 25, -39, 109, -46, 31, 49, 3, -16, 38, -69, 51, -69, -17, 109, -84, 53, -69, -2, -32, 59, -13,
    26, -16, -15, 24, 69, -73, -9, -46, 7, 25, 43, -15, -5, 7, -5, 4, -3, 4, -9, -3, -1, 1, -5, 22, 54, -17,
    -7, -13, -11, -36, 17, 51, 3, 1, 4, 0, 1, 2, 1, 4, -4, -4, 24, 71, -52, -14, 17, 0, 1, -38, -3, 16, 13,
    11, -47, 56, -56, 22, 48, -47, 7, 18, -8, -35, 63, 38, 13, -7, 8, -33, 12, -36, 6, 72, -50, -14, -18, 13,
    -52, 35, -29, 48, 26, 19, 25, 1, -17, 20, -13, -6, -37, -3, -84, -22, -13, 67, 41, 7, -54, -31, -10, 58,
    42, 23, 15, 86, -72, 11, 36, -95, 2, -2, -15, -89, 59, 65, -6, 50, 36, -86, -2, -56, -7, -49, 21, 12, -17,
    19, 11, -77, 38, 38, -2, -8, -22, -4, 33, -6, 64, -17, -39, 14, -20, 22, 27, -10, -22, 18, -40, 97, -34,
    3, -5, 29, 80, -23, -28, -36, 55, -27, 65, -116, 69, 44, 14, -66, -26, -17, 2, 23, -52, -46, 1, 0, -1, 3,
    -7, -3, 1, -4, 4, 5, 12, -81, 35, -33, 45, -14, 6, -19, 32, 41, -3, 1, 0, 4, 3, -1, 0, 2, 1, 0, 8, -15,
    -11, -14, -37, 47, 12, -55, 22, -14, 7, -7, 16, -20, -27, 12, 19, 0, 19, -3, 38, -77, -10, 25, -15, -1,
    -12, 25, -48, 10, 84, -60, -25, 18, -6, 24, 40, -22, -16, 44, 12, 62, 45, -39, -2, -3, 19, -12, -75, 15,
    3, -2, -5, 39, -15, 13, -7, -27, 57, 6, 25, 4, -4, -18, -43, 1, 57, -35, 12, -47, -114, -18, 25, 68, -33,
    59, 45, -11, 42, -111, -13, -27, 46, 33, 5, -25, 30, -8, 57, -84, -19, 33, 51, -32, 28, -13, 26, 38, -24,
    -49, 38, 0, -15, -44, -29, -14, -10, 55, -7, -3, -127, 107, 51, -25, -9, -32, 9, 12, -34, -12, 24, 32,
    -37, 26, -51, 4, -13, 10, -45, 39, -2, -2, -1, -3, 2, 3, 1, 3, 0, 1, -11, 46, -53, -26, 45, -21, 34, 26,
    -26, -26, -1, 5, -3, 0, 4, 4, 2, -1, 3, 2, -32, -11, -9, 40, -21, 26, 25, -48, 27, 3, -1, -1, 33, -8, -9,
    -3, -10, -15, 5, 12, 34, -20, -4, 16, 1, -2, -10, 9, -12, 4, 3, -72, -7, 20, 3, -2, 8, 42, -17, 24, -5,
    29, 80, -34, 28, -33, -11, 29, -66, 20, 6, 2, 70, -19, 5, -1, -7, 12, 32, -58, 41, 4, 69, -48, 10, -29,
    34, 5, -38, -48, -55, 12, 24, 6, 12, 33, 2, -8, 16, -19, 24, -17, 66, -23, -3, -25, 45, 4, -5, -24, 5, 45,
    127, -86, 42, -18, -22, 29, -33, -60, 45, -18, 7, -47, 33, -40, 3, 45, 1, -30, -36, -25, 30, -8, 38, -9,
    -31, 32, -56, 56, 64, -54, -26, 7, -15, 18, 36, 32, -47, 20, 0, -2, -2, 5, -2, 2, 2, -4, -1, 0, 32, 20, 5,
    -33, 41, -31, 10, 50, -41, -21, 1, -5, -2, -1, -1, 4, -3, -1, 1, 2, -27, -11, -32, 21, -9, 24, -2, -12,
    34, 11, 4, 6, 4, -1, -6, 0, -4, -6, -6, 6, 2, -3, 3, 8, -8, -2, 12, -13, -13, -10, 34, 7, 6, 27, -41, 17,
    -2, -18, 15, -26, 5, 5, 38, -23, -4, -14, 15, 1, -18, 4, 3, 7, 46, -21, 2, 0, -2, -12, 3, -12, 19, 8, 29,
    -34, 1, -16, 6, -9, -7, -10, 7, 20, 6, -6, -7, 10, 14, -19, -4, -8, 26, 8, 26, -10, -15, -5, 16, -9, -17,
    -16, -2, 13, 46, -25, 0, -12, 4, -6, -5, -18, 10, 6, 55, -27, -8, -14, 4, -2, 3, -9, 19, 0, -17, 6, -8,
    20, -11, -6, -9, 1, 51, -29, -27, 26, -14, -3, 26, 12, 0, 2, -3, -1, -4, 0, -3, -4, -3, -2, 0, 2, -8, -2,
    12, -26, 6, 0, 24, -1, -15, -2, 1, -2, 1, -3, -3, 2, 0, 4, -1, 2, 24, -13, 32, -3, -4, 4, 17, -15, -1, -7,
    8, 12, 13, 1, 6, 21, 16, -18, -5, -11, 4, 1, 17, 6, -2, -6, -5, -6, -13, -7, -1, 19, 1, -7, -9, -4, 1, -1,
    1, 1, 9, -3, -17, 10, 1, -6, 4, -4, -6, -15, 21, 1, 17, -16, 6, 1, 12, -12, -9, -22, 20, 13, 19, -1, 2, 1,
    0, -12, -10, -6, -1, 0, 2, 19, -3, -2, 0, -1, 0, 0, 7, -4, 2, -1, -2, -4, 2, 1, -3, -1, 17, 4, 18, 13, -3,
    -6, 5, -28, -2, -28, -17, -1, -11, 14, -14, 1, -8, 16, -5, 26, 2, -1, 4, -2, -5, 1, -3, -2, -3, 2, 1, 0,
    19, -5, -3, 1, -4, 9, -9, -6, 0, 0, 2, 4, 1, -3, 1, -3, 3, 1, -3, 1, 1, -5, 4, 0, 3, -4, 5, 4, 2, -3, -4,
    -3, -2, 4, 4, -3, 5, 3, 53, 19, 36, -18, -47, -9, 87, -49, -18, -56, -21, 25, -13, 14, -3, 45, -33, -42,
    4, 17, -27, 2, 26, -5, -8, -1, -22, 34, -20, 7, -3, 23, 21, -31, -11, 13, -8, 14, -11, 6, 8, -24, -21, 42,
    -1, 23, 16, -19, -7, -8, 23, 13, -24, 16, 36, -3, 1, -41, -7, -13, -20, 43, 3, -34, 31, 37, -43, 10, -9,
    -11, 7, -15, -14, 20, -9, 40, 18, -45, 19, -1, 17, -3, 14, -30, 12, -2, -14, 6, 7, -15, 22, 55, -38, 27,
    1, 15, 10, -81, -12, -5, -45, 48, -13, 8, 8, 43, -40, -8, -39, 40, 50, -22, 40, -42, -23, -13, 2, -23, 36,
    -28, -20, 51, 26, -29, 2, -44, -17, 22, 22, -11, -6, -2, -9, -1, -1, -1, -2, 0, -2, -1, -2, -3, 22, 7, 3,
    0, 0, -10, -21, 7, -2, -2, 0, -1, -3, 2, -1, 1, 4, 0, 78, 13, 2, -120, 2, -53, 56, 0, 48, -55, -22, 32,
    -24, 9, -12, 42, -39, -28, 3, 37, -14, 13, 53, 13, 9, 8, -23, 4, -46, -31, -50, 81, -58, -42, 18, 34, -35,
    66, -49, 39, 0, 34, -47, 28, -25, 42, -2, -21, -50, 28, -37, -15, -12, 57, -25, 20, -34, -41, -11, 30, 19,
    -30, 4, 11, 17, 21, -3, -20, 22, 11, 43, -54, -28, 15, -29, 48, 9, -50, -4, 24, 3, -62, 46, -3, -9, -29,
    -4, -5, 89, -4, 6, 31, -18, 44, -1, 38, 6, -77, -7, 8, -61, 37, 71, 29, -15, 46, -66, 30, -98, 41, 66,
    -26, 50, -40, -25, -54, 36, -1, 34, -54, -24, 43, 28, -33, 12, -46, -14, 26, 45, 12, 1, 6, -9, 0, -3, -4,
    3, -1, 1, 2, 59, -41, -19, 35, -53, 7, 14, -46, 39, -29, -1, 1, 0, -3, -1, 4, -4, 2, -3, 2, -76, 82, -48,
    -68, 54, -66, -47, 72, 9, 60, -33, 24, -33, 17, 15, 18, -34, 30, 7, 59, -2, -25, 60, 64, -8, 66, -21, -37,
    -62, -38, -70, 34, -127, -14, 66, 47, -47, 85, 9, 58, -1, 14, 0, -6, -8, 17, -21, -10, -21, 24, -25, 48,
    18, 76, -39, 39, 9, -75, -2, -14, 25, -41, 1, 19, 11, 21, 33, -17, 23, -37, 89, -33, 27, 20, -35, 24, 14,
    -55, -21, -18, -3, -45, 27, 5, -5, -8, -2, -7, 46, -7, 8, 52, -20, 2, -26, -9, 10, -50, 5, -36, 46, 28,
    10, 25, -49, 1, 13, -16, -44, 0, -3, 53, 64, -105, -30, -60, 14, 36, 23, 1, -65, 53, -74, -35, 41, -3,
    -21, 58, 17, 40, 3, -2, -5, -2, -4, 2, 3, 3, 0, 4, 44, -49, 38, 5, -57, 15, 44, -65, 61, -24, 4, 3, 2, -3,
    -4, 0, -3, 3, 3, -5, -125, 31, 22, -24, 53, 6, -60, 42, -4, 70, -32, 17, 15, -26, 29, -30, -12, 2, 12, 33,
    -3, -67, 12, 85, -40, 78, -23, -21, 1, 2, -24, -53, -69, 40, 19, 51, -33, 18, 70, 14, 13, 8, 50, -12, 3,
    -12, -12, -30, -19, 30, 37, 30, 35, 5, -17, -3, 66, -60, 5, -52, 49, 5, 38, -39, 11, -9, 20, -34, 4, -18,
    -47, 62, 99, 4, -6, 10, 9, -57, -14, -12, 11, -36, 46, -1, -26, 37, 38, -15, 1, -20, 38, 43, 30, -58, 10,
    -46, 24, -3, 5, -29, 98, -5, -23, 14, -41, 12, 57, -12, -21, -53, -107, 55, 44, -36, 38, -45, -20, 92,
    -31, 44, -34, -7, -76, 53, -16, 19, 15, 17, 42, 15, -2, 2, 7, 2, 4, 5, 3, -2, -3, -1, 58, -8, -14, 0, -58,
    -3, 42, -81, 68, -11, -1, -4, 2, -1, 2, 1, 3, -3, -1, -2, -75, 18, 25, 29, -5, 18, -22, -4, -4, 26, -19,
    -3, 22, -5, 19, -12, -16, -1, 2, 29, 12, -22, -34, 53, -28, 42, 20, -42, 16, -33, 11, -58, -39, 47, -13,
    33, 0, 13, 53, -3, 9, -15, 27, 1, 1, 12, 6, -30, 11, 0, 15, 5, 86, -59, 18, -17, 24, -20, -46, -20, 26,
    -4, 20, -22, 26, -21, 14, -42, -14, 5, -42, 11, 75, -20, 23, -19, -11, -39, -8, 15, 1, -29, 4, 29, -13,
    29, -5, -8, 4, -4, -26, 35, 78, -59, 30, -44, 15, 0, -40, 5, 23, 0, 40, -28, 22, -29, 28, 38, -27, -31,
    -60, -6, -9, 5, 9, -15, -22, 27, 1, 57, -15, -39, -35, 55, -9, 41, 2, 17, 13, 11, 0, -3, -3, 7, 3, -4, 0,
    3, 3, 2, -2, 8, -3, -2, -1, 15, 28, -59, 1, -14, -3, 3, -3, -1, -4, -1, 2, -1, 2, 2, -22, 2, -15, 16, 9,
    4, -1, -3, 0, 15, -9, 11, 5, 1, -3, -1, -4, -3, -3, 0, 3, 4, 10, 2, 2, 6, 1, -8, -10, -3, 5, -7, -30, 33,
    -21, 47, 5, -22, 5, -6, 8, -9, 2, 17, -10, 1, 1, -10, 7, -10, 7, 6, 38, -18, 5, -8, -6, -8, -7, 11, 6, 13,
    21, -7, 0, -5, -9, -10, -3, 2, 3, -1, 7, -1, 0, 6, -4, -9, -2, 4, 9, -8, 10, 4, -12, 8, 5, -8, -9, -6, -2,
    -4, 21, -4, -2, 2, -3, -6, -6, 7, 8, -8, 38, -17, 8, -15, 8, -12, -13, -4, -2, 0, -1, 8, -8, 14, -6, -5,
    -3, -2, -9, -26, -46, 43, -6, 18, 7, -11, 32, -8, -1, 0, -2, -4, -4, 0, 4, -4, 3, 0, -7, -6, 14, -10, 20,
    -8, -2, -4, 2, 11, 3, 4, 2, -3, -3, 0, 3, 0, 1, 2, 2, -1, 5, -2, -6, 4, -3, -7, -5, -4, 2, 2, 7, -8, -1,
    -11, -2, 1, 1, 1, -5, -6, -2, 7, -3, 1, -4, 0, -3, -3, 2, 23, 10, -9, -11, 1, -2, -7, 6, -9, 9, 4, 1, -11,
    -8, -10, 0, -8, 8, 1, 7, 3, 23, -2, 2, -9, 2, -11, -11, -3, 3, 6, -1, -1, -2, -7, -5, -3, -8, 1, -2, 1, 4,
    5, 2, -2, 2, 1, 2, 5, 6, -3, 8, 6, 2, 0, 3, 2, 1, -2, 0, -7, -3, 11, -5, 5, 1, -4, -11, 2, -1, 3, -3, 5,
    -7, 0, -7, -8, -5, 18, -2, 3, 1, -4, 4, 5, 0, 4, 0, 6, -1, -1, -2, 0, -6, 9, -2, 6, 0, -3, 2, 2, -4, 0, 0,
    5, 0, 2, -2, -1, 0, 1, 0, 4, 0, 0, 1, -2, -2, 1, 3, -3, 4, 3, 3, -1, -1, 0, 2, 2, -2, 17, -5, 7, -12, 9,
    0, -21, 34, -21, -11, -8, -30, 16, 16, 22, -3, 1, -5, 18, -8, -2, -1, 15, -1, 4, 1, 9, -15, 14, -1, 23,
    -6, -23, 6, -12, -6, 17, -5, 14, -1, 5, -12, -4, 8, -9, 14, -12, 7, -9, 22, -18, 19, 8, -28, -6, -6, -40,
    -9, -11, -11, 1, -9, -7, 6, -9, -12, 21, -3, 47, -8, 2, -2, 7, -6, 2, -2, -4, -3, -3, 1, 13, -10, 5, -3,
    -1, -3, 19, -27, 8, 24, -9, 8, 44, -30, 20, -2, -47, -9, -19, 18, -6, 9, -14, -13, -12, -12, 2, -18, 23,
    -8, 0, -1, -6, -3, -4, -6, 13, 0, 4, -7, -5, -2, -3, -2, -2, 2, 2, -4, 6, 3, -7, 3, -5, -1, -1, -2, -1,
    -2, 2, 2, 1, 0, 4, 2, -2, -4, 4, -8, -1, -1, 1, 0, 4, -3, -2, -2, -4, -3, 2, -18, 38, -14, -8, -1, -13, 1,
    9, 32, -16, -29, 23, -57, 2, -12, 21, -28, -2, -19, 38, -13, 5, -7, 43, -15, 13, -9, 5, -17, 14, -27, 64,
    -51, -44, 19, -14, -9, 50, -30, 45, -3, 44, -26, -30, 6, -21, -13, 18, -6, 17, 43, 25, 40, 45, -48, 2, 24,
    -60, 12, -33, -38, 18, -21, 31, 9, 12, -11, -3, 6, 19, -5, 5, -6, 33, -12, 9, -3, -19, 13, -9, -2, 20,
    -40, 25, 5, 14, -15, 44, -47, 19, 37, -5, 10, 43, -59, 47, 5, -68, 5, -33, 19, 17, 19, -5, 8, -15, -9, 4,
    -27, 2, -5, 8, -9, 7, -15, -4, -4, 20, -1, 19, -18, 17, -28, -2, -8, -7, -8, 56, -30, 43, 0, 2, -2, 2, 0,
    -2, 3, -1, 0, -2, 5, 7, 9, 14, -16, 5, -1, -31, 17, -22, -1, -3, 3, -4, 1, 3, -4, 2, -2, -4, -61, 28, -17,
    -5, 21, -16, -2, 50, -22, 43, -56, 26, -43, 9, 37, 10, -18, 44, -21, 46, -11, -7, -5, 75, -31, 23, -2, 0,
    1, -12, -80, 33, -59, 7, 56, -22, -42, 61, -10, 87, -28, 22, -30, -25, 50, -12, -20, 29, -18, 36, 56, 34,
    -13, -34, -40, 29, 49, -13, 0, -44, -56, 20, -59, -11, 40, -1, -23, 28, 3, 33, -7, 12, 7, 20, -9, 1, 3,
    -22, 6, -4, -2, 8, 3, 45, -19, 28, -19, -30, -6, -4, 44, 39, 21, 15, -60, 24, 8, -65, -7, -27, -7, 49,
    -16, 7, 13, -6, -17, -5, -11, -8, -22, 5, 0, -4, -15, -8, -4, 33, -2, 23, -50, 22, -63, -4, 14, -1, -16,
    70, -13, 49, -2, -2, -2, 2, -5, 1, 1, 6, -6, 2, 14, 1, -3, 10, -21, 48, 4, -39, 48, -54, -3, 1, -2, 2, 3,
    2, 0, -4, -3, 2, -50, -9, 6, 1, -3, -13, -7, 45, -10, 65, -45, -1, 9, 0, 28, -27, -11, 18, -12, 54, -10,
    -14, -11, 47, -19, 14, -7, -7, 10, -11, -79, 26, -19, 30, 28, -6, -31, 62, -7, 30, -27, 9, -32, -5, 36, 2,
    -12, 30, 14, 15, 50, 40, 21, -41, 16, -18, 20, -11, 22, 0, -38, -11, 0, 5, 47, -8, -13, 30, -9, 32, -19,
    7, 14, 4, -8, -7, -10, 14, -2, 17, 25, -36, 6, 51, -30, 36, 6, -23, -16, -32, -17, 28, 24, 20, 3, -10, 10,
    -54, 18, -8, -23, 12, 12, -3, 46, 2, -6, -11, -4, 9, -25, 2, -7, -5, -20, -1, -6, 33, 0, 25, -73, 27, -59,
    -9, -5, 8, -13, 51, 16, 20, -4, 1, 0, -5, 1, 1, -3, 0, -3, -1, 10, 2, 15, 31, -28, 13, -9, -26, 42, -37,
    -4, -2, 1, -2, 4, -2, -1, -1, -3, -1, -19, 8, 8, 1, -4, -12, -1, 6, -15, 20, -9, 3, 5, -6, 6, 1, -3, 0,
    -7, 14, -7, 4, 1, 2, -2, 10, 1, -9, 4, 1, -50, 8, -16, 42, -4, 1, -3, 13, 13, 13, 3, 1, 0, 6, -2, 3, -7,
    2, 10, 5, -14, 16, 31, -36, 40, -9, -4, -21, 0, 27, -20, -6, -11, -6, 16, -5, -10, -33, 38, 27, -12, -6,
    -1, -1, -4, 2, -7, 7, -8, 26, 14, -15, -14, 38, -11, 26, -2, -31, 1, -9, -41, 0, 40, -4, 17, -15, -7, -20,
    2, 21, -10, -2, 52, -19, 40, -20, 23, -48, 27, 13, -24, 0, -8, 2, -8, -4, -8, 11, -2, 17, -34, -4, -14,
    20, -9, 11, -1, 37, -9, -7, -3, -1, 1, 0, 0, 0, 3, -2, -2, 1, -14, -2, 0, 4, -13, 9, -4, 10, -1, 10, 2,
    -2, 2, -1, 2, -4, 4, 1, -2, -1, -9, 2, -5, -6, -1, 1, -1, 0, 3, 3, 1, 5, 1, 0, -8, -2, -1, -4, -6, -2, -4,
    -3, -1, 1, -1, -1, 2, -2, 0, 3, 0, 11, 17, -3, -9, 16, -6, -6, -3, 8, -3, 5, -7, 8, -2, -3, -2, -16, 11,
    10, -5, -10, 19, -8, 7, -2, -12, -7, -13, 16, 2, 3, -17, -4, 2, 10, -1, -8, 3, 0, -6, -4, 1, -5, -3, 4,
    -2, -1, 0, 4, -4, 1, 7, -1, 2, 7, -4, -7, 4, -1, -7, 3, 11, -2, 9, 1, -4, -8, -2, 9, -17, -8, 9, -2, 12,
    -1, -11, -21, -3, 31, 1, 0, -3, -4, 1, 0, 2, -1, -5, 6, -14, -2, -17, 7, -3, 6, -6, -1, 13, 12, 1, 3, 3,
    4, 2, 3, 4, -3, 1, -1, 2, 0, -3, -4, 3, -2, 3, 0, 0, 1
};
static EDGEDIGITS_CONST int32_t head_0_bias[10] = {
    -581, 2249, 411, -1403, -620, 306, -234, 447, -605, -7
};
static EDGEDIGITS_CONST uint16_t head_0_multiplier[10] = {
    64021, 56636, 54886, 56452, 64018, 65065, 34713, 60117, 56732, 60663
};
static EDGEDIGITS_CONST uint8_t head_0_shift[10] = {
    13, 13, 13, 13, 13, 13, 12, 13, 13, 13
};
static const dense_layer head_0 = {
    784, 10, 0,
    head_0_weight,
    {head_0_bias, head_0_multiplier, head_0_shift, 0, -2147483647, 2147483647}
};

void cnn_int8_scores(const uint8_t *image, int32_t *scores, void *scratch)
{
    uint8_t *const values = (uint8_t *)scratch;
    convolve(&features_0, image, values + 0, 0);
    convolve(&features_3, values + 0, values + 1568, 0);
    dense(&head_0, values + 1568, values, scores);
}

const char *const cnn_int8_labels[CNN_INT8_CLASSES] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
};

const char cnn_int8_contract[] =
    "{\"format\":\"c-int8\",\"labels\":[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],"
    "\"checkpoint_sha256\":\"e3b5b9b48e334559ea971732f8dfbcc96feda2d669b4b62ae1261e13db63a138\","
    "\"dataset\":\"mnist\",\"test_accuracy\":0.9903,\"input\":{\"name\":\"image\",\"dtype\":\"uint8\","
    "\"shape\":[\"batch\",28,28]},\"outputs\":[{\"name\":\"logits\",\"dtype\":\"float32\",\"shape\":[\"batch\","
    "10]},{\"name\":\"probabilities\",\"dtype\":\"float32\",\"shape\":[\"batch\",10]}],\"polarity\":\"background 0,"
    " ink 255\",\"range\":[0,255],\"version\":1,"
    "\"source_sha256\":\"5a4fe2af6380b8ba280c60f37e4414e4e4f39ba3a22e423d06f04596510a2fcc\"}";

#ifdef __cplusplus
}
#endif
