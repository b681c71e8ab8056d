/* A row where each output reads a value of its own. */
static void add_each_BITS(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    uint32_t rest = 0;
    int32_t o;
    for (o = 0; o < count * outputs; o++, rest >>= BITS) {
        if (o % 8 == 0) {
            rest = some_BITS(row + o / 8 * BITS, smaller(8, outputs - o));
        }
        sums[o] += (values[o] - zero) * weight_BITS(rest);
    }
}
