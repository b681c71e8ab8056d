"""The files that `verify` and `bench` ask: found, checked against their manifest and their checkpoint, and opened.

A file is found by its manifest or its name; what it is compared with (`references`) by the SHA-256 in its contract.
Nothing here knows one format from another.
"""

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgedigits.errors import BadInput, ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.export.formats import CONTAINERS, Format, format_of, require_format
from edgedigits.export.manifest import read_manifest
from edgedigits.models.checkpoint import RUNS
from edgedigits.records.arrays import Scores
from edgedigits.records.artifact import Answers, Artifact
from edgedigits.records.model import Checkpoint
from edgedigits.records.report import Limits
from edgedigits.runtime.engines import engine_for, get_engine
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_place
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.safety import BOUNDS
from edgedigits.runtime.safety.trust import require_recorded
from edgedigits.system import files
from edgedigits.verify import parity
from edgedigits.verify.parity import Difference
from edgedigits.verify.references import Reference, References


@dataclass(frozen=True)
class Candidate:
    """A file to verify, its manifest entry, and the checkpoint and its answers that the manifest names.

    stray   it lies beside a manifest that does not list it
    """

    path: Path
    artifact: Artifact | None = None
    recorded: Checkpoint | None = None
    answers: Answers | None = None
    stray: bool = False


@dataclass(frozen=True)
class Opened:
    """A file that is what its manifest and its contract say, ready to answer, and what it is compared with.

    opener        that opened it
    compared_as   what is compared, of `parity.SCALES`
    reopen        opens it otherwise, where its opener alone does not
    about         what a report says of it beyond figures, by field
    """

    path: Path
    format: Format
    predictor: Predictor
    reference: Reference
    opener: Opener
    compared_as: str = parity.LOGITS
    reopen: Callable[[Opener], Predictor] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """That it must keep unless others are asked for; how far scores may be off, by the range of its model's."""
        scores = self.reference.logits
        return (
            self.format.limits if scores is None else self.format.limits.scaled(parity.SCALES[self.compared_as](scores))
        )

    @property
    def other_settings(self) -> tuple[str, ...]:
        """How what runs it can be set otherwise."""
        return engine_for(self.format.container, self.opener.engine).settings[1:]

    def in_setting(self, setting: str) -> Predictor:
        """The file in another setting of what runs it."""
        opener = self.opener.in_setting(setting)
        return self.reopen(opener) if self.reopen else opener.open(self.path)

    def difference(self, scores: Scores, others: Scores) -> Difference:
        """How far some scores of the file are from others, as what they are compared."""
        return parity.difference(*map(parity.SCALES[self.compared_as], (others, scores)))


def find_candidates(
    artifacts: Sequence[Artifact | str | Path], exports: Path, engine: str | None = None, runs: Path = RUNS
) -> list[Candidate]:
    """The files to verify, each with its manifest entry.

    exports  where names of models are looked up, and all files come from when none is named
    engine   that must be able to run them: of a folder, files that it does not run are left out, with a note

    Raises BadInput when there is none, and UsageError when one is named that the engine does not run.
    """
    named = [
        artifact.path if isinstance(artifact, Artifact) else find_place(artifact, exports, runs)
        for artifact in artifacts
    ]
    targets = []
    for place in named or sorted(exports.glob("*/")):
        paths = _runnable(_exported(place), engine) if place.is_dir() else [place]
        targets += [_candidate(path) for path in paths]
    for path in named:
        if not _runs(engine, path):
            raise UsageError(f"{path}: {_runs_what(engine)}, and this is none. Verify it without --engine.")
    if not targets:
        where = ", ".join(map(str, named or [exports]))
        raise BadInput(f"{where}: no exported files here. Run edgedigits export, or name files or --exports.")
    return targets


def _exported(folder: Path) -> list[Path]:
    """What a folder's manifest lists, and model files in it that it does not list."""
    listing = read_manifest(folder)
    listed = {folder / artifact.file for artifact in listing.artifacts} if listing else set()
    return sorted(listed | {path for path in folder.iterdir() if format_of(path)})


