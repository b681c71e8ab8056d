"""C files: a network printed as one self-contained C99 source, which is also C++11.

write      the file, from a trained model
source     its text in integers, from its parts
canvas     the same behind a framing: what reads a canvas of any size
layers     what each step is in it: its tables, its constants, its call
floats_source   its text in float
tables     numbers as C, and names
integers/, floats/   the C itself: a function a kind of layer
"""

UNSEALED = "0" * 64  # in a contract, where the SHA-256 of its file will stand
