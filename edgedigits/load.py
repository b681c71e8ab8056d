"""Load a trained or exported model to ask it: `load(path)` gives a Predictor, whatever the path is."""

from pathlib import Path

from edgedigits import checkpoint, formats, models
from edgedigits.errors import ModelFileError
from edgedigits.formats import Images, Predictor, Scores
from edgedigits.records import Contract


def load(path: str | Path) -> Predictor:
    """A run folder (`runs/cnn`) or an exported file (`exports/cnn/cnn.onnx`) as a Predictor.

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
    return module.load(path)


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
