"""Load a trained or exported model to ask it: `load(path)` gives a Predictor, whatever the path is.

Commands open files with an `Opener`, made once from what the user said: what a stranger's file does then, it does in a
process of its own.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.errors import CheckpointError, ModelFileError
from edgedigits.export.formats import FORMATS, adoptable, format_of, require_format
from edgedigits.export.kept import is_kept, read_graph
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.arguments import as_path, checked
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import Contract
from edgedigits.records.model import Checkpoint
from edgedigits.runtime.predictor import PREDICTORS, Predictor, Session
from edgedigits.runtime.readers import Description, describe
from edgedigits.runtime.safety.trust import read_model, require_trusted
from edgedigits.runtime.sandbox import describe_apart, open_apart
from edgedigits.runtime.session import Lasting, Opening, open_here
from edgedigits.system import environment


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:
        return Path()  # it was removed


@checked
@dataclass(frozen=True)
class Opener:
    """How files are opened: made once, handed down whole.

    engine     that runs them (`runtime/engines`); None for what runs files of their container by default
    setting    of the engine: `default`, `exact`, or a variant by its name; None for `default`
    isolated   run files that hold nothing but data (ONNX) in a process of their own, with limits on memory and time
    trust      load files that can hold code (TorchScript, pt2) although no manifest beside them lists them
    """

    engine: str | None = None
    setting: str | None = None
    isolated: bool = True
    trust: bool = False

    def open(self, path: str | Path) -> Predictor:
        """An exported file, ready to answer. Raises ModelFileError, UsageError and MissingCapability."""
        place = as_path(path, "path")
        return self.open_bytes(place, self.read(place))

    def open_bytes(self, path: Path, content: bytes) -> Predictor:
        """The same for a file's bytes, which the caller read and trusts; its path says its format, and names it."""
        row = require_format(path)
        contract, session = self.session(path, content)
        return PREDICTORS[row.input](contract, Lasting(Reopening(self, path, content), session))

    def session(self, path: Path, content: bytes) -> tuple[Contract, Session]:
        """The contract and a session of a file's bytes."""
        row = require_format(path)
        opening = Opening(path, row, content, self.engine, self.setting)
        return open_apart(opening) if self.isolated and row.box.data_only else open_here(opening)

    def read(self, path: Path) -> bytes:
        """The bytes of an exported file, which may be opened. Raises ModelFileError."""
        row = require_format(path)
        if not row.box.data_only:
            require_trusted(path, row.name, self.trust)
        return read_model(path)

    def describe(self, path: Path) -> Description:
        """What an exported file holds, without running it. Raises ModelFileError."""
        row, content = require_format(path), read_model(path)
        apart = self.isolated and row.box.data_only
        return describe_apart(Opening(path, row, content)) if apart else describe(path, row, content)

    def in_setting(self, setting: str) -> "Opener":
        """The same, with another setting."""
        return dataclasses.replace(self, setting=setting)


@dataclass(frozen=True)
class Reopening:
    """How a file is opened again where its session has ended: the same bytes, in the same way.

    content   None where this was pickled, as path and options: then they are read anew, and must be those of `sha256`
    """

    opener: Opener
    path: Path
    content: bytes | None = field(default=None, repr=False)
    sha256: str = ""
    place: Path = field(default_factory=_current_folder)

    def __call__(self) -> Session:
        """A session. Raises what `Opener.open` raises, and ModelFileError where the file has changed."""
        content = self._read() if self.content is None else self.content
        return self.opener.session(self.path, content)[1]

    def __reduce__(self) -> tuple[type["Reopening"], tuple[object, ...]]:
        sha256 = self.sha256 if self.content is None else hashlib.sha256(self.content).hexdigest()
        return Reopening, (self.opener, self.place / self.path, None, sha256)

    def _read(self) -> bytes:
        content = self.opener.read(self.path)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelFileError(f"{self.path}: changed since it was loaded elsewhere. Load it anew there, and here.")
        return content


@checked
def load(path: str | Path, *, trust: bool = False, isolated: bool = False) -> Predictor:
    """A run folder (`runs/cnn`) or an exported file (`exports/cnn/cnn.onnx`) as a Predictor.

    trust      load a file that can hold code (TorchScript, pt2) although no manifest beside it lists it
    isolated   run a file that holds nothing but data (ONNX) in a process of its own, with limits on memory and
               time: for files of strangers

    Called with uint8 images `[batch, 28, 28]`, background 0 and ink 255, it returns logits and
    probabilities, float32 `[batch, classes]`; its `contract` names the labels. That of a canvas file
    also has `read(canvas)`, for one uint8 `[height, width]` of any size. Raises CheckpointError or
    ModelFileError when the path is damaged or neither of the two, and MissingCapability for a run folder where torch is
    not installed; a run that keeps an ONNX graph needs none.
    """
    place = as_path(path, "path")
    if place.is_dir():
        return _load_run(place, isolated)
    if format_of(place) is None:
        known = ", ".join(FORMATS.names)
        raise ModelFileError(f"{place}: neither a run folder nor an exported file ({known}).{adoptable(place)}")
    return Opener(isolated=isolated, trust=trust).open(place)


def _load_run(folder: Path, isolated: bool) -> Predictor:
    record = read_checkpoint(folder)
    ask = functools.partial(_graph_session, isolated=isolated) if is_kept(record) else _torch_session
    reopen = functools.partial(_reopened, ask, _current_folder() / folder, record.weights_sha256)
    return Predictor(Contract.of(record, "checkpoint"), Lasting(reopen, ask(record)))


def _reopened(ask: Callable[[Checkpoint], Session], folder: Path, sha256: str) -> Session:
    """The model of a run folder, asked again. Raises CheckpointError, also where its weights have another SHA-256."""
    record = read_checkpoint(folder)
    if record.weights_sha256 != sha256:
        raise CheckpointError(f"{folder}: was made anew since it was loaded. Load it again.")
    return ask(record)


def _torch_session(record: Checkpoint) -> Session:
    """A model in torch. Raises CheckpointError and MissingCapability."""
    torch = environment.import_torch(f"{record.folder}: a run folder")
    from edgedigits.models.classifier import Deployed
    from edgedigits.models.weights import load_classifier

    model = Deployed(load_classifier(record)).eval()

    def run(images: Images) -> tuple[Scores, Scores]:
        with torch.inference_mode():
            logits, probabilities = model(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return Session(run)


def _graph_session(record: Checkpoint, isolated: bool) -> Session:
    """An adopted ONNX graph behind our input, in its runtime. Raises CheckpointError and ModelFileError."""
    path = record.folder / record.weights
    opening = Opening(path, require_format(path), read_graph(record), foreign=True)
    return (open_apart if isolated else open_here)(opening)[1]
