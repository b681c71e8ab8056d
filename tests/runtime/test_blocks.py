"""Blocks of code that an emulator enters, counted in native code: as a hook in Python counts them."""

from collections import Counter
from pathlib import Path

import pytest
import unicorn

from edgedigits.data import drawn
from edgedigits.export.formats import require_format
from edgedigits.records.footprint import MAIN
from edgedigits.runtime import footprint
from edgedigits.runtime.blocks import Blocks
from edgedigits.runtime.engines import cortex_m
from edgedigits.runtime.readers import checked

SHELF = Path(__file__).parents[2] / "exports"


@pytest.fixture(scope="module")
def program() -> bytes:
    path = SHELF / "fc-28" / "fc-28.int8.c"
    return footprint.compiled(checked(path, require_format(path), path.read_bytes()), MAIN)


def asked(emulator: unicorn.Uc, program: bytes) -> None:
    """Some digits go through it."""
    for image in drawn.digits(2, seed=0)[0]:
        emulator.mem_write(cortex_m.IMAGES, image.tobytes())
        arguments = cortex_m.IMAGES, cortex_m.SCORES, cortex_m.SCRATCH
        cortex_m.call(emulator, cortex_m.entry_of(program), *arguments)


def test_they_are_those_of_a_hook_in_python(program: bytes) -> None:
    emulator, wanted = cortex_m.started(program, MAIN), Counter[tuple[int, int]]()
    emulator.hook_add(unicorn.UC_HOOK_BLOCK, lambda _, address, size, __: wanted.update([(address, size)]))
    blocks = Blocks(emulator, len(program))
    asked(emulator, program)
    found = {(address, size): entered for entered, address, size in blocks}
    assert found == wanted
    assert len(found) > 10
    assert max(found.values()) > 1000


def test_before_it_runs_there_are_none(program: bytes) -> None:
    assert list(Blocks(cortex_m.started(program, MAIN), len(program))) == []


def test_a_block_whose_place_is_taken_gets_the_next(program: bytes) -> None:
    """In a table that is hardly larger than what comes into it."""
    found = []
    for most in (len(program), 0):
        emulator = cortex_m.started(program, MAIN)
        blocks = Blocks(emulator, most or len(found[0]))
        asked(emulator, program)
        found.append(sorted(blocks))
    assert found[0] == found[1]
