/* One of several values that lie side by side: `channels` of each pixel's `stride`, through a table. */
static void concat(const uint8_t *table, int32_t pixels, int32_t channels, int32_t stride, const uint8_t *values,
                   uint8_t *result)
{
    int32_t pixel, channel;
    for (pixel = 0; pixel < pixels; pixel++, result += stride) {
        for (channel = 0; channel < channels; channel++) {
            result[channel] = EDGEDIGITS_UINT8(table + *values++);
        }
    }
}
