"""Fuzzing: files mutated at random, and what becomes of each. `python -m tests.fuzz --help`, or `make fuzz SECONDS=60`.

    mutate.py    how an input is spoiled: bytes, JSON, and ONNX through its own fields
    targets.py   what is attacked: who makes the inputs, and who must withstand them
    runs.py      many inputs through worker processes that may crash or hang; counts that can be continued
    __main__.py  the long run and its table

An input is known by target, seed and number: `python -m tests.fuzz TARGET --only NUMBER --seed SEED` makes it
again. Only data of the package's own making is mutated, so no data set is needed.
"""
