"""Load a trained or exported model to ask it: `load(path)` gives a Predictor, whatever the path is.

Commands open files with an `Opener`, made once from what the user said: what a stranger's file does then, it does in a
process of its own.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from edgedigits.errors import ModelFileError
from edgedigits.export.formats import FORMATS, format_of, require_format
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import Contract
from edgedigits.runtime import sandbox
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.readers import Description, describe
from edgedigits.runtime.safety.trust import require_trusted
from edgedigits.runtime.session import open_here
from edgedigits.system import environment


@dataclass(frozen=True)
class Opener:
    """How files are opened: made once, handed down whole.

    engine     that runs them (`runtime/engines`); None for what runs files of their container by default
    setting    of the engine: threads, levels of optimization; None for its first
    isolated   run files that hold nothing but data (ONNX) in a process of their own, with limits on memory and time
    trust      load files that can hold code (TorchScript, pt2) although no manifest beside them lists them
    """

    engine: str | None = None
    setting: str | None = None
    isolated: bool = True
    trust: bool = False

    def open(self, path: Path) -> Predictor:
        """An exported file, ready to answer. Raises ModelFileError, UsageError and MissingCapability."""
        row = require_format(path)
        if not row.box.data_only:
            require_trusted(path, row.name, self.trust)
        elif self.isolated:
            return sandbox.open_apart(path, row, self.engine, self.setting)
        return open_here(path, row, self.engine, self.setting)

    def describe(self, path: Path) -> Description:
        """What an exported file holds, without running it. Raises ModelFileError."""
        row = require_format(path)
        apart = self.isolated and row.box.data_only
        return sandbox.describe_apart(path, row) if apart else describe(path, row)

    def in_setting(self, setting: str) -> "Opener":
        """The same, with another setting."""
        return dataclasses.replace(self, setting=setting)


def load(path: str | Path, *, trust: bool = False, isolated: bool = False) -> Predictor:
    """A run folder (`runs/cnn`) or an exported file (`exports/cnn/cnn.onnx`) as a Predictor.

    trust      load a file that can hold code (TorchScript, pt2) although no manifest beside it lists it
    isolated   run a file that holds nothing but data (ONNX) in a process of its own, with limits on memory and
               time: for files of strangers

    Called with uint8 images `[batch, 28, 28]`, background 0 and ink 255, it returns logits and
    probabilities, float32 `[batch, classes]`; its `contract` names the labels. That of a canvas file
    also has `read(canvas)`, for one uint8 `[height, width]` of any size. Raises CheckpointError or
    ModelFileError when the path is damaged or neither of the two, and MissingCapability for a run folder where torch is
    not installed.
    """
    path = Path(path)
    if path.is_dir():
        return _load_run(path)
    if format_of(path) is None:
        raise ModelFileError(f"{path}: neither a run folder nor an exported file ({', '.join(FORMATS.names)}).")
    return Opener(isolated=isolated, trust=trust).open(path)


def _load_run(folder: Path) -> Predictor:
    torch = environment.import_torch(f"{folder}: a run folder")
    from edgedigits.models.classifier import Deployed
    from edgedigits.models.weights import load_classifier

    record = read_checkpoint(folder)
    model = Deployed(load_classifier(record)).eval()

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode():
            logits, probabilities = model(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Predictor(Contract.of(record, "checkpoint"), run)
