"""Several processes, on one machine or more, that train one model together.

`torchrun` starts them, and says in the environment which one is which. Each takes its share of every
batch; gradients are averaged by torch's DistributedDataParallel (Li et al. 2020, arXiv:2006.15704),
over gloo on the CPU and NCCL on CUDA. They are those of one process but for rounding, which
grows in a long training. A process alone opens no group, and nothing here costs it time.

No process waits for another longer than TIMEOUT: one that dies ends the others with an error.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from edgedigits.errors import EdgeDigitsError, MissingCapability, UsageError

T = TypeVar("T")
VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # of torchrun, besides WORLD_SIZE
TIMEOUT = timedelta(seconds=30)  # without a word from the others; to reach rank 0 torch tries twice as long
BEAT = 1.0  # seconds between two words while one of them works on its own
LAST_WORDS = 1.0  # seconds: torchrun ends all processes when one leaves, and one has to say why


@dataclass(frozen=True)
class World:
    """The processes that train together: which one this is, of how many, and which one on its machine.

    All methods but `share` and `require_images` wait for the others: every process calls them, in the same order.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def parallel(self, classifier: nn.Module) -> nn.Module:
        """The classifier, to train with: its gradients become the mean over all processes."""
        return classifier if self.size == 1 else DistributedDataParallel(classifier)

    def share(self, start: int, stop: int) -> tuple[slice, float]:
        """This process's images of a batch, and what their mean loss weighs in the mean of all processes.

        With b of B images in this one of n processes the weight is n * b / B: the mean of the weighted
        means is then the mean over the batch, however it is divided. In a small batch b may be 0.
        """
        count = stop - start
        first, last = (start + count * rank // self.size for rank in (self.rank, self.rank + 1))
        return slice(first, last), self.size * (last - first) / count

    def total(self, *values: Tensor | float) -> list[float]:
        """Each value, summed over all processes."""
        own = [float(value) for value in values]
        if self.size == 1:
            return own
        sums = torch.tensor(own, dtype=torch.float64)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def require_same(self, arguments: Mapping[str, object]) -> None:
        """Raise UsageError, which names the argument and two ranks, unless all processes were given the same."""
        first, *others = self.gather(dict(arguments))
        for rank, other in enumerate(others, start=1):
            for name, value in first.items():
                if other.get(name) != value:
                    raise UsageError(
                        f"the processes disagree on {name}: {value!r} in rank 0, {other.get(name)!r} in rank {rank}. "
                        "Start them all with the same arguments."
                    )

    def require_images(self, batch: int) -> None:
        """Raise UsageError if a batch of so many images gives some process none."""
        if batch < self.size:
            raise UsageError(
                f"{self.size} processes share each batch of {batch} images: one each at least. "
                "Start fewer processes, or take more images or a larger --batch-size."
            )

    def patiently(self, work: Callable[[], T]) -> T:
        """The result of work that may take longer in one process than the others would wait for it.

        They tell each other that they live until all are done. An EdgeDigitsError that any of them
        raises, all of them raise.
        """
        if self.size == 1:
            return work()
        with futures.ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)
            while not all(self.gather(future.done())):
                futures.wait([future], BEAT)
        error = future.exception()
        for known in self.gather(error if isinstance(error, EdgeDigitsError) else None):
            if known:
                raise known
        return future.result()

    def once(self, work: Callable[[], T]) -> T:
        """What work returns that rank 0 alone does, in every process."""
        return self.gather(self.patiently(work if self.rank == 0 else _nothing))[0]  # type: ignore[return-value]

    def one_first(self, work: Callable[[], T]) -> T:
        """What work returns, in every process; the first one of each machine is through before the others begin.

        So it fetches what is missing, and they find it.
        """
        first = self.patiently(work if self.local_rank == 0 else _nothing)
        others = self.patiently(work if self.local_rank != 0 else _nothing)
        return first if self.local_rank == 0 else others  # type: ignore[return-value]


ALONE = World()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The processes that torchrun started, joined in a group until the block ends; ALONE without torchrun.

    On CUDA each process takes the device of its LOCAL_RANK. What several processes would say, one
    says: notes come from rank 0, and an error from the first that raises it; the others leave with its
    exit code. Raises UsageError on an environment that is not whole or a device that cannot share a
    batch, MissingCapability where a machine has fewer CUDA devices than processes, or when the others are
    gone or silent for TIMEOUT.
    """
    world = _from_environment()
    if world.size == 1:
        yield world
        return
    _take_device(device, world)
    with _lost_is_an_error(world), _terminated_is_left():
        try:
            store = _open(device)
            with _voice(store), warnings.catch_warnings():
                if world.rank > 0:
                    warnings.simplefilter("ignore")
                yield world
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # or they would hold the classifier, and it the group
            raise
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()


def _nothing() -> None:
    return None


def _from_environment() -> World:
    """The World that torchrun's variables describe. Raises UsageError where some are missing or no numbers."""
    size = os.environ.get("WORLD_SIZE", "1")
    if size == "1":
        return ALONE
    if missing := [name for name in VARIABLES if name not in os.environ]:
        raise UsageError(
            f"WORLD_SIZE is {size}, but {missing[0]} is not set: start with torchrun, or unset WORLD_SIZE."
        )
    try:
        return World(int(os.environ["RANK"]), int(size), int(os.environ["LOCAL_RANK"]))
    except ValueError as error:
        raise UsageError(
            f"RANK, LOCAL_RANK or WORLD_SIZE: {error}. Start with torchrun, or unset WORLD_SIZE."
        ) from error


def _take_device(device: torch.device, world: World) -> None:
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"several processes train on cpu or cuda, not on {device.type}: add --device cpu.")
    if device.type == "cuda":
        if world.local_rank >= torch.cuda.device_count():
            raise MissingCapability(
                f"process {world.local_rank + 1} of this machine finds {torch.cuda.device_count()} CUDA devices: "
                "start one process a device, or add --device cpu."
            )
        torch.cuda.set_device(world.local_rank)


def _open(device: torch.device) -> Any:
    """Open the group, and return the `torch.distributed.Store` through which its processes found each other."""
    # DistributedDataParallel imports this, whose functions keep the group of that moment as a default: imported with a
    # group open, that group would never close, and its threads now and then abort the process while Python ends.
    import torch.distributed.nn.functional  # noqa: F401

    store, rank, size = next(rendezvous("env://", timeout=TIMEOUT))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=TIMEOUT)
    return store


@contextlib.contextmanager
def _voice(store: Any) -> Iterator[None]:
    """Let an error through in the process that is the first to raise it; leave silently in the others."""
    try:
        yield
    except EdgeDigitsError as error:
        with contextlib.suppress(RuntimeError):  # the store is gone with rank 0, and nobody else has a voice
            if store.add(f"edgedigits error: {error}", 1) > 1:
                time.sleep(LAST_WORDS)
                sys.exit(error.exit_code)
        raise


@contextlib.contextmanager
def _lost_is_an_error(world: World) -> Iterator[None]:
    """Turn what torch raises when it cannot reach the other processes into an error that says so."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):  # gloo's own are plain RuntimeErrors
            raise
        raise MissingCapability(
            f"rank {world.rank} of {world.size}: another process ended or was silent for {TIMEOUT.seconds} seconds. "
            "Look for its message, and start all of them again."
        ) from error


@contextlib.contextmanager
def _terminated_is_left() -> Iterator[None]:
    """Leave in good order when torchrun terminates this process: Python would drop temporary files where they are."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
