/* A product with a matrix. Weights: a block of outputs after the other, in each a row for each input. */
typedef struct {
    int32_t inputs, outputs, zero;
    const int8_t *weights;
    scaling to;
} dense_layer;

static void dense(const dense_layer *layer, const uint8_t *values, uint8_t *result, int32_t *scores)
{
    int32_t first;
    for (first = 0; first < layer->outputs; first += BLOCK) {
        const int32_t count = smaller(BLOCK, layer->outputs - first);
        int32_t sums[BLOCK];
        begin(sums, layer->to.bias + first, count);
        add_products(sums, values, layer->inputs, layer->zero, layer->weights + first * layer->inputs, count);
        finish(&layer->to, sums, first, count, result, scores);
    }
}