def _runnable(paths: list[Path], engine: str | None) -> list[Path]:
    """Of the files in a folder, those that the engine runs."""
    left_out = [path.name for path in paths if not _runs(engine, path)]
    if left_out:
        warnings.warn(f"{', '.join(left_out)} left out: {_runs_what(engine)}", stacklevel=4)
    return [path for path in paths if path.name not in left_out]


def _runs(engine: str | None, path: Path) -> bool:
    """Whether an engine runs a file; what has no known format, it is given to refuse."""
    row = format_of(path)
    return engine is None or row is None or row.container in get_engine(engine).containers


def _runs_what(engine: str | None) -> str:
    titles = [CONTAINERS[name].title for name in get_engine(engine).containers] if engine else []
    return f"engine {engine} runs {' and '.join(titles)} files"


def _candidate(path: Path) -> Candidate:
    listing = read_manifest(path.parent)
    if listing is None:
        return Candidate(path)
    entries = [artifact for artifact in listing.artifacts if artifact.file == path.name]
    if not entries:
        return Candidate(path, stray=True)
    answers = listing.answers and dataclasses.replace(listing.answers, folder=path.parent)
    return Candidate(path, entries[0], listing.checkpoint, answers)


def open_candidate(target: Candidate, references: References, opener: Opener) -> Opened:
    """Check a file against its manifest, load it, and check its contract against its checkpoint.

    Raises ModelFileError and CheckpointError, and DataError where there is nothing to ask it.
    """
    check_integrity(target)
    row = require_format(target.path)
    predictor = opener.open(target.path)
    reference = references.get(predictor.contract.checkpoint_sha256, target.recorded, target.answers)
    check_contract(predictor, reference.record, row.name)
    if target.recorded:
        check_record(target.path, target.recorded, reference.record)
    return Opened(target.path, row, predictor, reference, opener)


def check_integrity(target: Candidate) -> None:
    """The file is there and is what its manifest recorded. Raises ModelFileError."""
    if not target.path.is_file():
        raise ModelFileError(f"{target.path} is missing. Export it anew.")
    if target.stray:
        raise ModelFileError(
            f"{target.path} is not in the {manifest.FILE} beside it. Export it anew with --force, or remove it."
        )
    if (size := target.path.stat().st_size) > BOUNDS.file_bytes:
        raise ModelFileError(f"{target.path} has {size:,} bytes, at most {BOUNDS.file_bytes:,} wanted.")
    if target.artifact:
        require_recorded(target.path, files.sha256(target.path), size, target.artifact)


def check_record(path: Path, recorded: Checkpoint, checkpoint: Checkpoint) -> None:
    """A manifest says of a checkpoint what decided its bytes, as its own record does. Raises ModelFileError."""
    pairs = {
        "model": (recorded.model, checkpoint.model),
        "spec": (recorded.spec, checkpoint.spec),
        "recipe": (recorded.recipe, checkpoint.recipe),
        "dataset": (recorded.dataset.sha256, checkpoint.dataset.sha256),
        "test_accuracy": (recorded.metrics.test_accuracy, checkpoint.metrics.test_accuracy),
    }
    for name, (found, wanted) in pairs.items():
        if found != wanted:
            raise ModelFileError(
                f"{path.parent / manifest.FILE}: its checkpoint has another {name} than {checkpoint.folder} has. "
                "Export it anew."
            )


def check_contract(predictor: Predictor, record: Checkpoint, format_name: str) -> None:
    """The file says of itself what its checkpoint says. Raises ModelFileError."""
    contract = predictor.contract
    pairs = {
        "format": (contract.format, format_name),
        "labels": (contract.labels, record.spec.labels),
        "dataset": (contract.dataset, record.dataset.name),
        "test_accuracy": (contract.test_accuracy, record.metrics.test_accuracy),
    }
    for name, (found, wanted) in pairs.items():
        if found != wanted:
            raise ModelFileError(f"contract: its {name} is {found!r}, its checkpoint's {wanted!r}. Export it anew.")
