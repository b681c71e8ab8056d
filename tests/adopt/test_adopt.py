"""Networks of other people become runs: found from their tensors alone, exported, and proven against the originals."""

import copy
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgedigits as ed
from edgedigits.adopt.adopted import NoReading
from edgedigits.adopt.adopter import adopt
from edgedigits.adopt.parts import NoFit
from edgedigits.bench import tutorial
from edgedigits.bench.tutorial import NETWORKS
from edgedigits.data.dataset import Dataset, Split, own_dataset
from edgedigits.errors import CheckpointError, EdgeDigitsError, ModelFileError, UsageError
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.records.adoption import Adoption
from edgedigits.records.model import DatasetRef
from edgedigits.runtime.readings import present
from tests.helpers.unknown import reading

BATCH = 64
LEARNT, ASKED = 6_000, 1_000


@pytest.fixture(scope="module")
def digits(mnist: Dataset) -> Dataset:
    """A part of MNIST: drawn digits are too easy to tell a reading from another."""
    train = Split(mnist.train.images[:LEARNT], mnist.train.labels[:LEARNT])
    test = Split(mnist.test.images[:ASKED], mnist.test.labels[:ASKED])
    return own_dataset(DatasetRef("a tenth", "", "a tenth"), mnist.labels, train, test)


class Tutorial(nn.Module):
    """The other tutorial's: layers in __init__, everything else in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 8, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(1152, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(self.dropout1(x), 1)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


def lenet() -> nn.Module:
    """LeNet-5, as it was: 32x32, tanh, average pools."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def normed() -> nn.Module:
    """Batch norm behind the pool."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.Conv2d(6, 8, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(392, 10)),
    )


def averaged(stride: int, *widths: int) -> nn.Module:
    """One mean of each plane at the end: no size of a tensor tells the way there."""
    layers: dict[str, nn.Module] = {}
    for number, (before, after) in enumerate(itertools.pairwise((1, *widths)), 1):
        conv = nn.Conv2d(before, after, 3, stride, padding=stride - 1, bias=False)
        layers |= {f"conv{number}": conv, f"bn{number}": nn.BatchNorm2d(after), f"relu{number}": nn.ReLU()}
    layers |= {"mean": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "linear": nn.Linear(widths[-1], 10)}
    return nn.Sequential(OrderedDict(layers))


def large_planes() -> nn.Module:
    return averaged(1, 8, 8, 16, 32)


def small_planes() -> nn.Module:
    return averaged(2, 8, 16, 32)


def strided() -> nn.Module:
    """Strides where others have pools: its tensors have the sizes of theirs."""
    layers: dict[str, nn.Module] = {"conv1": nn.Conv2d(1, 6, 3, 2, 1), "relu1": nn.ReLU()}
    layers |= {"conv2": nn.Conv2d(6, 8, 3, 2, 1), "relu2": nn.ReLU(), "flat": nn.Flatten()}
    return nn.Sequential(OrderedDict(layers | {"fc": nn.Linear(392, 10)}))


def sigmoid() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 40), nn.Sigmoid(), nn.Linear(40, 10))


@dataclass(frozen=True)
class Case:
    """A network, what it is shown, and how it is trained."""

    network: Callable[[], nn.Module]
    words: str = "0..1, nchw"
    lr: float = 2e-3
    seed: int = 0
    steps: int = 200

    def seen(self, images: np.ndarray) -> Tensor:
        return torch.from_numpy(present(reading(self.words), images))

    def trained(self, digits: Dataset) -> nn.Module:
        """The network, once it has learnt the digits; always the same."""
        if self not in TRAINED:
            TRAINED[self] = trained(self, digits)
        return TRAINED[self]

    def answers(self, digits: Dataset, images: np.ndarray) -> np.ndarray:
        """What it answers, run by torch in its own way."""
        with torch.inference_mode():
            scores: Tensor = self.trained(digits)(self.seen(images))
        return scores.argmax(1).numpy()


TRAINED: dict[Case, nn.Module] = {}


def trained(case: Case, digits: Dataset) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(case.seed)
        model = case.network()
        images, labels = case.seen(digits.train.images), torch.from_numpy(digits.train.labels)
        optimizer = torch.optim.Adam(model.parameters(), lr=case.lr)
        for _ in range(case.steps):
            chosen = torch.randint(len(labels), (BATCH,))
            loss = F.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


FC = Case(NETWORKS["fc"])
TUTORIALS = {
    "fc": FC,
    "fc-28": Case(NETWORKS["fc-28"]),
    "fc-deep": Case(NETWORKS["fc-deep"], lr=1e-3, seed=8),
    "fc-deep with a class that died": Case(NETWORKS["fc-deep"], lr=1e-3, seed=3),
    "cnn": Case(NETWORKS["cnn"]),
    "cnn-deep": Case(NETWORKS["cnn-deep"], "-1..1, nchw"),
}
LENGTHY = ("cnn-deep", "fc-deep", "fc-28", "lenet", "normed", "means of large planes", "means of small planes")
OTHERS = {
    "functional": Case(Tutorial, "mean/std, nchw"),
    "lenet": Case(lenet, "0..1, nchw, 32x32 padded"),
    "normed": Case(normed),
    "strided": Case(strided),
    "means of small planes": Case(small_planes, lr=1e-2, steps=400),
    "means of large planes": Case(large_planes, lr=1e-2, steps=1200),
    "sigmoid": Case(sigmoid, "-1..1, nchw", steps=800),
}


def saved(model: nn.Module, folder: Path, name: str = "model.pt") -> Path:
    torch.save(model.state_dict(), folder / name)
    return folder / name


def require_same_answers(case: Case, asked: Callable[[np.ndarray], Any], digits: Dataset) -> None:
    """On test and training digits."""
    for images in (digits.test.images, digits.train.images[:ASKED]):
        assert (asked(images)[0].argmax(1) == case.answers(digits, images)).all()


def made_of(run: ed.Checkpoint) -> Adoption:
    assert run.adopted is not None
    assert run.recipe is None
    assert read_checkpoint(run.folder) == run
    return run.adopted


def each(cases: Iterable[str]) -> pytest.MarkDecorator:
    """A test of each by its name, of some at length."""
    marked = [pytest.param(name, marks=pytest.mark.lengthy if name in LENGTHY else ()) for name in cases]
    return pytest.mark.parametrize("name", marked)


@pytest.mark.lengthy
@each(TUTORIALS)
def test_the_tutorials_networks_are_adopted_exported_and_proven(name: str, digits: Dataset, tmp_path: Path) -> None:
    case = TUTORIALS[name]
    run = adopt(saved(case.trained(digits), tmp_path), dataset=digits, runs=tmp_path / "runs")
    assert made_of(run).structure == "guessed"
    files = ed.export(run, "onnx", exports=tmp_path / "exports", dataset=digits)
    report = ed.verify(files, dataset=digits, runs=tmp_path / "runs", exports=tmp_path / "exports")
    assert [(one.passed, one.flips) for one in report.reports] == [(True, 0)]
    require_same_answers(case, ed.load(files[0].path), digits)


@pytest.mark.published
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NETWORKS)
def test_what_the_published_loops_save_is_adopted_and_proven(name: str, mnist: Dataset, tmp_path: Path) -> None:
    """All of MNIST, all epochs. The one of `fc-deep` has dead classes, and is the tutorial's network all the same."""
    module = tutorial.train(name).classifier.network
    run = adopt(saved(module, tmp_path), dataset=mnist, runs=tmp_path / "runs")
    assert made_of(run).structure == "guessed"
    files = ed.export(run, "onnx", exports=tmp_path / "exports", dataset=mnist)
    (report,) = ed.verify(files, dataset=mnist, runs=tmp_path / "runs", exports=tmp_path / "exports").reports
    assert (report.passed, report.flips, report.samples) == (True, 0, 10_000), report.failures
    with torch.inference_mode():
        wanted = module.eval()(torch.from_numpy(present(run.spec.network.input, mnist.test.images))).argmax(1)
    assert (ed.load(files[0].path)(mnist.test.images)[0].argmax(1) == wanted.numpy()).all()


