/* Median microseconds of one picture through the library, in the folder of target c made of cnn. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cnn_int8.h"

#define WARM_UP 2000
#define CALLS 2000
#define PIXELS (28 * 28)

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e6 * (double)time.tv_sec + 1e-3 * (double)time.tv_nsec;
}

static int compared(const void *one, const void *other)
{
    const double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

int main(void)
{
    static uint32_t scratch[CNN_INT8_SCRATCH_BYTES / 4];
    static double times[CALLS];
    uint8_t image[PIXELS];
    int32_t scores[CNN_INT8_CLASSES];
    FILE *file = fopen("example.pgm", "rb");
    int call;
    if (!file || fseek(file, -PIXELS, SEEK_END) || fread(image, 1, PIXELS, file) != PIXELS) {
        return 1;
    }
    for (call = -WARM_UP; call < CALLS; call++) {
        const double begin = now();
        cnn_int8_scores(image, scores, scratch);
        if (call >= 0) {
            times[call] = now() - begin;
        }
    }
    qsort(times, CALLS, sizeof *times, compared);
    printf("%g\n", times[CALLS / 2]);
    return 0;
}
