"""Load a trained or exported model to ask it: `load(path)` gives a Predictor, whatever the path is.

Commands open files with `open_file`: what a stranger's file does then, it does in a process of its own.
"""

from pathlib import Path

from edgedigits import checkpoint, engines, formats, models, safety, sandbox
from edgedigits.errors import ModelFileError
from edgedigits.formats import Format, Images, Predictor, Scores
from edgedigits.records import Contract


def load(path: str | Path, *, trust: bool = False, isolated: bool = False) -> Predictor:
    """A run folder (`runs/cnn`) or an exported file (`exports/cnn/cnn.onnx`) as a Predictor.

    trust      load a file that can hold code (TorchScript, pt2) although no manifest beside it lists it
    isolated   run a file that holds nothing but data (ONNX) in a process of its own, with limits on memory and
               time: for files of strangers

    Called with uint8 images `[batch, 28, 28]`, background 0 and ink 255, it returns logits and
    probabilities, float32 `[batch, classes]`; its `contract` names the labels. That of a canvas file
    also has `read(canvas)`, for one uint8 `[height, width]` of any size. Raises CheckpointError or
    ModelFileError when the path is damaged or neither of the two.
    """
    path = Path(path)
    if path.is_dir():
        return _load_run(path)
    module = formats.of_file(path)
    if module is None:
        raise ModelFileError(f"{path}: neither a run folder nor an exported file ({', '.join(formats.NAMES)}).")
    if isolated:
        return open_file(path, trust=trust)
    require_trusted(module, path, trust)
    return module.load(path)


def open_file(path: Path, setting: str | None = None, *, engine: str | None = None, trust: bool = False) -> Predictor:
    """An exported file as every command loads it: data in a process of its own, code only when it is trusted.

    setting   of what runs it, by default the first
    engine    of `edgedigits/engines`, for an ONNX file; by default what runs files of its format

    Raises ModelFileError, and what finding the engine raises.
    """
    module = require_format(path)
    if module.DATA_ONLY:
        return sandbox.load(path, module.NAME, setting, engine or engines.DEFAULT)
    require_trusted(module, path, trust)
    return module.load(path, setting)


def require_format(path: Path) -> Format:
    """The format of a file, by its suffix. Raises ModelFileError."""
    module = formats.of_file(path)
    if module is None:
        raise ModelFileError(f"{path}: no format has its suffix ({', '.join(formats.NAMES)}).")
    return module


def require_trusted(module: Format, path: Path, trust: bool) -> None:
    """Raise ModelFileError for a file that can hold code and is neither recorded nor trusted."""
    if not module.DATA_ONLY:
        safety.require_trusted(path, module.NAME, trust)


def _load_run(folder: Path) -> Predictor:
    import torch

    record = checkpoint.load(folder)
    model = models.Deployed(checkpoint.load_model(record)).eval()
    contract = Contract(
        format="checkpoint",
        labels=record.spec.labels,
        checkpoint_sha256=record.weights_sha256,
        dataset=record.dataset.name,
        test_accuracy=record.metrics.test_accuracy,
    )

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode():
            logits, probabilities = model(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Predictor(contract, run)
