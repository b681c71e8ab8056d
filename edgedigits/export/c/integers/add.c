/* The sum of several values, each times a multiplier of its own. */
typedef struct {
    int32_t inputs, count;
    const int32_t *zeros;
    const uint16_t *multipliers;
    const uint8_t *shift;
    int32_t zero, low, high;
} addition;

static void add(const addition *layer, const uint8_t *const *values, uint8_t *result, int32_t *scores)
{
    const uint8_t shift = EDGEDIGITS_UINT8(layer->shift);
    int32_t i, input;
    for (i = 0; i < layer->count; i++) {
        int32_t sum = 0;
        for (input = 0; input < layer->inputs; input++) {
            const int32_t value = values[input][i] - EDGEDIGITS_INT32(layer->zeros + input);
            sum += value * EDGEDIGITS_UINT16(layer->multipliers + input);
        }
        sum = clip(rescale(sum, 1, shift) + layer->zero, layer->low, layer->high);
        if (scores) {
            scores[i] = sum;
        } else {
            result[i] = (uint8_t)sum;
        }
    }
}
