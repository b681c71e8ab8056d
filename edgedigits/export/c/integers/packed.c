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
