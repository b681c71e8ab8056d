"""The archive of `torch.export`, float32: TorchScript's successor, contract inside.

torch says that files may not load in its later versions: the manifest names the one that wrote them.
"""

import io
from pathlib import Path

import torch

from edgedigits.export.formats import Source
from edgedigits.records.artifact import CONTRACT_KEY
from edgedigits.system import archive, environment


def write(source: Source, path: Path) -> None:
    """Write the exported program: the same bytes for the same model in any folder."""
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    buffer = io.BytesIO()  # a file's name would become part of the bytes
    with environment.quiet(), torch.no_grad():
        program = torch.export.export(
            source.require_torch(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # holds the paths of the source code
        program.example_inputs = None  # would be pickled
        torch.export.save(program, buffer, extra_files={CONTRACT_KEY: source.contract.to_line()})
    path.write_bytes(archive.bare(buffer.getvalue()))
