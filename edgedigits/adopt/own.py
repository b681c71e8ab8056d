"""A torch module adopted as it is: its layers are read from its forward, and answer every test image as it does."""

import copy
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor, nn

from edgedigits.adopt.adopted import Adopted, Told, as_tried, found_input
from edgedigits.adopt.built import ask, with_columns, without_softmax
from edgedigits.adopt.kept import in_order, keep_module
from edgedigits.adopt.lifted import lifted
from edgedigits.adopt.listing import NoRow
from edgedigits.adopt.parts import NoFit
from edgedigits.adopt.traced import Traced, read_module
from edgedigits.data.dataset import Dataset
from edgedigits.errors import BadInput, CheckpointError
from edgedigits.models.classifier import compute_logits
from edgedigits.records.adoption import Adoption
from edgedigits.records.network import Input
from edgedigits.runtime.asking import Asker, Unknown, askers
from edgedigits.runtime.finding import TRIED
from edgedigits.runtime.mistakes import line
from edgedigits.runtime.readings import present

ALONE = 16  # images that a graph is asked one by one, and all together
CLOSE = 1e-3  # of the largest score: what sums in another order may differ by


def of_module(module: nn.Module, dataset: Dataset, told: Told) -> Adopted:
    """A module's own layers, which answer every test image as it does."""
    asked = copy.deepcopy(module).eval().cpu().float()
    title = type(module).__name__
    unknown = Unknown(title, lambda batch: ask(asked, batch))
    found = found_input(unknown, dataset, told.said, asked.state_dict())
    seen = found.rows[0].input
    shape = {"layout": seen.layout, "side": seen.side}
    asker = next(iter(askers(unknown, dataset.train.images[:TRIED], shape)))
    alone = asker.way.bare or asker.way.batch == 1
    batched = lifted(asked, asker.way, seen) if alone else asked
    columns = told.columns(dataset) or list(found.columns)
    traced, kept = _followed(batched, seen, columns)
    training = [line("training mode")] if module.training else []
    record = Adoption(
        file=title,
        sha256=_digest(asked.state_dict()),
        container="module",
        structure="kept" if kept else "traced",
        layers=traced.network.describe(),
        digits=found.digits,
        readings=as_tried(found),
        remarks=(*training, *kept, *found.remarks),
    )
    made = Adopted(traced.network, traced.state, record)
    if kept and not alone:
        _require_each_alone(asked, made, dataset)
    _require_same_answers(asker, made, dataset, columns)
    return made


def _followed(module: nn.Module, seen: Input, columns: Sequence[int]) -> tuple[Traced, list[str]]:
    """The network that a module is, its classes in the order of some columns: its layers; or where they cannot be
    listed, or not be put in order, its graph, and a remark why."""
    try:
        listed = read_module(module, seen)
        return Traced(*with_columns(without_softmax(listed.network), listed.state, columns)), []
    except NoRow as error:
        reason = f"its layers cannot be listed: {error}"
    except NoFit as error:
        reason = str(error)
    try:
        kept = in_order(keep_module(module, seen), columns)
    except BadInput as error:
        raise NoRow(f"{reason}; and its graph cannot be kept whole: {error}") from error
    return kept, [f"kept whole as a graph, since {reason}"]


def _require_each_alone(module: nn.Module, made: Adopted, dataset: Dataset) -> None:
    """Raise CheckpointError where what a module answers depends on what else is in the batch."""
    images = present(made.network.input, dataset.train.images[:ALONE])
    together, alone = ask(module, images), np.concatenate([ask(module, image[None]) for image in images])
    if np.abs(together - alone).max() > CLOSE * max(1.0, np.abs(together).max()):
        raise CheckpointError(f"{made.record.file}: what it answers depends on the other images of the batch.")


def _require_same_answers(asker: Asker, made: Adopted, dataset: Dataset, columns: Sequence[int]) -> None:
    """Raise CheckpointError where the module, asked by torch in its own way, answers a test image otherwise."""
    images = dataset.test.images
    theirs = asker.answers(made.network.input, images)
    ours = compute_logits(made.classifier(dataset.labels), images)
    changed = int((theirs[:, list(columns)].argmax(1) != ours.argmax(1)).sum())
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
