"""What the results depend on besides the code: versions, processor, threads; and torch, where it is installed."""

import contextlib
import importlib.util
import io
import logging
import os
import platform
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from edgedigits import __version__
from edgedigits.errors import MissingCapability

OWNER = os.getpid()  # of what threads there are


def versions(*packages: str) -> dict[str, str]:
    """Versions of this package, of Python and of those named packages that are installed, for records."""
    found = {}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {"edgedigits": __version__, **found, "python": platform.python_version()}


def import_torch(what: str) -> Any:
    """The module torch, which `what` needs: a command, a file; in a forked process it has one thread from now on.

    Raises MissingCapability where it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise needs_torch(what) from error
    if os.getpid() != OWNER:  # forked: torch would wait for the threads of its pool, which only the parent has
        torch.set_num_threads(1)
    return torch


def needs_torch(what: str) -> MissingCapability:
    """The error where torch is not installed."""
    how = "pip install torch torchvision, with a network"
    return MissingCapability(f"{what} needs torch, which is not installed here: {how}")


def processor(device: str = "cpu") -> str:
    """The kind of processor that computes, as far as results depend on it: "cpu", "cuda" or "mps" names the device."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    name = torch.cpu.get_capabilities().get("cpu_name", platform.machine())
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence torch's exporters and loaders: they print, warn and log what `unavailable` and our errors say."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch, where it is installed, use `count` threads inside the block, and as many as before behind it."""
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    if before != count:  # to set it costs more than a small model takes
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)


def machine() -> str:
    """The processor and the number of threads, as far as figures depend on them."""
    import torch

    return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