@each(OTHERS)
def test_other_usual_networks_are_found_by_their_tensors(name: str, digits: Dataset, tmp_path: Path) -> None:
    case = OTHERS[name]
    run = adopt(saved(case.trained(digits), tmp_path), dataset=digits, runs=tmp_path)
    assert made_of(run).rivals[0].words == made_of(run).layers
    require_same_answers(case, ed.load(run.folder), digits)


@each(OTHERS)
def test_a_module_is_its_own_description(name: str, digits: Dataset, tmp_path: Path) -> None:
    case = OTHERS[name]
    module = copy.deepcopy(case.trained(digits)).train()
    run = adopt(module, dataset=digits, runs=tmp_path)
    assert made_of(run).structure == "traced"
    assert made_of(run).remarks[0].startswith("still in training mode")
    require_same_answers(case, ed.load(run.folder), digits)


def test_labels_in_another_order_are_put_right(digits: Dataset, tmp_path: Path) -> None:
    state = FC.trained(digits).state_dict()
    torch.save(
        {name: tensor.roll(1, 0) if name.startswith("3.") else tensor for name, tensor in state.items()},
        tmp_path / "shifted.pt",
    )
    run = adopt(tmp_path / "shifted.pt", dataset=digits, runs=tmp_path)
    assert "its labels begin with 1: column 1 is the first" in made_of(run).remarks
    require_same_answers(FC, ed.load(run.folder), digits)


