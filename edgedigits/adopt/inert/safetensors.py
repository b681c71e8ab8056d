"""safetensors: the length of a JSON header, the header, which says each tensor's type, shape and place, and the memory.

Its keys are sorted by the alphabet, or by the sizes of element types: their order says nothing of the network.
"""

import json
from typing import Any

from edgedigits.adopt.inert.tensors import ELEMENTS, Storage, Tensor, contiguous, shown
from edgedigits.adopt.inert.values import Contents
from edgedigits.runtime.safety import BOUNDS, Refused

LENGTH = 8  # bytes that say how long the header is
HEADER = 16 << 20  # bytes at most
MOST = 1 << 48  # of a side, or a place
METADATA = "__metadata__"
TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


def is_one(content: bytes) -> bool:
    """Whether it begins as such a file does."""
    return content[LENGTH : LENGTH + 1] == b"{"


def read(content: bytes) -> Contents:
    """The tensors by name. Raises Refused, and ValueError and the like where it is damaged."""
    size = int.from_bytes(content[:LENGTH], "little")
    if size > min(HEADER, len(content) - LENGTH):
        raise Refused(f"a header of {size:,} bytes in a safetensors file of {len(content):,}")
    try:
        header = json.loads(content[LENGTH : LENGTH + size])
    except RecursionError as error:
        raise Refused("its header is nested too deep") from error
    memory = memoryview(content)[LENGTH + size :]
    entries = {name: entry for name, entry in header.items() if name != METADATA}
    if len(entries) > BOUNDS.values:
        raise Refused(f"{len(entries):,} tensors, at most {BOUNDS.values:,} wanted")
    tensors = {name: _tensor(name, entry, memory) for name, entry in entries.items()}
    _require_apart(entries, len(memory))
    return Contents("safetensors", tensors, ordered=False)


def _tensor(name: str, entry: Any, memory: memoryview) -> Tensor:
    kind = entry["dtype"]
    if kind not in TYPES:
        raise Refused(f"tensor {shown(name)} of {shown(kind)}")
    element = ELEMENTS[TYPES[kind]]
    shape, (start, end) = tuple(entry["shape"]), entry["data_offsets"]
    if any(type(number) is not int or not 0 <= number < MOST for number in (*shape, start, end)):
        raise Refused(f"tensor {shown(name)}: shape or place are no sizes")
    storage = Storage(element, name, 0)
    tensor = contiguous(storage, element, shape)
    if end > len(memory) or end - start != tensor.count * element.size:
        raise Refused(f"tensor {shown(name)}: {end - start:,} bytes at {start:,} for shape {list(shape)} of {kind}")
    storage.fill(memory[start:end])
    return tensor


def _require_apart(entries: dict[str, Any], size: int) -> None:
    """Raise Refused unless the tensors fill the memory, each with bytes of its own."""
    places = sorted(tuple(entry["data_offsets"]) for entry in entries.values())
    ends = [0, *(end for _, end in places)]
    if any(start != end for (start, _), end in zip(places, ends, strict=False)) or ends[-1] != size:
        raise Refused("its tensors overlap, or leave a gap")
