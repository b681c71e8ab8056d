/* Answers, in its own memory, images of 784 bytes, one behind the other, with their scores; or a canvas with what is read
   of it. */
#include MODEL

static uint32_t scratch[SCRATCH / 4];

#if defined(READ)
static uint8_t canvas[2048 * 2048];
static ANSWER answered;

uint8_t *canvas_at(void)
{
    return canvas;
}

ANSWER *answer_at(void)
{
    return &answered;
}

void read(int32_t height, int32_t width)
{
    READ(canvas, height, width, width, &answered, scratch);
}
#else
static uint8_t images[BATCH * 784];
static SCORE scores[BATCH * CLASSES];

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
#endif

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
