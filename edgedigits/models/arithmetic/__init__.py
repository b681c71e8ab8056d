"""A network as arithmetic that a microcontroller can do, without torch: what C files are printed from.

    layers + weights ──folding──> Folded ──quantizing──> IntegerNetwork

steps        what is computed, one record a kind, with its sums in numpy
forms        each op of `records/ops.py` as steps
folding      a network and its weights become a Folded: batch norm in the weights, activations as clips
floats       a Folded, asked in floats: what scales are calibrated on, and what C files in float compute
quantizing   a Folded becomes an IntegerNetwork, calibrated on training images
lifetimes    where values lie in memory that is used again
integers     an IntegerNetwork, asked in integers: the reference that every engine must equal in each score
decision     when the largest of its scores is no answer, in integers: of canvas files
"""
