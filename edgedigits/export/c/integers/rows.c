/* Each value times its row of weights, four at a time, since compilers for small devices unroll no loop; a value that
   stands for 0 costs nothing. */
static inline void add_rows(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero,
                            const int8_t *weights, int32_t outputs)
{
    int32_t i, o;
    for (i = 0; i < count; i++, weights += outputs) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            for (o = 0; o + 4 <= outputs; o += 4) {
                sums[o] += value * EDGEDIGITS_INT8(weights + o);
                sums[o + 1] += value * EDGEDIGITS_INT8(weights + o + 1);
                sums[o + 2] += value * EDGEDIGITS_INT8(weights + o + 2);
                sums[o + 3] += value * EDGEDIGITS_INT8(weights + o + 3);
            }
            for (; o < outputs; o++) {
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
