"""Files of other frameworks, known by their first bytes or what is in their archive, refused with the way here."""

import io
import zipfile
from collections.abc import Mapping

from edgedigits.runtime.safety import Refused

ONNX = "Export it to ONNX, and adopt that file"
KERAS = f"Keras weights. {ONNX}: python -m tf2onnx.convert --keras FILE --output model.onnx"
STARTS = {  # place and first bytes: what the file is
    (0, b"\x89HDF\r\n\x1a\n"): KERAS,
    (4, b"TFL3"): f"a TFLite model. {ONNX}: python -m tf2onnx.convert --tflite FILE --output model.onnx",
    (0, b"\x93NUMPY"): "one array of numpy. Save the whole state_dict() with torch, or as safetensors",
    (0, b"\x1f\x8b"): "gzipped. Unpack it first",
    (4, b"ORTM"): "a model in ONNX Runtime's own format. Adopt the ONNX file that it was made from",
    (0, b"version https://git-lfs"): "a pointer of Git LFS, not the file. Fetch it: git lfs pull",
    (257, b"ustar"): "a tar archive. torch's files called .tar are none; unpack it, and adopt what is in it",
}
ENTRIES = {  # the end of a name in a zip archive: what the archive is
    "model.weights.h5": KERAS,
    "_METADATA": f"a checkpoint of JAX (orbax). {ONNX}, from jax2tf: python -m tf2onnx.convert --saved-model FOLDER",
    ".npy": "arrays of numpy, as JAX programs save them, without a network. Save a state_dict() as safetensors",
    "saved_model.pb": f"a model of TensorFlow. {ONNX}: python -m tf2onnx.convert --saved-model FOLDER",
    "models/model.json": "a program of torch.export. Save its state_dict() with torch.save, or export it to ONNX",
}
ONNX_START = b"\x08"  # the version of the IR, the first field of a model
ONNX_NEXT = b"\x12\x1a\x22\x28\x32\x3a\x42"  # tags of the fields that follow it
MAPS = range(0x81, 0x90)  # first bytes of a map of 1 to 15 entries in msgpack
FLAX = b"params"  # the first key of flax's


def require_ours(content: bytes) -> None:
    """Raise Refused where the first bytes are of another framework, or there are none."""
    if not content.strip():
        raise Refused("an empty file")
    for (place, start), words in STARTS.items():
        if content[place : place + len(start)] == start:
            raise Refused(words)
    if content[0] in MAPS and FLAX in content[:32]:
        raise Refused(f"weights of JAX (flax, msgpack). {ONNX}, from jax2tf, or save its arrays as safetensors")
    if content[:1] == ONNX_START and len(content) > 2 and content[2] in ONNX_NEXT:
        raise Refused("an ONNX file, which is a model of its own and no weights")
    if _is_text(content[:200]):
        raise Refused("text, not weights")


def require_torch(content: bytes, records: Mapping[str, bytes]) -> None:
    """Raise Refused where an archive is none of torch's."""
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for end, words in ENTRIES.items():
        if any(name.endswith(end) for name in names):
            raise Refused(words)
    if not {"data.pkl", "model.json"} & records.keys():
        raise Refused("a zip archive, but none of torch's: it holds no data.pkl")


def _is_text(start: bytes) -> bool:
    """Whether it is text that no pickle begins with: a text pickle ends each of its first lines early."""
    try:
        text = start.decode()
    except UnicodeDecodeError:
        return False
    return all(sign.isprintable() or sign in "\r\n\t" for sign in text) and not text.startswith(("(", "c", "}", "]"))
