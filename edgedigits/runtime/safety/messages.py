"""What crosses from process to process: JSON and the bytes of arrays, never a pickle.

Neither side can make the other run anything. A message is the length of its JSON in 4 bytes, little end
first, the JSON, then the bytes of the arrays that it lists.
"""

import io
import json
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edgedigits.runtime.safety import BOUNDS

CHUNK = 1 << 20  # bytes that are asked for at once
Array = npt.NDArray[Any]
Message = dict[str, Any]


def send(pipe: IO[bytes], message: Message, arrays: Sequence[Array] = ()) -> None:
    """Write a message."""
    listed = [[array.dtype.name, array.shape] for array in arrays]
    header = json.dumps({**message, "arrays": listed}).encode()
    write(pipe, len(header).to_bytes(4, "little") + header)
    for array in arrays:
        write(pipe, np.ascontiguousarray(array).tobytes())
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Message, list[Array]]:
    """Read what `send` wrote. Raises EOFError where the other side has ended, ValueError on nonsense."""
    size = int.from_bytes(read(pipe, 4), "little")
    message = json.loads(read(pipe, size))
    arrays = []
    for name, shape in message.pop("arrays"):
        dtype = np.dtype(str(name))
        if dtype.kind not in "biuf" or min(shape, default=0) < 0:
            raise ValueError(f"an array of {name} {shape}")
        content = read(pipe, int(np.prod(shape, dtype=object)) * dtype.itemsize)
        arrays.append(np.frombuffer(content, dtype).reshape(shape))
    return message, arrays


def packed(message: Message, arrays: Sequence[Array] = ()) -> bytes:
    """A message as bytes."""
    buffer = io.BytesIO()
    send(buffer, message, arrays)
    return buffer.getvalue()


def write(pipe: IO[bytes], content: bytes) -> None:
    """Write all of some bytes: a pipe without a buffer takes as many at a time as there is room for."""
    rest = memoryview(content)
    while rest:
        rest = rest[pipe.write(rest) :]


def read(pipe: IO[bytes], size: int) -> bytes:
    """Exactly so many bytes. Raises EOFError where the other side ends before, ValueError on more than is allowed."""
    if size > BOUNDS.answer_bytes:
        raise ValueError(f"{size:,} bytes at once")
    parts = []
    while size:
        part = pipe.read(min(size, CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
