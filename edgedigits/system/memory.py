"""Memory of this process, as the C library hands it out."""

import contextlib
import ctypes
import platform
from collections.abc import Iterator

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
KEPT = {MMAP_THRESHOLD: 2**30, TRIM_THRESHOLD: 2**31 - 1}
GROWN = {MMAP_THRESHOLD: 2**25, TRIM_THRESHOLD: 2**26}  # what glibc raises them to by itself, where blocks are large


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """What is freed stays with the process, so that the tensors of a step lie where those of the last one lay.

    glibc gives large blocks back to the system as soon as they are freed, and the next step's are mapped and zeroed
    anew, page by page: half of the time in which `cnn-deep` trains. Afterwards what is free is given back.
    With another C library nothing is changed (mallopt(3)).
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    _set(libc, KEPT)
    try:
        yield
    finally:
        _set(libc, GROWN)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, thresholds: dict[int, int]) -> None:
    for parameter, value in thresholds.items():
        libc.mallopt(parameter, value)
