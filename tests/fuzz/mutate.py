"""Mutators. Each takes a `random.Random`, from which alone its result follows, and what it spoils."""

import contextlib
import io
import itertools
import json
import pickletools
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from onnx import defs

EDGES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 27, 28, 64, 127, 128, 255, 256, 784, 2**15, 2**16, 2**20, 2**26, 2**31 - 1)
INTEGERS = (*EDGES, -1, -2, -28, -(2**31), 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e38, -1e38, float("inf"), float("-inf"), float("nan"))
OPERATORS = tuple(sorted({schema.name for schema in defs.get_all_schemas() if schema.domain == ""}))
WORDS = (
    b"",
    b"image",
    b"logits",
    b"probabilities",
    b"batch",
    b"..",
    b"/etc/passwd",
    b"location",
    b"\xff\xfe",
    b"a" * 5000,
)
INTEGER_KINDS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)
RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def blob(rng: Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Flipped bits, overwritten bytes, truncation, and parts of this or another file copied, moved or removed."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(BLOB)(rng, content or b"\0", others or (content,))
    return content


def flip_bit(rng: Random, content: bytes) -> bytes:
    """One bit flipped, anywhere."""
    spoiled = bytearray(content)
    spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _place(rng: Random, content: bytes) -> int:
    """Anywhere, or in the head or the tail of a file, where its structure is."""
    size = len(content)
    return rng.choice((rng.randrange(size), rng.randrange(min(size, 3000)), size - 1 - rng.randrange(min(size, 3000))))


def _flip_bits(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    spoiled = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        spoiled[_place(rng, content)] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _overwrite(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, size = _place(rng, content), rng.choice((1, 2, 4, 8))
    value = rng.choice(
        (b"\0" * size, b"\xff" * size, rng.randbytes(size), rng.choice(EDGES).to_bytes(8, "big")[-size:])
    )
    return content[:start] + value + content[start + size :]


def _truncate(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(rng, content)]


def _splice(rng: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    source = rng.choice(others) or b"\0"
    start, size = _place(rng, source), rng.choice((1, 4, 16, 64, 500, 5000))
    place = _place(rng, content)
    end = rng.choice((place, place + size, place + rng.randrange(100)))
    return content[:place] + source[start : start + size] + content[end:]


def _remove(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start = _place(rng, content)
    return content[:start] + content[start + rng.choice((1, 2, 4, 16, 500)) :]


BLOB: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip_bits,
    _flip_bits,
    _overwrite,
    _truncate,
    _splice,
    _remove,
)
VALUES: tuple[Callable[[Random], Any], ...] = (
    lambda _: None,
    lambda _: True,
    lambda rng: rng.choice(INTEGERS),
    lambda rng: rng.choice(FLOATS[:-3]),
    lambda _: 10**400,
    lambda rng: rng.choice(("", "..", "../../x", "/dev/zero", "\0", "\ud800", "x" * 10_000, "0" * 64, "9" * 5000)),
    lambda _: [],
    lambda _: {},
    lambda rng: [rng.choice(INTEGERS)] * rng.choice((1, 3, 1000)),
    lambda rng: {rng.choice(("", "name", "__class__")): rng.choice(INTEGERS)},
)


def document(rng: Random, text: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A JSON document with values replaced, removed, added or nested too deep; or spoiled as bytes."""
    if rng.random() < 0.3:
        return blob(rng, text, others)
    root = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        _spoil_value(rng, root)
    spoiled = json.dumps(root).encode()
    if rng.random() < 0.05:
        depth = rng.choice((100, 5_000, 200_000))
        place = spoiled.find(b":") + 1
        return spoiled[:place] + b"[" * depth + rng.choice((b"", b"]" * depth)) + spoiled[place:]
    return spoiled


def _spoil_value(rng: Random, root: Any) -> None:
    containers = [root] if isinstance(root, dict | list) and root else []
    for found in containers:  # grows while it is walked
        children = found.values() if isinstance(found, dict) else found
        containers += [child for child in children if isinstance(child, dict | list) and child]
    if not containers:
        return
    container = rng.choice(containers)
    key: Any = rng.choice(list(container) if isinstance(container, dict) else range(len(container)))
    what = rng.random()
    if what < 0.15:
        del container[key]
    elif what < 0.25 and isinstance(container, dict):
        container[rng.choice(("extra", "name", "file", "version", ""))] = rng.choice(VALUES)(rng)
    else:
        container[key] = rng.choice(VALUES)(rng)


def model(rng: Random, bases: Sequence[onnx.ModelProto], serialized: Sequence[bytes], index: int) -> bytes:
    """An ONNX file with its fields edited, its bytes spoiled, or both."""
    if rng.random() < 0.4:
        return blob(rng, serialized[index], serialized)
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(bases[index])
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice((_edit_any_field, _edit_any_field, _edit_node, _edit_shape))(rng, spoiled)
    content: bytes = spoiled.SerializeToString()
    return blob(rng, content, serialized) if rng.random() < 0.1 else content


def _edit_node(rng: Random, proto: onnx.ModelProto) -> None:
    """Another operator, other inputs, a node more, a node less, or two exchanged."""
    nodes = proto.graph.node
    if not nodes:
        return
    node = rng.choice(nodes)
    names = [*(name for other in nodes for name in (*other.input, *other.output)), "", "nothing"]
    names += [tensor.name for tensor in proto.graph.initializer]
    what = rng.randrange(6)
    if what == 0:
        node.op_type = rng.choice(OPERATORS)
    elif what == 1 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif what == 2:
        node.input.append(rng.choice(names))
    elif what == 3:
        nodes.add(op_type=rng.choice(OPERATORS), input=[rng.choice(names)], output=[rng.choice((*names, "new"))])
    elif what == 4:
        del nodes[rng.randrange(len(nodes))]
    else:
        nodes.add().CopyFrom(node)


def _edit_shape(rng: Random, proto: onnx.ModelProto) -> None:
    """An axis of a stored tensor or an integer of an attribute: what sizes follow from."""
    places = [tensor.dims for tensor in proto.graph.initializer]
    places += [attribute.ints for node in proto.graph.node for attribute in node.attribute if attribute.ints]
    if places:
        numbers = rng.choice(places)
        if numbers and rng.random() < 0.8:
            numbers[rng.randrange(len(numbers))] = rng.choice(INTEGERS)
        else:
            numbers.append(rng.choice(INTEGERS))


def _edit_any_field(rng: Random, message: Any) -> None:
    """Walk down from a message at random, and set, clear, add or repeat what is found there."""
    while True:
        present = [field for field, _ in message.ListFields()]
        field = rng.choice(present) if present and rng.random() < 0.9 else rng.choice(message.DESCRIPTOR.fields)
        value = getattr(message, field.name)
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            below = _message_below(rng, value, field.is_repeated)
            if below is None:
                return
            message = below
            continue
        if field.is_repeated:
            _edit_list(rng, value, field)
        elif rng.random() < 0.15:
            message.ClearField(field.name)
        else:
            setattr(message, field.name, _scalar(rng, field))
        return


def _message_below(rng: Random, value: Any, repeated: bool) -> Any:
    """The message to go on with; None when the edit was made here."""
    if not repeated:
        return value
    what = rng.random()
    if not len(value) or what < 0.05:
        return value.add()
    if what < 0.1:
        del value[rng.randrange(len(value))]
        return None
    if what < 0.15:
        value.add().CopyFrom(rng.choice(value))
        return None
    return rng.choice(value)


def _edit_list(rng: Random, value: Any, field: FieldDescriptor) -> None:
    if len(value) and rng.random() < 0.8:
        value[rng.randrange(len(value))] = _scalar(rng, field)
    else:
        value.append(_scalar(rng, field))


def _scalar(rng: Random, field: FieldDescriptor) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.cpp_type in INTEGER_KINDS:
        low, high = RANGES[field.cpp_type]
        return min(max(rng.choice(INTEGERS), low), high)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.choice((*WORDS, rng.randbytes(8)))
        return rng.choice((*OPERATORS[::20], *(word.decode("latin-1") for word in WORDS)))
    return rng.choice(FLOATS)


ORDERS = (
    *(bytes([code]) for code in b"(012aesutRb\x81\x85\x86\x87Q\x93\x94]})N.\x8f\x90"),
    b"h\x00",
    b"h\x07",
    b"q\x00",
)


def opcodes(rng: Random, content: bytes) -> bytes:
    """Pickles, one of them with opcodes taken out, put in, repeated, exchanged or with another number."""
    found = _pickles(content)
    if not found:
        return blob(rng, content)
    places = rng.choice(found)
    parts = [content[start:end] for start, end in itertools.pairwise(places)]
    for _ in range(rng.choice((1, 1, 2, 5))):
        index = rng.randrange(len(parts))
        part = parts[index]
        other = rng.choice(([], [part] * 2, [part, rng.choice(ORDERS)], [rng.choice(parts)], [_number(rng)]))
        parts[index : index + 1] = other
        if not parts:
            break
    return content[: places[0]] + b"".join(parts) + content[places[-1] :]


def _pickles(content: bytes) -> list[list[int]]:
    """Where the opcodes of each pickle in a file begin, and where the last of them ends."""
    stream, found = io.BytesIO(content), []
    with contextlib.suppress(ValueError):  # what comes behind the pickles is none
        while True:
            places = [place for _, _, place in pickletools.genops(stream)]
            found.append([*places, stream.tell()])
    return found


def _inside(rng: Random, name: str, content: bytes) -> bytes:
    """What is in an archive, spoiled as what it is."""
    if name.endswith(".json") and content:
        return document(rng, content)
    return opcodes(rng, content) if name.endswith(".pkl") and rng.random() < 0.7 else blob(rng, content)


def _number(rng: Random) -> bytes:
    """The opcode of a whole number at an edge, also of far more bits than processors have."""
    value = rng.choice((*INTEGERS, 2**80, 2**300))
    size = (value.bit_length() // 8) + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def archive(rng: Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A zip archive spoiled as bytes, or packed anew with an entry spoiled, removed or named otherwise."""
    if rng.random() < 0.4:
        return blob(rng, content, others)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        entries = [(name, source.read(name)) for name in source.namelist()]
    index = rng.randrange(len(entries))
    name, inside = entries[index]
    what = rng.random()
    if what < 0.7:
        entries[index] = (name, _inside(rng, name, inside))
    elif what < 0.8:
        del entries[index]
    else:
        entries[index] = (rng.choice(("../../escape", "/absolute", "", name + "x", "a/b" * 1000)), inside)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, inside in entries:
            target.writestr(zipfile.ZipInfo(name), inside)
    return buffer.getvalue()
