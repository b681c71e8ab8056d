/* Values in a frame of zeros. */
typedef struct {
    int32_t height, width, channels;                /* what it reads */
    int32_t rows, columns, top, left;               /* what it gives, and where the values lie in it */
    float low, high;
} padding;

static void pad(const padding *layer, const float *values, float *result)
{
    int32_t y, x, channel;
    for (y = -layer->top; y < layer->rows - layer->top; y++) {
        for (x = -layer->left; x < layer->columns - layer->left; x++) {
            const int32_t inside = y >= 0 && y < layer->height && x >= 0 && x < layer->width;
            for (channel = 0; channel < layer->channels; channel++) {
                const float value = inside ? values[(y * layer->width + x) * layer->channels + channel] : 0.0f;
                *result++ = clip(value, layer->low, layer->high);
            }
        }
    }
}
