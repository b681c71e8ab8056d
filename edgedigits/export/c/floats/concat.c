/* One of several values that lie side by side: `channels` of each pixel's `stride`. */
static void concat(const float *values, int32_t pixels, int32_t channels, int32_t stride, float low, float high,
                   float *result)
{
    int32_t pixel, channel;
    for (pixel = 0; pixel < pixels; pixel++, result += stride) {
        for (channel = 0; channel < channels; channel++) {
            result[channel] = clip(*values++, low, high);
        }
    }
}
