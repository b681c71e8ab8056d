"""What is attacked. A target makes the input of a number, and asks the code that must withstand it.

Its answer is an outcome: "refused", by an error of ours; "same" or "changed", the answers of a model that was
accepted; "accepted", where nothing is answered. Any other exception is a defect of ours: a traceback.
"""

import dataclasses
import functools
import hashlib
import io
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
from safetensors.numpy import save

from edgedigits.adopt.extracted import extract
from edgedigits.adopt.guess import candidates
from edgedigits.adopt.onnx.file import exportable
from edgedigits.adopt.skeleton import skeleton
from edgedigits.adopt.weights import read_weights
from edgedigits.data.idx import parse_idx
from edgedigits.data.images import read_image
from edgedigits.errors import EdgeDigitsError
from edgedigits.export.answers import Origin, packed, unpacked
from edgedigits.export.formats import Source, get_format
from edgedigits.models.checkpoint import RECORD, read_checkpoint
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.artifact import Answers, Artifact, Contract, Manifest
from edgedigits.records.model import Checkpoint, DatasetRef, Metrics, ModelSpec, Recipe
from edgedigits.runtime.foreign import open_foreign
from edgedigits.runtime.readers import parse_contract
from edgedigits.runtime.readers.onnx import stand_in
from edgedigits.runtime.safety import Refused
from edgedigits.runtime.session import Opening, open_here
from edgedigits.verify.candidates import check_integrity, find_candidates
from tests.fuzz import mutate
from tests.fuzz.theirs import THEIRS
from tests.helpers import HERE
from tests.helpers.networks import EVERYTHING, fc

SHELF = Path(__file__).parents[2] / "exports"
VICTIMS = ("cnn/cnn.int8.onnx", "fc-28/fc-28.int8.onnx", "cnn/cnn.onnx")  # small ones: more tries a second
IMAGES: Images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype=np.uint8)


class Target(Protocol):
    """Made once in each worker, with a folder of its own."""

    def make(self, rng: Random) -> bytes:
        """The input that a random state stands for."""

    def ask(self, content: bytes) -> str:
        """What becomes of it."""


def input_of(target: Target, name: str, seed: int, number: int) -> bytes:
    """The input of a number: the same on every machine and in any order."""
    return target.make(Random(f"{seed}/{name.partition('-')[0]}/{number}"))


class Onnx:
    """ONNX files through the loader, and then eight images through the model."""

    def __init__(self, folder: Path) -> None:
        import onnx

        self.path = folder / "mutant.onnx"
        self.serialized = [(SHELF / name).read_bytes() for name in VICTIMS]
        self.protos = [onnx.load_model_from_string(content) for content in self.serialized]
        self.wanted = [self.answers(content) for content in self.serialized]
        self.victim = 0

    def make(self, rng: Random) -> bytes:
        self.victim = rng.randrange(len(VICTIMS))
        return mutate.model(rng, self.protos, self.serialized, self.victim)

    def ask(self, content: bytes) -> str:
        try:
            found = self.answers(content)
        except EdgeDigitsError:
            return "refused"
        return "same" if np.array_equal(found.argmax(1), self.wanted[self.victim].argmax(1)) else "changed"

    def answers(self, content: bytes) -> Scores:
        """The logits of a file."""
        self.path.write_bytes(content)
        return HERE.open(self.path)(IMAGES)[0]


class OnnxBare(Onnx):
    """The same files, given to ONNX Runtime as they are: what the checks are worth."""

    def ask(self, content: bytes) -> str:
        try:
            found = self.answers(content)
        except Exception:
            return "refused"  # by the runtime
        wanted = self.wanted[self.victim]
        same = np.shape(found) == wanted.shape and np.array_equal(np.argmax(found, 1), wanted.argmax(1))
        return "same" if same else "changed"

    def answers(self, content: bytes) -> Scores:
        """The first output for the first input."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: IMAGES})[0]  # type: ignore[no-any-return]


class OnnxForeign(Onnx):
    """The same files without their contract, opened as somebody else's and asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for proto in self.protos:
            del proto.metadata_props[:]
        self.serialized = [proto.SerializeToString() for proto in self.protos]
        for victim, content in enumerate(self.serialized):
            self.victim = victim
            assert self.ask(content) == "same", f"{VICTIMS[victim]}: refused, untouched"

    def ask(self, content: bytes) -> str:
        self.path.write_bytes(content)
        try:
            model = open_foreign(self.path, HERE)
            found = np.asarray(model.ask(IMAGES.astype(np.float32)))
        except (
            EdgeDigitsError,
            ValueError,
        ):  # answers that are no scores are a ValueError, which finding takes as such
            return "refused"
        return "same" if np.array_equal(found.argmax(-1), self.wanted[self.victim].argmax(1)) else "changed"


