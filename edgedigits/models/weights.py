"""The weights of a checkpoint: `model.safetensors`, which names its own architecture.

Nothing is believed that does not fit: a file must hold the ModelSpec of its record, and exactly the tensors of the
network that it describes.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from edgedigits.errors import BadInput, CheckpointError, EdgeDigitsError
from edgedigits.models.checkpoint import RECORD
from edgedigits.models.classifier import Classifier, build_classifier
from edgedigits.records.earlier import EarlierSpec
from edgedigits.records.model import Checkpoint, ModelSpec

SPEC_KEY = "edgedigits.spec"


def write_checkpoint(classifier: Classifier, record: Checkpoint, folder: Path) -> Checkpoint:
    """Write the weights and their record into `folder`; the record comes back with the weights' SHA-256.

    The weights file holds the network's tensors, contiguous, and the ModelSpec as metadata: in the words of the first
    version where that had words for it, so that the same training still gives the same bytes.
    """
    described = EarlierSpec.of(record.spec.listed, record.spec.labels) or record.spec
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    weights = safetensors.torch.save(state, metadata={SPEC_KEY: described.to_json()})
    record = dataclasses.replace(record, weights_sha256=hashlib.sha256(weights).hexdigest())
    (folder / record.weights).write_bytes(weights)
    (folder / RECORD).write_text(record.to_json(), encoding="utf-8", newline="\n")
    return record


def load_classifier(checkpoint: Checkpoint) -> Classifier:
    """The trained classifier, on the CPU, in evaluation mode. Raises CheckpointError."""
    path = checkpoint.folder / checkpoint.weights
    spec, tensors = _read_weights(path)
    if spec != checkpoint.spec:
        raise CheckpointError(f"{path}: describes another model than {RECORD} beside it. Train it anew.")
    try:
        with torch.device("meta"):  # sizes without memory: a record may ask for any
            wanted = build_classifier(spec).state_dict()
        _check_tensors(path, tensors, wanted)
        classifier = build_classifier(spec)
    except EdgeDigitsError as error:
        raise error if isinstance(error, CheckpointError) else CheckpointError(f"{path}: {error}") from error
    classifier.load_state_dict(tensors)
    return classifier.eval()


def load_reference(checkpoint: Checkpoint) -> Classifier:
    """The same, to be asked much and exported never: its weights lie as convolutions read them fastest.

    That is up to 4 times as fast, and decides how sums are rounded. Raises CheckpointError.
    """
    return load_classifier(checkpoint).to(memory_format=torch.channels_last)


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
