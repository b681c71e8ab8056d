/* A product with a matrix. Weights: a row for each input. */
typedef struct {
    int32_t inputs, outputs;
    const float *weights, *bias;
    float low, high;
} dense_layer;

static void dense(const dense_layer *layer, const float *values, float *result)
{
    const float *row = layer->weights;
    int32_t i, o;
    for (o = 0; o < layer->outputs; o++) {
        result[o] = EDGEDIGITS_FLOAT(layer->bias + o);
    }
    for (i = 0; i < layer->inputs; i++, row += layer->outputs) {
        for (o = 0; o < layer->outputs; o++) {
            result[o] += values[i] * EDGEDIGITS_FLOAT(row + o);
        }
    }
    for (o = 0; o < layer->outputs; o++) {
        result[o] = clip(result[o], layer->low, layer->high);
    }
}
