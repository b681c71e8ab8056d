"""IDX files of one's own, named and packed as KMNIST, EMNIST and QMNIST are published."""

import gzip
import re
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgedigits.data import drawn, idx_sets
from edgedigits.data.idx import TYPES
from edgedigits.data.load import load_data
from edgedigits.errors import DataError, UsageError
from edgedigits.inference.sources import Shard, find_source

IMAGES, LABELS = drawn.digits(60, seed=2)
TRAIN, TEST = slice(0, 40), slice(40, 60)


def idx(array: npt.NDArray[np.generic], kind: int = 0x08) -> bytes:
    """An IDX file of an array."""
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + shape + array.astype(TYPES[kind]).tobytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def four(
    folder: Path,
    prefix: str = "",
    test: str = "t10k",
    suffix: str = "",
    images: npt.NDArray[np.generic] = IMAGES,
    labels: npt.NDArray[np.generic] = LABELS,
) -> Path:
    """A folder of four files."""
    for part, these in (("train", TRAIN), (test, TEST)):
        write(folder / f"{prefix}{part}-images-idx3-ubyte{suffix}", idx(images[these]))
        write(folder / f"{prefix}{part}-labels-idx1-ubyte{suffix}", idx(labels[these]))
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("raw", ["", "raw"])
def test_four_files_are_a_data_set(suffix: str, raw: str, tmp_path: Path) -> None:
    four(tmp_path / "KMNIST" / raw, suffix=suffix)
    (tmp_path / "KMNIST" / "README.md").write_text("characters")
    for source in {tmp_path / "KMNIST", tmp_path / "KMNIST" / raw}:
        found = load_data(source)
        assert (found.ref.name, found.ref.source) == ("KMNIST", str(source))
        assert found.labels == tuple("0123456789")
        np.testing.assert_array_equal(found.train.images, IMAGES[TRAIN])
        np.testing.assert_array_equal(found.test.images, IMAGES[TEST])
        np.testing.assert_array_equal(found.test.labels, LABELS[TEST])


def test_qmnist_has_labels_with_remarks_in_32_bits(tmp_path: Path) -> None:
    remarks = np.stack([LABELS, *np.random.default_rng(0).integers(0, 99_999, (7, len(LABELS)))], axis=1)
    for part, these in (("train", TRAIN), ("test", TEST)):
        write(tmp_path / f"qmnist-{part}-images-idx3-ubyte.gz", idx(IMAGES[these]))
        write(tmp_path / f"qmnist-{part}-labels-idx2-int.gz", idx(remarks[these], 0x0C))
        write(tmp_path / f"qmnist-{part}-labels.tsv.gz", b"Character class\tNIST HSF series\n")
    found = load_data(tmp_path)
    assert found.ref.name == "qmnist"
    np.testing.assert_array_equal(found.train.labels, LABELS[TRAIN])


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_the_format_is_read_where_its_values_are_whole(kind: int, tmp_path: Path) -> None:
    write(tmp_path / "images-idx3", idx(np.minimum(IMAGES, 127), kind))
    write(tmp_path / "labels-idx1", idx(LABELS, kind))
    found = load_data(tmp_path)
    assert len(found.train) + len(found.test) == len(IMAGES)
    np.testing.assert_array_equal(found.train.images[0], np.minimum(IMAGES[0], 127))


def test_without_a_test_part_every_sixth_is_for_the_test(tmp_path: Path) -> None:
    write(tmp_path / "train-images.idx3-ubyte", idx(IMAGES))
    write(tmp_path / "train-labels.idx1-ubyte", idx(LABELS))
    found = load_data(tmp_path)
    assert (len(found.train), len(found.test)) == (50, 10)


