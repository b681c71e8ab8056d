"""What tests of several packages share."""

from edgedigits.export.formats import FORMATS, get_format
from edgedigits.runtime.engines import ENGINES, get_engine
from edgedigits.runtime.load import Opener

FORMAT_NAMES = tuple(FORMATS.own)  # what a plug-in adds is for its own tests
ONNX = get_format("onnx")
ONNX_ENGINES = tuple(name for name in ENGINES.own if ONNX.container in get_engine(name).containers)
HERE = Opener(isolated=False, trust=True)  # in this process, code too
