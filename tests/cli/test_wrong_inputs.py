"""What `adopt` is given by mistake: each ends in a clear line and the exit code of its kind, and nothing is written."""

import gzip
import io
import math
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgedigits.adopt.adopted import NoReading
from edgedigits.adopt.adopter import adopt
from edgedigits.data import published
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from tests.cli.test_cli import Cli, edgedigits  # noqa: F401 - a fixture
from tests.helpers import few
from tests.helpers.pickles import BOMBS

MOST_LINES = 10  # of weights that do not fit a class
LEARNT = 6_000  # images of clothes
SOURCE = """
import torch, os
from torch import nn
import kornia_that_is_not_installed as kornia

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(9))
        self.fc = nn.Linear(784, 20)
    def forward(self, x):
        return self.fc(x.flatten(1))

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

class Loop(Plain):
    def forward(self, x):
        while True:
            pass

class Raises(Plain):
    def forward(self, x):
        return self.fc(x.flatten(1)) / self.temperature

class Imports(Plain):
    def __init__(self):
        super().__init__()
        self.blur = kornia.filters.GaussianBlur2d((3, 3), (1, 1))

class Inside(Plain):
    def forward(self, x):
        import something_that_is_not_installed

class Large(Plain):
    def __init__(self):
        super().__init__()
        self.table = torch.zeros(10 ** 13)

class Leaves(Plain):
    def __init__(self):
        os._exit(7)

class Takes(Plain):
    def __init__(self, width):
        super().__init__()

def number():
    return 7
"""


def state(*layers: nn.Module) -> bytes:
    """The state dict of a network that nobody has trained, as torch saves it."""
    torch.manual_seed(0)
    return saved(nn.Sequential(*layers).state_dict())


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in entries.items():
            target.writestr(name.replace("__", "/").replace("_o_", "."), content)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as target:
        target.addfile(tarfile.TarInfo("model.pt"))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((784, 10), np.float32))
    return buffer.getvalue()


