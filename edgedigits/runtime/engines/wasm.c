/* Answers images of 784 bytes, one behind the other in its own memory, with their scores. */
#include MODEL

static uint8_t images[BATCH * 784];
static SCORE scores[BATCH * CLASSES];
static uint32_t scratch[SCRATCH / 4];

uint8_t *images_at(void)
{
    return images;
}

SCORE *scores_at(void)
{
    return scores;
}

void answer(int32_t count)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        SCORES(images + i * 784, scores + i * CLASSES, scratch);
    }
}

/* Compilers put calls to these in by themselves; there is no library to bring them. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ count)
{
    __SIZE_TYPE__ i;
    for (i = 0; i < count; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ count)
{
    __SIZE_TYPE__ i;
    for (i = 0; i < count; i++) {
        ((uint8_t *)to)[i] = (uint8_t)value;
    }
    return to;
}