class OnnxAdopted:
    """Graphs of other exporters, batch baked in or not, as they are made our files by `adopt`, and then asked."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mutant.onnx"
        self.protos = [theirs.model for theirs in THEIRS]
        self.serialized = [proto.SerializeToString() for proto in self.protos]
        self.victim = 0
        self.wanted = [self.answers(content) for self.victim, content in enumerate(self.serialized)]

    def make(self, rng: Random) -> bytes:
        self.victim = rng.randrange(len(THEIRS))
        return mutate.model(rng, self.protos, self.serialized, self.victim)

    def ask(self, content: bytes) -> str:
        try:
            found = self.answers(content)
        except (EdgeDigitsError, Refused):
            return "refused"
        return "same" if np.array_equal(found.argmax(1), self.wanted[self.victim].argmax(1)) else "changed"

    def answers(self, content: bytes) -> Scores:
        """The logits of what is exported of a file."""
        import onnx

        theirs = THEIRS[self.victim]
        _, tidy = stand_in(self.path, content)
        made = exportable(onnx.load_model_from_string(tidy), theirs.network, theirs.way, theirs.classes)
        _, session = open_here(Opening(self.path, get_format("onnx"), made, foreign=True))
        return session.call(IMAGES)[0]


class Flips:
    """Single bits of released files flipped, their manifest beside them: every one must be refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = [(SHELF / name).read_bytes() for name in VICTIMS]
        for name in VICTIMS:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).parent.joinpath("manifest.json").write_bytes(
                (SHELF / name).parent.joinpath("manifest.json").read_bytes()
            )
        for victim, content in enumerate(self.files):
            self.victim = victim
            assert self.ask(content) == "same", f"{VICTIMS[victim]}: refused, untouched"

    def make(self, rng: Random) -> bytes:
        self.victim = rng.randrange(len(VICTIMS))
        return mutate.flip_bit(rng, self.files[self.victim])

    def ask(self, content: bytes) -> str:
        path = self.folder / VICTIMS[self.victim]
        path.write_bytes(content)
        try:
            HERE.open(path)
        except EdgeDigitsError:
            return "refused"
        return "same" if content == self.files[self.victim] else "changed"


class Run:
    """What the targets of a run folder share: a small trained model, made here."""

    def __init__(self, folder: Path) -> None:
        import torch

        from edgedigits.models.classifier import build_classifier
        from edgedigits.models.weights import write_checkpoint

        torch.set_num_threads(1)
        self.folder = folder
        with torch.random.fork_rng():
            torch.manual_seed(0)
            classifier = build_classifier(_checkpoint().spec)
        self.record = write_checkpoint(classifier, _checkpoint(), folder)
        self.weights = (folder / self.record.weights).read_bytes()

    def load(self) -> str:
        """Load the folder as `export` does."""
        from edgedigits.models.weights import load_classifier

        try:
            load_classifier(read_checkpoint(self.folder))
        except EdgeDigitsError:
            return "refused"
        return "accepted"


class Safetensors(Run):
    """Weights, in a record that agrees with their SHA-256."""

    def make(self, rng: Random) -> bytes:
        return _spoiled_tensors(rng, self.weights)

    def ask(self, content: bytes) -> str:
        (self.folder / self.record.weights).write_bytes(content)
        record = dataclasses.replace(self.record, weights_sha256=hashlib.sha256(content).hexdigest())
        (self.folder / RECORD).write_text(record.to_json())
        return self.load()


