"""Sources of images to score: what they are told by, their order, their shards, and what is refused."""

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.data import kinds
from edgedigits.errors import DataError, UsageError
from edgedigits.inference import sources
from edgedigits.inference.sources import Batch, Ids, Shard, Source, find_source
from edgedigits.records.arrays import Uint8Array

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 28, 28), dtype=np.uint8)


def idx(images: Uint8Array) -> bytes:
    """An IDX file of images."""
    return struct.pack(">HBBIII", 0, 8, 3, *images.shape) + images.tobytes()


def write_idx(folder: Path) -> Path:
    path = folder / "digits-idx3-ubyte"
    path.write_bytes(idx(IMAGES))
    return path


def npy(shape: str) -> bytes:
    """The header of a .npy file whose shape is written so."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header


def write_npy(folder: Path) -> Path:
    path = folder / "digits.npy"
    np.save(path, IMAGES)
    return path


def write_folder(folder: Path) -> Path:
    """Images in two folders, one of them inside the other, and what is no image of ours."""
    path = folder / "digits"
    (path / "more").mkdir(parents=True)
    for index, image in enumerate(IMAGES):
        Image.fromarray(image).save(path / ("more" if index >= 11 else "") / f"{index:02}.png")
    (path / "README.txt").write_text("digits")
    (path / ".hidden.png").write_bytes(b"")
    return path


def write_list(folder: Path) -> Path:
    path = folder / "digits.txt"
    path.write_text("\n\n".join(kinds.walk(write_folder(folder), kinds.Skips())) + "\r\n")
    return path


WRITERS = [write_idx, write_npy, write_folder, write_list]


def read(source: Source, ids: Ids) -> Batch:
    with ThreadPoolExecutor(2) as pool:
        return source.start(ids, pool)()


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same images, each time in another source."""
    written: Path = request.param(tmp_path)
    return written


@pytest.mark.parametrize("dark_ink", [False, True])
def test_every_source_gives_all_images_in_order(path: Path, dark_ink: bool) -> None:
    source = find_source(path, dark_ink)
    batches = [read(source, ids) for ids in source.groups(Shard(), 5)]
    assert [len(batch.ids) for batch in batches] == [5, 5, 5, 5, 3]
    found = np.concatenate([batch.images for batch in batches])
    assert (found == (255 - IMAGES if dark_ink else IMAGES)).all()
    assert not any(batch.errors for batch in batches)
    assert source.column == ("index" if path.name.endswith(("ubyte", "npy")) else "path")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 23, 40])
def test_shards_are_disjoint_and_complete(path: Path, count: int) -> None:
    source = find_source(path)
    everything = [item for group in source.groups(Shard(), 4) for item in group]
    parts = [[item for group in source.groups(Shard(index, count), 4) for item in group] for index in range(count)]
    assert sorted(item for part in parts for item in part) == sorted(everything)  # type: ignore[type-var]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    if source.column == "index":
        assert [item for part in parts for item in part] == everything
        assert [source.count(Shard(index, count)) for index in range(count)] == list(map(len, parts))


@pytest.mark.parametrize("text", ["4/4", "-1/4", "1", "1/", "/4", "0/0", "a/b", "1/4/2", "1.0/4", ""])
def test_a_shard_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="i/N with i from 0 to N - 1 wanted"):
        Shard.parse(text)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(Shard.parse("3/16")) == "3/16"


