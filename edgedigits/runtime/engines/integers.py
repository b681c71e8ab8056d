"""C files in numpy: the integers that they promise, computed from the numbers in them, without compiling anything."""

from importlib.metadata import version as version_of

from edgedigits.models.metrics import softmax
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.readers.c import read_network


def version() -> str:
    """Of numpy, which is always there."""
    return version_of("numpy")


def session(file: ModelFile, _: Setting) -> Session:
    """The network that the file says it is."""
    network = read_network(file.path, file.content)

    def call(images: Images) -> tuple[Scores, Scores]:
        logits = (network.scores(images) * network.unit).astype("float32")
        return logits, softmax(logits)

    return Session(call)


ENGINE = Engine(
    name="integers",
    title="the integers of a C file, in numpy",
    version=version,
    session=session,
    containers=("c",),
    concurrent=True,
    patience=2,
)
