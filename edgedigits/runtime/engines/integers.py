"""C files in numpy: the scores that they promise, computed from the numbers in them, without compiling anything."""

from collections.abc import Sequence
from importlib.metadata import version as version_of

from edgedigits.models.arithmetic.floats import evaluated
from edgedigits.records.arrays import Images, Scores
from edgedigits.runtime.compiled import answered, of_canvases, outputs, takes_canvas
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Outputs, Session
from edgedigits.runtime.readers.c import in_float, read_canvas_network, read_folded, read_network


def version() -> str:
    """Of numpy, which is always there."""
    return version_of("numpy")


def session(file: ModelFile, _: Setting) -> Session:
    """The network that the file says it is; in doubles, where it is one in float."""
    if in_float(file.content):
        folded = read_folded(file.path, file.content)
        return Session(lambda images: answered(evaluated(folded, images)))
    if takes_canvas(file):
        return _reading(file)
    network = read_network(file.path, file.content)

    def call(images: Images) -> tuple[Scores, Scores]:
        return answered(network.scores(images) * network.unit)

    return Session(call)


def _reading(file: ModelFile) -> Session:
    """Framing, network and decision of a canvas file."""
    found = read_canvas_network(file.path, file.content)

    def many(canvases: Sequence[Images]) -> Outputs:
        return outputs(file, found, found.answers(canvases))

    return of_canvases(many)


ENGINE = Engine(
    name="integers",
    title="the numbers of a C file, in numpy",
    version=version,
    session=session,
    containers=("c",),
    concurrent=True,
    patience=2,
)