def test_an_unreadable_file_is_an_error_of_its_item(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    whole = (folder / "02.png").read_bytes()
    (folder / "02.png").write_bytes(whole[: len(whole) // 2])
    (folder / "04.png").write_bytes(b"no image")
    (folder / "06.png").unlink()
    (folder / "06.png").symlink_to("nowhere.png")
    source = find_source(folder)
    batch = read(source, next(source.groups(Shard(), 8)))
    assert sorted(batch.errors) == [2, 4, 6]
    assert all(reason.startswith("not a readable image") for reason in batch.errors.values())
    assert not batch.images[[2, 4, 6]].any()
    assert (batch.images[[0, 1, 3, 5, 7]] == IMAGES[[0, 1, 3, 5, 7]]).all()


def test_what_no_decoder_should_raise_is_an_error_of_its_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise ZeroDivisionError("of a plugin")

    source = find_source(write_folder(tmp_path))
    monkeypatch.setattr(sources, "read_image", stumble)
    batch = read(source, next(source.groups(Shard(), 1)))
    assert batch.errors == {0: "not a readable image (ZeroDivisionError: of a plugin)."}


def test_a_list_may_name_what_is_no_text_or_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa.png\nb\xff.png")
    assert list(sources.lines(path)) == ["a.png", "b\udcff.png"]


def test_an_array_that_shrinks_while_it_is_read_is_refused(path: Path) -> None:
    source = find_source(path)
    if source.column == "path":
        return
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match="became shorter"):
        read(source, range(20, 23))


def test_a_changed_file_has_another_fingerprint(tmp_path: Path) -> None:
    path = write_idx(tmp_path)
    before = find_source(path).fingerprint
    assert find_source(path).fingerprint == before
    path.write_bytes(idx(IMAGES[:5]))
    assert find_source(path).fingerprint != before


WHOLE = idx(IMAGES)
BROKEN = {
    "short-header": (WHOLE[:9], "ends in its header"),
    "cut": (WHOLE[:-1], r"its header says 23 images, 18,048 bytes; it has 18,047"),
    "long": (WHOLE + b"\0", "its header says"),
    "labels": (struct.pack(">HBBI", 0, 8, 1, 9) + bytes(9), "not of images"),
    "large": (idx(np.zeros((2, 32, 32), np.uint8)), "not of images"),
    "floats": (struct.pack(">HBBIII", 0, 0x0D, 3, 1, 28, 28) + bytes(3136), "not of images"),
    "none": (idx(IMAGES[:0]), "holds no image"),
    "nothing.txt": (b"", "holds no image"),
    "empty-lines.txt": (b"\n\n", "holds no image"),
    "packed.gz": (b"\x1f\x8b\x08rest", "packed. Unpack it: gzip -dk "),
    "photo.png": (b"\x89PNG\r\n\x1a\n\0\0\0\r", "a folder, an IDX, .npy or CSV file, or a text file of paths wanted"),
    "no.npy": (b"\x93NUMPY", "not a readable .npy file"),
    "text.npy": (b"some text", "not a readable .npy file"),
    "zip.npy": (b"PK\x03\x04" + bytes(30), "not a readable .npy file"),
    "open.npy": (npy("(3, 28, 28"), "not a readable .npy file"),
    "huge.npy": (npy(f"({2**70}, 28, 28)"), "not a readable .npy file"),
    "empty.npy": (npy(f"(0, {2**62}, {2**62})"), "not a readable .npy file"),
    "true.npy": (npy("(True, 28, 28)"), "not a readable .npy file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_source_is_refused(name: str, tmp_path: Path) -> None:
    content, reason = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: .*{reason}"):
        find_source(tmp_path / name)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 1, 28, 28), np.uint8),
        np.zeros((2, 784), np.uint8),
        np.zeros((28, 28), np.uint8),
        np.asfortranarray(IMAGES),
    ],
)
def test_another_array_is_refused(array: Uint8Array, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", array)
    with pytest.raises(DataError, match=r"uint8 \[n, 28, 28\] in C order wanted"):
        find_source(tmp_path / "digits.npy")


def test_other_arrays_and_places_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", IMAGES[:0])
    with pytest.raises(DataError, match="holds no image"):
        find_source(tmp_path / "none.npy")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"not a readable \.npy file"):
        find_source(tmp_path / "objects.npy")
    with (tmp_path / "archive.npy").open("wb") as file:
        np.savez(file, IMAGES)
    with pytest.raises(DataError, match="an archive of arrays"):
        find_source(tmp_path / "archive.npy")
    with pytest.raises(DataError, match="cannot be read"):
        find_source(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        find_source(tmp_path / "empty")
