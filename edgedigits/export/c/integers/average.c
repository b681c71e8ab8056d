/* The mean of each window: its sum times whole / count, so that one multiplier serves them all. */
typedef struct {
    int32_t width, channels;                        /* what it reads */
    int32_t rows, columns;                          /* what it gives */
    const uint16_t *row_edges, *column_edges;       /* where each window begins, and where it ends */
    int32_t whole, divisor;                         /* divisor 0: what a window sees */
    int32_t zero_in;
    const uint16_t *multiplier;
    const uint8_t *shift;
    int32_t zero, low, high;
} averaging;

static int32_t sum_of(const averaging *layer, const uint8_t *values, const uint16_t *rows, const uint16_t *columns)
{
    const int32_t top = EDGEDIGITS_UINT16(rows), bottom = EDGEDIGITS_UINT16(rows + 1);
    const int32_t left = EDGEDIGITS_UINT16(columns), right = EDGEDIGITS_UINT16(columns + 1);
    const int32_t count = layer->divisor ? layer->divisor : (bottom - top) * (right - left);
    int32_t sum = 0, y, x;
    for (y = top; y < bottom; y++) {
        for (x = left; x < right; x++) {
            sum += values[(y * layer->width + x) * layer->channels] - layer->zero_in;
        }
    }
    return sum * (layer->whole / count);
}

static void average(const averaging *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    const uint16_t multiplier = EDGEDIGITS_UINT16(layer->multiplier);
    const uint8_t shift = EDGEDIGITS_UINT8(layer->shift);
    int32_t y, x, channel, at = 0;
    for (y = 0; y < layer->rows; y++) {
        for (x = 0; x < layer->columns; x++) {
            for (channel = 0; channel < layer->channels; channel++, at++) {
                const int32_t sum = sum_of(layer, values + channel, layer->row_edges + 2 * y,
                                           layer->column_edges + 2 * x);
                const int32_t mean = rescale(sum, multiplier, shift) + layer->zero;
                if (scores) {
                    scores[at] = clip(mean, layer->low, layer->high);
                } else {
                    result[at] = (uint8_t)clip(mean, layer->low, layer->high);
                }
            }
        }
    }
}
