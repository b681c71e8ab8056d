"""What torch wrote before its zip files, and plain pickles, which begin alike.

A legacy file is five pickles, one after the other: a number that says what it is, the version, the machine that wrote
it, the object, and the names of its storages, whose memory follows in that order.
"""

import io
from dataclasses import dataclass, field
from typing import Any

from edgedigits.adopt.inert.opcodes import Interpreter
from edgedigits.adopt.inert.rebuilding import storage_element
from edgedigits.adopt.inert.tensors import Storage, shown
from edgedigits.adopt.inert.values import Budget, Contents, Name, require_tree
from edgedigits.runtime.safety import Refused

MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py
VERSION = 1001
COUNT = 8  # bytes that say how many elements a storage has


@dataclass
class Storages:
    """The storages that pickles of one file name, by key, and the source text that they carry.

    big   numbers have the big end first
    """

    big: bool = False
    found: dict[str, Storage] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def find(self, key: Any) -> Any:
        """What a persistent id stands for: a storage, or a class whose source text comes with it. Raises Refused."""
        if isinstance(key, tuple) and len(key) >= 2 and key[0] == "module" and isinstance(key[1], Name):
            self.sources[key[1].path] = next((text for text in key[3:4] if isinstance(text, str)), "")
            return key[1]
        if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage":
            raise Refused("a pickle that names what is not in the file")
        kind, name, location, count, *view = key[1:]
        if not (isinstance(name, str) and isinstance(location, str) and isinstance(count, int) and count >= 0):
            raise TypeError("a storage without name or size")
        if any(part is not None for part in view):
            raise Refused(
                "a storage that is a part of another, as torch before 0.4 wrote it: save it with a newer torch"
            )
        element = storage_element(kind)
        storage = self.found.setdefault(name, Storage(element, name, count, location, big=self.big))
        if (storage.element, storage.count) != (element, count):
            raise Refused(f"storage {shown(name)} is named as two different ones")
        return storage


def read(content: bytes) -> Contents:
    """A legacy file or a plain pickle. Raises Refused, and ValueError and the like where it is damaged."""
    budget = Budget()
    found = _read(content, budget, depth=0)
    require_tree(found.root)
    return found


def _read(content: bytes, budget: Budget, depth: int) -> Contents:
    stream, storages = io.BytesIO(content), Storages()

    def nested(inside: bytes) -> Any:
        if depth:
            raise Refused("a file inside a file inside a file")
        budget.spend(len(inside))
        return _read(inside, budget, depth + 1).root

    machine = Interpreter(storages.find, budget, nested)
    first = machine.run(stream)
    if first != MAGIC:
        return Contents("pickle", first, sources=storages.sources)
    if (version := machine.run(stream)) != VERSION:
        raise Refused(f"torch's legacy format in version {shown(version)}, {VERSION} wanted")
    about = machine.run(stream)
    storages.big = isinstance(about, dict) and about.get("little_endian") is False
    root, keys = machine.run(stream), machine.run(stream)
    _fill(stream, storages, keys)
    return Contents("torch legacy", root, sources=storages.sources)


def _fill(stream: io.BytesIO, storages: Storages, keys: Any) -> None:
    """Give the storages their memory, which follows in the order of the keys. Raises Refused."""
    if not isinstance(keys, list):
        raise TypeError("the names of the storages are no list")
    memory = stream.getbuffer()
    for key in keys:
        storage = storages.found[key]
        count = int.from_bytes(stream.read(COUNT), "big" if storages.big else "little")
        if count != storage.count:
            raise Refused(f"storage {shown(storage.key)}: {count:,} elements, {storage.count:,} declared")
        start = stream.tell()
        size = count * storage.element.size
        storage.fill(memory[start : start + size])
        stream.seek(start + size)
