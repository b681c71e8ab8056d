/* The largest value of each window; what lies outside is not looked at. */
typedef struct {
    int32_t height, width, channels;                /* what it reads */
    int32_t rows, columns;                          /* what it gives */
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
    float low, high;
} max_pooling;

static float largest_of(const max_pooling *layer, const float *values, int32_t top, int32_t left)
{
    float largest = -MOST;
    int32_t row, column;
    for (row = 0; row < layer->kernel_height; row++) {
        for (column = 0; column < layer->kernel_width; column++) {
            const int32_t y = top + row * layer->dilation_y, x = left + column * layer->dilation_x;
            if (y >= 0 && y < layer->height && x >= 0 && x < layer->width) {
                const float value = values[(y * layer->width + x) * layer->channels];
                largest = value > largest ? value : largest;
            }
        }
    }
    return largest;
}

static void max_pool(const max_pooling *layer, const float *values, float *result)
{
    int32_t y, x, channel;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++) {
            for (channel = 0; channel < layer->channels; channel++) {
                const float largest = largest_of(layer, values + channel, y * layer->stride_y - layer->padding_y,
                                                 x * layer->stride_x - layer->padding_x);
                *result++ = clip(largest, layer->low, layer->high);
            }
        }
    }
}
