"""Trainings that survive: what `train --resume` goes on from after a kill, Ctrl-C, a power cut or a full disk.

While a training is under way, `resume.safetensors` in its folder holds all that its next step depends on: weights,
the optimizer's moments, sums, random generators and the record Unfinished. What goes on from it ends with the bytes
of a training that was never interrupted. It is one file, renamed into place when it is on the disk, so there is always
the last whole one; it names its own SHA-256, and nothing in it is a pickle.
"""

import hashlib
import json
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from edgedigits.errors import BadInput, CheckpointError, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.model import Checkpoint, Epoch, Setup
from edgedigits.records.record import MOST_BYTES, Record
from edgedigits.system import files
from edgedigits.train.distributed import World
from edgedigits.train.loop import REPORT_STEPS, Saver, Training

FILE = "resume.safetensors"
RECORD_KEY, SHA256_KEY = "edgedigits.unfinished", "edgedigits.sha256"
SAVE_EVERY = 10.0  # seconds of training that a kill may cost
COPIES = 4  # of each parameter: the weight, Adam's two moments, and the mean
SIGNALS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}  # with what Python does on them


@dataclass(frozen=True)
class Unfinished(Record):
    """How far an interrupted training came: what `resume.safetensors` says beside its tensors.

    step            steps done, of all epochs
    epochs          those that are complete
    epoch_seconds   of the one that is not
    seconds         of training, all parts together
    """

    setup: Setup
    step: int
    epochs: tuple[Epoch, ...]
    epoch_seconds: float
    seconds: float


@dataclass(frozen=True)
class State:
    """An unfinished training as its file holds it, whole."""

    record: Unfinished
    tensors: Mapping[str, Tensor]

    def to_bytes(self) -> bytes:
        """The content of the file."""
        line = self.record.to_line()
        metadata = {RECORD_KEY: line, SHA256_KEY: _sha256(line, self.tensors)}
        return safetensors.torch.save(dict(self.tensors), metadata=metadata)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The state that `to_bytes` gave. Raises ValueError, SafetensorError or RecordError when it is none."""
        tensors = safetensors.torch.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__", {})
        line = metadata.get(RECORD_KEY, "")
        record = Unfinished.from_json(line)
        if metadata.get(SHA256_KEY) != _sha256(line, tensors):
            raise ValueError("its SHA-256 is another")
        return cls(record, tensors)


def find_earlier(folder: Path, setup: Setup) -> Checkpoint | State | None:
    """What `--resume` finds in a run's folder: the whole run, the state of an interrupted one, or nothing.

    Both must have the setup that is asked for; a whole run of another is nothing. Raises UsageError when an
    interrupted one has another, CheckpointError when its state is damaged.
    """
    path = folder / FILE
    state = _read(path, setup) if path.exists() else None
    changed = _changed(state.record.setup, setup) if state else []
    if run := _whole(folder, setup):
        if state and not changed:  # it was killed between its last two acts
            path.unlink()
        return run
    if changed:
        raise UsageError(
            f"{path}: that training was begun with {', '.join(changed)}. "
            "Say the same again, or leave out --resume to begin anew."
        )
    return state


def recorded_threads(folder: Path, setup: Setup) -> int | None:
    """With how many threads what `--resume` finds was begun; None where it finds nothing. Raises CheckpointError."""
    path = folder / FILE
    if path.exists():
        return _read(path, setup).record.setup.threads
    try:
        return read_checkpoint(folder).threads
    except CheckpointError:  # none, or one that the training to come replaces
        return None


class StateSaver(Saver):
    """Keeps the state of a training in its run's folder: every so many seconds, and when it is interrupted.

    As a context manager it takes over Ctrl-C and SIGTERM where nobody else has: the step is finished and the state
    written before the training ends, since in the midst of a step there is none; a second Ctrl-C does not wait.

    state   where to go on; its folder may also hold one that is not gone on with, and then that one is replaced
            when the first interval is over, so that a --resume forgotten costs no more than a Ctrl-C
    """

    def __init__(self, folder: Path, setup: Setup, every: float, world: World, state: State | None = None) -> None:
        self.folder, self.setup, self.every, self.world, self.state = folder, setup, every, world, state
        self.spares = state is None and (folder / FILE).exists()
        self.signal: int | None = None

    @property
    def seconds(self) -> float:
        """Of training, all parts together."""
        return time.perf_counter() - self.started

    def __enter__(self) -> Self:
        self.saved = time.perf_counter()
        self.started = self.saved - (self.state.record.seconds if self.state else 0.0)
        self.handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread() and self.world.size == 1:
            self.handlers = {number: usual for number, usual in SIGNALS.items() if signal.getsignal(number) == usual}
        for number in self.handlers:
            signal.signal(number, self._interrupted)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for number, usual in self.handlers.items():
            signal.signal(number, usual)
        if self.signal and not error:  # it came behind the last step
            signal.raise_signal(self.signal)

    def restore(self, training: Training) -> None:
        """Put a training where the state is. Raises CheckpointError when it is none of such a training."""
        if self.state is None:
            return
        record, tensors = self.state.record, self.state.tensors
        fitting = _kinds(self._tensors(training)) == _kinds(tensors)
        epochs, length = len(record.epochs), len(training.batches)
        if not (fitting and epochs * length <= record.step <= min(epochs + 1, self.setup.recipe.epochs) * length):
            raise _unusable(self.folder / FILE, "not of this training")
        if self.world.size > 1:  # before its second step torch packs gradients anew, and so adds them in another order
            training.gradients(*next(iter(training.batches)))
        for name, tensor in _shared(training).items():
            tensor.copy_(tensors[name])
        training.epochs.extend(record.epochs)
        meter, batches = training.meter, training.batches
        own = {name: tensors[f"{self.world.rank}.{name}"] for name in _own(training)}
        try:
            batches.generator.set_state(tensors["pass"])
            _random(meter.device).set_rng_state(own["random"])
        except RuntimeError as error:
            raise _unusable(self.folder / FILE, str(error)) from error
        batches.begun = tensors["pass"]
        meter.restore(record.step, int(own["images"]), own["loss"], own["correct"], record.epoch_seconds)
        warnings.warn(f"{self.folder}: goes on {_where(training)}", stacklevel=4)

    def keep(self, training: Training) -> None:
        """Write the state, if it is time to; leave when a signal came."""
        if self._due(training.meter.step) or (self.signal and not self.spares):
            self._save(training)
        if self.signal:
            self._leave(training)

    def _due(self, step: int) -> bool:
        """Whether the interval is over; several processes, which have no common clock, ask each other now and then."""
        late = time.perf_counter() - self.saved >= self.every
        if self.world.size == 1:
            return late
        return step % REPORT_STEPS == 0 and self.world.total(late)[0] > 0

    def _save(self, training: Training) -> None:
        meter = training.meter
        record = Unfinished(self.setup, meter.step, tuple(training.epochs), meter.seconds, self.seconds)
        state = State(record, self._tensors(training))
        self.world.once(lambda: _write(self.folder, state))
        self.spares = False
        self.saved = time.perf_counter()

    def _tensors(self, training: Training) -> dict[str, Tensor]:
        """All of a state: what the processes share, and what each has of its own, by its rank."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _shared(training).items()}
        for rank, own in enumerate(self.world.gather(_own(training))):
            tensors |= {f"{rank}.{name}": tensor for name, tensor in own.items()}
        return tensors | {"pass": training.batches.begun}

    def _interrupted(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number

    def _leave(self, training: Training) -> None:
        what = "the earlier training is kept" if self.spares else f"interrupted {_where(training)}"
        warnings.warn(f"{self.folder}: {what}; edgedigits train --resume goes on", stacklevel=4)
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + signal.SIGTERM)


