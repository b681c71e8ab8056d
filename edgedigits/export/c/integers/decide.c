/* When the largest score is no answer: where the softmax of the logits gives it a probability below the threshold. Of
   every other score, 1/2 to the power of how far it is below is summed: a table in steps of 1/64, linear between them. */
enum { STEPS = 64, PARTS = 256, BITS = 24 };
#define ONE 8388608L

typedef struct {
    const uint16_t *powers;
    uint16_t multiplier;
    uint8_t shift;
    uint32_t limit;
} deciding;

static uint32_t power_of(const uint16_t *powers, uint64_t place)
{
    const uint64_t exponent = place / (STEPS * PARTS);
    const uint32_t rest = (uint32_t)(place % (STEPS * PARTS));
    const uint32_t high = EDGEDIGITS_UINT16(powers + rest / PARTS), low = EDGEDIGITS_UINT16(powers + rest / PARTS + 1);
    return exponent < BITS ? (high * PARTS - (high - low) * (rest % PARTS)) >> exponent : 0;
}

static int32_t decide(const deciding *on, const int32_t *scores, int32_t classes)
{
    uint32_t sum = ONE;
    int32_t best = 0, i;
    for (i = 1; i < classes; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    for (i = 0; i < classes && sum <= on->limit; i++) {
        const uint32_t below = (uint32_t)scores[best] - (uint32_t)scores[i];
        sum += i == best ? 0 : power_of(on->powers, (uint64_t)below * on->multiplier >> on->shift);
    }
    return sum <= on->limit ? best : -1;
}