class TestEmnist:
    """Its images are stored transposed, its letters count from 1, and it comes as six sets in one folder."""

    @pytest.mark.parametrize(("mapping", "names"), [(True, "ABC"), (False, "ABC")])
    def test_letters_count_from_one(self, mapping: bool, names: str, tmp_path: Path) -> None:
        four(tmp_path, "emnist-letters-", "test", ".gz", IMAGES.transpose(0, 2, 1), LABELS % 3 + 1)
        if mapping:
            (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
        with pytest.warns(UserWarning, match="emnist-letters-.*: stored transposed, as EMNIST publishes its images"):
            found = load_data(tmp_path)
        assert (found.ref.name, found.labels) == ("emnist-letters", tuple(names))
        np.testing.assert_array_equal(found.train.images, IMAGES[TRAIN])
        np.testing.assert_array_equal(found.test.labels, LABELS[TEST] % 3)

    @pytest.mark.filterwarnings("ignore:.*stored transposed")
    def test_all_62_classes_are_told_apart(self, tmp_path: Path) -> None:
        labels = np.arange(62 * 4) % 62
        images = np.repeat(IMAGES, 5, axis=0)[: len(labels)].transpose(0, 2, 1)
        for part in ("train", "test"):
            write(tmp_path / f"emnist-byclass-{part}-images-idx3-ubyte", idx(images))
            write(tmp_path / f"emnist-byclass-{part}-labels-idx1-ubyte", idx(labels))
        found = load_data(tmp_path)
        assert "".join(found.labels) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        np.testing.assert_array_equal(found.test.labels, labels)

    @pytest.mark.filterwarnings("ignore:.*stored transposed")
    def test_of_several_sets_one_is_named(self, tmp_path: Path) -> None:
        for name in ("digits", "letters"):
            four(tmp_path / "gzip", f"emnist-{name}-", "test", ".gz")
        with pytest.raises(DataError, match="2 data sets: emnist-digits, emnist-letters") as caught:
            load_data(tmp_path / "gzip")
        named = re.search("Name one: (.*)", str(caught.value))
        assert named
        assert load_data(named[1]).ref.name == "emnist-letters"
        with pytest.raises(DataError, match="no such folder or file"):
            load_data(tmp_path / "gzip" / "emnist-balanced")

    def test_images_that_were_turned_already_stay(self, tmp_path: Path) -> None:
        four(tmp_path, "emnist-digits-", "test")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = load_data(tmp_path)
        np.testing.assert_array_equal(found.train.images, IMAGES[TRAIN])

    def test_score_turns_them_too(self, tmp_path: Path) -> None:
        path = tmp_path / "emnist-digits-test-images-idx3-ubyte"
        write(path, idx(IMAGES.transpose(0, 2, 1)))
        with pytest.warns(UserWarning, match="turned upright"):
            source = find_source(path)
        assert source.fingerprint.endswith(", turned")
        (group,) = source.groups(Shard(), 100)
        with ThreadPoolExecutor(1) as pool:
            np.testing.assert_array_equal(source.start(group, pool)().images, IMAGES)


def test_transposed_images_of_another_name_are_doubted(tmp_path: Path) -> None:
    four(tmp_path, images=IMAGES.transpose(0, 2, 1))
    with pytest.warns(UserWarning, match="seem to be stored transposed.*begin the file's name with emnist"):
        load_data(tmp_path)


def test_dark_ink_is_inverted(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        load_data(four(tmp_path, images=255 - IMAGES), dark_ink=True).train.images, IMAGES[TRAIN]
    )


def test_a_plain_file_goes_before_its_packed_one(tmp_path: Path) -> None:
    four(tmp_path, suffix=".gz")
    write(tmp_path / "train-images-idx3-ubyte", idx(255 - IMAGES[TRAIN]))
    with pytest.warns(UserWarning, match="ground seems light"):
        np.testing.assert_array_equal(load_data(tmp_path).train.images, 255 - IMAGES[TRAIN])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train-images-idx3-ubyte", idx(np.zeros((40, 8, 8), np.uint8)), r"28x28 pixels wanted, \[40, 8, 8\] found"),
        ("train-images-idx3-ubyte", idx(np.full((40, 28, 28), 0.5), 0x0D), "whole numbers 0 to 255 wanted, float32"),
        ("train-images-idx3-ubyte", idx(np.full((40, 28, 28), 256), 0x0B), "whole numbers 0 to 255 wanted, int16"),
        ("train-images-idx3-ubyte", idx(IMAGES[:39]), "39 images and 40 labels to train"),
        ("train-images-idx3-ubyte", idx(IMAGES[TRAIN])[:-1], "declares 31,360 values, 31,359 are there"),
        ("train-images-idx3-ubyte", idx(IMAGES[TRAIN]) + b"0", "declares 31,360 values, 31,361 are there"),
        (
            "train-labels-idx1-ubyte",
            idx(LABELS[TRAIN] * np.nan, 0x0D),
            "whole numbers 0 to .* wanted, float32 from nan",
        ),
        ("train-labels-idx1-ubyte", idx(np.full(40, -1), 0x0C), "whole numbers"),
        ("train-labels-idx1-ubyte", b"\0\0\x08\x01" + b"\xff" * 4, "4,294,967,295 values, at most 784,000,000 wanted"),
        ("train-labels-idx1-ubyte.gz", None, "cannot be read .*Get it anew"),
        ("train-labels-idx1-ubyte", None, "no labels beside train-images-idx3-ubyte"),
        ("train-images-idx3-ubyte", None, "images to train on wanted, test found"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(name: str, content: bytes | None, reason: str, tmp_path: Path) -> None:
    four(tmp_path)
    if content is None:
        (tmp_path / name.removesuffix(".gz")).unlink()
        if name.endswith(".gz"):
            (tmp_path / name).write_bytes(gzip.compress(idx(np.random.default_rng(0).integers(0, 9, 4000)))[:-900])
    else:
        write(tmp_path / name, content)
    with pytest.raises(DataError, match=reason):
        load_data(tmp_path)


def test_a_header_that_lies_takes_no_memory(tmp_path: Path) -> None:
    four(tmp_path, suffix=".gz")
    write(tmp_path / "train-images-idx3-ubyte.gz", b"\0\0\x08\x03" + struct.pack(">III", 900_000, 28, 28))
    with pytest.raises(DataError, match="declares 705,600,000 values, 0 are there"):
        load_data(tmp_path)


@pytest.mark.parametrize("text", ["1 sixty-five\n", "1\n"])
def test_a_mapping_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    four(tmp_path, "own-")
    (tmp_path / "own-mapping.txt").write_text(text)
    with pytest.raises(DataError, match=r"own-mapping\.txt: no mapping of labels"):
        load_data(tmp_path)


@pytest.mark.parametrize("labels", [LABELS * 0, np.arange(60)])
def test_too_few_classes_or_images_of_one_are_refused(
    labels: npt.NDArray[np.int64], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx_sets, "MOST_CLASSES", 59)
    with pytest.raises(DataError, match=r"(1|60) classes, 2 to 59 wanted"):
        load_data(four(tmp_path, labels=labels))


def test_a_name_that_is_nowhere_is_still_a_misspelt_one() -> None:
    with pytest.raises(UsageError, match="unknown data set, folder or file 'mnit': did you mean 'mnist'"):
        load_data("mnit")
