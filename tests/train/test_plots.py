from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageColor

from edgedigits.records.model import Epoch, History
from edgedigits.train import plots


def pixels(path: Path) -> np.ndarray:
    """A picture as integers `[height, width, 3]`."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def count(picture: np.ndarray, color: str) -> int:
    return int((picture == ImageColor.getrgb(color)).all(axis=2).sum())


def history(validation: tuple[float | None, ...]) -> History:
    return History(
        tuple(Epoch(n, 1 / n, 1 - 1 / (n + 1), 1e-3, 1.0, 1e5, held, held) for n, held in enumerate(validation, 1))
    )


@pytest.mark.parametrize(
    ("validation", "drawn"),
    [((0.8, 0.7, 0.6), True), ((None, None, None), False), ((None, 0.7, 0.6), False), ((), True)],
)
def test_curves_show_the_held_out_images_when_every_epoch_measured_them(
    validation: tuple[float | None, ...], drawn: bool, tmp_path: Path
) -> None:
    plots.curves(history(validation), "cnn: training", tmp_path / "curves.png")
    picture = pixels(tmp_path / "curves.png")
    assert count(picture, plots.LEARN) > 0
    assert (count(picture, plots.VALIDATE) > 0) is drawn


def coloured(matrix: list[list[int]], path: Path) -> int:
    """How many pixels the picture of a confusion matrix colours."""
    labels = tuple(str(label) for label in range(len(matrix)))
    plots.confusion(np.array(matrix), labels, "cnn", path)
    return int((np.ptp(pixels(path), axis=2) > 40).sum())


def test_only_mistakes_are_coloured(tmp_path: Path) -> None:
    right, wrong = (
        coloured([[900, 0], [0, 900]], tmp_path / "a.png"),
        coloured([[900, 9], [0, 900]], tmp_path / "b.png"),
    )
    assert right == 0
    assert wrong > 1000


def test_rows_are_the_true_classes(tmp_path: Path) -> None:
    coloured([[9, 9], [0, 9]], tmp_path / "confusion.png")  # a 0 taken for a 1: above the diagonal
    rows, columns = np.nonzero(np.ptp(pixels(tmp_path / "confusion.png"), axis=2) > 40)
    height, width = pixels(tmp_path / "confusion.png").shape[:2]
    assert rows.max() < 0.6 * height
    assert columns.min() > 0.4 * width


def test_a_larger_matrix_gets_a_larger_picture(tmp_path: Path) -> None:
    for classes in (2, 12):
        plots.confusion(
            np.eye(classes, dtype=np.int64),
            tuple("abcdefghijkl"[:classes]),
            "",
            tmp_path / f"{classes}.png",
        )
    assert len(pixels(tmp_path / "12.png")) > 2 * len(pixels(tmp_path / "2.png"))


@pytest.mark.parametrize("name", [r"$\oops$", "$^_$", "{", "T-shirt/top", "&"])
def test_names_of_folders_are_shown_as_they_are(name: str, tmp_path: Path) -> None:
    plots.confusion(np.eye(2, dtype=np.int64), (name, "b"), f"fc-{name}", tmp_path / "confusion.png")
    plots.curves(history((0.5,)), f"fc-{name}: training", tmp_path / "curves.png")
    assert {path.name for path in tmp_path.iterdir()} == {"confusion.png", "curves.png"}


def test_drawing_leaves_the_callers_matplotlib_as_it_was(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    plots.curves(history((0.5,)), "cnn", tmp_path / "curves.png")
    assert dict(mpl.rcParams) == before
