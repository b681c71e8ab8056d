/* Up to eight weights of BITS bits, the lowest first. */
static uint32_t some_BITS(const uint8_t *row, int32_t count)
{
    uint32_t found = 0;
    int32_t i;
    for (i = 0; i * 8 < count * BITS; i++) {
        found |= (uint32_t)EDGEDIGITS_UINT8(row + i) << 8 * i;
    }
    return found;
}

static inline int32_t weight_BITS(uint32_t row)
{
    return (int32_t)((row & MASK) ^ SIGN) - SIGN;
}
