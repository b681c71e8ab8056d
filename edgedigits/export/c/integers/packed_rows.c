/* Eight weights, which are BITS bytes. */
static inline uint32_t eight_BITS(const uint8_t *row)
{
    return READ;
}

static void add_rows_BITS(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    const int32_t stride = (outputs * BITS + 7) / 8;
    int32_t i, o;
    for (i = 0; i < count; i++, row += stride) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            const uint8_t *at = row;
            for (o = 0; o + 8 <= outputs; o += 8, at += BITS) {
                const uint32_t eight = eight_BITS(at);
                sums[o] += value * weight_BITS(eight);
                sums[o + 1] += value * weight_BITS(eight >> BITS);
                sums[o + 2] += value * weight_BITS(eight >> 2 * BITS);
                sums[o + 3] += value * weight_BITS(eight >> 3 * BITS);
                sums[o + 4] += value * weight_BITS(eight >> 4 * BITS);
                sums[o + 5] += value * weight_BITS(eight >> 5 * BITS);
                sums[o + 6] += value * weight_BITS(eight >> 6 * BITS);
                sums[o + 7] += value * weight_BITS(eight >> 7 * BITS);
            }
            if (o < outputs) {
                uint32_t rest = some_BITS(at, outputs - o);
                for (; o < outputs; o++, rest >>= BITS) {
                    sums[o] += value * weight_BITS(rest);
                }
            }
        }
    }
}
