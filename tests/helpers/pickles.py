"""Files that ask for more than weights may, written opcode by opcode, each with the words of its refusal."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

PROTO, STOP, MARK, TUPLE, LIST, DICT = b"\x80\x02", b".", b"(", b"t", b"]", b"}"
NUMBER = b"K\x01"  # 1


@dataclass(frozen=True)
class Bomb:
    """The bytes of a file, made when they are asked for, and what its refusal says."""

    make: Callable[[], bytes]
    reason: str


def name(path: str) -> bytes:
    """A class or function, by its path."""
    module, _, last = path.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def whole(value: int) -> bytes:
    """A whole number of any size."""
    return pickle.dumps(value, 2)[2:-1]


def text(value: str) -> bytes:
    """Text."""
    content = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def pickled(body: bytes) -> bytes:
    """A whole pickle."""
    return PROTO + body + STOP


def archive(body: bytes, **records: bytes) -> bytes:
    """A zip file of torch's around a pickle and its storages, `_0` for `data/0`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("x/data.pkl", pickled(body))
        for key, content in records.items():
            target.writestr(f"x/data/{key.removeprefix('_')}", content)
    return buffer.getvalue()


def storage(count: int, kind: str = "torch.FloatStorage", key: str = "0") -> bytes:
    """A storage of torch, as a persistent id."""
    return MARK + text("storage") + name(kind) + text(key) + text("cpu") + whole(count) + TUPLE + b"Q"


def numbers(*values: int) -> bytes:
    """A tuple of whole numbers."""
    return MARK + b"".join(map(whole, values)) + TUPLE


