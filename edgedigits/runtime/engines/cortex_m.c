/* Answers images of 784 bytes, one behind the other, with their scores; or a canvas with what is read of it. Where all of
   it lies, the emulator says. */
#include MODEL

#if defined(READ)
void answer(const uint8_t *canvas, int32_t height, int32_t width, ANSWER *found, void *scratch)
{
    READ(canvas, height, width, width, found, scratch);
}
#else
void answer(const uint8_t *images, int32_t count, int32_t *scores, void *scratch)
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