def graph(shape: tuple[int | str, ...] = ("N", 1, 28, 28), spoil: Callable[[Any], None] = lambda _: None) -> bytes:
    """An ONNX file of a network that nobody has trained."""
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    scores = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])
    weights = np.random.default_rng(0).normal(size=(math.prod(map(int, shape[1:])), 10)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    made = helper.make_graph(nodes, "net", [image], [scores], [numpy_helper.from_array(weights, "w")])
    spoil(made)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def custom(made: onnx.GraphProto) -> None:
    made.node[0].op_type = "Digits"


def masked(made: onnx.GraphProto) -> None:
    made.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


@dataclass(frozen=True)
class Wrong:
    """What is in the file, what else is said, the exit code, and what the message has in it."""

    content: bytes | Callable[[], bytes]
    message: str
    options: str = ""
    code: int = 3
    name: str = "model.pt"
    lines: int = 1


TRAINING = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
PLAIN = "fc.weight", "fc.bias"


def plain() -> bytes:
    """Weights of the classes above."""
    torch.manual_seed(0)
    return saved(dict(zip(PLAIN, nn.Linear(784, 10).state_dict().values(), strict=True)))


WRONG: dict[str, Wrong] = {
    "a text": Wrong(b"hello, this is a text", "model.pt: text, not weights"),
    "nothing in it": Wrong(b"", "model.pt: an empty file"),
    "a truncated zip": Wrong(lambda: state(nn.Linear(784, 10))[:2000], "model.pt: damaged: "),
    "a zip of something else": Wrong(zipped(notes_o_txt=b"x"), "a zip archive, but none of torch's"),
    "a pickle bomb": Wrong(BOMBS["doubled 60 times"].make, "more than 1,000,000 values when it is unfolded"),
    "a pickle in itself": Wrong(BOMBS["a list in itself"].make, "it holds itself"),
    "a zip bomb": Wrong(BOMBS["an archive that unpacks to 300 MB"].make, "bytes unpacked"),
    "a pickle that gives an order": Wrong(b"cos\nsystem\n(S'touch runs'\ntR.", "model.pt: no weights in it"),
    "a data set as safetensors": Wrong(
        lambda: safetensors.torch.save({"images": torch.from_numpy(TRAINING), "labels": torch.arange(20)}),
        "no weights in it, but 'labels' int64 [20], 'images' uint8 [20, 28, 28]",
        name="digits.safetensors",
    ),
    "a data set of torch": Wrong(
        lambda: saved((torch.from_numpy(TRAINING), torch.arange(20))), "no weights in it, but "
    ),
    "truncated safetensors": Wrong(
        lambda: safetensors.torch.save({"w": torch.zeros(10, 784)})[:-100], "w.safetensors: ", name="w.safetensors"
    ),
    "an optimizer": Wrong(lambda: saved({"optimizer": {"state": {0: {"step": 1}}}}), "no weights in it"),
    "a training that failed": Wrong(
        lambda: saved({"fc.weight": torch.full((10, 784), torch.nan)}), "values that are not finite"
    ),
    "an autoencoder": Wrong(lambda: state(nn.Linear(784, 32), nn.Linear(32, 784)), "no reading of its input makes 80%"),
    "a network of CIFAR": Wrong(
        lambda: state(nn.Conv2d(3, 4, 5), nn.Linear(4 * 14 * 14, 10)),
        "no reading of its input makes 80%",
    ),
    "a network of 3 classes": Wrong(
        lambda: state(nn.Linear(784, 20), nn.Linear(20, 3)), "tells fewer than 10 classes apart"
    ),
    "a network that is not trained": Wrong(
        lambda: state(nn.Linear(784, 50), nn.Linear(50, 10)), "Weights not loaded: 0.weight, 1.weight are as torch"
    ),
    "weights of another class": Wrong(
        plain, "model.pt: its weights do not fit Net of ", "--net net.py:Net", lines=MOST_LINES
    ),
    "an import that fails": Wrong(
        plain, "net.py:4: ModuleNotFoundError: No module named 'kornia_that_is_not_installed'", "--net net.py:Imports"
    ),
    "an import in forward that fails": Wrong(
        plain, "net.py:35: Inside: takes images in none of the layouts tried: nchw 28x28, ", "--net net.py:Inside"
    ),
    "an endless loop in forward": Wrong(
        plain, "Loop did not end within 4 s. Is there an endless loop?", "--net net.py:Loop --timeout 4"
    ),
    "a forward that raises": Wrong(
        plain, "net.py:26: Raises: takes images in none of the layouts tried: ", "--net net.py:Raises"
    ),
    "a class that wants all memory": Wrong(plain, "net.py:40: RuntimeError: ", "--net net.py:Large"),
    "a class that ends its process": Wrong(plain, "Leaves ended its process (exit code 7)", "--net net.py:Leaves"),
    "a class that takes arguments": Wrong(plain, "its weights do not tell width", "--net net.py:Takes", code=2),
    "arguments that are no JSON": Wrong(plain, "args: JSON wanted", "--net net.py:Net --args width=12", code=2),
    "a function that gives a number": Wrong(plain, "number gives int, a torch module wanted", "--net net.py:number"),
    "no such class": Wrong(plain, "did you mean 'Net'?", "--net net.py:Nett", code=2),
    "no such source": Wrong(plain, "no.py: ", "--net no.py:Net"),
    "a source that is no Python": Wrong(plain, "bad.py", "--net bad.py:Net"),
    "a notebook that is none": Wrong(plain, "bad.ipynb", "--net bad.ipynb:Net"),
    "weights of Keras": Wrong(b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras weights. Export it to ONNX", name="model.h5"),
    "a model of Keras": Wrong(
        zipped(config_o_json=b"{}", model_o_weights_o_h5=b""), "Keras weights. Export it to ONNX", name="model.keras"
    ),
    "a model of TFLite": Wrong(b"\x1c\0\0\0TFL3" + bytes(100), "a TFLite model. Export it to ONNX", name="m.tflite"),
    "weights of JAX": Wrong(
        b"\x81\xa6params\x81\xa5Dense\x80", "weights of JAX (flax, msgpack). Export it to ONNX", name="m.msgpack"
    ),
    "an array of numpy": Wrong(array, "one array of numpy", name="w.npy"),
    "a pointer": Wrong(b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, not the file"),
    "gzipped": Wrong(gzip.compress(b"hello"), "gzipped. Unpack it first", name="model.pt.gz"),
    "a tar archive": Wrong(tarred, "a tar archive", name="model.tar"),
    "a text as ONNX": Wrong(b"hello, this is a text", "model.onnx: not a valid ONNX model", name="model.onnx"),
    "truncated ONNX": Wrong(lambda: graph()[:-50], "model.onnx: not a valid ONNX model", name="model.onnx"),
    "ONNX of an operator of one's own": Wrong(
        lambda: graph(spoil=custom), "operator Digits: not of the ONNX standard", name="model.onnx"
    ),
    "ONNX with two inputs": Wrong(lambda: graph(spoil=masked), "2 inputs and 1 outputs", name="model.onnx"),
    "ONNX of other images": Wrong(lambda: graph(("N", 3, 20, 30)), "no images of digits", name="model.onnx"),
    "ONNX that is not trained": Wrong(graph, "no reading of its input makes 80%", name="model.onnx"),
    "ONNX with a class": Wrong(graph, "Leave out --net", "--net net.py:Net", code=2, name="model.onnx"),
    "a name that a run has": Wrong(plain, "runs/taken: a run has this name", "--name taken", code=2),
    "a name with folders": Wrong(plain, "name: a name without folders wanted", "--name a/b", code=2),
    "unknown words": Wrong(plain, "unknown word of an input reading 'mean/sdt'", "--input mean/sdt", code=2),
    "labels without a digit": Wrong(plain, "labels: no '0' among x, y", "--labels x,y", code=2),
    "no such data set": Wrong(plain, "did you mean 'mnist'?", "--dataset mnits", code=2),
}


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_there_are_at_least_thirty() -> None:
    assert len(WRONG) >= 30


ALWAYS = {  # of classes, which start a process with torch each, a few
    *(name for name, wrong in WRONG.items() if "--net" not in wrong.options),
    "no such class",
    "a forward that raises",
    "an endless loop in forward",
}


@pytest.mark.parametrize("name", few(WRONG, ALWAYS))
def test_a_wrong_input_is_a_line_and_nothing_is_written(
    name: str,
    digits_folder: Path,
    edgedigits: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    wrong = WRONG[name]
    (tmp_path / wrong.name).write_bytes(wrong.content() if callable(wrong.content) else wrong.content)
    (tmp_path / "net.py").write_text(SOURCE)
    (tmp_path / "bad.py").write_text("class Net(:\n    pass")
    (tmp_path / "bad.ipynb").write_text("{}")
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    (tmp_path / "runs" / "taken" / "checkpoint.json").write_text("{}")
    before = tree(tmp_path)
    found = edgedigits("adopt", wrong.name, "--dataset", digits_folder, *wrong.options.split())
    assert found.code == wrong.code, found
    assert found.err.startswith("edgedigits: ")
    assert wrong.message in found.err
    assert len(found.err.splitlines()) <= wrong.lines
    assert tree(tmp_path) == before


@pytest.mark.parametrize(("name", "code"), [("none.pt", 3), (".", 3), ("none.onnx", 3)])
def test_what_is_no_file_is_a_line(name: str, code: int, edgedigits: Cli) -> None:  # noqa: F811
    found = edgedigits("adopt", name)
    assert (found.code, len(found.err.splitlines())) == (code, 1)
    assert found.err.startswith(f"edgedigits: {name}: ")


def test_weights_of_clothes_are_no_weights_of_digits(mnist: Dataset, tmp_path: Path) -> None:
    if any(status.state != "whole" for status in published.status("fashion")):
        pytest.skip("the real Fashion-MNIST is not at hand: edgedigits data --fetch fashion, or set EDGEDIGITS_DATA")
    train = load_data("fashion").train
    seen, wanted = train.images[:LEARNT].reshape(LEARNT, 784) / 255, np.eye(10)[train.labels[:LEARNT]]
    weights = np.linalg.solve(seen.T @ seen + 100 * np.eye(784), seen.T @ wanted)
    assert ((seen @ weights).argmax(1) == wanted.argmax(1)).mean() > 0.8
    torch.save({"fc.weight": torch.from_numpy(weights.T).float()}, tmp_path / "clothes.pt")
    with pytest.raises(NoReading, match="no reading of its input makes 80% of the training digits right") as refused:
        adopt(tmp_path / "clothes.pt", dataset=mnist, runs=tmp_path / "runs")
    assert refused.value.exit_code == 3
    assert len(refused.value.found.rows) == 5
    assert not (tmp_path / "runs").exists()
