"""What files are compared with because somebody names it: a run, an exported file, or an ONNX file of somebody else.

    theirs.onnx ──find_input──> its reading ──ForeignPredictor──> answers, compared with those of what is named

A file that EdgeDigits did not make is asked as it can be: what is unusual in it becomes a remark, and no failure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export.formats import int8_form, require_format, sibling
from edgedigits.export.manifest import read_manifest
from edgedigits.models.checkpoint import RECORD
from edgedigits.records.arrays import Images
from edgedigits.runtime.finding import kind_of
from edgedigits.runtime.foreign_predictor import ForeignPredictor
from edgedigits.runtime.inspection import quantized_share
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_file
from edgedigits.runtime.noticing import find_in_file
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.readers import Description
from edgedigits.runtime.readings import in_words
from edgedigits.system import environment
from edgedigits.verify import parity
from edgedigits.verify.candidates import Candidate, Opened, check_integrity
from edgedigits.verify.file_model import FileModel
from edgedigits.verify.references import Model, Reference, References, chosen_of

DATASET = "mnist"  # of files that name none
TOLD = 200  # test images whose scores tell what they are: logits, or probabilities
QUANTIZED = 0.5  # of the parameters in 8 bits: more, and a file is an int8 file
OUTPUT = "logits"  # of an exported file


@dataclass(frozen=True)
class Named:
    """What somebody names to compare with.

    name     a run, a file, or the name of an exported model
    said     what is known of the input of the files that are compared with it: "mean/std, nchw"
    runs     where runs are looked up
    exports  where exported files are
    opener   opens the files that are compared with it; what is named is opened in the default engine
    """

    name: str
    said: str
    runs: Path
    exports: Path
    opener: Opener


def reference_named(named: Named, references: References) -> Reference:
    """What is named, on the test images that `references` chooses.

    Raises CheckpointError and ModelFileError, also where no reading of a foreign file is right, DataError, and
    MissingCapability where it is a run and torch is not installed.
    """
    if folder := _run_folder(named):
        environment.import_torch(f"edgedigits verify --against {named.name}")
        return references.asked(folder)
    path = find_file(named.name, exports=named.exports, runs=named.runs)
    opener = Opener(trust=named.opener.trust)
    contract = opener.describe(path).contract
    chosen = chosen_of(_dataset(references, path, contract.dataset if contract else DATASET), references.sample)
    dataset = chosen.dataset
    predictor = opener.open(path) if contract else _asked(path, dataset, "", opener)
    labels = contract.labels if contract else dataset.labels
    if len(labels) != len(dataset.labels):
        raise ModelFileError(
            f"{path}: tells {len(labels)} classes apart, {dataset.ref.name} has {len(dataset.labels)}."
        )
    other = FileModel(predictor, dataset)
    return Reference(labels, dataset.ref.name, dataset.test, None, chosen.places, chosen.whole, other=other)


def _run_folder(named: Named) -> Path | None:
    """The folder of the run that is named, by its path or its name; None where that is no run."""
    if Path(named.name).is_file():
        return None
    places = (Path(named.name), named.runs / named.name)
    return next((place for place in places if (place / RECORD).is_file()), None)


def _dataset(references: References, path: Path, name: str) -> Dataset:
    """The data set that is named, else that of the manifest beside a file, else one of that name."""
    if isinstance(references.dataset, Dataset):
        return references.dataset
    listing = read_manifest(path.parent)
    dark = bool(listing and listing.checkpoint.dataset.name == name and listing.checkpoint.dataset.dark_ink)
    if references.dataset:
        return load_data(references.dataset, references.data_dir)
    try:
        return load_data(name, references.data_dir, dark)
    except UsageError as error:
        raise UsageError(f"{path}: its images were '{name}': add --dataset.") from error


def open_against(target: Candidate, named: Named, reference: Reference) -> Opened:
    """A file to be compared with what is named, whether or not it has a contract. Raises ModelFileError."""
    check_integrity(replace(target, stray=False))
    found = named.opener.describe(target.path)
    return _ours(target.path, named, reference) if found.contract else _theirs(target.path, found, named, reference)


def _ours(path: Path, named: Named, reference: Reference) -> Opened:
    """An exported file, which says itself what its input is."""
    row, predictor = require_format(path), named.opener.open(path)
    if predictor.contract.labels != reference.labels:
        raise ModelFileError(
            f"{path}: its labels are {', '.join(predictor.contract.labels)}, those of {named.name} not."
        )
    scale = _scale(predictor, _model(reference))
    return Opened(path, row, predictor, reference, named.opener, scale, about=_about(named, scale))


def _theirs(path: Path, found: Description, named: Named, reference: Reference) -> Opened:
    """Somebody else's file, which is asked what its input is; what its weights are says which limits it must keep."""
    model = _model(reference)
    predictor = _asked(path, model.dataset, named.said, named.opener)
    quantized = quantized_share(found.tensors) > QUANTIZED
    row = require_format(path)
    row = sibling(row, "float", "digit") or row
    row = (quantized and int8_form(row)) or row
    scale = _scale(predictor, model)
    about = _about(named, scale)
    about |= {"reading": in_words(predictor.reading), "remarks": tuple(_remarks(predictor, quantized))}
    return Opened(
        path,
        row,
        predictor,
        reference,
        named.opener,
        scale,
        reopen=lambda opener: ForeignPredictor.open(path, predictor.found, opener),
        about=about,
    )


def _asked(path: Path, dataset: Dataset, said: str, opener: Opener) -> ForeignPredictor:
    """A file without a contract, once its input is found by showing it training digits."""
    found = find_in_file(path, dataset.train.images, dataset.train.labels, said, opener)
    return ForeignPredictor.open(path, found, opener)


def _model(reference: Reference) -> Model:
    assert reference.model  # what is named can be asked
    return reference.model


def _about(named: Named, scale: str) -> dict[str, Any]:
    return {"against": named.name, "compared_as": None if scale == parity.LOGITS else scale}


def _scale(predictor: Predictor, model: Model) -> str:
    """What the scores of both can be compared as: logits only where both give some."""
    images = model.dataset.test.images[:TOLD]
    known = _kind(model.predictor, images) if isinstance(model, FileModel) else kind_of(model.ask(images))
    kinds = {_kind(predictor, images), known}
    if "softmax" in kinds:
        return parity.PROBABILITIES
    return parity.LOG_PROBABILITIES if "log-softmax" in kinds else parity.LOGITS


def _kind(predictor: Predictor, images: Images) -> str:
    """What comes out of a file, in the words of `finding.Found`."""
    if isinstance(predictor, ForeignPredictor):
        return predictor.found.output
    return kind_of(predictor.in_batches(images)[0])


def _remarks(predictor: ForeignPredictor, quantized: bool) -> Iterator[str]:
    """What is unusual in somebody else's file, in words: none of it is a failure."""
    yield from predictor.found.remarks
    names, output = predictor.names, predictor.found.output
    if OUTPUT not in names:
        yield f"its output is called {', '.join(names)}, not {OUTPUT}"
    if output == "softmax":
        yield "it gives probabilities alone, no logits"
    if quantized:
        yield "most of its weights are in 8 bits: it keeps the limits of int8 files"
