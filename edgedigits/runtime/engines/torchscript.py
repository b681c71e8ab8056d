"""torch's TorchScript interpreter."""

import contextlib
import io
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from edgedigits.errors import MissingCapability
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.system import environment

VARIANTS = (
    Setting("optimized, 2 threads", {"threads": 2}),
    Setting("not optimized, 1 thread", {"optimized": False}),
)


def version() -> str:
    """Of torch. Raises MissingCapability."""
    try:
        return version_of("torch")
    except PackageNotFoundError as error:
        raise environment.needs_torch("engine torchscript") from error


def session(file: ModelFile, setting: Setting) -> Session:
    """A module. To load it may run what the file holds, so it must be trusted before.

    Raises MissingCapability without torch, and on Python 3.14.
    """
    torch = environment.import_torch(f"{file.path}: a TorchScript file")
    from edgedigits.export.torch.torchscript import hindrance

    if reason := hindrance():
        raise MissingCapability(f"{file.path}: {reason}.")
    with environment.quiet():
        module = torch.jit.load(io.BytesIO(file.content), map_location="cpu")
    optimized, threads = setting.options.get("optimized", True), setting.options.get("threads", 1)

    def call(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode(), environment.torch_threads(threads), _executed(optimized):
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Session(call)


def _executed(optimized: bool) -> contextlib.AbstractContextManager[None]:
    """torch's executor with its optimizations, or without."""
    import torch

    context: contextlib.AbstractContextManager[None] = torch.jit.optimized_execution(optimized)  # type: ignore[attr-defined]
    return context


ENGINE = Engine(
    name="torchscript",
    title="torch's TorchScript interpreter",
    version=version,
    session=session,
    concurrent=True,
    containers=("torchscript",),
    variants=VARIANTS,
)
