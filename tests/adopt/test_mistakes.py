"""Each of the usual mistakes, made in a file of somebody else's: all who ask it name the mistake, in a line."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgedigits.adopt.adopter import adopt
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import EdgeDigitsError
from edgedigits.records.report import ParityReport
from edgedigits.runtime.noticing import find_in_file
from edgedigits.verify.verifier import verify
from tests.helpers import HERE
from tests.helpers.unknown import digits as blotted
from tests.helpers.unknown import fitted, write_onnx

MEAN, STD = 0.1307, 0.3081
Spoil = Callable[[onnx.GraphProto], None]


@pytest.fixture(scope="module")
def known(digits: Dataset) -> Dataset:
    """Digits that the models here were fitted to."""
    split = Split(*blotted())
    return dataclasses.replace(digits, train=split, test=split)


def behind(*nodes: onnx.NodeProto, **stored: np.ndarray) -> Spoil:
    """Nodes behind the scores, from `before` to `y`."""

    def spoil(graph: onnx.GraphProto) -> None:
        graph.node[-1].output[:] = ["before"]
        graph.node.extend(nodes)
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in stored.items())

    return spoil


def batch_norm(outputs: int, **attributes: int) -> Spoil:
    names = ["scale", "shift", "means", "deviations"]
    node = helper.make_node(
        "BatchNormalization", ["before", *names], ["y", "m", "v", "sm", "sv"][:outputs], **attributes
    )
    return behind(node, **dict.fromkeys(names, np.ones(10, np.float32)))


def by_the_batch() -> Spoil:
    """A batch norm in single steps, which goes by the images beside each."""
    return behind(
        helper.make_node("ReduceMean", ["before"], ["mean"], axes=[0]),
        helper.make_node("Sub", ["before", "mean"], ["y"]),
    )


def normalized_twice(graph: onnx.GraphProto) -> None:
    steps = [
        ("Sub", "real", "mean", "a"),
        ("Div", "a", "std", "b"),
        ("Sub", "b", "mean", "c"),
        ("Div", "c", "std", "d"),
    ]
    for place, (operator, left, right, made) in enumerate(steps, 1):
        graph.node.insert(place, helper.make_node(operator, [left, right], [made]))
    graph.node[5].input[0] = "d"
    for name, value in {"mean": MEAN, "std": STD}.items():
        graph.initializer.append(numpy_helper.from_array(np.float32(value), name))


def rolled(graph: onnx.GraphProto) -> None:
    """The columns of the scores, two places on."""
    for tensor in [one for one in graph.initializer if one.name in ("weights", "biases")]:
        values = np.roll(numpy_helper.to_array(tensor), 2, axis=-1)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def random_weights(graph: onnx.GraphProto) -> None:
    """As torch initializes a layer."""
    values = np.random.default_rng(0).uniform(-1 / 28, 1 / 28, (784, 10)).astype(np.float32)
    tensor = next(one for one in graph.initializer if one.name == "weights")
    tensor.CopyFrom(numpy_helper.from_array(values, "weights"))


def outside(graph: onnx.GraphProto) -> None:
    tensor = next(one for one in graph.initializer if one.name == "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def nothing(_: onnx.GraphProto) -> None:
    pass


@dataclass(frozen=True)
class Made:
    """A mistake: the file, how its line begins, and who goes on all the same."""

    line: str
    spoil: Spoil = nothing
    words: str = "0..1, nchw"
    shape: tuple[int | str, ...] = ("N", 1, 28, 28)
    opset: int = 13
    asked: bool = True  # or what it is cannot be said
    adopted: bool = True  # or it is refused
    named_by_adopt: bool = True  # or what stands in front of the file puts it right, and nothing is to be said


TRAINING = "still in training mode: dropout or batch norm changes answers from call to call; call eval()"
DROPOUT = behind(helper.make_node("Dropout", ["before", "", "yes"], ["y"]), yes=np.array(True))
MISTAKES = {
    "dropout in training": Made(TRAINING, DROPOUT, asked=False, adopted=False),
    "batch norm in training": Made(TRAINING, batch_norm(3, training_mode=1), opset=15, asked=False, adopted=False),
    "batch norm in training, opset 9": Made(TRAINING, batch_norm(5), opset=9, asked=False, adopted=False),
    "a batch norm of single steps": Made(TRAINING, by_the_batch(), adopted=False, named_by_adopt=False),
    "no normalization": Made(
        "normalization missing: mean 0.1307 and std 0.3081 are not in the file; apply them before",
        words="mean/std, nchw",
        named_by_adopt=False,
    ),
    "two normalizations": Made(
        "normalization doubled: mean 0.1307 and std 0.3081 are applied twice; leave one out",
        normalized_twice,
        words="mean/std, nchw",
    ),
    "ink": Made("ink and paper swapped: it sees dark ink on light paper", words="0..1, nchw, dark ink"),
    "transposed": Made("transposed: rows and columns of the images are swapped", words="0..1, nchw, transposed"),
    "channels last": Made(
        "channels last: it takes images as [n, side, side, channels]", words="0..1, nhwc", shape=("N", 28, 28, 1)
    ),
    "bytes": Made("0..255 instead of 0..1: pixels are not divided by 255", words="0..255, nchw"),
    "two softmaxes": Made(
        "softmax twice: its probabilities are the softmax of probabilities; leave one out",
        behind(
            helper.make_node("Softmax", ["before"], ["once"], axis=1),
            helper.make_node("Softmax", ["once"], ["y"], axis=1),
        ),
    ),
    "no softmax": Made("softmax missing: it gives no probabilities, whoever asks it makes them", named_by_adopt=False),
    "labels": Made("labels permuted: in the order of the labels, its columns are 2, 3, 4, 5, 6, 7, 8, 9, 0, 1", rolled),
    "weights": Made(
        "weights not loaded: weights is as torch initializes them; load them with strict=True",
        random_weights,
        asked=False,
        adopted=False,
    ),
    "a batch of 1": Made("batch size baked in: it takes 1 image a call", shape=(1, 1, 28, 28)),
    "a batch of 10": Made("batch size baked in: it takes 10 images a call", shape=(10, 1, 28, 28)),
    "external data": Made(
        "external data missing: it is not inside the file, as all tensors must be; save it as one file",
        outside,
        asked=False,
        adopted=False,
    ),
}


def written(folder: Path, made: Made) -> Path:
    return write_onnx(folder / "theirs.onnx", made.words, list(made.shape), made.opset, spoil=made.spoil)


def names(line: str, said: str) -> bool:
    """Whether a text has the line, however it begins."""
    return line[1:] in said


@pytest.mark.parametrize("name", MISTAKES)
def test_asking_a_file_for_its_input_names_the_mistake(name: str, known: Dataset, tmp_path: Path) -> None:
    made = MISTAKES[name]
    path = written(tmp_path, made)
    if made.asked:
        assert made.line in find_in_file(path, known.train.images, known.train.labels, "", HERE).remarks
        return
    with pytest.raises(EdgeDigitsError) as refused:
        find_in_file(path, known.train.images, known.train.labels, "", HERE).taken()
    assert names(made.line, str(refused.value))
    assert (refused.value.exit_code, len(str(refused.value).splitlines())) == (3, 1)


@pytest.fixture(scope="module")
def reports(known: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ParityReport]:
    """What `verify` says of each file: together, since what they are compared with is then asked once."""
    folder = tmp_path_factory.mktemp("mistakes")
    right = write_onnx(folder / "right.onnx", "0..1, nchw", ["N", 1, 28, 28])
    paths = []
    for number, made in enumerate(MISTAKES.values()):
        place = folder / str(number)
        place.mkdir()
        paths.append(written(place, made))
    found = verify(paths, against=right, dataset=known, opener=HERE, sample=60).reports
    assert [report.path for report in found] == list(map(str, paths))
    return dict(zip(MISTAKES, found, strict=True))


@pytest.mark.parametrize("name", MISTAKES)
def test_verifying_a_file_names_the_mistake(name: str, reports: dict[str, ParityReport]) -> None:
    made, report = MISTAKES[name], reports[name]
    assert report.readable == made.asked
    assert any(names(made.line, said) for said in (*report.remarks, *report.failures)), report


@pytest.mark.parametrize("name", MISTAKES)
def test_adopting_a_file_names_the_mistake_where_it_does_not_put_it_right(
    name: str, known: Dataset, tmp_path: Path
) -> None:
    made = MISTAKES[name]
    path = written(tmp_path, made)
    if made.adopted:
        run = adopt(path, dataset=known, runs=tmp_path / "runs")
        assert run.adopted
        assert any(said.startswith(made.line) for said in run.adopted.remarks) == made.named_by_adopt
        return
    with pytest.raises(EdgeDigitsError) as refused:
        adopt(path, dataset=known, runs=tmp_path / "runs")
    assert names(made.line, str(refused.value)) == made.named_by_adopt
    assert refused.value.exit_code == 3
    assert not (tmp_path / "runs").exists()


def test_a_dropout_that_is_told_not_to_train_is_none(known: Dataset, tmp_path: Path) -> None:
    off = behind(helper.make_node("Dropout", ["before", "", "no"], ["y"]), no=np.array(False))
    path = write_onnx(tmp_path / "theirs.onnx", "0..1, nchw", ["N", 1, 28, 28], spoil=off)
    run = adopt(path, dataset=known, runs=tmp_path / "runs")
    assert run.adopted
    assert run.adopted.remarks == ("opset 13 made 17",)


class Net(nn.Module):
    """The model that was fitted, of torch."""

    def __init__(self, words: str = "0..1, nchw") -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)
        weights, biases = fitted(words)
        self.fc.weight.data, self.fc.bias.data = torch.from_numpy(weights.T.copy()), torch.from_numpy(biases)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(x.flatten(1))
        return scores


class TwoSoftmaxes(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).softmax(1).softmax(1)


class TwoNormalizations(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(((x - MEAN) / STD - MEAN) / STD)


def permuted() -> Net:
    net = Net()
    net.fc.weight.data, net.fc.bias.data = net.fc.weight.data.roll(2, 0), net.fc.bias.data.roll(2, 0)
    return net


def half_loaded() -> nn.Module:
    """A layer that a `strict=False` left at random, before one that was loaded."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 784), nn.Linear(784, 10))
    net.load_state_dict({"2.weight": Net().fc.weight, "2.bias": Net().fc.bias}, strict=False)
    return net.eval()


