/* A product with a matrix. Weights: a block of outputs after the other, in each a row for each input. */
typedef struct {
    int32_t inputs, outputs, zero;
    const int8_t *weights;
    scaling to;
} dense_layer;

/* The sums of `count` outputs from `first` on. */
#if defined(EDGEDIGITS_WIDE)
static void sum_inputs(int32_t *sums, const dense_layer *layer, const uint8_t *values, int32_t first, int32_t count)
{
    const int8_t *const weights = layer->weights + first * layer->inputs;
    int32_t lanes[1][16] = {{0}}, from, o;
    begin(lanes[0], layer->to.bias + first, count);
    for (from = 0; from < layer->inputs; from += WINDOW) {
        const int32_t some = smaller(WINDOW, layer->inputs - from);
        int16_t windows[1][WINDOW] = {{0}};
        widen(windows[0], values + from, some, layer->zero);
        add_windows(lanes, windows, 1, some, weights + from * count, count);
    }
    for (o = 0; o < count; o++) {
        sums[o] = lanes[0][o];
    }
}
#else
static void sum_inputs(int32_t *sums, const dense_layer *layer, const uint8_t *values, int32_t first, int32_t count)
{
    begin(sums, layer->to.bias + first, count);
    add_products(sums, values, layer->inputs, layer->zero, layer->weights + first * layer->inputs, count);
}
#endif

static void dense(const dense_layer *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    int32_t first;
    for (first = 0; first < layer->outputs; first += BLOCK) {
        const int32_t count = smaller(BLOCK, layer->outputs - first);
        int32_t sums[BLOCK];
        sum_inputs(sums, layer, values, first, count);
        finish(&layer->to, sums, first, count, result, scores);
    }
}
