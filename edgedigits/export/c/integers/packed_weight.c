/* Weights of BITS bits, the lowest first: eight of them are BITS bytes, and may be read past the last. */
static inline uint32_t eight_BITS(const uint8_t *row)
{
    return READ;
}

static inline int32_t weight_BITS(uint32_t row)
{
    return (int32_t)((row & MASK) ^ SIGN) - SIGN;
}