def tensor(of: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """A tensor in a storage."""
    parts = of + whole(offset) + numbers(*shape) + numbers(*strides) + b"\x89" + DICT
    return name("torch._utils._rebuild_tensor_v2") + MARK + parts + TUPLE + b"R"


def state(value: bytes) -> bytes:
    """A mapping with one entry."""
    return DICT + text("w") + value + b"s"


def _doubled(levels: int) -> bytes:
    """A list that holds the one before twice, and so on: 2 ** levels values in a few bytes."""
    body = LIST
    for index in range(levels):
        body += b"q" + bytes([index]) + b"0" + LIST + b"h" + bytes([index]) + b"a" + b"h" + bytes([index]) + b"a"
    return body


def _copied() -> bytes:
    """A long list, copied again and again."""
    long = LIST + MARK + NUMBER * 20_000 + b"e" + b"q\x00"
    return long + b"".join(name("builtins.list") + b"h\x00" + b"\x85R0" for _ in range(20_000))


def _encoded() -> bytes:
    """A long text, encoded again and again."""
    arguments = text("a" * 1_000_000) + b"q\x00" + text("latin1") + b"\x86q\x010"
    return arguments + b"".join(name("_codecs.encode") + b"h\x01" + b"R0" for _ in range(1_000)) + NUMBER


def _nested_zip(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("x/data.pkl", bytes(size))
    return buffer.getvalue()


def _many_entries() -> bytes:
    return b"PK\x03\x04" + b"PK\x01\x02" * 20_000


def _legacy(*pickles: bytes) -> bytes:
    return b"".join([pickled(whole(0x1950A86A20F9469CFC6C)), *pickles])


def _in_itself(levels: int) -> bytes:
    """A file of storages in a file of storages in ..."""
    inner = pickled(NUMBER)
    for _ in range(levels):
        content = b"B" + struct.pack("<I", len(inner)) + inner
        inner = pickled(name("torch.storage._load_from_bytes") + content + b"\x85R")
    return inner


def _safetensors(header: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if size is None else size) + header


BOMBS: dict[str, Bomb] = {
    "a list in itself": Bomb(lambda: pickled(LIST + b"q\x00h\x00a"), "it holds itself"),
    "a mapping in itself": Bomb(lambda: pickled(DICT + b"q\x00" + text("a") + b"h\x00s"), "it holds itself"),
    "an object in itself": Bomb(
        lambda: pickled(name("a.B") + b")\x81q\x00" + DICT + text("me") + b"h\x00sb"), "it holds itself"
    ),
    "a mapping that is its own key": Bomb(lambda: pickled(DICT + b"q\x00h\x00" + NUMBER + b"s"), "it holds itself"),
    "doubled 60 times": Bomb(lambda: pickled(_doubled(60)), "more than 1,000,000 values when it is unfolded"),
    "tuples in tuples": Bomb(lambda: pickled(b")" + b"\x85" * 100_000), "more than 200 containers inside each other"),
    "lists in lists": Bomb(lambda: pickled(LIST * 50_000 + b"a" * 49_999), "more than 200 containers"),
    "endless": Bomb(lambda: pickled(b"N0" * 600_000 + b"N"), "more than 1,000,000 opcodes"),
    "a huge number": Bomb(lambda: pickled(b"\x8b" + struct.pack("<I", 10_000) + b"\x7f" * 10_000), "79,999 bits"),
    "a huge number in digits": Bomb(lambda: pickled(b"L" + b"9" * 200 + b"L\n"), "bits"),
    "a number of more digits than Python takes": Bomb(lambda: pickled(b"L" + b"9" * 50_000 + b"L\n"), "damaged"),
    "a text that is longer than the file": Bomb(lambda: pickled(b"X\xff\xff\xff\x7f" + b"a"), "damaged"),
    "bytes that are longer than memory": Bomb(lambda: pickled(b"\x8e" + b"\xff" * 7 + b"\x7f"), "damaged"),
    "a far place in the memo": Bomb(lambda: pickled(NUMBER + b"p99999999999999999999\n"), "a memo of"),
    "a negative place in the memo": Bomb(lambda: pickled(NUMBER + b"p-1\n"), "a memo of -1"),
    "what is not in the memo": Bomb(lambda: pickled(b"h\x07"), "damaged"),
    "an empty stack": Bomb(lambda: pickled(b"a"), "damaged"),
    "a mark too few": Bomb(lambda: pickled(b"t"), "damaged"),
    "a mark too many": Bomb(lambda: pickled(b"(" + NUMBER), "a mark is left"),
    "no end": Bomb(lambda: PROTO + NUMBER, "damaged"),
    "a registered class": Bomb(lambda: pickled(b"\x82\x01"), "EXT1"),
    "a buffer outside": Bomb(lambda: pickled(b"\x97"), "NEXT_BUFFER"),
    "copies without end": Bomb(lambda: pickled(_copied() + b"N"), "copy more than they hold"),
    "encoded without end": Bomb(lambda: pickled(_encoded()), "copy more than they hold"),
    "files in files": Bomb(lambda: _in_itself(500), "a file inside a file inside a file"),
    "a persistent id of nobody": Bomb(lambda: pickled(NUMBER + b"Q"), "names what is not in the file"),
    "a shape that is huge": Bomb(
        lambda: archive(state(tensor(storage(4), (1 << 40, 1 << 40), (0, 0))), _0=bytes(16)), "elements wanted"
    ),
    "a shape that is huge beside an empty axis": Bomb(
        lambda: archive(state(tensor(storage(4), (0, 1 << 40), (0, 0))), _0=bytes(16)), "no weights in it"
    ),
    "a shape of negative sides": Bomb(
        lambda: archive(state(tensor(storage(4), (-2, -2), (1, 1))), _0=bytes(16)), "a tensor of shape [-2, -2]"
    ),
    "more axes than numpy has": Bomb(
        lambda: archive(state(tensor(storage(4), (1,) * 80, (1,) * 80)), _0=bytes(16)), "80 axes"
    ),
    "fewer strides than axes": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (1,))), _0=bytes(16)), "2 axes with 1 strides"
    ),
    "strides that lead out": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (1, 1000))), _0=bytes(16)), "behind its storage"
    ),
    "strides that lead back": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (1, -1), 3)), _0=bytes(16)), "strides [1, -1]"
    ),
    "an offset that leads out": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (2, 1), 1)), _0=bytes(16)), "behind its storage"
    ),
    "a negative offset": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (2, 1), -1)), _0=bytes(16)), "offset -1"
    ),
    "a storage of less than it says": Bomb(
        lambda: archive(state(tensor(storage(4), (2, 2), (2, 1))), _0=bytes(15)), "15 bytes, 4 float32 declared"
    ),
    "a storage that is not there": Bomb(lambda: archive(state(tensor(storage(4), (2, 2), (2, 1)))), "damaged"),
    "a storage of a huge number": Bomb(
        lambda: archive(state(tensor(storage(1 << 80), (2, 2), (2, 1))), _0=bytes(16)), "declared"
    ),
    "a storage of an unknown kind": Bomb(
        lambda: archive(state(tensor(storage(4, "os.FloatStorage"), (2, 2), (2, 1))), _0=bytes(16)), "unknown type"
    ),
    "one storage named as two": Bomb(
        lambda: archive(storage(4) + storage(8) + b"\x86", _0=bytes(32)), "named as two different ones"
    ),
    "no storage at all": Bomb(lambda: archive(state(tensor(NUMBER, (2, 2), (2, 1)))), "a tensor without a storage"),
    "an archive that unpacks to 300 MB": Bomb(lambda: _nested_zip(300 << 20), "bytes unpacked"),
    "an archive of too many entries": Bomb(_many_entries, "20,000 entries"),
    "an archive of something else": Bomb(lambda: archive(NUMBER).replace(b"data.pkl", b"data.txt"), "none of torch's"),
    "legacy in another version": Bomb(lambda: _legacy(pickled(whole(7))), "in version '7'"),
    "legacy with a name of nothing": Bomb(
        lambda: _legacy(pickled(whole(1001)), pickled(DICT), pickled(NUMBER), pickled(LIST + text("9") + b"a")),
        "damaged",
    ),
    "legacy with a storage that is cut off": Bomb(
        lambda: _legacy(
            pickled(whole(1001)),
            pickled(DICT),
            pickled(state(tensor(storage(4), (2, 2), (2, 1)))),
            pickled(LIST + text("0") + b"a"),
            struct.pack("<q", 4) + bytes(3),
        ),
        "3 bytes, 4 float32 declared",
    ),
    "legacy with another size": Bomb(
        lambda: _legacy(
            pickled(whole(1001)),
            pickled(DICT),
            pickled(state(tensor(storage(4), (2, 2), (2, 1)))),
            pickled(LIST + text("0") + b"a"),
            struct.pack("<q", 1 << 40),
        ),
        "1,099,511,627,776 elements, 4 declared",
    ),
    "safetensors with a huge header": Bomb(lambda: _safetensors(b"{}", 1 << 62), "a header of"),
    "safetensors nested too deep": Bomb(
        lambda: _safetensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), "nested too deep"
    ),
    "safetensors with a huge shape": Bomb(
        lambda: _safetensors(b'{"a":{"dtype":"F32","shape":[0,1' + b"0" * 4000 + b'],"data_offsets":[0,0]}}'),
        "shape or place are no sizes",
    ),
    "safetensors out of its memory": Bomb(
        lambda: _safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'), "8 bytes at 0"
    ),
    "safetensors that overlap": Bomb(
        lambda: (
            _safetensors(
                b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}'
            )
            + bytes(12)
        ),
        "overlap",
    ),
    "safetensors of an unknown type": Bomb(
        lambda: _safetensors(b'{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}') + bytes(8), "tensor 'a' of 'X9'"
    ),
}
FOREIGN: dict[str, tuple[bytes, str]] = {  # the first bytes of files of others, and what is said of each
    "Keras, HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "python -m tf2onnx.convert --keras"),
    "TFLite": (b"\x1c\x00\x00\x00TFL3" + bytes(100), "python -m tf2onnx.convert --tflite"),
    "flax": (b"\x81\xa6params\x81\xa7Dense_0" + bytes(100), "weights of JAX"),
    "numpy": (b"\x93NUMPY\x01\x00" + bytes(100), "one array of numpy"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(100), "Unpack it first"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "tar": (bytes(257) + b"ustar" + bytes(300), "a tar archive"),
    "ONNX": (b"\x08\x08\x12\x07pytorch" + bytes(100), "an ONNX file"),
    "text": (b"hello, this is a text file\n", "text, not weights"),
    "JSON": (b'{"layers": []}', "text, not weights"),
    "nothing": (b"", "an empty file"),
    "zeros": (bytes(1000), "damaged"),
}
FOREIGN_ENTRIES = {  # of zip archives: a name in one, and what is said
    "model.weights.h5": "Keras weights",
    "fc.weight.npy": "arrays of numpy",
    "checkpoint/_METADATA": "JAX (orbax)",
    "m/models/model.json": "torch.export",
    "saved/saved_model.pb": "TensorFlow",
}
