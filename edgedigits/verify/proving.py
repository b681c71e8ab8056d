"""What a file is asked in where nobody names an engine: what runs its format, or what proves more and shuts it in.

C files are compiled and run in WebAssembly where this machine can. Elsewhere a file is held to its contract, and the
integers in it are computed in numpy: the report says so.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import MissingCapability
from edgedigits.export.formats import require_format
from edgedigits.records.report import EngineRef
from edgedigits.runtime.engines import DEFAULTS, PROVERS, find_engine
from edgedigits.runtime.load import Opener
from edgedigits.verify.candidates import Candidate, Opened, open_candidate
from edgedigits.verify.references import References


@dataclass(frozen=True)
class Prover:
    """How a file is opened to be proven.

    engine    where that is not what runs files of its format by default
    remarks   what was not proven so, in words
    """

    opener: Opener
    engine: EngineRef | None = None
    remarks: tuple[str, ...] = ()


def open_proving(target: Candidate, references: References, opener: Opener) -> Opened:
    """A file as `open_candidate` opens it, in what proves it. Raises what that raises."""
    prover = prover_of(target.path, opener)
    file = open_candidate(target, references, prover.opener)
    about = {"engine": prover.engine, "remarks": prover.remarks} if prover.engine else {}
    return dataclasses.replace(file, about=about)


def prover_of(path: Path, opener: Opener) -> Prover:
    """What proves a file; what was named, where something was. Raises ModelFileError where it has no known format."""
    container = require_format(path).container
    if opener.engine or container not in PROVERS:
        return Prover(opener)
    name = PROVERS[container]
    try:
        return Prover(dataclasses.replace(opener, engine=name), find_engine(name))
    except MissingCapability as error:
        remark = f"its integers were computed in numpy, and its code was not run: {error}"
        return Prover(opener, find_engine(DEFAULTS[container]), (remark,))
