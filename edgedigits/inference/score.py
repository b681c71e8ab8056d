"""Score images of any number through a model file: `score(model, images, out)` gives a ScoreSummary.

Three things happen at once, a few batches apart: images are read and decoded, scored, and written as
rows. What waits between them is bounded, so memory does not grow with the input. There is no cluster
engine here: `shard` lets any scheduler split the work, and `Scorer` is what Ray Data's `map_batches`
and Spark's `predict_batch_udf` call.
"""

import dataclasses
import functools
import hashlib
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgedigits.data.doubts import words_of
from edgedigits.data.kinds import Skipped
from edgedigits.data.paper import warn_of_polarity
from edgedigits.data.transposed import warn_of_transposition
from edgedigits.errors import ModelFileError, UsageError
from edgedigits.export.formats import require_format
from edgedigits.inference import sinks
from edgedigits.inference.predict import open_canvas_file
from edgedigits.inference.score_numbers import Scored, read_numbers, require_pictures
from edgedigits.inference.sinks import Answers, Journal, Output, Plan
from edgedigits.inference.sources import Batch, Ids, Shard, Source, find_source
from edgedigits.records.arguments import checked
from edgedigits.records.arrays import Images
from edgedigits.records.progress import Observer, Progress, ignore
from edgedigits.records.record import Record
from edgedigits.runtime.inputs import as_images
from edgedigits.runtime.load import Opener
from edgedigits.runtime.names import find_file, preferred
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.safety.trust import read_model, require_trusted
from edgedigits.system import files

BATCH_SIZE = 4096
AHEAD = 2  # batches that wait for the next stage
SAMPLE = 200  # images that are looked at to tell ink from ground, and whether they lie on their sides
T = TypeVar("T")


@dataclass(frozen=True)
class ScoreSummary(Record):
    """What a `score` did.

    items               of this shard, with those that could not be read and those that an earlier run did
    errors              items that could not be read: each has a row that says why
    skipped             what else the folder holds, by the reason why it is no item
    doubts              how many items have each doubt, by its word: the column `doubts` says which
    resumed             items that were done already when this run began
    seconds             that this run took, from loading the model to the finished output
    images_per_second   of this run
    """

    model: str
    model_sha256: str
    input: str
    output: str
    shard: str
    items: int
    errors: int
    resumed: int
    seconds: float
    images_per_second: float
    skipped: tuple[Skipped, ...] = ()
    doubts: Mapping[str, int] = field(default_factory=dict)


@checked
def score(
    model: str | Path,
    images: str | Path,
    out: str | Path,
    *,
    batch_size: int = BATCH_SIZE,
    shard: str = "0/1",
    resume: bool = False,
    dark_ink: bool = False,
    number: bool = False,
    exports: str | Path = "exports",
    opener: Opener = Opener(),  # noqa: B008 - it is frozen
    observer: Observer = ignore,
) -> ScoreSummary:
    """Write the label of every image, its probability and what is doubtful to a .csv, .jsonl or .parquet file.

    model      an exported file, or the name of a model below `exports`
    images     an IDX, .npy or CSV file, a folder, or a text file of paths: see `sources`
    shard      "i/N": only part i, 0 <= i < N; the N parts are disjoint and complete
    resume     go on with what an interrupted run has left; where there is nothing, begin
    dark_ink   the images show dark ink on a light ground
    number     each picture file shows a line of digits, which a canvas file reads: the label is the number, with "?"
               for digits that are not sure, and the probability that of the least sure one
    opener     how the model file is opened

    An image file that cannot be read has a row that says why, and the run goes on. Raises UsageError
    on a wrong argument and where the output exists or was begun otherwise, DataError and
    ModelFileError on an input or a model that cannot be used, MissingCapability where the output
    cannot be written.
    """
    began = time.perf_counter()
    out, part = Path(out), Shard.parse(shard)
    if batch_size < 1:
        raise UsageError(f"batch_size: at least 1 wanted, {batch_size} given")
    source = find_source(images, dark_ink)
    if number:
        require_pictures(source, Path(images))
    layout = sinks.layout(out, source.column)
    model = find_file(model, preferred(("canvas" if number else "digit",)), Path(exports))
    ask = (_Numbers if number else _Images)(model, opener)
    if isinstance(ask, _Images):
        _warn(source, Path(images), dark_ink, ask.labels)
    plan = Plan(ask.sha256, source.fingerprint, dark_ink, batch_size, str(part))
    with Output(out, plan, layout.header, resume) as output:
        resumed = output.journal.items
        groups = output.remaining(source.groups(part, batch_size))

        def write(scored: Scored) -> Journal:
            rows = layout.rows(scored.batch, scored.labels, scored.answers, scored.doubts)
            return output.append(scored.batch, rows, scored.doubts)

        with closing(ask.written(source, groups, write)) as written:
            for done in written:
                speed = (done.items - resumed) / (time.perf_counter() - began)
                observer(Progress("score", done.items, source.count(part), {"images_per_second": speed}))
        output.finish()
    seconds = time.perf_counter() - began
    return ScoreSummary(
        model=str(model),
        model_sha256=ask.sha256,
        input=str(images),
        output=str(out),
        shard=str(part),
        items=output.journal.items,
        errors=output.journal.errors,
        resumed=resumed,
        seconds=seconds,
        images_per_second=(output.journal.items - resumed) / seconds,
        skipped=source.skips.all(),
        doubts=output.journal.doubts,
    )


