"""A torch module adopted as it is: its layers are read from its forward, and answer every test image as it does."""

import copy
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor, nn

from edgedigits.adopt.adopted import Adopted, Told, as_tried, found_input
from edgedigits.adopt.built import ask, with_columns, without_softmax
from edgedigits.adopt.kept import keep_module
from edgedigits.adopt.listing import NoRow
from edgedigits.adopt.traced import Traced, read_module
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, CheckpointError
from edgedigits.models.classifier import compute_logits
from edgedigits.records.adoption import Adoption
from edgedigits.records.arrays import EVALUATION_BATCH
from edgedigits.records.network import Input
from edgedigits.runtime.asking import Unknown
from edgedigits.runtime.mistakes import line
from edgedigits.runtime.readings import present

ALONE = 16  # images that a graph is asked one by one, and all together
CLOSE = 1e-3  # of the largest score: what sums in another order may differ by


def of_module(module: nn.Module, dataset: Dataset, told: Told) -> Adopted:
    """A module's own layers, which answer every test image as it does."""
    asked = copy.deepcopy(module).eval().cpu().float()
    title = type(module).__name__
    found = found_input(Unknown(title, lambda batch: ask(asked, batch)), dataset, told.said, asked.state_dict())
    seen = found.rows[0].input
    traced, kept = _followed(asked, seen)
    columns = told.columns(dataset) or list(found.columns)
    network, tensors = with_columns(without_softmax(traced.network), traced.state, columns)
    training = [line("training mode")] if module.training else []
    record = Adoption(
        file=title,
        sha256=_digest(asked.state_dict()),
        container="module",
        structure="kept" if kept else "traced",
        layers=network.describe(),
        digits=found.digits,
        readings=as_tried(found),
        remarks=(*training, *kept, *found.remarks),
    )
    made = Adopted(network, tensors, record)
    if kept:
        _require_each_alone(asked, made, dataset)
    _require_same_answers(asked, made, dataset, columns)
    return made


def _followed(module: nn.Module, seen: Input) -> tuple[Traced, list[str]]:
    """The network that a module is: its layers, or where they cannot be listed, its graph, and a remark why."""
    try:
        return read_module(module, seen), []
    except NoRow as error:
        reason = str(error)
    try:
        kept = keep_module(module, seen)
    except BadInput as error:
        raise NoRow(f"{reason}; and its graph cannot be kept whole: {error}") from error
    return kept, [f"kept whole as a graph, since its layers cannot be listed: {reason}"]


def _require_each_alone(module: nn.Module, made: Adopted, dataset: Dataset) -> None:
    """Raise CheckpointError where what a module answers depends on what else is in the batch."""
    images = present(made.network.input, dataset.train.images[:ALONE])
    together, alone = ask(module, images), np.concatenate([ask(module, image[None]) for image in images])
    if np.abs(together - alone).max() > CLOSE * max(1.0, np.abs(together).max()):
        raise CheckpointError(f"{made.record.file}: what it answers depends on the other images of the batch.")


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
