"""EdgeDigits: train digit classifiers, export them, and prove that the file answers as the model does.

    import edgedigits as ed

    run = ed.train("cnn")                            # a Checkpoint, in runs/cnn/
    files = ed.export(run, ["onnx"], quantize=True)  # Artifacts, in exports/cnn/
    report = ed.verify(files)                        # a Verification: report.passed
    predict = ed.load(files[0].path)                 # uint8 images in, logits and probabilities out

Everything here is resolved when it is first used, so importing the package costs nothing.
"""

import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # of onnxruntime, which reads it when it is imported

if TYPE_CHECKING:
    from edgedigits.bench import bench as bench
    from edgedigits.data import Dataset as Dataset
    from edgedigits.data import load as load_data  # noqa: F401
    from edgedigits.embed import embed as embed
    from edgedigits.errors import EdgeDigitsError as EdgeDigitsError
    from edgedigits.export import export as export
    from edgedigits.formats import Predictor as Predictor
    from edgedigits.inspection import inspect as inspect
    from edgedigits.load import load as load
    from edgedigits.predict import predict as predict
    from edgedigits.records import Artifact as Artifact
    from edgedigits.records import Benchmark as Benchmark
    from edgedigits.records import Checkpoint as Checkpoint
    from edgedigits.records import Contract as Contract
    from edgedigits.records import Embedding as Embedding
    from edgedigits.records import Inspection as Inspection
    from edgedigits.records import Limits as Limits
    from edgedigits.records import ModelSpec as ModelSpec
    from edgedigits.records import ParityReport as ParityReport
    from edgedigits.records import Recipe as Recipe
    from edgedigits.records import Reproduction as Reproduction
    from edgedigits.records import ScoreSummary as ScoreSummary
    from edgedigits.records import Verification as Verification
    from edgedigits.reproduce import reproduce as reproduce
    from edgedigits.score import Scorer as Scorer
    from edgedigits.score import score as score
    from edgedigits.train import train as train
    from edgedigits.verify import verify as verify

_HOMES = {
    "bench": "bench",
    "Dataset": "data",
    "load_data": "data:load",
    "embed": "embed",
    "EdgeDigitsError": "errors",
    "export": "export",
    "Predictor": "formats",
    "inspect": "inspection",
    "load": "load",
    "predict": "predict",
    "Artifact": "records",
    "Benchmark": "records",
    "Checkpoint": "records",
    "Contract": "records",
    "Embedding": "records",
    "Inspection": "records",
    "Limits": "records",
    "ModelSpec": "records",
    "ParityReport": "records",
    "Recipe": "records",
    "Reproduction": "records",
    "ScoreSummary": "records",
    "Verification": "records",
    "reproduce": "reproduce",
    "Scorer": "score",
    "score": "score",
    "train": "train",
    "verify": "verify",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgedigits' has no attribute '{name}'")
    home, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"edgedigits.{home}"), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


class _Package(types.ModuleType):
    """Keeps `edgedigits.train` the function: Python would put the module `edgedigits/train.py` in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