MODULES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "training mode": (Net, TRAINING),
    "ink": (lambda: Net("0..1, nchw, dark ink").eval(), "ink and paper swapped: "),
    "transposed": (lambda: Net("0..1, nchw, transposed").eval(), "transposed: "),
    "labels": (lambda: permuted().eval(), "labels permuted: "),
    "two softmaxes": (lambda: TwoSoftmaxes().eval(), "softmax twice: "),
    "two normalizations": (lambda: TwoNormalizations("mean/std, nchw").eval(), "normalization doubled: "),
    "weights": (half_loaded, "weights not loaded: 1.weight is as torch initializes them; load them with strict=True"),
}
OF_WEIGHTS = ("ink", "transposed", "labels", "weights")  # what the tensors alone can tell


def said_of(source: nn.Module | Path, known: Dataset, runs: Path) -> str:
    """All that is said of what is adopted, or why it is not."""
    try:
        run = adopt(source, dataset=known, runs=runs)
    except EdgeDigitsError as error:
        assert not runs.exists()
        return str(error)
    assert run.adopted
    return "\n".join(run.adopted.remarks)


@pytest.mark.parametrize("name", MODULES)
def test_adopting_a_module_names_the_mistake(name: str, known: Dataset, tmp_path: Path) -> None:
    make, line = MODULES[name]
    assert names(line, said_of(make(), known, tmp_path / "runs"))


@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_adopting_weights_names_the_mistake(name: str, known: Dataset, tmp_path: Path) -> None:
    make, line = MODULES[name]
    torch.save(make().state_dict(), tmp_path / "model.pt")
    assert names(line, said_of(tmp_path / "model.pt", known, tmp_path / "runs"))
