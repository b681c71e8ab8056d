static int32_t smaller(int32_t one, int32_t other)
{
    return one < other ? one : other;
}

/* What a layer's sums begin with, and how they become values: clip(rescale(sum) + zero, low, high). */
typedef struct {
    const int32_t *bias;
    const uint16_t *multiplier;
    const uint8_t *shift;
    int32_t zero, low, high;
} scaling;

static void begin(int32_t *sums, const int32_t *bias, int32_t count)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        sums[i] = EDGEDIGITS_INT32(bias + i);
    }
}

/* Each value times its row of weights; a value that stands for 0 costs nothing. */
static inline void add_rows(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero,
                            const int8_t *weights, int32_t outputs)
{
    int32_t i, o;
    for (i = 0; i < count; i++, weights += outputs) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            for (o = 0; o < outputs; o++) {
                sums[o] += value * EDGEDIGITS_INT8(weights + o);
            }
        }
    }
}

/* The same; for a whole block the compiler knows how long a row is. */
static void add_products(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero,
                         const int8_t *weights, int32_t outputs)
{
    if (outputs == BLOCK) {
        add_rows(sums, values, count, zero, weights, BLOCK);
    } else {
        add_rows(sums, values, count, zero, weights, outputs);
    }
}

/* Sums of the channels from `first` on become values; in the last layer they become scores. */
static void finish(const scaling *to, const int32_t *sums, int32_t first, int32_t count, uint8_t *values,
                   int32_t *scores)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        const uint16_t multiplier = EDGEDIGITS_UINT16(to->multiplier + first + i);
        const uint8_t shift = EDGEDIGITS_UINT8(to->shift + first + i);
        const int32_t value = clip(rescale(sums[i], multiplier, shift) + to->zero, to->low, to->high);
        if (scores) {
            scores[first + i] = value;
        } else {
            values[first + i] = (uint8_t)value;
        }
    }
}