def test_of_more_classes_those_named_are_taken(digits: Dataset, tmp_path: Path) -> None:
    state = FC.trained(digits).state_dict()
    others = {
        name: torch.cat([tensor[:2] + 9, tensor]) if name.startswith("3.") else tensor for name, tensor in state.items()
    }
    torch.save(others, tmp_path / "more.pt")
    run = adopt(tmp_path / "more.pt", dataset=digits, labels=("x", "y", *digits.labels), runs=tmp_path)
    assert run.spec.labels == digits.labels
    require_same_answers(FC, ed.load(run.folder), digits)
    with pytest.raises(UsageError, match="labels: no '0' among x, y"):
        adopt(tmp_path / "more.pt", name="n", dataset=digits, labels=("x", "y"), runs=tmp_path)


def test_a_run_of_that_name_is_replaced_only_where_that_is_said(digits: Dataset, tmp_path: Path) -> None:
    weights = saved(FC.trained(digits), tmp_path, "my net.pt")
    first = adopt(weights, dataset=digits, runs=tmp_path)
    assert first.name == "my-net"
    with pytest.raises(UsageError, match="a run has this name"):
        adopt(weights, dataset=digits, runs=tmp_path)
    (first.folder / "history.json").write_text("{}")
    again = adopt(weights, dataset=digits, runs=tmp_path, force=True)
    assert again.weights_sha256 == first.weights_sha256
    assert {path.name for path in again.folder.iterdir()} == {"model.safetensors", "checkpoint.json"}


def dense(*sizes: int) -> nn.Module:
    return nn.Sequential(*(nn.Linear(*pair) for pair in itertools.pairwise(sizes)))


WRONG: dict[str, tuple[Callable[[], Any], type[EdgeDigitsError], str]] = {
    "untrained": (lambda: dense(784, 20, 10), NoReading, "no reading of its input makes 80% of the training digits"),
    "three classes": (lambda: dense(784, 20, 3), ModelFileError, "tells fewer than 10 classes apart"),
    "an autoencoder": (lambda: dense(784, 32, 784), NoReading, "no reading of its input"),
    "colours": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 8, 3)), NoFit, "takes 1 or 3 channels"),
    "no square": (lambda: dense(700, 20, 10), NoFit, "takes 700 values: no square"),
    "a break": (lambda: nn.Sequential(nn.Linear(784, 20), nn.Linear(30, 10)), NoFit, "none of its orders"),
    "no way": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(4 * 33 * 33, 10)), NoFit, "no padding, strides"),
    "a sentence": (lambda: nn.Conv1d(1, 4, 3), NoFit, "is no convolution, dense layer"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_model_of_digits_is_refused_and_nothing_is_written(
    name: str, digits: Dataset, tmp_path: Path
) -> None:
    network, error, message = WRONG[name]
    torch.manual_seed(0)
    weights = saved(network(), tmp_path)
    with pytest.raises(error, match=message):
        adopt(weights, dataset=digits, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_where_nothing_fits_there_is_a_class_to_fill_in(digits: Dataset, tmp_path: Path) -> None:
    weights = saved(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(999, 10, bias=False)), tmp_path)
    with pytest.raises(NoFit) as refused:
        adopt(weights, dataset=digits, runs=tmp_path / "runs")
    for layer in ("nn.Conv2d(1, 4, 3)", "nn.BatchNorm2d(4)", "nn.Linear(999, 10, bias=False)"):
        assert f", {layer})\n" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"), [(b"hello, I am text", "text, not weights"), (b"PK\x03\x04 cut", "damaged")]
)
def test_files_that_hold_no_weights_are_one_line(content: bytes, message: str, digits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        adopt(tmp_path / "model.pt", dataset=digits, runs=tmp_path / "runs")


def test_a_module_whose_answers_depend_on_the_batch_is_refused(digits: Dataset, tmp_path: Path) -> None:
    class Centred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = FC.trained(digits)

        def forward(self, x: Tensor) -> Any:
            scores: Tensor = self.inner(x)
            return scores - scores.mean(0)

    with pytest.raises(EdgeDigitsError, match=r"Centred|test_adopt"):
        adopt(Centred(), dataset=digits, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_record_says_what_was_tried(digits: Dataset, tmp_path: Path) -> None:
    case = OTHERS["sigmoid"]
    run = adopt(saved(case.trained(digits), tmp_path), dataset=digits, runs=tmp_path)
    made = made_of(run)
    assert run.metrics.train_accuracy == made.readings[0].accuracy
    assert made.layers == "flatten, 1, sigmoid, 3"
    assert "flatten, 1, relu, 3" in [one.words for one in made.rivals]
    assert made.readings[0].words == case.words
    assert (made.file, made.container) == ("model.pt", "torch zip")
    assert made.digits == 3_000
