/* floor(sum * multiplier / 2^shift + 1/2), whatever >> does to negative numbers. */
static int32_t rescale(int32_t sum, uint16_t multiplier, uint8_t shift)
{
    const int64_t exact = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    return (int32_t)(exact >= 0 ? exact >> shift : ~(~exact >> shift));
}

static int32_t clip(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}
