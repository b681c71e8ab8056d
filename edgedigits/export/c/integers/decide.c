/* When the largest score is no answer: where the softmax of the logits gives it a probability below the threshold. Of
   every other score, a part of ONE is summed: 1/2 to the power of how far it is below, in steps of 1/64. */
enum { STEPS = 64, BITS = 16 };
#define ONE 32768u

typedef struct {
    const uint16_t *powers;
    uint16_t multiplier;
    uint8_t shift;
    uint32_t limit;
} deciding;

static int32_t decide(const deciding *on, const int32_t *scores, int32_t classes)
{
    uint32_t sum = ONE;
    int32_t best = 0, i;
    for (i = 1; i < classes; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    for (i = 0; i < classes; i++) {
        const uint32_t below = (uint32_t)scores[best] - (uint32_t)scores[i];
        const uint64_t steps = (uint64_t)below * on->multiplier >> on->shift;
        if (i != best && steps < BITS * STEPS) {
            sum += (uint32_t)EDGEDIGITS_UINT16(on->powers + steps % STEPS) >> (steps / STEPS);
        }
    }
    return sum <= on->limit ? best : -1;
}
