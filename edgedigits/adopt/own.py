"""A torch module adopted as it is: its layers are read from its forward, and answer every test image as it does."""

import copy
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor, nn

from edgedigits.adopt.adopted import Adopted, Told, as_tried, found_input
from edgedigits.adopt.built import ask, with_columns, without_softmax
from edgedigits.adopt.traced import read_module
from edgedigits.data.dataset import Dataset
from edgedigits.errors import CheckpointError
from edgedigits.models.classifier import compute_logits
from edgedigits.records.adoption import Adoption
from edgedigits.records.arrays import EVALUATION_BATCH
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.mistakes import line
from edgedigits.runtime.readings import present


def of_module(module: nn.Module, dataset: Dataset, told: Told) -> Adopted:
    """A module's own layers, which answer every test image as it does."""
    asked = copy.deepcopy(module).eval().cpu().float()
    title = type(module).__name__
    found = found_input(Unknown(title, lambda batch: ask(asked, batch)), dataset, told.said, asked.state_dict())
    seen = found.rows[0].input
    traced = read_module(asked, seen)
    columns = told.columns(dataset) or list(found.columns)
    network, tensors = with_columns(without_softmax(traced.network), traced.state, columns)
    training = [line("training mode")] if module.training else []
    record = Adoption(
        file=title,
        sha256=_digest(asked.state_dict()),
        container="module",
        structure="traced",
        layers=network.describe(),
        digits=found.digits,
        readings=as_tried(found),
        remarks=(*training, *found.remarks),
    )
    made = Adopted(network, tensors, record)
    _require_same_answers(asked, made, dataset, columns)
    return made


def _require_same_answers(module: nn.Module, made: Adopted, dataset: Dataset, columns: Sequence[int]) -> None:
    """Raise CheckpointError where the module, asked by torch in its own way, answers a test image otherwise."""
    images = dataset.test.images
    starts = range(0, len(images), EVALUATION_BATCH)
    theirs = [ask(module, present(made.network.input, images[at : at + EVALUATION_BATCH])) for at in starts]
    ours = compute_logits(made.classifier(dataset.labels), images)
    changed = int((np.concatenate(theirs)[:, list(columns)].argmax(1) != ours.argmax(1)).sum())
    if changed:
        raise CheckpointError(
            f"{made.record.file}: {changed:,} of {len(images):,} test images are answered otherwise by the layers that "
            "were read from it. Do its answers depend on the rest of the batch, or on chance?"
        )


def _digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of a module's tensors, with their names."""
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(name.encode() + np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()
