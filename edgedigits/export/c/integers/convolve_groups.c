/* A convolution in groups of channels, or with a kernel whose places lie apart. Weights: as those of a convolution,
   one group after the other. */
typedef struct {
    int32_t height, width, channels;                /* what it reads */
    int32_t rows, columns, outputs;                 /* what it gives */
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, padding_y, padding_x;
    int32_t dilation_y, dilation_x, groups;
    int32_t pool_height, pool_width;
    int32_t zero;
    const int8_t *weights;
    scaling to;
} grouped_convolution;

/* The sums of one place, of `outputs` channels of a group that reads `inputs`. */
static void add_places(int32_t *sums, const grouped_convolution *layer, const uint8_t *values, int32_t top,
                       int32_t left, int32_t inputs, const int8_t *weights, int32_t outputs)
{
    int32_t row, column;
    for (row = 0; row < layer->kernel_height; row++) {
        for (column = 0; column < layer->kernel_width; column++, weights += inputs * outputs) {
            const int32_t y = top + row * layer->dilation_y, x = left + column * layer->dilation_x;
            if (y >= 0 && y < layer->height && x >= 0 && x < layer->width) {
                add_products(sums, values + (y * layer->width + x) * layer->channels, inputs, layer->zero, weights,
                             outputs);
            }
        }
    }
}

static void convolve_groups(const grouped_convolution *layer, const uint8_t *values, uint8_t *result,
                            int32_t *scores)
{
    const int32_t inputs = layer->channels / layer->groups, outputs = layer->outputs / layer->groups;
    const int32_t taps = layer->kernel_height * layer->kernel_width * inputs;
    int32_t y, x, group, first, pool, i;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++, result += layer->outputs) {
            for (group = 0; group < layer->groups; group++) {
                for (first = 0; first < outputs; first += BLOCK) {
                    const int32_t count = smaller(BLOCK, outputs - first), at = group * outputs + first;
                    int32_t largest[BLOCK], sums[BLOCK];
                    for (pool = 0; pool < layer->pool_height * layer->pool_width; pool++) {
                        const int32_t row = y * layer->pool_height + pool / layer->pool_width;
                        const int32_t column = x * layer->pool_width + pool % layer->pool_width;
                        begin(sums, layer->to.bias + at, count);
                        add_places(sums, layer, values + group * inputs, row * layer->stride_y - layer->padding_y,
                                   column * layer->stride_x - layer->padding_x, inputs, layer->weights + at * taps,
                                   count);
                        for (i = 0; i < count; i++) {
                            largest[i] = pool == 0 || sums[i] > largest[i] ? sums[i] : largest[i];
                        }
                    }
                    finish(&layer->to, largest, at, count, result, scores);
                }
            }
        }
    }
}
