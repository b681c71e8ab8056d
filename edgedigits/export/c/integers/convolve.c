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
