/* small_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[SMALL_INT8_SCRATCH_BYTES / 4];
 *     int32_t scores[SMALL_INT8_CLASSES];
 *     small_int8_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits in steps of 1.52587890625e-05
 * size     1,162 bytes of tables, 520 of scratch; 12,040 products an image
 *
 * Values are bytes that stand for scale * (value - zero). A layer's sums, 32 bits, become values by
 * clip(floor(sum * multiplier / 2^shift + 1/2) + zero, low, high). The layers, as they are computed:
 *
{"unit": 1.52587890625e-05, "steps": [
{"kind": "convolve", "name": "stem", "reads": [0], "plane": [6, 6, 10], "seen": [28, 28, 1], "kernel": [5, 5], "stride": [4, 4], "padding": [0, 0], "dilation": [1, 1], "groups": 1, "bits": 4, "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "convolve", "name": "depth", "reads": [1], "plane": [4, 4, 10], "seen": [6, 6, 10], "kernel": [3, 3], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 10, "bits": 2, "zeros": [0], "zero": 226, "low": 0, "high": 255},
{"kind": "dense", "name": "head", "reads": [2], "plane": [1, 1, 10], "seen": 160, "bits": 4, "zeros": [226], "zero": 0, "low": -2147483647, "high": 2147483647}
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
#define SMALL_INT8_SCRATCH_BYTES 520

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

#define BLOCK 10
typedef int16_t extent;

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

/* Adds values, each times its row of weights: one for each of `outputs` sums, and a row begins with a byte. */
typedef void adding(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                    int32_t outputs);

/* A layer whose weights are packed: a convolution, in groups of channels or not; a product with a matrix is one of a
   single place. Of each pool_height by pool_width sums, the largest becomes a value. Weights: group by group a block of
   outputs after the other, in each a row for each input channel of each place of the kernel. */
typedef struct {
    extent height, width, channels;                /* what it reads */
    extent rows, columns, outputs;                 /* what it gives */
    extent kernel_height, kernel_width;
    extent stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
    extent pool_height, pool_width;
    extent groups, inputs, run;                    /* channels that a group reads; places of the kernel side by side */
    extent apart;                                  /* 1: each output reads a channel of its own, and a row one place */
    extent zero, bits;
    const uint8_t *weights;
    adding *add;
    scaling to;
} packed_layer;

/* The sums of one place: of each row of the kernel, what lies inside the image, run by run. */
static void add_window(int32_t *sums, const packed_layer *layer, const uint8_t *values, int32_t top, int32_t left,
                       const uint8_t *weights, int32_t outputs, int32_t stride)
{
    int32_t row, column;
    for (row = 0; row < layer->kernel_height; row++) {
        const int32_t y = top + row * layer->dilation_y;
        for (column = 0; column < layer->kernel_width; column += layer->run) {
            const int32_t x = left + column * layer->dilation_x, from = x < 0 ? -x : 0;
            const int32_t to = smaller(layer->run, layer->width - x);
            if (y >= 0 && y < layer->height && from < to) {
                layer->add(sums, values + (y * layer->width + x + from) * layer->channels, (to - from) * layer->inputs,
                           layer->zero, weights + from * layer->inputs * stride, outputs);
            }
            weights += layer->run * layer->inputs * stride;
        }
    }
}

/* Of the sums of a window of places, the largest. */
static void sum_pool(int32_t *largest, const packed_layer *layer, const uint8_t *values, int32_t y, int32_t x,
                     const int32_t *bias, const uint8_t *weights, int32_t count, int32_t stride)
{
    int32_t row, column, i, sums[BLOCK];
    for (row = 0; row < layer->pool_height; row++) {
        for (column = 0; column < layer->pool_width; column++) {
            begin(sums, bias, count);
            add_window(sums, layer, values, (y + row) * layer->stride_y - layer->padding_y,
                       (x + column) * layer->stride_x - layer->padding_x, weights, count, stride);
            for (i = 0; i < count; i++) {
                largest[i] = (row == 0 && column == 0) || sums[i] > largest[i] ? sums[i] : largest[i];
            }
        }
    }
}

static void multiply_packed(const packed_layer *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    const int32_t outputs = layer->outputs / layer->groups;
    const int32_t taps = layer->kernel_height * layer->kernel_width * layer->inputs;
    int32_t y, x, group, first, largest[BLOCK];
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++, result += layer->outputs) {
            const uint8_t *weights = layer->weights;
            for (group = 0; group < layer->groups; group++) {
                for (first = 0; first < outputs; first += BLOCK) {
                    const int32_t count = smaller(BLOCK, outputs - first), stride = (count * layer->bits + 7) / 8;
                    const int32_t at = group * outputs + first;
                    sum_pool(largest, layer, values + group * layer->inputs + first * layer->apart,
                             y * layer->pool_height, x * layer->pool_width, layer->to.bias + at, weights, count, stride);
                    finish(&layer->to, largest, at, count, result, scores);
                    weights += taps * stride;
                }
            }
        }
    }
}