class Scorer:
    """A model file as a function of batches, for engines that run it elsewhere: it can be pickled.

    It holds the file's bytes and opens them where and when the first batch comes, once a process.
    Called with images `[n, 28, 28]`, it returns {"label": str `[n]`, "probability": float32 `[n]`}; called
    with a batch of columns, it returns these beside the others, in the place of the column "image".
    Raises ModelFileError when the file is damaged, UsageError on images that are none.

    trust      load a file that can hold code (TorchScript, pt2) although no manifest beside it lists it
    isolated   run a file that holds nothing but data (ONNX) in a process of its own, as `edgedigits score` does
    """

    @checked
    def __init__(self, path: str | Path, *, trust: bool = False, isolated: bool = False) -> None:
        row = require_format(Path(path))
        if row.input != "digit":
            raise UsageError(f"{path}: takes pictures of any size, not 28x28 images: ask it with edgedigits predict.")
        if not row.box.data_only:
            require_trusted(Path(path), row.name, trust)
        self.name = Path(path).name
        self.opener = Opener(isolated=isolated, trust=True)  # of bytes that were found trustworthy where they lay
        self.content = read_model(Path(path))
        self.sha256 = hashlib.sha256(self.content).hexdigest()

    @property
    def predictor(self) -> Predictor:
        """The opened file."""
        return _opened(self.name, self.content, self.opener)

    def __call__(self, batch: npt.NDArray[Any] | Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The labels and probabilities of a batch, as above."""
        if not isinstance(batch, Mapping):
            return self._columns(batch)
        if "image" not in batch:
            raise UsageError(f"batch: a column 'image' wanted, {', '.join(sorted(batch)) or 'none'} given")
        others = {name: column for name, column in batch.items() if name != "image"}
        return others | self._columns(batch["image"])

    def _columns(self, pixels: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        answers = self.answer(as_images(pixels))
        labels = np.array(self.predictor.contract.labels)
        return {"label": labels[answers.classes], "probability": answers.probabilities}

    def answer(self, images: Images) -> Answers:
        """The most probable classes of images uint8 `[n, 28, 28]`. Raises ModelFileError where one is not finite."""
        logits, probabilities = self.predictor(images)
        classes = logits.argmax(1)
        found = np.take_along_axis(probabilities, classes[:, None], axis=1)[:, 0]
        if not np.isfinite(found).all():
            raise ModelFileError(f"{self.name}: its answers are not finite. Verify it with edgedigits verify.")
        return Answers(classes, found)

    def make_predict_fn(self) -> "Scorer":
        """What Spark's `predict_batch_udf` calls in each worker to get the function of batches.

        from edgedigits import Scorer
        from pyspark.ml.functions import predict_batch_udf
        from pyspark.sql import SparkSession
        from pyspark.sql.types import StructType

        spark = SparkSession.builder.getOrCreate()
        answer = StructType().add("label", "string").add("probability", "float")
        model = Scorer("exports/fc/fc.onnx").make_predict_fn
        score = predict_batch_udf(model, return_type=answer, batch_size=4096, input_tensor_shapes=[[28, 28]])
        images = spark.read.parquet("images.parquet")
        images.select("index", score("image").alias("answer")).write.json("spark-answers")
        """
        return self


@functools.lru_cache(maxsize=4)
def _opened(name: str, content: bytes, opener: Opener) -> Predictor:
    """A model file by its bytes: one predictor for all scorers of them, which a forked process opens anew."""
    return opener.open_bytes(Path(name), content)


def _warn(source: Source, path: Path, dark_ink: bool, labels: Sequence[str]) -> None:
    """Look at the first images: ink taken for ground, or rows for columns, and every answer would be wrong."""
    with ThreadPoolExecutor() as readers:
        first = source.start(next(source.groups(Shard(), SAMPLE)), readers)()
    warn_of_polarity(path, first.images, dark_ink)
    warn_of_transposition(path, first.images, labels)


class _Images:
    """Asks a file of digits whole batches of images: reads groups of items, scores and writes them, all at once."""

    def __init__(self, model: Path, opener: Opener) -> None:
        self.scorer = Scorer(model, trust=opener.trust)
        self.scorer.opener = dataclasses.replace(opener, trust=True)
        self.labels = self.scorer.predictor.contract.labels
        self.sha256 = self.scorer.sha256

    def written(
        self, source: Source, groups: Iterator[Ids], write: Callable[[Scored], Journal]
    ) -> Generator[Journal, None, None]:
        """What `write` returned, batch by batch."""
        with _readers() as readers, ThreadPoolExecutor(1) as writer:
            batches = _ahead(source.start(ids, readers) for ids in groups)
            scored = ((batch, self.scorer.answer(batch.images)) for batch in batches)
            yield from _ahead(writer.submit(self._write, write, *each).result for each in scored)

    def _write(self, write: Callable[[Scored], Journal], batch: Batch, answers: Answers) -> Journal:
        found = words_of(batch.images)
        for position in batch.errors:  # blank for want of an image, not of ink
            found[position] = ()
        return write(Scored(batch, self.labels, answers, found))


class _Numbers:
    """Asks a canvas file pictures of numbers, several at once."""

    def __init__(self, model: Path, opener: Opener) -> None:
        self.predictor = open_canvas_file(model, opener)
        self.sha256 = files.sha256(model)

    def written(
        self, _: Source, groups: Iterator[Ids], write: Callable[[Scored], Journal]
    ) -> Generator[Journal, None, None]:
        """What `write` returned, batch by batch."""
        with _readers() as readers:
            for ids in groups:
                yield write(read_numbers(ids, self.predictor, readers))


def _ahead(begun: Iterable[Callable[[], T]]) -> Iterator[T]:
    """The results of work, in order; a little more of it is begun before a result is waited for."""
    waiting: deque[Callable[[], T]] = deque()
    for wait in begun:
        waiting.append(wait)
        if len(waiting) > AHEAD:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor()
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # of an interrupted run: what is not begun is not wanted