class TravellingAnswers:
    """Answers beside exported files, in a manifest that agrees with their SHA-256."""

    def __init__(self, _: Path) -> None:
        self.origin = Origin("ab" * 32, "cd" * 32)
        self.logits = np.random.default_rng(0).normal(size=(20, 10)).astype(np.float32)
        self.content = packed(self.logits, self.origin)
        assert self.ask(self.content) == "same"

    def make(self, rng: Random) -> bytes:
        return _spoiled_tensors(rng, self.content)

    def ask(self, content: bytes) -> str:
        listed = Answers(
            size_bytes=len(content),
            sha256="",
            checkpoint_sha256=self.origin.checkpoint_sha256,
            dataset_sha256=self.origin.dataset_sha256,
            samples=len(self.logits),
        )
        try:
            found = unpacked(listed, content, self.logits.shape[1])
        except EdgeDigitsError:
            return "refused"
        return "same" if np.array_equal(found, self.logits) else "changed"


def _spoiled_tensors(rng: Random, content: bytes) -> bytes:
    """A safetensors file with something wrong in it, half of the time in its header."""
    if rng.random() < 0.5:
        return mutate.blob(rng, content)
    size = int.from_bytes(content[:8], "little")
    header = mutate.document(rng, content[8 : 8 + size])
    declared = len(header) if rng.random() < 0.8 else rng.choice(mutate.EDGES)
    return declared.to_bytes(8, "little") + header + content[8 + size :]


class CheckpointJson(Run):
    """Records of a run: of the one whose weights are beside it, and of a network of every op."""

    def make(self, rng: Random) -> bytes:
        spec = rng.choice((self.record.spec, ModelSpec(EVERYTHING)))
        return mutate.document(rng, dataclasses.replace(self.record, spec=spec).to_json().encode())

    def ask(self, content: bytes) -> str:
        (self.folder / RECORD).write_bytes(content)
        outcome = self.load()
        try:  # what it describes must be measurable without being built
            spec = Checkpoint.from_json(content).spec
            if spec != self.record.spec:
                assert spec.network.parameters > 0
        except EdgeDigitsError:
            return "refused"
        return outcome


