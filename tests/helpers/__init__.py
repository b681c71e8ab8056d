"""What tests of several packages share."""

from edgedigits.export.formats import FORMATS, get_format
from edgedigits.runtime.engines import engines_of
from edgedigits.runtime.load import Opener

FORMAT_NAMES = FORMATS.names
ONNX = get_format("onnx")
ONNX_ENGINES = tuple(engine.name for engine in engines_of("onnx"))
HERE = Opener(isolated=False, trust=True)  # in this process, code too
