"""What stands between a stranger's model file and the runtime that runs it; SECURITY.md says what that promises.

trust        a plain file of bounded size, whose SHA-256 is the one in the manifest beside it, if there is one
onnx_check   nothing but data: standard operators, all tensors inside, every size stated and bounded
process      a process with limits on memory and time for each file
messages     what crosses to it and back: JSON and arrays, never a pickle
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """How much a model file may ask for. All are far above what a digit classifier needs.

    file_bytes     of a file, and of what a zip archive unpacks to
    nodes          of a graph; attributes, inputs and outputs of each are bounded by `values`
    values         names in one list: initializers, inputs, outputs, integers of an attribute outside tensors
    rank           axes of a tensor
    elements       of a tensor, stored, declared or inferred, for one image
    metadata       bytes of all metadata
    memory_bytes   address space of the process that runs a file
    cpu_seconds    that one request to that process may compute
    wall_seconds   until its answer must be there, on a machine however busy
    answer_bytes   that it may send back at once
    """

    file_bytes: int = 256 << 20
    nodes: int = 10_000
    values: int = 10_000
    rank: int = 8
    elements: int = 1 << 22
    metadata: int = 1 << 20
    memory_bytes: int = 4 << 30
    cpu_seconds: int = 10
    wall_seconds: int = 60
    answer_bytes: int = 256 << 20


BOUNDS = Bounds()


class Refused(ValueError):
    """A model file that asks for what no file of ours does; the message says which."""
