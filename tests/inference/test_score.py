"""Scoring: every answer is the model's, in every shard and format, after every kill; and the callable for clusters."""

import contextlib
import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from edgedigits import score as score_images
from edgedigits.data import drawn
from edgedigits.data.kinds import NO_PICTURE, REFUSED
from edgedigits.errors import DataError, ModelFileError, UsageError
from edgedigits.export.formats import get_format
from edgedigits.inference import sinks, sources
from edgedigits.inference.score import AHEAD, Scorer
from edgedigits.inference.sources import Batch, Ids
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.artifact import Contract
from edgedigits.records.progress import Progress
from edgedigits.runtime.load import Opener, load
from edgedigits.runtime.predictor import Predictor, Session
from tests.conftest import FONT, draw
from tests.helpers import FORMAT_NAMES
from tests.inference.test_sources import idx

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "exports" / "fc" / "fc.onnx"
RNG = np.random.default_rng(0)
IMAGES = np.stack([draw(digit, RNG) for digit in FONT for _ in range(30)])


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """300 digits in an IDX file."""
    path = tmp_path / "digits-idx3-ubyte"
    path.write_bytes(idx(IMAGES))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 of the digits as files; two of the files are damaged."""
    path = tmp_path / "digits"
    path.mkdir()
    for index, image in enumerate(IMAGES[:40]):
        Image.fromarray(image).save(path / f"{index:02}.png")
    for damaged in ("07.png", "30.png"):
        (path / damaged).write_bytes(b"no image")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of an output."""
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", sinks.LAYOUTS)
@pytest.mark.parametrize("batch_size", [1, 64, 4096])
def test_every_answer_is_the_models(suffix: str, batch_size: int, array: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    summary = score_images(MODEL, array, out, batch_size=batch_size)
    logits, probabilities = load(MODEL)(IMAGES)
    rows = read(out)
    assert [int(row["index"]) for row in rows] == list(range(300))
    assert [row["label"] for row in rows] == [str(answer) for answer in logits.argmax(1)]
    assert [float(row["probability"]) for row in rows] == pytest.approx(probabilities.max(1), abs=1e-6)
    assert (summary.items, summary.errors, summary.resumed, summary.shard) == (300, 0, 0, "0/1")
    assert summary.images_per_second == pytest.approx(300 / summary.seconds)


@pytest.mark.parametrize("suffix", sinks.LAYOUTS)
def test_an_unreadable_image_has_a_row_that_says_why(suffix: str, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    summary = score_images(MODEL, folder, out, batch_size=16)
    rows = read(out)
    answers = load(MODEL)(IMAGES[:40])[0].argmax(1)
    assert (summary.items, summary.errors) == (40, 2)
    assert [Path(row["path"]).name for row in rows] == [f"{index:02}.png" for index in range(40)]
    for index, row in enumerate(rows):
        unreadable = index in (7, 30)
        assert (row["label"] or None) == (None if unreadable else str(answers[index]))
        assert ("not a readable image" in (row["error"] or "")) == unreadable


@pytest.mark.parametrize("suffix", sinks.LAYOUTS)
def test_doubts_are_words_in_a_column_and_counted(suffix: str, tmp_path: Path) -> None:
    images = np.repeat(IMAGES[:1] * 0, 5, axis=0)
    images[1, 4:24, 12:16] = 255
    images[2, 0:24, 12:16] = 255
    images[3, 4:24, 12:16] = 40
    images[4, 4:24, [6, 18]] = 50
    np.save(tmp_path / "digits.npy", images)
    summary = score_images(MODEL, tmp_path / "digits.npy", tmp_path / f"out{suffix}", batch_size=2)
    found = [row["doubts"] or "" for row in read(tmp_path / f"out{suffix}")]
    wanted = ["empty", "", "touches-border", "low-contrast", "low-contrast several-shapes"]
    assert [" ".join(doubts) if isinstance(doubts, list) else doubts for doubts in found] == wanted
    assert summary.to_dict()["doubts"] == {"empty": 1, "touches-border": 1, "low-contrast": 2, "several-shapes": 1}


def test_what_is_no_picture_is_counted_and_what_cannot_be_read_is_not_doubted(folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_text("a,b")
    (folder / "more").mkdir()
    for name in ("1.heic", "2.heic", "README"):
        (folder / "more" / name).write_bytes(b"")
    summary = score_images(MODEL, folder, tmp_path / "out.csv", batch_size=16)
    assert [(found.count, found.reason) for found in summary.skipped] == [(2, NO_PICTURE), (2, REFUSED[".heic"])]
    assert (summary.items, summary.errors) == (40, 2)
    assert "empty" not in summary.doubts


def test_a_csv_of_pixels_is_scored_as_its_images_are(tmp_path: Path, array: Path) -> None:
    rows = [",".join(["label", *(f"pixel{index}" for index in range(784))])]
    rows += [",".join(["7", *map(str, image.ravel())]) for image in IMAGES]
    (tmp_path / "digits.csv").write_text("\n".join(rows))
    for source in (tmp_path / "digits.csv", array):
        score_images(MODEL, source, tmp_path / f"{source.stem}.out.csv", batch_size=64)
    written = [(tmp_path / f"{source.stem}.out.csv").read_bytes() for source in (tmp_path / "digits.csv", array)]
    assert written[0] == written[1]


def test_digits_that_lie_on_their_sides_are_noticed(tmp_path: Path) -> None:
    images = drawn.digits(300, seed=0)[0]
    np.save(tmp_path / "digits.npy", images.transpose(0, 2, 1))
    with pytest.warns(UserWarning, match="seem to be stored transposed"):
        score_images(MODEL, tmp_path / "digits.npy", tmp_path / "noticed.csv")
    (tmp_path / "digits.npy").rename(tmp_path / "emnist-digits.npy")
    with pytest.warns(UserWarning, match="turned upright"):
        score_images(MODEL, tmp_path / "emnist-digits.npy", tmp_path / "turned.csv")
    np.save(tmp_path / "digits.npy", images)
    score_images(MODEL, tmp_path / "digits.npy", tmp_path / "usual.csv")
    assert (tmp_path / "turned.csv").read_bytes() == (tmp_path / "usual.csv").read_bytes()


def test_dark_ink_is_inverted_and_its_absence_is_warned_of(tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", 255 - IMAGES)
    np.save(tmp_path / "usual.npy", IMAGES)
    with pytest.warns(UserWarning, match="try with --dark-ink"):
        score_images(MODEL, tmp_path / "digits.npy", tmp_path / "warned.csv")
    score_images(MODEL, tmp_path / "digits.npy", tmp_path / "dark.csv", dark_ink=True)
    score_images(MODEL, tmp_path / "usual.npy", tmp_path / "usual.csv")
    assert (tmp_path / "dark.csv").read_bytes() == (tmp_path / "usual.csv").read_bytes()


@pytest.mark.parametrize("source", ["array", "folder"])
def test_the_rows_of_all_shards_are_those_of_one_run(
    source: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    images: Path = request.getfixturevalue(source)
    score_images(MODEL, images, tmp_path / "whole.csv", batch_size=16)
    header, *whole = (tmp_path / "whole.csv").read_text().splitlines()
    parts = []
    for index in range(3):
        score_images(MODEL, images, tmp_path / f"{index}.csv", batch_size=16, shard=f"{index}/3")
        first, *rows = (tmp_path / f"{index}.csv").read_text().splitlines()
        assert first == header
        parts += rows
    assert sorted(parts) == sorted(whole)


def test_a_shard_may_be_empty(array: Path, tmp_path: Path) -> None:
    array.write_bytes(idx(IMAGES[:1]))
    assert score_images(MODEL, array, tmp_path / "out.csv", shard="0/2").items == 0
    assert (tmp_path / "out.csv").read_text() == "index,label,probability,doubts\n"


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("suffix", sinks.LAYOUTS)
@pytest.mark.parametrize("source", ["array", "folder"])
def test_a_run_that_ends_anywhere_is_gone_on_with_to_the_same_bytes(
    suffix: str, source: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt ends when one more image batch than the attempt before is scored, until one gets through."""
    monkeypatch.setattr(sinks, "COMMIT_SECONDS", 0)
    images: Path = request.getfixturevalue(source)
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    score_images(MODEL, images, whole, batch_size=8)
    answer = Scorer.answer
    resumed = []
    for lasting in range(1, 100):
        calls = iter(range(lasting))

        def end(scorer: Scorer, pixels: Uint8Array, calls: Iterator[int] = calls) -> sinks.Answers:
            if next(calls, None) is None:
                raise Killed
            return answer(scorer, pixels)

        monkeypatch.setattr(Scorer, "answer", end)
        with contextlib.suppress(Killed):
            resumed.append(score_images(MODEL, images, out, batch_size=8, resume=True).resumed)
            break
    assert resumed[0] > 0
    assert resumed[0] % 8 == 0
    assert out.read_bytes() == whole.read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {whole.name, out.name, images.name}


@pytest.mark.lengthy
def test_a_process_that_is_killed_is_gone_on_with_to_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL, twice, wherever the process is then."""
    array = tmp_path / "digits.npy"
    np.save(array, np.tile(IMAGES, (700, 1, 1)))
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    score_images(MODEL, array, whole, batch_size=32)
    script = (
        "import sys; from edgedigits import score; from edgedigits.inference import sinks\n"
        "sinks.COMMIT_SECONDS = 0.001\n"
        "score(*sys.argv[1:], batch_size=32, resume=True)"
    )
    journal = tmp_path / "out.csv.journal"
    for _ in range(2):
        started = items(journal)
        process = subprocess.Popen([sys.executable, "-c", script, MODEL, array, out], cwd=ROOT)
        while process.poll() is None and items(journal) <= started:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not out.exists()
    summary = score_images(MODEL, array, out, batch_size=32, resume=True)
    assert 0 < summary.resumed < summary.items == 210_000
    assert out.read_bytes() == whole.read_bytes()


def items(journal: Path) -> int:
    """What a journal counts; it is replaced whole, so it can be read at any time."""
    return int(json.loads(journal.read_text())["items"]) if journal.exists() else 0


def test_an_interrupted_run_is_not_gone_on_with_otherwise(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "COMMIT_SECONDS", 0)

    def end(progress: Progress) -> None:
        if progress.done >= 16:
            raise Killed

    out = tmp_path / "out.csv"
    with pytest.raises(Killed):
        score_images(MODEL, folder, out, batch_size=8, observer=end)
    other = MODEL.with_name("fc.int8.onnx")
    with pytest.raises(UsageError, match="begun with model_sha256"):
        score_images(other, folder, out, batch_size=8, resume=True)
    with pytest.raises(UsageError, match="begun with shard 0/1, now 1/2"):
        score_images(MODEL, folder, out, batch_size=8, shard="1/2", resume=True)
    with pytest.raises(UsageError, match="Add --resume"):
        score_images(MODEL, folder, out, batch_size=8)
    (folder / "00.png").rename(folder / "00a.png")
    with pytest.raises(DataError, match="other items than are there now"):
        score_images(MODEL, folder, out, batch_size=8, resume=True)
    (folder / "00a.png").rename(folder / "00.png")
    assert score_images(MODEL, folder, out, batch_size=8, resume=True).items == 40


def test_progress_is_told_batch_by_batch(array: Path, folder: Path, tmp_path: Path) -> None:
    events: list[Progress] = []
    score_images(MODEL, array, tmp_path / "array.csv", batch_size=100, observer=events.append)
    assert [(event.done, event.total) for event in events] == [(100, 300), (200, 300), (300, 300)]
    assert all(event.figures["images_per_second"] > 0 for event in events)
    events.clear()
    score_images(MODEL, folder, tmp_path / "folder.csv", observer=events.append)
    assert [(event.done, event.total) for event in events] == [(40, None)]


def test_few_batches_are_in_memory_at_a_time(array: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what is begun to be read and what is written there is a bounded number of batches."""
    begun = 0
    start, append = sources.Array.start, sinks.Output.append

    def count_begun(source: sources.Array, ids: Ids, pool: Executor) -> Callable[[], Batch]:
        nonlocal begun
        begun += 1
        return start(source, ids, pool)

    def slow(output: sinks.Output, batch: Batch, rows: bytes, doubts: Sequence[Sequence[str]]) -> sinks.Journal:
        time.sleep(0.01)
        journal = append(output, batch, rows, doubts)
        waiting.append(begun - journal.items // 10)
        return journal

    waiting: list[int] = []
    monkeypatch.setattr(sources.Array, "start", count_begun)
    monkeypatch.setattr(sinks.Output, "append", slow)
    score_images(MODEL, array, tmp_path / "out.csv", batch_size=10)
    assert begun == 31  # one more to tell ink from ground
    assert max(waiting) <= 2 * (AHEAD + 1) + 1


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"shard": "3/3"}, UsageError, "shard '3/3'"),
        ({"batch_size": 0}, UsageError, "batch_size: at least 1"),
        ({"out": "out.xml"}, UsageError, "unknown kind of output"),
        ({"model": "cut.onnx"}, ModelFileError, r"^cut\.onnx: not a valid ONNX model"),
        ({"model": "nothing.onnx"}, ModelFileError, "nothing.onnx is missing: no file, and no model of that name"),
        ({"model": "digits-idx3-ubyte"}, ModelFileError, "no format has its suffix"),
        ({"images": "nothing"}, DataError, "cannot be read"),
    ],
)
def test_wrong_arguments_leave_nothing_behind(
    arguments: dict[str, Any],
    error: type[Exception],
    reason: str,
    array: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.onnx").write_bytes(MODEL.read_bytes()[:5000])
    before = sorted(tmp_path.iterdir())
    given: dict[str, Any] = {"model": MODEL, "images": array.name, "out": "out.csv"} | arguments
    with pytest.raises(error, match=reason):
        score_images(**given)
    assert sorted(tmp_path.iterdir()) == before


def test_an_array_that_shrinks_ends_the_run(array: Path, tmp_path: Path) -> None:
    whole = array.read_bytes()

    def shrink(_: Progress) -> None:
        array.write_bytes(whole[:-784])

    with pytest.raises(DataError, match="became shorter"):
        score_images(MODEL, array, tmp_path / "out.csv", batch_size=10, observer=shrink)
    assert not (tmp_path / "out.csv").exists()


def test_the_callable_travels_and_answers_as_the_file_does(tmp_path: Path) -> None:
    copy = tmp_path / MODEL.name
    copy.write_bytes(MODEL.read_bytes())
    packed = pickle.dumps(Scorer(copy))
    copy.unlink()  # another machine has not got it
    answers = pickle.loads(packed)(IMAGES)
    logits, probabilities = load(MODEL)(IMAGES)
    assert answers["label"].tolist() == [str(answer) for answer in logits.argmax(1)]
    assert (answers["probability"] == probabilities.max(1)).all()
    assert len(packed) < MODEL.stat().st_size + 1000  # its bytes, and no session


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if get_format(name).input == "digit"])
def test_files_of_every_format_score(name: str, exports: Path, array: Path, tmp_path: Path) -> None:
    row = get_format(name)
    if reason := row.unavailable():
        pytest.skip(reason)
    model = exports / "fc-tiny" / f"fc-tiny{row.suffix}"
    score_images(model, array, tmp_path / "out.csv")
    answers = load(model)(IMAGES)[0].argmax(1)
    assert [row["label"] for row in read(tmp_path / "out.csv")] == [str(answer) for answer in answers]


def test_the_file_runs_in_the_engine_that_is_asked_for(array: Path, tmp_path: Path) -> None:
    for engine in ("onnxruntime", "reference"):
        score_images(MODEL, array, tmp_path / f"{engine}.jsonl", opener=Opener(engine=engine))
    found, wanted = read(tmp_path / "reference.jsonl"), read(tmp_path / "onnxruntime.jsonl")
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    with pytest.raises(UsageError, match="unknown engine 'opnvino'"):
        score_images(MODEL, array, tmp_path / "out.csv", opener=Opener(engine="opnvino"))
    with pytest.raises(UsageError, match="engine torchscript runs TorchScript files, and this is none"):
        score_images(MODEL, array, tmp_path / "out.csv", opener=Opener(engine="torchscript"))
    assert not (tmp_path / "out.csv").exists()


def test_a_canvas_file_takes_no_such_images(exports: Path) -> None:
    with pytest.raises(UsageError, match="ask it with edgedigits predict"):
        Scorer(exports / "fc-tiny" / "fc-tiny.canvas.onnx")


def test_the_callable_keeps_the_other_columns() -> None:
    answers = Scorer(MODEL)({"path": np.array(["a", "b"]), "image": IMAGES[:2].astype(np.int64)})
    assert list(answers) == ["path", "label", "probability"]
    assert answers["path"].tolist() == ["a", "b"]
    assert Scorer(MODEL)({"image": IMAGES[:0]})["label"].shape == (0,)


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ({"picture": IMAGES}, "a column 'image' wanted, picture given"),
        ({}, "a column 'image' wanted, none given"),
        (IMAGES.astype(int) - 1, "whole numbers 0 to 255, or fractions 0 to 1"),
        (np.array([[1], [1, 2]], dtype=object), "makes no array"),
        (np.array(["a"]), "ndarray of <U1"),
        (IMAGES[:, :27], r"uint8 \[batch, 28, 28\] wanted, uint8 \[300, 27, 28\] given"),
        (np.full((1, 28, 28), np.nan), "whole numbers 0 to 255"),
    ],
)
def test_a_batch_that_is_none_is_a_usage_error(batch: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Scorer(MODEL)(batch)


def test_answers_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = load(MODEL).contract
    assert isinstance(contract, Contract)
    scores = np.full((1, 10), np.nan, np.float32)
    broken = Predictor(contract, Session(lambda _: (scores, scores)))
    monkeypatch.setattr(Scorer, "predictor", broken)
    with pytest.raises(ModelFileError, match=r"fc\.onnx: its answers are not finite"):
        Scorer(MODEL).answer(IMAGES[:1])


@pytest.mark.lengthy
def test_two_ray_workers_score_a_data_set_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgedigits[ray]'")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        rows = [{"index": index, "image": image} for index, image in enumerate(IMAGES)]
        blocks = ray.data.from_items(rows, override_num_blocks=10)
        answers = blocks.map_batches(
            WorkerScorer,
            fn_constructor_args=[str(MODEL), str(tmp_path)],
            batch_size=16,
            compute=ray.data.ActorPoolStrategy(size=2),
        ).materialize()
        assert answers.num_blocks() > 1
        found = sorted(answers.take_all(), key=lambda row: row["index"])
    finally:
        ray.shutdown()
    assert [row["label"] for row in found] == Scorer(MODEL)(IMAGES)["label"].tolist()
    workers = Counter(row["worker"] for row in found)
    assert len(workers) == 2


class WorkerScorer(Scorer):
    """Answers once two workers are at it, or a minute later, and says which one answered."""

    def __init__(self, path: str, meeting: str) -> None:
        super().__init__(path)
        self.meeting = Path(meeting)

    def __call__(self, batch: Any) -> dict[str, Any]:
        (self.meeting / str(os.getpid())).touch()
        late = time.monotonic() + 60
        while len(list(self.meeting.iterdir())) < 2 and time.monotonic() < late:
            time.sleep(0.05)
        return super().__call__(batch) | {"worker": np.full(len(batch["index"]), os.getpid())}
