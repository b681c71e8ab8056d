/* A row where each output reads a value of its own. */
static void add_each_8(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    int32_t o;
    for (o = 0; o < count * outputs; o++) {
        sums[o] += (values[o] - zero) * ((EDGEDIGITS_UINT8(row + o) ^ 128) - 128);
    }
}
