/* The product of two values; the second has as many as the first, or one a channel: `period` is how many. */
typedef struct {
    int32_t count, period, first_zero, second_zero;
    const uint16_t *multiplier;
    const uint8_t *shift;
    int32_t zero, low, high;
} multiplication;

static void multiply(const multiplication *layer, const uint8_t *first, const uint8_t *second, uint8_t *result,
                     int32_t *scores)
{
    const uint16_t multiplier = EDGEDIGITS_UINT16(layer->multiplier);
    const uint8_t shift = EDGEDIGITS_UINT8(layer->shift);
    int32_t i;
    for (i = 0; i < layer->count; i++) {
        const int32_t product = (first[i] - layer->first_zero) * (second[i % layer->period] - layer->second_zero);
        const int32_t value = rescale(product, multiplier, shift) + layer->zero;
        if (scores) {
            scores[i] = clip(value, layer->low, layer->high);
        } else {
            result[i] = (uint8_t)clip(value, layer->low, layer->high);
        }
    }
}
