/* small_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[SMALL_INT8_SCRATCH_BYTES / 4];
 *     int32_t scores[SMALL_INT8_CLASSES];
 *     small_int8_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits in steps of 1.52587890625e-05
 * size     1,169 bytes of tables, 520 of scratch; 12,040 products an image
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

#define BLOCK 8
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

/* Weights of 2 bits, the lowest first: eight of them are 2 bytes, and may be read past the last. */
static inline uint32_t eight_2(const uint8_t *row)
{
    return (uint32_t)EDGEDIGITS_UINT8(row + 0) << 0
        | (uint32_t)EDGEDIGITS_UINT8(row + 1) << 8;
}

static inline int32_t weight_2(uint32_t row)
{
    return (int32_t)((row & 3) ^ 2) - 2;
}

/* The same where each output reads a value of its own. */
static void add_each_2(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                          int32_t outputs)
{
    uint32_t rest = 0;
    int32_t o;
    for (o = 0; o < count * outputs; o++, rest >>= 2) {
        if (o % 8 == 0) {
            rest = eight_2(row + o / 8 * 2);
        }
        sums[o] += (values[o] - zero) * weight_2(rest);
    }
}

/* Weights of 4 bits, the lowest first: eight of them are 4 bytes, and may be read past the last. */
static inline uint32_t eight_4(const uint8_t *row)
{
    return (uint32_t)EDGEDIGITS_UINT8(row + 0) << 0
        | (uint32_t)EDGEDIGITS_UINT8(row + 1) << 8
        | (uint32_t)EDGEDIGITS_UINT8(row + 2) << 16
        | (uint32_t)EDGEDIGITS_UINT8(row + 3) << 24;
}

static inline int32_t weight_4(uint32_t row)
{
    return (int32_t)((row & 15) ^ 8) - 8;
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
                uint32_t rest = eight_4(at);
                for (; o < outputs; o++, rest >>= 4) {
                    sums[o] += value * weight_4(rest);
                }
            }
        }
    }
}

