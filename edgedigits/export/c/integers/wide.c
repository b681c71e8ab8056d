#if defined(EDGEDIGITS_WIDE)
/* The same sums in wide registers and without a branch: two values at a time, centred and 16 bits wide, of up to PLACES
   places at once, which share what is read of the weights. Behind a window stands a 0. */
enum { PLACES = 4 };

static inline __m256i load(const int32_t *sums)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)sums);
}

static inline void store(int32_t *sums, __m256i lanes)
{
    _mm256_storeu_si256((__m256i *)(void *)sums, lanes);
}

/* A row of weights: eight of them, or sixteen, of which those behind `outputs` are another row's. */
static inline __m128i load_row(const int8_t *weights, int32_t outputs)
{
    const __m128i *const row = (const __m128i *)(const void *)weights;
    return outputs == 8 ? _mm_loadl_epi64(row) : _mm_loadu_si128(row);
}

/* Two values in each lane. */
static inline __m256i load_pair(const int16_t *window)
{
    int32_t pair;
    __builtin_memcpy(&pair, window, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Sums of 16 lanes, for 8 outputs and more; `count` rows may be read as such. */
__attribute__((always_inline)) static inline void add_pairs(int32_t (*sums)[16], int16_t (*windows)[WINDOW],
                                                            int32_t places, int32_t count, const int8_t *weights,
                                                            int32_t outputs)
{
    __m256i low[PLACES], high[PLACES];
    int32_t i, place;
    for (place = 0; place < places; place++) {
        low[place] = load(sums[place]);
        high[place] = load(sums[place] + 8);
    }
    for (i = 0; i < count; i += 2) {
        const __m128i row = load_row(weights + i * outputs, outputs);
        const __m128i next = i + 1 < count ? load_row(weights + (i + 1) * outputs, outputs) : _mm_setzero_si128();
        const __m256i first = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(row, next));
        const __m256i second = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(row, next));
        for (place = 0; place < places; place++) {
            const __m256i pair = load_pair(windows[place] + i);
            low[place] = _mm256_add_epi32(low[place], _mm256_madd_epi16(first, pair));
            if (outputs > 8) {
                high[place] = _mm256_add_epi32(high[place], _mm256_madd_epi16(second, pair));
            }
        }
    }
    for (place = 0; place < places; place++) {
        store(sums[place], low[place]);
        store(sums[place] + 8, high[place]);
    }
}

/* The same for any number of rows and outputs; the compiler knows the usual ones. */
static void add_windows(int32_t (*sums)[16], int16_t (*windows)[WINDOW], int32_t places, int32_t count,
                        const int8_t *weights, int32_t outputs)
{
    int32_t place, i, o, whole = 0;
    if (places == PLACES && outputs == 16) {
        add_pairs(sums, windows, PLACES, whole = count, weights, 16);
    } else if (places == PLACES && outputs == 8) {
        add_pairs(sums, windows, PLACES, whole = count, weights, 8);
    } else if (outputs >= 8) {
        whole = outputs % 8 == 0 ? count : (count - 1) / 2 * 2;    /* nothing behind them is read */
        for (place = 0; place < places; place++) {
            add_pairs(sums + place, windows + place, 1, whole, weights, outputs);
        }
    }
    for (i = whole; i < count; i++) {
        for (place = 0; place < places; place++) {
            for (o = 0; o < outputs; o++) {
                sums[place][o] += windows[place][i] * weights[i * outputs + o];
            }
        }
    }
}

/* Bytes as 16 bits, less what stands for 0. */
static inline void widen(int16_t *window, const uint8_t *values, int32_t count, int32_t zero)
{
    const __m128i zeros = _mm_set1_epi16((int16_t)zero);
    int32_t i;
    for (i = 0; i + 8 <= count; i += 8) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(values + i));
        _mm_storeu_si128((__m128i *)(void *)(window + i), _mm_sub_epi16(_mm_cvtepu8_epi16(bytes), zeros));
    }
    for (; i < count; i++) {
        window[i] = (int16_t)(values[i] - zero);
    }
}
#endif
