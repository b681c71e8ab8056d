/* A convolution; of each pool_height by pool_width sums, the largest becomes a value. Weights: a group after the other,
   in each a block of outputs after the other, in each a row for each input channel of each place of the kernel. */
typedef struct {
    int32_t height, width, channels;                /* what it reads */
    int32_t rows, columns, outputs;                 /* what it gives */
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, padding_y, padding_x;
    int32_t dilation_y, dilation_x, groups;
    int32_t pool_height, pool_width;
    const float *weights, *bias;
    float low, high;
} convolution;

/* The sums of one place, of `outputs` channels of a group that reads `inputs`. */
static void add_places(float *sums, const convolution *layer, const float *values, int32_t top, int32_t left,
                       int32_t inputs, const float *weights, int32_t outputs)
{
    int32_t row, column, i, o;
    for (row = 0; row < layer->kernel_height; row++) {
        for (column = 0; column < layer->kernel_width; column++) {
            const int32_t y = top + row * layer->dilation_y, x = left + column * layer->dilation_x;
            if (y < 0 || y >= layer->height || x < 0 || x >= layer->width) {
                weights += inputs * outputs;
                continue;
            }
            for (i = 0; i < inputs; i++, weights += outputs) {
                const float value = values[(y * layer->width + x) * layer->channels + i];
                for (o = 0; o < outputs; o++) {
                    sums[o] += value * EDGEDIGITS_FLOAT(weights + o);
                }
            }
        }
    }
}

/* Of the sums of a window of places, the largest, of `count` channels from `first` on. */
static void sum_pool(float *largest, const convolution *layer, const float *values, int32_t y, int32_t x,
                     int32_t first, int32_t count)
{
    const int32_t inputs = layer->channels / layer->groups;
    const int32_t group = first / (layer->outputs / layer->groups);
    const float *weights = layer->weights + first * layer->kernel_height * layer->kernel_width * inputs;
    int32_t row, column, i;
    float sums[BLOCK];
    for (row = 0; row < layer->pool_height; row++) {
        for (column = 0; column < layer->pool_width; column++) {
            for (i = 0; i < count; i++) {
                sums[i] = EDGEDIGITS_FLOAT(layer->bias + first + i);
            }
            add_places(sums, layer, values + group * inputs, (y + row) * layer->stride_y - layer->padding_y,
                       (x + column) * layer->stride_x - layer->padding_x, inputs, weights, count);
            for (i = 0; i < count; i++) {
                largest[i] = (row == 0 && column == 0) || sums[i] > largest[i] ? sums[i] : largest[i];
            }
        }
    }
}

static void convolve(const convolution *layer, const float *values, float *result)
{
    const int32_t outputs = layer->outputs / layer->groups;
    int32_t y, x, group, first, i;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++, result += layer->outputs) {
            for (group = 0; group < layer->groups; group++) {
                for (first = 0; first < outputs; first += BLOCK) {
                    const int32_t count = BLOCK < outputs - first ? BLOCK : outputs - first;
                    float *const found = result + group * outputs + first;
                    sum_pool(found, layer, values, y * layer->pool_height, x * layer->pool_width,
                             group * outputs + first, count);
                    for (i = 0; i < count; i++) {
                        found[i] = clip(found[i], layer->low, layer->high);
                    }
                }
            }
        }
    }
}
