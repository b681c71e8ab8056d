"""EdgeDigits: train digit classifiers, export them, and prove that the file answers as the model does.

    import edgedigits as ed

    run = ed.train("cnn")                            # a Checkpoint, in runs/cnn/
    files = ed.export(run, ["onnx"], quantize=True)  # Artifacts, in exports/cnn/
    report = ed.verify(files)                        # a Verification: report.passed
    predict = ed.load(files[0].path)                 # uint8 images in, logits and probabilities out
    number = ed.read_number("photo.jpg")             # a Number: its digits, if all are sure
    theirs = ed.adopt("model.pt")                    # a Checkpoint too, of what somebody else trained

Everything here is resolved when it is first used, so importing the package costs nothing.
"""

import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgedigits.adopt.adopter import adopt as adopt
    from edgedigits.bench.bench import Benchmark as Benchmark
    from edgedigits.bench.bench import bench as bench
    from edgedigits.data.dataset import Dataset as Dataset
    from edgedigits.data.load import load_data as load_data
    from edgedigits.embed.embedder import Embedding as Embedding
    from edgedigits.embed.embedder import embed as embed
    from edgedigits.errors import EdgeDigitsError as EdgeDigitsError
    from edgedigits.export.exporter import export as export
    from edgedigits.inference.numbers import predict_numbers as predict_numbers
    from edgedigits.inference.numbers import read_number as read_number
    from edgedigits.inference.predict import predict as predict
    from edgedigits.inference.score import Scorer as Scorer
    from edgedigits.inference.score import ScoreSummary as ScoreSummary
    from edgedigits.inference.score import score as score
    from edgedigits.records.artifact import Artifact as Artifact
    from edgedigits.records.artifact import Contract as Contract
    from edgedigits.records.model import Checkpoint as Checkpoint
    from edgedigits.records.model import ModelSpec as ModelSpec
    from edgedigits.records.model import Recipe as Recipe
    from edgedigits.records.network import Input as Input
    from edgedigits.records.network import Layer as Layer
    from edgedigits.records.network import Network as Network
    from edgedigits.records.report import Limits as Limits
    from edgedigits.records.report import ParityReport as ParityReport
    from edgedigits.records.report import Verification as Verification
    from edgedigits.runtime.inspection import Inspection as Inspection
    from edgedigits.runtime.inspection import inspect as inspect
    from edgedigits.runtime.load import Opener as Opener
    from edgedigits.runtime.load import load as load
    from edgedigits.runtime.predictor import Predictor as Predictor
    from edgedigits.train.trainer import train as train
    from edgedigits.verify.reproduce import Reproduction as Reproduction
    from edgedigits.verify.reproduce import reproduce as reproduce
    from edgedigits.verify.verifier import verify as verify

__version__ = "0.1.0"
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # of onnxruntime, which reads it when it is imported
_HOMES = {
    "adopt": "adopt.adopter",
    "Benchmark": "bench.bench",
    "bench": "bench.bench",
    "Dataset": "data.dataset",
    "load_data": "data.load",
    "Embedding": "embed.embedder",
    "embed": "embed.embedder",
    "EdgeDigitsError": "errors",
    "export": "export.exporter",
    "predict_numbers": "inference.numbers",
    "read_number": "inference.numbers",
    "predict": "inference.predict",
    "ScoreSummary": "inference.score",
    "Scorer": "inference.score",
    "score": "inference.score",
    "Artifact": "records.artifact",
    "Contract": "records.artifact",
    "Checkpoint": "records.model",
    "ModelSpec": "records.model",
    "Recipe": "records.model",
    "Input": "records.network",
    "Layer": "records.network",
    "Network": "records.network",
    "Limits": "records.report",
    "ParityReport": "records.report",
    "Verification": "records.report",
    "Inspection": "runtime.inspection",
    "inspect": "runtime.inspection",
    "Opener": "runtime.load",
    "load": "runtime.load",
    "Predictor": "runtime.predictor",
    "train": "train.trainer",
    "Reproduction": "verify.reproduce",
    "reproduce": "verify.reproduce",
    "verify": "verify.verifier",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgedigits' has no attribute '{name}'")
    try:
        value = getattr(importlib.import_module(f"edgedigits.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from edgedigits.system.environment import needs_torch

        raise needs_torch(f"edgedigits.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


class _Package(types.ModuleType):
    """Keeps `edgedigits.train` the function: Python would put the package of that name in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