class ManifestJson:
    """Manifests, as `verify` reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "fc.onnx").write_bytes(b"not parsed")
        sha256 = hashlib.sha256(b"not parsed").hexdigest()
        checkpoint = dataclasses.replace(_checkpoint(), weights_sha256="1" * 64)
        artifact = Artifact("fc", "onnx", "fc.onnx", 10, sha256, checkpoint.weights_sha256, 17, {"onnx": "1.0"})
        self.json = Manifest(checkpoint, (artifact,)).to_json().encode()

    def make(self, rng: Random) -> bytes:
        return mutate.document(rng, self.json)

    def ask(self, content: bytes) -> str:
        (self.folder / "manifest.json").write_bytes(content)
        try:
            for target in find_candidates([self.folder], self.folder):
                assert target.path.parent == self.folder, "a path out of the folder"
                check_integrity(target)
        except EdgeDigitsError:
            return "refused"
        return "accepted"


class ContractJson:
    """Contracts, as every model file carries one."""

    def __init__(self, _: Path) -> None:
        self.json = Contract("onnx", tuple("0123456789"), "1" * 64, "mnist", 0.99).to_line().encode()

    def make(self, rng: Random) -> bytes:
        return mutate.document(rng, self.json)

    def ask(self, content: bytes) -> str:
        try:
            parse_contract(Path("mutant"), content).to_line()
        except EdgeDigitsError:
            return "refused"
        return "accepted"


class Idx:
    """Raw files, behind the check of their SHA-256."""

    def __init__(self, _: Path) -> None:
        images = np.zeros((5, 28, 28), np.uint8)
        self.raw = [_idx(images), _idx(np.arange(5, dtype=np.uint8))]

    def make(self, rng: Random) -> bytes:
        return mutate.blob(rng, rng.choice(self.raw), self.raw)

    def ask(self, content: bytes) -> str:
        try:
            array = parse_idx(content, "mutant")
        except EdgeDigitsError:
            return "refused"
        assert array.nbytes <= len(content), "more values than bytes"
        return "accepted"


class Pictures:
    """Pictures of every kind that a folder of digits may hold."""

    KINDS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO")

    def __init__(self, folder: Path) -> None:
        from PIL import Image

        self.path = folder / "mutant.png"
        gray = Image.fromarray(IMAGES[0])
        pictures = [gray, gray.convert("P"), gray.convert("RGBA").resize((40, 20))]
        self.files = []
        for kind in self.KINDS:
            for picture in pictures:
                buffer = io.BytesIO()
                picture.convert("RGB" if kind in ("JPEG", "PPM") else picture.mode).save(buffer, kind)
                self.files.append(buffer.getvalue())

    def make(self, rng: Random) -> bytes:
        return mutate.blob(rng, rng.choice(self.files), self.files)

    def ask(self, content: bytes) -> str:
        self.path.write_bytes(content)
        try:
            image = read_image(self.path)
        except EdgeDigitsError:
            return "refused"
        assert (image.shape, image.dtype) == ((28, 28), np.uint8)
        return "accepted"


class Archives(Run):
    """TorchScript and pt2 files, described: nothing in them may run, and nothing unpack without end."""

    def __init__(self, folder: Path) -> None:
        from edgedigits.models.classifier import Deployed
        from edgedigits.models.weights import load_classifier

        super().__init__(folder)
        model = Deployed(load_classifier(read_checkpoint(folder))).eval()
        rows = [get_format(name) for name in ("torchscript", "pt2")]
        self.formats = [row for row in rows if row.unavailable() is None]
        for row in self.formats:
            contract = Contract(row.name, tuple("0123456789"), self.record.weights_sha256, "mnist", 0.99)
            row.write(Source(model, contract), folder / f"model{row.suffix}")
        self.files = [(folder / f"model{row.suffix}").read_bytes() for row in self.formats]
        self.victim = 0

    def make(self, rng: Random) -> bytes:
        self.victim = rng.randrange(len(self.files))
        return mutate.archive(rng, self.files[self.victim], self.files)

    def ask(self, content: bytes) -> str:
        row = self.formats[self.victim]
        path = self.folder / f"mutant{row.suffix}"
        path.write_bytes(content)
        try:
            HERE.describe(path)
        except EdgeDigitsError:
            return "refused"
        return "accepted"


class Pickles:
    """Other people's weights: of torch (zip, legacy, TorchScript), plain pickles and safetensors."""

    WAYS = (
        "checkpoint",
        "checkpoint, legacy",
        "whole module",
        "whole module, legacy",
        "pickle 4",
        "arrays, pickle 2",
        "arrays, pickle 5",
        "script",
        "script, old",
        "safetensors",
    )

    def __init__(self, folder: Path) -> None:
        import torch

        from tests.adopt.networks import small
        from tests.adopt.saving import WAYS

        torch.set_num_threads(1)
        self.path = folder / "mutant.pt"
        self.files = []
        for way in self.WAYS:
            WAYS[way](small(), self.path)
            self.files.append(self.path.read_bytes())
            assert self.ask(self.files[-1]) == "accepted", f"{way}: refused, untouched"

    def make(self, rng: Random) -> bytes:
        content = rng.choice(self.files)
        if content.startswith(b"PK"):
            return mutate.archive(rng, content, self.files)
        return mutate.opcodes(rng, content) if rng.random() < 0.5 else mutate.blob(rng, content, self.files)

    def ask(self, content: bytes) -> str:
        self.path.write_bytes(content)
        try:
            found = read_weights(self.path)
        except EdgeDigitsError:
            return "refused"
        assert all(tensor.dtype == np.float32 for tensor in found.tensors.values())
        assert all(np.isfinite(tensor).all() for tensor in found.tensors.values())
        assert "".join(found.remarks).isascii()
        return "accepted"


