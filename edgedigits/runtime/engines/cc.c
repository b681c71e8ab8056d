/* Answers images of 784 bytes from its input with their scores, until it ends. */
#include MODEL
#include <stdio.h>

int main(void)
{
    static uint8_t image[784];
    static SCORE scores[CLASSES];
    static uint32_t scratch[SCRATCH / 4];
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        SCORES(image, scores, scratch);
        if (fwrite(scores, sizeof *scores, CLASSES, stdout) != CLASSES) {
            return 1;
        }
    }
    return fflush(stdout) != 0;
}
