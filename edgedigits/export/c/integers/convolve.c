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

static void convolve(const convolution *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    const int32_t taps = layer->kernel_height * layer->kernel_width * layer->channels;
    int32_t y, x, first, pool, i;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++, result += layer->outputs) {
            for (first = 0; first < layer->outputs; first += BLOCK) {
                const int32_t count = smaller(BLOCK, layer->outputs - first);
                int32_t largest[BLOCK], sums[BLOCK];
                for (pool = 0; pool < layer->pool_height * layer->pool_width; pool++) {
                    const int32_t row = y * layer->pool_height + pool / layer->pool_width;
                    const int32_t column = x * layer->pool_width + pool % layer->pool_width;
                    begin(sums, layer->to.bias + first, count);
                    add_window(sums, layer, values, row * layer->stride_y - layer->padding_y,
                               column * layer->stride_x - layer->padding_x, layer->weights + first * taps, count);
                    for (i = 0; i < count; i++) {
                        largest[i] = pool == 0 || sums[i] > largest[i] ? sums[i] : largest[i];
                    }
                }
                finish(&layer->to, largest, first, count, result, scores);
            }
        }
    }
}
