/* cnn_2k_int8: a digit classifier in integers, by EdgeDigits. It needs no library and answers alike everywhere.
 *
 *     static uint32_t scratch[CNN_2K_INT8_SCRATCH_BYTES / 4];
 *     int32_t scores[CNN_2K_INT8_CLASSES];
 *     cnn_2k_int8_scores(image, scores, scratch);         the largest score is the answer
 *
 * image    28 x 28 bytes, row by row; ground 0, ink 255, the digit centred as in MNIST
 * scores   logits in steps of 1.52587890625e-05
 * size     1,978 bytes of tables, 2,256 of scratch; 400,628 products an image
 *
 * Values are bytes that stand for scale * (value - zero). A layer's sums, 32 bits, become values by
 * clip(floor(sum * multiplier / 2^shift + 1/2) + zero, low, high). The layers, as they are computed:
 *
{"unit": 1.52587890625e-05, "steps": [
{"kind": "convolve", "name": "conv1.conv", "reads": [0], "plane": [14, 14, 8], "seen": [28, 28, 1], "kernel": [5, 5], "stride": [1, 1], "padding": [2, 2], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "bits": 4, "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "convolve", "name": "conv2.conv", "reads": [1], "plane": [7, 7, 14], "seen": [14, 14, 8], "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "bits": 4, "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "convolve", "name": "conv3.conv", "reads": [2], "plane": [3, 3, 10], "seen": [7, 7, 14], "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1, "pool": [2, 2], "bits": 4, "zeros": [0], "zero": 0, "low": 0, "high": 255},
{"kind": "dense", "name": "head", "reads": [3], "plane": [1, 1, 10], "seen": 90, "bits": 4, "zeros": [0], "zero": 0, "low": -2147483647, "high": 2147483647}
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
#define CNN_2K_INT8_CLASSES 10
#define CNN_2K_INT8_SCRATCH_BYTES 2256

void cnn_2k_int8_scores(const uint8_t *image, int32_t *scores, void *scratch);
extern const char *const cnn_2k_int8_labels[CNN_2K_INT8_CLASSES];
extern const char cnn_2k_int8_contract[];

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

#define BLOCK 14
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

static EDGEDIGITS_CONST uint8_t conv1_conv_weight[100] = {
    255, 78, 191, 57, 254, 49, 35, 36, 242, 4, 179, 4, 241, 166, 157, 3, 147, 224, 218, 35, 1, 12, 3, 57, 239,
    126, 242, 41, 191, 63, 153, 75, 185, 148, 9, 96, 148, 151, 49, 119, 195, 29, 243, 66, 179, 124, 250, 89,
    249, 14, 57, 73, 233, 183, 113, 41, 159, 151, 116, 44, 194, 44, 28, 211, 7, 91, 73, 1, 4, 14, 113, 0, 250,
    166, 67, 250, 159, 167, 1, 234, 252, 91, 74, 163, 1, 43, 16, 145, 247, 255, 225, 145, 244, 214, 210, 147,
    224, 213, 225, 190
};
static EDGEDIGITS_CONST int32_t conv1_conv_bias[8] = {
    -1153, 1892, -1471, -282, 255, -776, 581, 235
};
static EDGEDIGITS_CONST uint16_t conv1_conv_multiplier[8] = {
    42397, 46767, 63661, 46401, 42498, 51392, 43722, 38564
};
static EDGEDIGITS_CONST uint8_t conv1_conv_shift[8] = {
    20, 20, 22, 21, 20, 21, 20, 21
};
static const packed_layer conv1_conv = {
    28, 28, 1,
    14, 14, 8,
    5, 5,
    1, 1, 2, 2, 1, 1,
    2, 2,
    1, 1, 5,
    0,
    0, 4,
    conv1_conv_weight, add_rows_4,
    {conv1_conv_bias, conv1_conv_multiplier, conv1_conv_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST uint8_t conv2_conv_weight[504] = {
    234, 71, 4, 20, 98, 31, 85, 191, 25, 31, 156, 193, 246, 3, 55, 201, 225, 251, 193, 89, 47, 183, 220, 226,
    233, 193, 121, 194, 6, 207, 45, 29, 241, 241, 237, 14, 7, 57, 36, 44, 118, 222, 240, 116, 124, 180, 30,
    244, 25, 220, 2, 18, 83, 63, 154, 57, 156, 183, 15, 237, 15, 81, 26, 221, 50, 82, 241, 156, 164, 233, 211,
    217, 227, 220, 37, 201, 2, 197, 186, 191, 73, 181, 52, 209, 176, 185, 191, 28, 195, 109, 147, 14, 255,
    249, 243, 239, 46, 2, 224, 111, 127, 214, 17, 227, 89, 32, 209, 15, 64, 208, 155, 111, 235, 151, 64, 220,
    47, 241, 32, 226, 54, 124, 68, 145, 227, 153, 28, 25, 163, 151, 103, 36, 62, 18, 144, 148, 29, 39, 255, 2,
    144, 2, 241, 14, 194, 112, 146, 186, 60, 222, 2, 31, 42, 30, 63, 211, 17, 50, 46, 223, 44, 96, 27, 18, 57,
    144, 202, 69, 201, 28, 255, 253, 112, 61, 46, 252, 9, 240, 47, 17, 145, 30, 227, 253, 17, 207, 239, 250,
    241, 195, 64, 52, 221, 144, 227, 161, 4, 107, 126, 63, 205, 225, 224, 15, 220, 41, 92, 220, 147, 15, 14,
    48, 31, 7, 31, 178, 90, 111, 224, 156, 23, 215, 224, 65, 171, 165, 224, 238, 217, 116, 255, 12, 188, 30,
    36, 46, 157, 28, 209, 21, 39, 150, 2, 171, 30, 226, 63, 35, 255, 210, 158, 163, 65, 89, 93, 30, 2, 144,
    176, 12, 26, 57, 43, 193, 238, 13, 208, 209, 66, 226, 19, 48, 42, 33, 155, 156, 62, 182, 195, 236, 234,
    177, 82, 45, 201, 246, 231, 166, 159, 122, 48, 180, 147, 63, 25, 230, 180, 167, 90, 144, 58, 2, 211, 23,
    246, 38, 251, 234, 3, 77, 225, 238, 50, 43, 145, 190, 121, 251, 244, 244, 14, 14, 235, 210, 63, 74, 173,
    240, 239, 30, 25, 155, 244, 53, 254, 252, 238, 155, 209, 233, 79, 112, 192, 234, 42, 254, 231, 145, 9, 0,
    239, 222, 48, 147, 221, 170, 238, 242, 35, 119, 169, 185, 12, 154, 97, 225, 172, 230, 223, 193, 79, 60,
    145, 249, 127, 110, 149, 95, 9, 26, 210, 221, 55, 223, 225, 62, 108, 176, 220, 52, 54, 182, 192, 250, 255,
    233, 240, 243, 5, 189, 46, 177, 240, 196, 153, 236, 15, 1, 113, 197, 158, 242, 2, 254, 229, 127, 179, 27,
    185, 240, 112, 3, 46, 144, 36, 217, 121, 75, 177, 251, 49, 113, 34, 57, 201, 57, 227, 249, 164, 36, 145,
    12, 126, 255, 44, 31, 113, 193, 17, 59, 51, 26, 241, 176, 36, 158, 226, 241, 234, 100, 239, 201, 94, 158,
    86, 33, 218, 230, 14, 75, 167, 114, 4, 63, 27, 26, 19, 252, 223, 181, 87, 75, 57, 241, 252, 205, 242, 238,
    22, 231, 207, 47, 65, 9, 158, 159, 165, 25, 67, 220, 11, 9, 80, 18
};
static EDGEDIGITS_CONST int32_t conv2_conv_bias[14] = {
    1261, 438, 731, -312, 667, -1559, -1058, 402, -1534, 698, -142, 1935, 1571, 23
};
static EDGEDIGITS_CONST uint16_t conv2_conv_multiplier[14] = {
    32945, 35804, 39876, 41495, 33398, 35594, 33484, 42987, 33590, 50251, 34446, 34273, 44109, 39949
};
static EDGEDIGITS_CONST uint8_t conv2_conv_shift[14] = {
    20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20
};
static const packed_layer conv2_conv = {
    14, 14, 8,
    7, 7, 14,
    3, 3,
    1, 1, 1, 1, 1, 1,
    2, 2,
    1, 8, 3,
    0,
    0, 4,
    conv2_conv_weight, add_rows_4,
    {conv2_conv_bias, conv2_conv_multiplier, conv2_conv_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST uint8_t conv3_conv_weight[630] = {
    220, 254, 1, 174, 240, 241, 0, 234, 44, 194, 116, 242, 20, 66, 207, 69, 234, 69, 176, 224, 114, 191, 75,
    185, 209, 239, 49, 239, 9, 174, 197, 241, 3, 207, 82, 223, 63, 81, 30, 149, 210, 217, 123, 13, 4, 190, 97,
    116, 5, 182, 192, 81, 31, 11, 50, 43, 18, 9, 20, 179, 60, 163, 224, 198, 191, 192, 159, 240, 30, 47, 237,
    243, 80, 237, 30, 29, 95, 30, 42, 57, 79, 235, 1, 83, 25, 243, 241, 69, 45, 99, 252, 242, 31, 28, 30, 11,
    62, 222, 90, 93, 179, 217, 15, 209, 87, 228, 194, 66, 36, 208, 13, 203, 2, 30, 44, 159, 62, 38, 31, 46,
    51, 225, 239, 70, 77, 18, 23, 201, 23, 21, 29, 4, 18, 193, 239, 44, 201, 30, 240, 64, 206, 5, 127, 250,
    124, 57, 75, 192, 172, 34, 242, 89, 193, 81, 240, 246, 221, 32, 121, 62, 159, 66, 99, 82, 78, 57, 243, 1,
    125, 221, 16, 252, 236, 2, 5, 0, 191, 30, 209, 92, 254, 153, 124, 210, 124, 223, 2, 2, 0, 29, 179, 222,
    66, 177, 114, 1, 177, 243, 163, 147, 23, 29, 241, 5, 210, 121, 28, 11, 205, 188, 110, 221, 18, 4, 62, 239,
    82, 207, 15, 45, 47, 252, 223, 19, 25, 117, 14, 31, 47, 254, 237, 252, 5, 193, 116, 22, 239, 234, 125,
    220, 196, 228, 31, 205, 23, 54, 1, 255, 45, 11, 116, 30, 155, 18, 237, 48, 17, 31, 111, 169, 189, 33, 217,
    201, 19, 210, 33, 29, 13, 173, 145, 33, 23, 228, 223, 82, 241, 161, 31, 205, 74, 185, 178, 64, 65, 65, 48,
    74, 251, 65, 33, 238, 254, 0, 201, 211, 147, 95, 30, 124, 89, 91, 195, 228, 115, 66, 51, 205, 114, 205,
    78, 188, 94, 208, 227, 145, 147, 32, 14, 207, 162, 241, 236, 28, 224, 26, 254, 192, 46, 185, 244, 6, 42,
    42, 127, 174, 231, 228, 238, 192, 147, 255, 231, 203, 146, 34, 233, 253, 12, 73, 124, 35, 147, 108, 36,
    79, 46, 237, 225, 208, 1, 73, 63, 224, 240, 9, 146, 225, 13, 1, 52, 111, 173, 29, 21, 19, 57, 30, 230,
    206, 121, 25, 62, 73, 50, 148, 172, 115, 158, 6, 229, 240, 176, 195, 0, 249, 5, 199, 112, 65, 198, 245,
    95, 227, 32, 193, 211, 47, 62, 144, 199, 178, 223, 44, 146, 162, 26, 241, 103, 89, 25, 18, 57, 36, 198,
    180, 239, 227, 127, 57, 156, 237, 116, 224, 94, 85, 13, 1, 46, 253, 153, 22, 60, 245, 247, 191, 158, 204,
    36, 93, 80, 213, 241, 254, 178, 86, 241, 146, 80, 49, 247, 17, 208, 71, 49, 63, 47, 3, 47, 159, 83, 237,
    239, 185, 196, 147, 236, 12, 0, 222, 144, 239, 12, 45, 148, 37, 238, 150, 63, 226, 121, 235, 32, 66, 22,
    179, 173, 29, 79, 191, 179, 237, 117, 223, 158, 15, 174, 78, 78, 127, 239, 54, 47, 224, 244, 205, 32, 34,
    50, 239, 123, 208, 213, 209, 236, 82, 207, 189, 255, 51, 240, 34, 253, 245, 46, 61, 219, 16, 32, 255, 194,
    247, 209, 47, 218, 83, 239, 34, 62, 148, 207, 157, 77, 14, 195, 242, 77, 148, 46, 75, 112, 47, 46, 3, 209,
    150, 187, 33, 60, 254, 211, 46, 79, 226, 45, 26, 148, 3, 35, 0, 158, 62, 1, 159, 31, 161, 41, 26, 151,
    145, 247, 31, 179, 31, 9, 113, 23, 208, 16, 182, 253, 227, 46, 241, 228, 239, 207, 95, 50, 15, 176, 224,
    239, 32, 206, 208, 7, 2, 11, 160, 10, 30, 229, 79, 240, 148, 67, 63, 0, 19
};
static EDGEDIGITS_CONST int32_t conv3_conv_bias[10] = {
    -557, -216, -22, 371, -310, -814, -141, -724, -294, 52
};
static EDGEDIGITS_CONST uint16_t conv3_conv_multiplier[10] = {
    50664, 53430, 61329, 40106, 43521, 45768, 37125, 60234, 33438, 63048
};
static EDGEDIGITS_CONST uint8_t conv3_conv_shift[10] = {
    21, 21, 21, 20, 20, 20, 20, 21, 20, 21
};
static const packed_layer conv3_conv = {
    7, 7, 14,
    3, 3, 10,
    3, 3,
    1, 1, 1, 1, 1, 1,
    2, 2,
    1, 14, 3,
    0,
    0, 4,
    conv3_conv_weight, add_rows_4,
    {conv3_conv_bias, conv3_conv_multiplier, conv3_conv_shift, 0, 0, 255}
};

static EDGEDIGITS_CONST uint8_t head_weight[450] = {
    159, 85, 154, 29, 255, 192, 254, 146, 166, 17, 49, 13, 208, 73, 252, 29, 178, 55, 246, 157, 225, 147, 4,
    145, 0, 209, 32, 237, 236, 50, 239, 206, 50, 64, 174, 125, 57, 211, 59, 155, 63, 190, 94, 166, 47, 45, 34,
    221, 47, 255, 174, 100, 171, 58, 17, 16, 180, 206, 7, 154, 255, 218, 127, 89, 15, 47, 246, 156, 253, 226,
    234, 222, 234, 205, 55, 255, 5, 235, 223, 65, 34, 255, 213, 145, 236, 73, 109, 241, 96, 147, 13, 159, 98,
    149, 0, 207, 64, 254, 90, 240, 195, 241, 60, 221, 242, 45, 67, 254, 239, 145, 191, 153, 113, 2, 34, 242,
    210, 144, 10, 65, 190, 111, 121, 202, 189, 0, 254, 26, 0, 2, 16, 193, 6, 147, 174, 76, 111, 33, 233, 15,
    48, 187, 83, 149, 179, 46, 80, 222, 222, 73, 221, 179, 179, 25, 23, 227, 176, 245, 207, 44, 160, 241, 224,
    63, 41, 64, 158, 49, 224, 225, 239, 169, 2, 146, 54, 0, 215, 233, 236, 2, 236, 64, 111, 41, 105, 222, 0,
    4, 219, 215, 146, 153, 195, 225, 95, 16, 33, 174, 33, 144, 238, 241, 100, 239, 217, 15, 209, 61, 31, 43,
    145, 208, 17, 18, 228, 34, 161, 226, 58, 253, 159, 205, 196, 187, 71, 159, 196, 27, 245, 29, 145, 222, 15,
    68, 222, 190, 18, 3, 45, 15, 242, 202, 255, 3, 30, 46, 114, 173, 57, 223, 65, 32, 57, 32, 59, 195, 243,
    29, 29, 224, 160, 215, 65, 10, 159, 212, 206, 241, 14, 43, 190, 126, 253, 192, 1, 158, 17, 105, 199, 182,
    224, 253, 32, 175, 67, 240, 47, 187, 1, 80, 78, 220, 243, 253, 45, 66, 159, 77, 49, 154, 64, 162, 196, 29,
    30, 48, 154, 148, 73, 122, 96, 44, 255, 160, 42, 21, 205, 189, 180, 238, 145, 0, 224, 148, 229, 217, 35,
    44, 59, 196, 223, 241, 33, 190, 121, 219, 121, 82, 221, 3, 34, 149, 146, 17, 182, 65, 252, 34, 98, 155,
    48, 247, 193, 212, 157, 233, 41, 67, 41, 89, 212, 240, 16, 195, 203, 60, 183, 223, 224, 61, 145, 225, 228,
    145, 69, 174, 4, 26, 245, 176, 240, 192, 36, 51, 145, 62, 16, 73, 175, 9, 49, 147, 157, 0, 197, 77, 218,
    194, 28, 89, 112, 23, 252, 144, 175, 14, 121, 57, 238, 167, 77, 166, 148, 80, 201, 25, 70, 68, 188, 125,
    30, 116, 11, 147, 146, 178, 30, 73, 163, 151, 217, 226, 178, 64, 181, 175, 107, 105, 212, 160, 233, 217,
    148, 127, 108, 17, 249, 243, 93, 31
};
static EDGEDIGITS_CONST int32_t head_bias[10] = {
    52, 193, -89, 76, -142, -13, -65, -71, 103, -11
};
static EDGEDIGITS_CONST uint16_t head_multiplier[10] = {
    64665, 46218, 35790, 34053, 41979, 65517, 42651, 42103, 60675, 65239
};
static EDGEDIGITS_CONST uint8_t head_shift[10] = {
    7, 7, 7, 7, 7, 8, 7, 7, 8, 8
};
static const packed_layer head = {
    1, 1, 90,
    1, 1, 10,
    1, 1,
    1, 1, 0, 0, 1, 1,
    1, 1,
    1, 90, 1,
    0,
    0, 4,
    head_weight, add_rows_4,
    {head_bias, head_multiplier, head_shift, 0, -2147483647, 2147483647}
};

void cnn_2k_int8_scores(const uint8_t *image, int32_t *scores, void *scratch)
{
    uint8_t *const values = (uint8_t *)scratch;
    multiply_packed(&conv1_conv, image, values + 0, 0);
    multiply_packed(&conv2_conv, values + 0, values + 1568, 0);
    multiply_packed(&conv3_conv, values + 1568, values + 0, 0);
    multiply_packed(&head, values + 0, values, scores);
}

const char *const cnn_2k_int8_labels[CNN_2K_INT8_CLASSES] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
};

const char cnn_2k_int8_contract[] =
    "{\"format\":\"c-int8\",\"labels\":[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],"
    "\"checkpoint_sha256\":\"1e9f62edd59867ca76db5ec62129c8f06c739e9f27bd420f1ad82b30bbcc55cc\","
    "\"dataset\":\"mnist\",\"test_accuracy\":0.9941,\"input\":{\"name\":\"image\",\"dtype\":\"uint8\","
    "\"shape\":[\"batch\",28,28]},\"outputs\":[{\"name\":\"logits\",\"dtype\":\"float32\",\"shape\":[\"batch\","
    "10]},{\"name\":\"probabilities\",\"dtype\":\"float32\",\"shape\":[\"batch\",10]}],\"polarity\":\"background 0,"
    " ink 255\",\"range\":[0,255],\"version\":1,"
    "\"source_sha256\":\"d3c7d0be7115951b24778848ea12b4aa285a927551523ec62b2d19c98fd72ac8\"}";

#ifdef __cplusplus
}
#endif