static EDGEDIGITS_CONST uint8_t stem_weight[128] = {
    28, 236, 155, 194, 208, 108, 150, 43, 103, 2, 250, 157, 45, 238, 183, 13, 30, 250, 126, 177, 182, 251, 74,
    6, 103, 96, 233, 174, 185, 69, 32, 2, 116, 145, 5, 250, 97, 231, 30, 163, 83, 161, 191, 34, 74, 172, 149,
    225, 180, 145, 10, 254, 203, 59, 85, 242, 61, 174, 122, 231, 189, 5, 192, 37, 112, 170, 25, 177, 86, 2,
    171, 53, 161, 1, 251, 20, 37, 50, 122, 23, 60, 103, 148, 150, 21, 149, 46, 174, 255, 35, 83, 95, 126, 185,
    48, 201, 14, 147, 144, 209, 11, 85, 252, 183, 33, 226, 228, 148, 201, 158, 206, 96, 240, 109, 37, 223,
    210, 246, 251, 250, 112, 160, 233, 57, 160, 0, 0, 0
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

static EDGEDIGITS_CONST uint8_t depth_weight[28] = {
    23, 19, 112, 119, 83, 95, 199, 119, 29, 3, 243, 215, 112, 15, 3, 67, 127, 81, 15, 1, 0, 0, 7, 13, 4, 0, 0,
    0
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

static EDGEDIGITS_CONST uint8_t head_weight[803] = {
    186, 122, 73, 53, 176, 170, 23, 195, 79, 35, 223, 170, 190, 25, 251, 234, 242, 254, 210, 76, 146, 246,
    203, 20, 74, 172, 5, 241, 229, 57, 164, 151, 206, 235, 102, 176, 244, 179, 119, 45, 71, 228, 9, 236, 92,
    51, 193, 7, 92, 205, 217, 97, 50, 154, 16, 75, 126, 29, 249, 211, 50, 246, 126, 49, 218, 116, 207, 14, 10,
    225, 54, 89, 149, 244, 118, 59, 254, 68, 159, 35, 231, 242, 213, 252, 156, 146, 12, 181, 245, 28, 74, 196,
    94, 17, 167, 240, 114, 181, 96, 10, 166, 25, 237, 171, 14, 187, 219, 113, 63, 118, 185, 110, 50, 209, 82,
    102, 233, 233, 119, 87, 50, 148, 245, 100, 231, 102, 221, 66, 253, 188, 103, 127, 100, 228, 123, 90, 171,
    107, 92, 237, 161, 222, 225, 234, 96, 253, 182, 110, 42, 6, 224, 178, 106, 197, 112, 13, 1, 176, 166, 157,
    241, 237, 48, 254, 177, 61, 218, 78, 36, 155, 80, 42, 95, 195, 29, 115, 109, 6, 175, 32, 223, 242, 221,
    176, 55, 25, 94, 207, 123, 92, 62, 95, 224, 147, 62, 92, 105, 89, 73, 229, 44, 117, 187, 64, 199, 146, 98,
    149, 230, 109, 223, 37, 230, 33, 64, 179, 198, 179, 202, 108, 42, 99, 218, 166, 100, 154, 110, 243, 5,
    173, 70, 163, 11, 42, 151, 190, 150, 151, 164, 177, 42, 71, 64, 150, 101, 29, 63, 114, 106, 255, 21, 173,
    31, 201, 237, 193, 101, 194, 169, 121, 233, 3, 175, 208, 177, 0, 164, 209, 82, 195, 234, 223, 116, 243,
    85, 177, 9, 41, 63, 224, 126, 225, 166, 28, 90, 62, 19, 147, 19, 76, 224, 122, 160, 249, 89, 186, 113,
    162, 235, 247, 20, 50, 237, 156, 157, 1, 97, 161, 109, 81, 79, 55, 254, 103, 51, 235, 43, 82, 16, 84, 121,
    239, 15, 41, 18, 14, 209, 39, 53, 110, 255, 57, 42, 169, 77, 95, 96, 4, 110, 84, 61, 96, 121, 207, 229,
    167, 220, 187, 19, 191, 32, 180, 236, 76, 15, 91, 255, 217, 51, 101, 31, 31, 89, 6, 209, 34, 86, 169, 160,
    65, 0, 36, 7, 180, 92, 203, 52, 209, 173, 179, 4, 227, 188, 99, 145, 209, 193, 234, 226, 28, 172, 174,
    242, 1, 213, 159, 223, 5, 162, 179, 199, 38, 9, 2, 3, 98, 42, 74, 44, 101, 27, 54, 160, 126, 178, 208, 94,
    212, 191, 247, 145, 20, 51, 249, 228, 57, 176, 176, 241, 22, 42, 214, 87, 163, 19, 91, 54, 197, 223, 150,
    89, 174, 108, 240, 209, 118, 187, 66, 210, 58, 78, 109, 156, 221, 217, 213, 211, 61, 233, 23, 93, 36, 95,
    19, 234, 215, 203, 43, 79, 221, 251, 209, 247, 126, 170, 240, 25, 236, 70, 121, 97, 21, 218, 190, 186, 71,
    27, 244, 156, 96, 28, 68, 100, 161, 61, 57, 186, 240, 156, 55, 80, 13, 59, 213, 225, 79, 229, 38, 105, 55,
    16, 81, 1, 93, 146, 94, 123, 218, 25, 108, 85, 84, 42, 18, 233, 227, 238, 14, 246, 247, 183, 29, 34, 123,
    253, 179, 230, 3, 105, 57, 91, 193, 187, 43, 16, 76, 6, 116, 90, 65, 164, 30, 246, 0, 75, 92, 84, 90, 161,
    50, 93, 251, 198, 182, 231, 87, 32, 206, 92, 100, 226, 64, 5, 182, 117, 52, 115, 162, 254, 213, 173, 13,
    199, 61, 92, 50, 70, 220, 237, 146, 204, 46, 145, 23, 67, 186, 234, 11, 44, 17, 164, 13, 65, 187, 155, 68,
    239, 215, 82, 41, 230, 66, 230, 240, 180, 254, 179, 178, 119, 160, 117, 124, 227, 162, 245, 116, 164, 76,
    201, 220, 182, 65, 245, 169, 73, 63, 183, 41, 252, 217, 209, 250, 215, 231, 7, 84, 249, 42, 83, 195, 181,
    154, 182, 25, 38, 32, 241, 181, 45, 81, 35, 206, 107, 153, 211, 172, 52, 163, 1, 107, 173, 217, 46, 62, 3,
    78, 180, 36, 61, 156, 12, 48, 35, 82, 87, 93, 53, 224, 249, 68, 250, 80, 227, 161, 103, 239, 67, 126, 86,
    73, 202, 97, 156, 4, 33, 147, 28, 211, 250, 179, 196, 251, 244, 221, 6, 235, 243, 146, 22, 77, 157, 61,
    186, 187, 236, 69, 55, 27, 230, 170, 47, 51, 236, 45, 177, 202, 201, 198, 108, 58, 97, 13, 185, 252, 89,
    101, 44, 4, 145, 236, 3, 5, 151, 185, 25, 159, 95, 238, 107, 65, 122, 221, 47, 5, 124, 238, 67, 234, 75,
    145, 121, 60, 207, 119, 241, 225, 180, 67, 228, 95, 89, 246, 147, 226, 126, 3, 187, 204, 105, 19, 98, 89,
    180, 231, 172, 39, 156, 183, 154, 33, 0, 0, 0
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
