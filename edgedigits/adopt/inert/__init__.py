"""Files of weights, read inertly: nothing that they name is imported, called or built.

    read(path, content)   what a file holds, as Contents: mappings, lists, numbers, text, tensors, and Instances,
                          which stand for objects of any class: the class's name and the object's attributes

    values        what a file may hold, and the check that it is a tree of bounded size
    tensors       stored tensors and how they become arrays
    opcodes       the interpreter of pickles
    rebuilding    the few functions whose results are known without calling them: torch's and numpy's own
    legacy, zipped, safetensors   one a container
    code          the source text that a TorchScript archive holds, searched, never run
    foreign       files of other frameworks, each refused with the way to get here

Only `read` knows all of them. Errors are CheckpointErrors (exit code 3), one line each.
"""

import struct
from pathlib import Path

from edgedigits.adopt.inert import foreign, legacy, safetensors, zipped
from edgedigits.adopt.inert.values import Contents
from edgedigits.errors import CheckpointError, first_line
from edgedigits.runtime.safety import Refused

ZIP = b"PK\x03\x04"
DAMAGED = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)  # what such files cause


def read(path: Path, content: bytes) -> Contents:
    """What a file of weights holds: torch's (zip or legacy), a plain pickle, TorchScript or safetensors.

    path   names it in errors; its ending is not asked

    Raises CheckpointError where it is damaged, asks for more than it may, or is of another framework.
    """
    try:
        foreign.require_ours(content)
        return _read(content)
    except Refused as error:
        raise CheckpointError(f"{path}: {error}.") from error
    except DAMAGED as error:
        raise CheckpointError(f"{path}: damaged, or no file of weights ({first_line(error)}).") from error


def _read(content: bytes) -> Contents:
    if content.startswith(ZIP):
        return zipped.read(content)
    if safetensors.is_one(content):
        return safetensors.read(content)
    return legacy.read(content)
