"""A trained model on disk: its record, `checkpoint.json`, and where its weights are, which `weights` reads.

Nothing is believed that does not fit: the weights must have the SHA-256 of their record. Reading it takes no torch.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgedigits.errors import BadInput, CheckpointError, RecordError, unknown
from edgedigits.records.model import Checkpoint
from edgedigits.system import files

RECORD = "checkpoint.json"
RUNS = Path("runs")  # the folder of trained models, unless another is named


def read_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in a run folder. Raises CheckpointError if it is missing or not what was recorded."""
    files.recover(folder)
    if not (folder / RECORD).exists():
        raise CheckpointError(
            f"{folder / RECORD}: missing, so no model was trained here. Train one, or name the right folder with "
            "--runs."
        )
    try:
        checkpoint = Checkpoint.read(folder / RECORD)
    except BadInput as error:
        raise CheckpointError(f"{error}. Train it anew, or name the right folder with --runs.") from error
    path = folder / checkpoint.weights
    try:
        found = files.sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}). Train it anew.") from error
    if found != checkpoint.weights_sha256:
        raise CheckpointError(
            f"{path}: changed since it was recorded (SHA-256 {found[:12]}…, {RECORD} says "
            f"{checkpoint.weights_sha256[:12]}…). Restore it or train it anew."
        )
    return dataclasses.replace(checkpoint, folder=folder)


def run_folder(named: str | Path) -> Path:
    """The run folder that a path means; a name that leads nowhere is one below RUNS, if there is such a run."""
    folder, below = Path(named), RUNS / named
    return below if not folder.exists() and (below / RECORD).is_file() else folder


def find_runs(runs: Path) -> list[Path]:
    """The folders below `runs` that hold a record, in order of name."""
    for commit in runs.glob(f"*/{files.COMMIT}"):
        files.recover(commit.parent)
    return sorted(path.parent for path in runs.glob(f"*/{RECORD}"))


def select_runs(runs: Path, names: Sequence[str] = ()) -> list[Checkpoint]:
    """The checkpoints below `runs`, in order of name: all of them, or the named ones.

    A run goes by its folder's name, so that a copy beside it is not exported in its place; its path names it, too.
    Raises BadInput when there is none at all, UsageError when one that was named is not there.
    """
    folders = {folder.name: folder for folder in find_runs(runs)}
    folders |= {name: Path(name) for name in names if (Path(name) / RECORD).is_file()}
    if not folders:
        raise BadInput(f"{runs}: no trained models here. Run edgedigits train, or name their folder with --runs.")
    for name in names:
        if name not in folders:
            raise unknown("run", name, folders)
    chosen = {name: folder for name, folder in folders.items() if not names or name in names}
    return [dataclasses.replace(read_checkpoint(folder), name=folder.name) for folder in chosen.values()]


def find_run(sha256: str, runs: Path) -> Path | None:
    """The run folder below `runs` whose record names the weights of that SHA-256; None where there is none."""
    for folder in find_runs(runs):
        try:
            matches = Checkpoint.read(folder / RECORD).weights_sha256 == sha256
        except RecordError:
            continue  # another model's record: `edgedigits export` will name it
        if matches:
            return folder
    return None
