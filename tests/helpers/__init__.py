"""What tests of several packages share."""

from edgedigits.export.formats import FORMATS, get_format
from edgedigits.runtime.engines import ENGINES, get_engine
from edgedigits.runtime.load import Opener

FORMAT_NAMES = tuple(FORMATS.own)  # what a plug-in adds is for its own tests
ONNX = get_format("onnx")
ONNX_ENGINES = tuple(name for name in ENGINES.own if ONNX.container in get_engine(name).containers)
NEEDED = {  # that engines do not bring
    "java": ("java", "javac", "mvn"),
    "node": ("node", "npm"),
    "tract": ("tract",),
    "web": ("chromium", "npm"),
}
WITHOUT_INTEGERS = ("cnn-tiny",)  # no product of it gains by integers, so it has no such form
HERE = Opener(isolated=False, trust=True)  # in this process, code too


def forms_of(run: str) -> list[str]:
    """The formats that a model of the fixture `runs` has a form in."""
    return [name for name in FORMAT_NAMES if get_format(name).misfit is None or run not in WITHOUT_INTEGERS]