/* Up to eight weights of 2 bits, the lowest first. */
static uint32_t some_2(const uint8_t *row, int32_t count)
{
    uint32_t found = 0;
    int32_t i;
    for (i = 0; i * 8 < count * 2; i++) {
        found |= (uint32_t)EDGEDIGITS_UINT8(row + i) << 8 * i;
    }
    return found;
}

static inline int32_t weight_2(uint32_t row)
{
    return (int32_t)((row & 3) ^ 2) - 2;
}

/* A row where each output reads a value of its own. */
static void add_each_2(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    uint32_t rest = 0;
    int32_t o;
    for (o = 0; o < count * outputs; o++, rest >>= 2) {
        if (o % 8 == 0) {
            rest = some_2(row + o / 8 * 2, smaller(8, outputs - o));
        }
        sums[o] += (values[o] - zero) * weight_2(rest);
    }
}

/* Up to eight weights of 4 bits, the lowest first. */
static uint32_t some_4(const uint8_t *row, int32_t count)
{
    uint32_t found = 0;
    int32_t i;
    for (i = 0; i * 8 < count * 4; i++) {
        found |= (uint32_t)EDGEDIGITS_UINT8(row + i) << 8 * i;
    }
    return found;
}

static inline int32_t weight_4(uint32_t row)
{
    return (int32_t)((row & 15) ^ 8) - 8;
}

/* Eight weights, which are 4 bytes. */
static inline uint32_t eight_4(const uint8_t *row)
{
    return (uint32_t)EDGEDIGITS_UINT8(row)
        | (uint32_t)EDGEDIGITS_UINT8(row + 1) << 8
        | (uint32_t)EDGEDIGITS_UINT8(row + 2) << 16
        | (uint32_t)EDGEDIGITS_UINT8(row + 3) << 24;
}

static void add_rows_4(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    const int32_t stride = (outputs * 4 + 7) / 8;
    int32_t i, o;
    for (i = 0; i < count; i++, row += stride) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            const uint8_t *at = row;
            for (o = 0; o + 8 <= outputs; o += 8, at += 4) {
                const uint32_t eight = eight_4(at);
                sums[o] += value * weight_4(eight);
                sums[o + 1] += value * weight_4(eight >> 4);
                sums[o + 2] += value * weight_4(eight >> 2 * 4);
                sums[o + 3] += value * weight_4(eight >> 3 * 4);
                sums[o + 4] += value * weight_4(eight >> 4 * 4);
                sums[o + 5] += value * weight_4(eight >> 5 * 4);
                sums[o + 6] += value * weight_4(eight >> 6 * 4);
                sums[o + 7] += value * weight_4(eight >> 7 * 4);
            }
            if (o < outputs) {
                uint32_t rest = some_4(at, outputs - o);
                for (; o < outputs; o++, rest >>= 4) {
                    sums[o] += value * weight_4(rest);
                }
            }
        }
    }
}

