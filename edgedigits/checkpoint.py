"""A trained model on disk: `model.safetensors`, which names its own architecture, and `checkpoint.json`.

Nothing is believed that does not fit: the weights must have the SHA-256 of their record, the same
ModelSpec inside them, and exactly the tensors of the network that it describes.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from edgedigits import files, models
from edgedigits.errors import BadInput, CheckpointError, EdgeDigitsError, unknown
from edgedigits.records import Checkpoint, ModelSpec

RECORD = "checkpoint.json"
SPEC_KEY = "edgedigits.spec"


def save(classifier: models.Classifier, record: Checkpoint, folder: Path) -> Checkpoint:
    """Write the weights and their record into `folder`; the record comes back with the weights' SHA-256.

    The weights file holds the network's tensors, contiguous, and the ModelSpec as metadata.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    weights = safetensors.torch.save(state, metadata={SPEC_KEY: record.spec.to_json()})
    record = dataclasses.replace(record, weights_sha256=hashlib.sha256(weights).hexdigest())
    (folder / record.weights).write_bytes(weights)
    (folder / RECORD).write_text(record.to_json(), encoding="utf-8")
    return record


def load(folder: Path) -> Checkpoint:
    """The checkpoint in a run folder. Raises CheckpointError if it is missing or not what was recorded."""
    files.recover(folder)
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


def find(runs: Path) -> list[Path]:
    """The folders below `runs` that hold a record, in order of name."""
    for commit in runs.glob(f"*/{files.COMMIT}"):
        files.recover(commit.parent)
    return sorted(path.parent for path in runs.glob(f"*/{RECORD}"))


def select(runs: Path, names: Sequence[str] = ()) -> list[Checkpoint]:
    """The checkpoints below `runs`, in order of name: all of them, or the named ones.

    A run goes by its folder's name, so that a copy beside it is not exported in its place. Raises
    BadInput when there is none at all, UsageError when one that was named is not there.
    """
    folders = {folder.name: folder for folder in find(runs)}
    if not folders:
        raise BadInput(f"{runs}: no trained models here. Run edgedigits train, or name their folder with --runs.")
    for name in names:
        if name not in folders:
            raise unknown("run", name, folders)
    chosen = {name: folder for name, folder in folders.items() if not names or name in names}
    return [dataclasses.replace(load(folder), name=name) for name, folder in chosen.items()]


def load_model(checkpoint: Checkpoint) -> models.Classifier:
    """The trained classifier, on the CPU, in evaluation mode. Raises CheckpointError."""
    path = checkpoint.folder / checkpoint.weights
    spec, tensors = _read_weights(path)
    if spec != checkpoint.spec:
        raise CheckpointError(f"{path}: describes another model than {RECORD} beside it. Train it anew.")
    try:
        with torch.device("meta"):  # sizes without memory: a record may ask for any
            wanted = models.build(spec).state_dict()
        _check_tensors(path, tensors, wanted)
        classifier = models.build(spec)
    except EdgeDigitsError as error:
        raise error if isinstance(error, CheckpointError) else CheckpointError(f"{path}: {error}") from error
    classifier.load_state_dict(tensors)
    return classifier.eval()


def _read_weights(path: Path) -> tuple[ModelSpec, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return ModelSpec.from_json(metadata.get(SPEC_KEY, "")), tensors
    except (OSError, SafetensorError, BadInput) as error:
        raise CheckpointError(f"{path}: no weights file of ours ({error}). Train it anew.") from error


def _check_tensors(path: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Names first, then shapes and types, then values: an error that says the first thing that is wrong."""
    for name in sorted(wanted.keys() - found.keys()):
        raise CheckpointError(f"{path}: tensor '{name}' is missing. Train it anew.")
    for name in sorted(found.keys() - wanted.keys()):
        raise CheckpointError(f"{path}: tensor '{name}' is not part of the model. Train it anew.")
    for name, tensor in wanted.items():
        kinds = [(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in (tensor, found[name])]
        if kinds[0] != kinds[1]:
            raise CheckpointError(f"{path}: tensor '{name}' is {kinds[1]}, {kinds[0]} wanted. Train it anew.")
        if not torch.isfinite(found[name]).all():
            raise CheckpointError(f"{path}: tensor '{name}' holds values that are not finite. Train it anew.")
