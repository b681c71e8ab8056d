"""The blocks of code that an emulator enters, and how often: `Blocks(emulator, most)`.

That happens millions of times for an image. A hook in Python takes most of the time of such a run, and so this one is
native code, made by the compiler that made the program: ziglang of PyPI.
"""

import ctypes
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgedigits.runtime.compiled import run, zig

SOURCE = Path(__file__).with_name("blocks.c")
BLOCK = np.dtype([("entered", np.uint64), ("address", np.uint32), ("size", np.uint32)])  # as in the source
EVERYWHERE = (1, 0)  # where the emulator calls a hook, from and to


class _Table(ctypes.Structure):
    """As in the source."""

    _fields_ = (("blocks", ctypes.c_void_p), ("last", ctypes.c_uint32))


class Blocks:
    """What an emulator enters from now on: triples of how often, address and bytes.

    most   bytes of code, at most: blocks begin at every second of them, so that there is always a free place

    It lives as long as the emulator runs. Raises MissingCapability.
    """

    def __init__(self, emulator: Any, most: int) -> None:
        from unicorn import UC_HOOK_BLOCK
        from unicorn.unicorn_py3 import unicorn

        binding: Any = unicorn
        self._places = np.zeros(1 << most.bit_length(), BLOCK)
        self._table = _Table(self._places.ctypes.data, len(self._places) - 1)
        enter, hook = ctypes.cast(_library().enter, ctypes.c_void_p), binding.uc_hook_h()
        known = ctypes.byref(self._table)
        status = binding.uclib.uc_hook_add(emulator._uch, ctypes.byref(hook), UC_HOOK_BLOCK, enter, known, *EVERYWHERE)
        if status:
            raise binding.UcError(status)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        yield from self._places[self._places["entered"] > 0].tolist()


@functools.cache
def _library() -> ctypes.CDLL:
    """The hook, compiled once in a process. Raises MissingCapability."""
    with tempfile.TemporaryDirectory(prefix="edgedigits-", ignore_cleanup_errors=True) as folder:  # Windows: it is open
        path = Path(folder) / "blocks.so"
        run([*zig("cortex-m"), "-shared", "-O2", "-std=c99", str(SOURCE), "-o", str(path)])
        return ctypes.CDLL(str(path))
