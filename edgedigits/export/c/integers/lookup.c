/* A function of each value by itself: a table for all, or one a channel. */
static void lookup(const uint8_t *tables, int32_t count, int32_t channels, const uint8_t *values, uint8_t *result)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        result[i] = EDGEDIGITS_UINT8(tables + (i % channels) * 256 + values[i]);
    }
}