def _write(folder: Path, state: State) -> None:
    with files.staged(folder) as stage:
        (stage / FILE).write_bytes(state.to_bytes())


def _read(path: Path, setup: Setup) -> State:
    """The state in a file, which is bounded by what such a training needs. Raises CheckpointError."""
    try:
        return State.from_bytes(files.read_bytes(path, COPIES * 4 * setup.spec.network.parameters + MOST_BYTES))
    except (OSError, ValueError, SafetensorError, BadInput) as error:
        raise _unusable(path, str(error)) from error


def _unusable(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{path}: no state to go on from ({reason}). Begin anew: leave out --resume.")


def _whole(folder: Path, setup: Setup) -> Checkpoint | None:
    """The run in a folder, if it is whole and has that setup."""
    try:
        run = read_checkpoint(folder)
    except CheckpointError:  # none, or one that the training to come replaces
        return None
    return None if run.adopted or _changed(run.setup(), setup) else run


def _changed(begun: Setup, now: Setup) -> list[str]:
    """In words, what differs of two setups."""
    first, second = _flat(begun), _flat(now)
    return [
        f"{name} {_short(first.get(name))}, now {_short(value)}"
        for name, value in second.items()
        if first.get(name) != value
    ]


def _flat(setup: Setup) -> dict[str, Any]:
    """Each setting by its name, but for Python's version, which no byte depends on."""
    fields = setup.to_dict()
    flat = {**fields.pop("recipe"), **fields.pop("versions"), **fields}
    return {name: value for name, value in flat.items() if name != "python"}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"


def _sha256(line: str, tensors: Mapping[str, Tensor]) -> str:
    return hashlib.sha256(line.encode() + safetensors.torch.save(dict(tensors))).hexdigest()


def _shared(training: Training) -> dict[str, Tensor]:
    """The tensors that every process has alike, in place."""
    weights = {f"weights.{name}": tensor for name, tensor in training.classifier.state_dict().items()}
    state = {**training.optimizer.state, "averages": training.averages}
    return weights | {f"{name}.{i}": tensor for name, each in state.items() for i, tensor in enumerate(each)}


def _own(training: Training) -> dict[str, Tensor]:
    """Copies of what this process alone has: its sums, and the random generator of its device."""
    meter = training.meter
    return {
        "loss": meter.loss.cpu(),
        "correct": meter.correct.cpu(),
        "images": torch.tensor(meter.images),
        "random": _random(meter.device).get_rng_state(),
    }


def _random(device: torch.device) -> Any:
    """The module whose get_rng_state and set_rng_state are of a device: what layers like dropout draw from."""
    return torch if device.type == "cpu" else torch.get_device_module(device)


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _where(training: Training) -> str:
    """In words, how far it is."""
    meter = training.meter
    epoch = min(len(training.epochs) + 1, training.recipe.epochs)
    return f"in epoch {epoch}, after step {meter.step:,} of {meter.steps:,}"
