"""The public API against a table of odd inputs: each is read as it is meant, or refused in words, never a raw error."""

import inspect
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import edgedigits as ed
from edgedigits.data.dataset import Dataset
from edgedigits.errors import EdgeDigitsError, UsageError

SHELF = Path(__file__).parents[1] / "exports"
FC, CANVAS = SHELF / "fc" / "fc.onnx", SHELF / "fc" / "fc.canvas.onnx"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)


class Nasty:
    """Fails however it is looked at."""

    def __array__(self, *_: object, **__: object) -> None:
        raise RuntimeError("no array")

    def __fspath__(self) -> str:
        raise RuntimeError("no path")


class Nothing:
    """Takes anything, and does nothing: what a caller's own function raises is the caller's."""

    def __init__(self, *_: object) -> None: ...


ODD: dict[str, Any] = {
    "none": None,
    "true": True,
    "a number": 5,
    "a negative number": -1,
    "a fraction": 2.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "a huge number": 10**400,
    "a numpy number": np.int64(3),
    "a complex number": 1j,
    "nothing": "",
    "text": "nothing there",
    "a path of nothing": Path("nothing") / "there",
    "text with a zero": "a\0b",
    "half a character": "\ud800",
    "a long name": "x" * 5000,
    "a long path": Path("x/" * 3000),
    "bytes": b"bytes",
    "an empty list": [],
    "a list of none": [None],
    "a list of text": ["cnn", "a\0b"],
    "a ragged list": [[1], [1, 2]],
    "a list in a list": [["cnn"]],
    "a set": {"cnn"},
    "a mapping": {"image": 1},
    "an object": object(),
    "a nasty object": Nasty(),
    "a class": Nothing,
    "a function": lambda *_: None,
    "an array": np.zeros((2, 3)),
    "an array of objects": np.array([object(), None]),
    "an array of text": np.array(["a"]),
    "an empty array": np.zeros((0, 28, 28), np.uint8),
    "an array of no dimension": np.array(3),
}


def stop(_: object) -> None:
    """An observer that ends the work where it begins: what is asked is what becomes of arguments."""
    raise UsageError("enough")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> dict[str, dict[str, Any]]:
    """Arguments that work, for each function: those of the table take the place of one after the other."""
    folder = tmp_path_factory.mktemp("odd")
    runs = folder / "runs"
    ed.train("fc", digits, epochs=1, batch_size=300, device="cpu", runs=runs)
    shelf = Path(shutil.copytree(SHELF / "fc", folder / "shelf"))  # verify writes beside what it verifies
    np.save(folder / "digits.npy", IMAGES)
    Image.fromarray(np.kron(IMAGES[0], np.ones((3, 3), np.uint8))).save(folder / "photo.png")
    where = {"runs": runs, "exports": folder / "exports", "observer": stop}
    here = ed.Opener(isolated=False)
    flat, dense = ed.Layer("flatten", "flat"), ed.Layer("dense", "head", attributes={"features": 10})
    return {
        "train": {
            "model": "fc",
            "dataset": digits,
            "recipe": ed.Recipe(epochs=1, batch_size=300, lr=0.1),
            "device": "cpu",
            "runs": folder / "runs",
            "observer": stop,
        },
        "export": {"run": runs / "fc-tiny", "format": "onnx", "exports": folder / "exports", "observer": stop},
        "verify": {"artifacts": shelf / "fc.onnx", "dataset": digits, **where},
        "adopt": {"weights": runs / "fc-tiny" / "model.safetensors", "dataset": digits, "runs": runs, "observer": stop},
        "bench": {"artifacts": shelf / "fc.onnx", "dataset": digits, **where},
        "embed": {"target": "python", "model": FC, "out": folder / "program", "exports": SHELF, "observer": stop},
        "inspect": {"path": FC, "runs": runs, "opener": here},
        "load": {"path": FC},
        "load_data": {"source": "nothing"},
        "predict": {"sources": folder / "photo.png", "model": CANVAS, "opener": here},
        "predict_numbers": {"sources": folder / "photo.png", "model": CANVAS, "opener": here},
        "read_number": {"picture": folder / "photo.png", "model": CANVAS, "opener": here},
        "reproduce": {"folder": SHELF / "nothing"},
        "score": {"model": FC, "images": folder / "digits.npy", "out": folder / "answers.csv", "opener": here},
        "Scorer": {"path": FC},
        "Opener": {},
        "Limits": {},
        "Recipe": {"epochs": 1, "batch_size": 1, "lr": 0.1},
        "ModelSpec": {"network": ed.Network((flat, dense))},
        "Network": {"layers": (flat, dense)},
        "Layer": {"op": "dense", "name": "head", "attributes": {"features": 10}},
        "Input": {},
    }


RECORDS = {  # that the others return: nobody builds them by hand
    *("Artifact", "Benchmark", "Checkpoint", "Contract", "Dataset", "EdgeDigitsError", "Embedding", "Inspection"),
    *("ParityReport", "Predictor", "Reproduction", "ScoreSummary", "Verification"),
}


def test_all_of_the_public_api_is_asked(calls: dict[str, dict[str, Any]]) -> None:
    assert calls.keys() | RECORDS == set(ed.__all__)


@pytest.mark.parametrize("name", sorted(set(ed.__all__) - RECORDS))
def test_odd_arguments_are_refused_in_words(
    name: str, calls: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    function, good = getattr(ed, name), calls[name]
    raw = []
    for parameter in inspect.signature(function).parameters:
        for what, odd in ODD.items():
            raw += [f"{parameter} = {what}: {error!r}" for error in raised(function, good | {parameter: odd})]
    raw += [
        f"a strange argument: {error!r}" for error in raised(function, good | {"strange": 1}, demanded=name != "train")
    ]
    assert not raw, "\n".join(raw)


def raised(
    function: Callable[..., Any], arguments: dict[str, Any], given: tuple[Any, ...] = (), demanded: bool = False
) -> Iterator[BaseException]:
    """What a call raises that is no error of ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*given, **arguments)
    except EdgeDigitsError as error:
        if not str(error) or len(str(error).splitlines()) > 2:
            yield error
    except BaseException as error:
        yield error
    else:
        if demanded:
            yield AssertionError("it was taken")


@pytest.mark.parametrize("isolated", [True, False])
def test_odd_images_are_read_or_refused_in_words(isolated: bool) -> None:
    predictor, canvas, scorer = ed.load(FC, isolated=isolated), ed.load(CANVAS, isolated=isolated), ed.Scorer(FC)
    for ask in (predictor, canvas, canvas.read, predictor.answers, scorer):  # type: ignore[attr-defined]
        raw = [f"{what}: {error!r}" for what, odd in ODD.items() for error in raised(ask, {}, given=(odd,))]
        assert not raw, "\n".join(raw)
