"""torch, operator by operator, on the program in an archive of `torch.export`."""

import io
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.system import environment

VARIANTS = (Setting("eager, 2 threads", {"threads": 2}),)


def version() -> str:
    """Of torch. Raises MissingCapability."""
    try:
        return version_of("torch")
    except PackageNotFoundError as error:
        raise environment.needs_torch("engine pt2") from error


def session(file: ModelFile, setting: Setting) -> Session:
    """A module. Its reader has made sure that there is nothing to unpickle. Raises MissingCapability without torch."""
    torch = environment.import_torch(f"{file.path}: a pt2 file")
    with environment.quiet():
        module = torch.export.load(io.BytesIO(file.content)).module()
    threads = setting.options.get("threads", 1)

    def call(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode(), environment.torch_threads(threads):
            logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Session(call)


ENGINE = Engine(
    name="pt2",
    title="torch, on exported programs",
    version=version,
    session=session,
    concurrent=True,
    containers=("pt2",),
    variants=VARIANTS,
)
