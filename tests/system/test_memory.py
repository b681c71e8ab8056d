import platform
import resource

import pytest
import torch

from edgedigits.system import memory

BLOCK = 48 << 20  # bytes: more than glibc ever keeps by itself
ROUNDS = 8


def faults() -> int:
    """Pages that the system had to give for blocks that were taken, filled and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        torch.empty(BLOCK, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc keeps memory as it likes")
def test_freed_blocks_are_taken_again_and_given_back_in_the_end() -> None:
    pages = BLOCK // resource.getpagesize()
    with memory.kept():
        faults()
        assert faults() < pages
    assert faults() >= pages


def test_with_another_c_library_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    with memory.kept():
        pass
