/* Answers what it is asked by its input until that ends: images of 784 bytes with their scores; or canvases, their height
   and width before them, with what is read of them. */
#include MODEL
#include <stdio.h>

static uint32_t scratch[SCRATCH / 4];

#if defined(READ)
static uint8_t canvas[2048 * 2048];
static ANSWER answer;

static int asked(void)
{
    int32_t sides[2];
    if (fread(sides, sizeof *sides, 2, stdin) != 2) {
        return 0;
    }
    return fread(canvas, (size_t)sides[1], (size_t)sides[0], stdin) == (size_t)sides[0]
        && READ(canvas, sides[0], sides[1], sides[1], &answer, scratch) == answer.label;
}
#else
static uint8_t image[784];
static SCORE answer[CLASSES];

static int asked(void)
{
    if (fread(image, sizeof image, 1, stdin) != 1) {
        return 0;
    }
    SCORES(image, answer, scratch);
    return 1;
}
#endif

int main(void)
{
    while (asked()) {
        if (fwrite(&answer, sizeof answer, 1, stdout) != 1) {
            return 1;
        }
    }
    return fflush(stdout) != 0;
}
