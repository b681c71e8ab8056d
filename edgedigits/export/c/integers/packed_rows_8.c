/* Rows of whole bytes. */
static void add_rows_8(int32_t *sums, const uint8_t *values, int32_t count, int32_t zero, const uint8_t *row,
                       int32_t outputs)
{
    int32_t i, o;
    for (i = 0; i < count; i++, row += outputs) {
        const int32_t value = values[i] - zero;
        if (value != 0) {
            for (o = 0; o < outputs; o++) {
                sums[o] += value * ((EDGEDIGITS_UINT8(row + o) ^ 128) - 128);
            }
        }
    }
}
