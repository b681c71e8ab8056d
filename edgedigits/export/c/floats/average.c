/* The mean of each window. */
typedef struct {
    int32_t width, channels;                        /* what it reads */
    int32_t rows, columns;                          /* what it gives */
    const uint16_t *row_edges, *column_edges;       /* where each window begins, and where it ends */
    int32_t divisor;                                /* 0: what a window sees */
    float low, high;
} averaging;

static float mean_of(const averaging *layer, const float *values, const uint16_t *rows, const uint16_t *columns)
{
    const int32_t top = EDGEDIGITS_UINT16(rows), bottom = EDGEDIGITS_UINT16(rows + 1);
    const int32_t left = EDGEDIGITS_UINT16(columns), right = EDGEDIGITS_UINT16(columns + 1);
    const int32_t count = layer->divisor ? layer->divisor : (bottom - top) * (right - left);
    float sum = 0.0f;
    int32_t y, x;
    for (y = top; y < bottom; y++) {
        for (x = left; x < right; x++) {
            sum += values[(y * layer->width + x) * layer->channels];
        }
    }
    return sum / (float)count;
}

static void average(const averaging *layer, const float *values, float *result)
{
    int32_t y, x, channel;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++) {
            for (channel = 0; channel < layer->channels; channel++) {
                const float mean = mean_of(layer, values + channel, layer->row_edges + 2 * y,
                                           layer->column_edges + 2 * x);
                *result++ = clip(mean, layer->low, layer->high);
            }
        }
    }
}
