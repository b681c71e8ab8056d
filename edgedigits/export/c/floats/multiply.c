/* The product of two values; the second has as many as the first, or one a channel: `period` is how many. */
static void multiply(const float *values, const float *others, int32_t count, int32_t period, float low, float high,
                     float *result)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        result[i] = clip(values[i] * others[i % period], low, high);
    }
}