static EDGEDIGITS_CONST uint8_t stem_weight[125] = {
    28, 236, 155, 194, 11, 208, 108, 150, 43, 85, 103, 2, 250, 157, 252, 45, 238, 183, 13, 183, 30, 250, 126,
    177, 33, 182, 251, 74, 6, 226, 103, 96, 233, 174, 228, 185, 69, 32, 2, 148, 116, 145, 5, 250, 201, 97,
    231, 30, 163, 158, 83, 161, 191, 34, 206, 74, 172, 149, 225, 96, 180, 145, 10, 254, 240, 203, 59, 85, 242,
    109, 61, 174, 122, 231, 37, 189, 5, 192, 37, 223, 112, 170, 25, 177, 210, 86, 2, 171, 53, 246, 161, 1,
    251, 20, 251, 37, 50, 122, 23, 250, 60, 103, 148, 150, 112, 21, 149, 46, 174, 160, 255, 35, 83, 95, 233,
    126, 185, 48, 201, 57, 14, 147, 144, 209, 160
};
static EDGEDIGITS_CONST int32_t stem_bias[10] = {
    2812, -642, 15672, -14906, 11582, 11676, -9016, 2719, -8775, 24456
};
static EDGEDIGITS_CONST uint16_t stem_multiplier[10] = {
    37235, 62786, 35289, 64136, 36035, 37880, 38407, 62274, 49102, 49747
};
static EDGEDIGITS_CONST uint8_t stem_shift[10] = {
    24, 25, 24, 25, 24, 24, 24, 25, 24, 24
};
static const packed_layer stem = {
    28, 28, 1,
    6, 6, 10,
    5, 5,
    4, 4, 0, 0, 1, 1,
    1, 1,
    1, 1, 5,
    0,
    0, 4,
    stem_weight, add_rows_4,
    {stem_bias, stem_multiplier, stem_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST uint8_t depth_weight[27] = {
    23, 19, 15, 112, 119, 1, 83, 95, 0, 199, 119, 0, 29, 3, 7, 243, 215, 13, 112, 15, 4, 3, 67, 0, 127, 81, 0
};
static EDGEDIGITS_CONST int32_t depth_bias[10] = {
    2613, -507, -2241, -1008, 394, -2308, -1989, 1870, 706, -775
};
static EDGEDIGITS_CONST uint16_t depth_multiplier[10] = {
    55760, 57550, 56227, 36970, 48209, 43209, 59186, 33391, 39727, 39172
};
static EDGEDIGITS_CONST uint8_t depth_shift[10] = {
    25, 24, 25, 23, 25, 25, 25, 24, 24, 24
};
static const packed_layer depth = {
    6, 6, 10,
    4, 4, 10,
    3, 3,
    1, 1, 0, 0, 1, 1,
    1, 1,
    1, 1, 1,
    1,
    0, 2,
    depth_weight, add_each_2,
    {depth_bias, depth_multiplier, depth_shift, 226, 0, 255}
};

static EDGEDIGITS_CONST uint8_t head_weight[800] = {
    186, 122, 73, 53, 209, 176, 170, 23, 195, 250, 79, 35, 223, 170, 215, 190, 25, 251, 234, 231, 242, 254,
    210, 76, 7, 146, 246, 203, 20, 84, 74, 172, 5, 241, 249, 229, 57, 164, 151, 42, 206, 235, 102, 176, 83,
    244, 179, 119, 45, 195, 71, 228, 9, 236, 181, 92, 51, 193, 7, 154, 92, 205, 217, 97, 182, 50, 154, 16, 75,
    25, 126, 29, 249, 211, 38, 50, 246, 126, 49, 32, 218, 116, 207, 14, 241, 10, 225, 54, 89, 181, 149, 244,
    118, 59, 45, 254, 68, 159, 35, 81, 231, 242, 213, 252, 35, 156, 146, 12, 181, 206, 245, 28, 74, 196, 107,
    94, 17, 167, 240, 153, 114, 181, 96, 10, 211, 166, 25, 237, 171, 172, 14, 187, 219, 113, 52, 63, 118, 185,
    110, 163, 50, 209, 82, 102, 1, 233, 233, 119, 87, 107, 50, 148, 245, 100, 173, 231, 102, 221, 66, 217,
    253, 188, 103, 127, 46, 100, 228, 123, 90, 62, 171, 107, 92, 237, 3, 161, 222, 225, 234, 78, 96, 253, 182,
    110, 180, 42, 6, 224, 178, 36, 106, 197, 112, 13, 61, 1, 176, 166, 157, 156, 241, 237, 48, 254, 12, 177,
    61, 218, 78, 48, 36, 155, 80, 42, 35, 95, 195, 29, 115, 82, 109, 6, 175, 32, 87, 223, 242, 221, 176, 93,
    55, 25, 94, 207, 53, 123, 92, 62, 95, 224, 224, 147, 62, 92, 249, 105, 89, 73, 229, 68, 44, 117, 187, 64,
    250, 199, 146, 98, 149, 80, 230, 109, 223, 37, 227, 230, 33, 64, 179, 161, 198, 179, 202, 108, 103, 42,
    99, 218, 166, 239, 100, 154, 110, 243, 67, 5, 173, 70, 163, 126, 11, 42, 151, 190, 86, 150, 151, 164, 177,
    73, 42, 71, 64, 150, 202, 101, 29, 63, 114, 97, 106, 255, 21, 173, 156, 31, 201, 237, 193, 4, 101, 194,
    169, 121, 33, 233, 3, 175, 208, 147, 177, 0, 164, 209, 28, 82, 195, 234, 223, 211, 116, 243, 85, 177, 250,
    9, 41, 63, 224, 179, 126, 225, 166, 28, 196, 90, 62, 19, 147, 251, 19, 76, 224, 122, 244, 160, 249, 89,
    186, 221, 113, 162, 235, 247, 6, 20, 50, 237, 156, 235, 157, 1, 97, 161, 243, 109, 81, 79, 55, 146, 254,
    103, 51, 235, 22, 43, 82, 16, 84, 77, 121, 239, 15, 41, 157, 18, 14, 209, 39, 61, 53, 110, 255, 57, 186,
    42, 169, 77, 95, 187, 96, 4, 110, 84, 236, 61, 96, 121, 207, 69, 229, 167, 220, 187, 55, 19, 191, 32, 180,
    27, 236, 76, 15, 91, 230, 255, 217, 51, 101, 170, 31, 31, 89, 6, 47, 209, 34, 86, 169, 51, 160, 65, 0, 36,
    236, 7, 180, 92, 203, 45, 52, 209, 173, 179, 177, 4, 227, 188, 99, 202, 145, 209, 193, 234, 201, 226, 28,
    172, 174, 198, 242, 1, 213, 159, 108, 223, 5, 162, 179, 58, 199, 38, 9, 2, 97, 3, 98, 42, 74, 13, 44, 101,
    27, 54, 185, 160, 126, 178, 208, 252, 94, 212, 191, 247, 89, 145, 20, 51, 249, 101, 228, 57, 176, 176, 44,
    241, 22, 42, 214, 4, 87, 163, 19, 91, 145, 54, 197, 223, 150, 236, 89, 174, 108, 240, 3, 209, 118, 187,
    66, 5, 210, 58, 78, 109, 151, 156, 221, 217, 213, 185, 211, 61, 233, 23, 25, 93, 36, 95, 19, 159, 234,
    215, 203, 43, 95, 79, 221, 251, 209, 238, 247, 126, 170, 240, 107, 25, 236, 70, 121, 65, 97, 21, 218, 190,
    122, 186, 71, 27, 244, 221, 156, 96, 28, 68, 47, 100, 161, 61, 57, 5, 186, 240, 156, 55, 124, 80, 13, 59,
    213, 238, 225, 79, 229, 38, 67, 105, 55, 16, 81, 234, 1, 93, 146, 94, 75, 123, 218, 25, 108, 145, 85, 84,
    42, 18, 121, 233, 227, 238, 14, 60, 246, 247, 183, 29, 207, 34, 123, 253, 179, 119, 230, 3, 105, 57, 241,
    91, 193, 187, 43, 225, 16, 76, 6, 116, 180, 90, 65, 164, 30, 67, 246, 0, 75, 92, 228, 84, 90, 161, 50, 95,
    93, 251, 198, 182, 89, 231, 87, 32, 206, 246, 92, 100, 226, 64, 147, 5, 182, 117, 52, 226, 115, 162, 254,
    213, 126, 173, 13, 199, 61, 3, 92, 50, 70, 220, 187, 237, 146, 204, 46, 204, 145, 23, 67, 186, 105, 234,
    11, 44, 17, 19, 164, 13, 65, 187, 98, 155, 68, 239, 215, 89, 82, 41, 230, 66, 180, 230, 240, 180, 254,
    231, 179, 178, 119, 160, 172, 117, 124, 227, 162, 39, 245, 116, 164, 76, 156, 201, 220, 182, 65, 183, 245,
    169, 73, 63, 154, 183, 41, 252, 217, 33
};
static EDGEDIGITS_CONST int32_t head_bias[10] = {
    54, -249, -451, 100, 338, -160, -32, 280, 325, 16
};
static EDGEDIGITS_CONST uint16_t head_multiplier[10] = {
    56154, 36237, 35604, 42166, 46043, 43130, 37284, 40599, 44851, 34455
};
static EDGEDIGITS_CONST uint8_t head_shift[10] = {
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7
};
static const packed_layer head = {
    1, 1, 160,
    1, 1, 10,
    1, 1,
    1, 1, 0, 0, 1, 1,
    1, 1,
    1, 160, 1,
    0,
    226, 4,
    head_weight, add_rows_4,
    {head_bias, head_multiplier, head_shift, 0, -2147483647, 2147483647}
};

void small_int8_scores(const uint8_t *image, int32_t *scores, void *scratch)
{
    uint8_t *const values = (uint8_t *)scratch;
    multiply_packed(&stem, image, values + 0, 0);
    multiply_packed(&depth, values + 0, values + 360, 0);
    multiply_packed(&head, values + 360, values, scores);
}

const char *const small_int8_labels[SMALL_INT8_CLASSES] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
};

const char small_int8_contract[] =
    "{\"version\":1,\"labels\":\"0123456789\"}";

#ifdef __cplusplus
}
#endif