class Layers:
    """Names and shapes of tensors, out of which `adopt` makes a network, or the skeleton of a class."""

    NAMES = ("conv1", "conv2", "features.0", "features.3", "bn1", "layers.1.0", "fc1", "fc2", "head", "5")
    PARTS = ("weight", "bias", "running_mean", "running_var", "weight", "bias", "alpha")
    SIDES = (0, 1, 1, 2, 3, 5, 6, 10, 10, 16, 25, 28, 32, 49, 84, 120, 256, 400, 784, 784, 1024, 1152)

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mutant.safetensors"
        self.usual = {
            "conv1.weight": [6, 1, 5, 5],
            "conv1.bias": [6],
            "bn1.weight": [6],
            "bn1.bias": [6],
            "bn1.running_mean": [6],
            "bn1.running_var": [6],
            "conv2.weight": [16, 6, 5, 5],
            "fc1.weight": [84, 256],
            "fc1.bias": [84],
            "fc2.weight": [10, 84],
        }
        assert self.ask(json.dumps(self.usual).encode()) == "accepted"

    def make(self, rng: Random) -> bytes:
        shapes: dict[str, list[int]] = dict(self.usual) if rng.random() < 0.7 else {}
        for _ in range(rng.choice((1, 1, 2, 4, 8))):
            what, names = rng.random(), list(shapes)
            if names and what < 0.2:
                del shapes[rng.choice(names)]
            elif names and what < 0.6:
                sides = shapes[rng.choice(names)] = list(shapes[rng.choice(names)])
                sides[rng.randrange(len(sides))] = rng.choice(self.SIDES)
            else:
                name = f"{rng.choice(self.NAMES)}.{rng.choice(self.PARTS)}"
                shapes[name] = [rng.choice(self.SIDES) for _ in range(rng.choice((1, 2, 2, 3, 4, 5)))]
        return json.dumps({name: sides for name, sides in shapes.items() if math.prod(sides) < 2**20}).encode()

    def ask(self, content: bytes) -> str:
        tensors = {name: np.zeros(shape, np.float32) for name, shape in json.loads(content).items()}
        self.path.write_bytes(save(tensors))
        try:
            weights = read_weights(self.path)
            assert skeleton(weights).startswith("Fill in")
            found = [candidate for family in candidates(weights) for candidate in family]
        except EdgeDigitsError:
            return "refused"
        assert all(candidate.network.parameters > 0 for candidate in found)
        return "accepted"


class Sources:
    """Python and notebooks, out of which a class is taken and nothing is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        code = (Path(__file__).parents[1] / "adopt" / "networks.py").read_text()
        cells = [{"cell_type": "code", "source": code.splitlines(keepends=True)}, {"cell_type": "markdown"}]
        self.files = {".py": code.encode(), ".ipynb": json.dumps({"cells": cells, "nbformat": 4}).encode()}
        self.suffix = ""
        for suffix, content in self.files.items():
            self.suffix = suffix
            assert self.ask(content) == "accepted"

    def make(self, rng: Random) -> bytes:
        self.suffix = rng.choice(list(self.files))
        content = self.files[self.suffix]
        return mutate.document(rng, content) if self.suffix == ".ipynb" else mutate.blob(rng, content)

    def ask(self, content: bytes) -> str:
        path = self.folder / f"mutant{self.suffix}"
        path.write_bytes(content)
        try:
            extract(path, "Small")
        except EdgeDigitsError:
            return "refused"
        return "accepted"


@functools.cache
def _checkpoint() -> Checkpoint:
    return Checkpoint(
        name="fc",
        model="fc",
        spec=fc(4),
        recipe=Recipe(epochs=1, batch_size=1, lr=0.1),
        dataset=DatasetRef("mnist", "0" * 64, "mnist"),
        metrics=Metrics(0.99, 0.99, None, 1.0),
        versions={"torch": "2"},
        device="cpu",
        threads=1,
    )


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


TARGETS: dict[str, Callable[[Path], Target]] = {
    "onnx": Onnx,
    "onnx-bare": OnnxBare,
    "foreign": OnnxForeign,
    "adopted": OnnxAdopted,
    "flips": Flips,
    "safetensors": Safetensors,
    "answers": TravellingAnswers,
    "checkpoint": CheckpointJson,
    "manifest": ManifestJson,
    "contract": ContractJson,
    "idx": Idx,
    "images": Pictures,
    "archives": Archives,
    "pickle": Pickles,
    "layers": Layers,
    "sources": Sources,
}
COMPARED = ("onnx-bare",)  # without our checks, for comparison: what happens there is no defect of ours
