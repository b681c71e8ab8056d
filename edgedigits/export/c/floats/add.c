/* One value more in a sum; the first begins it, and behind the last it is cut off. */
static void add(const float *values, int32_t count, int32_t first, float low, float high, float *result)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        result[i] = clip(first ? values[i] : result[i] + values[i], low, high);
    }
}
