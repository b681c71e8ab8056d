"""Where scores go: CSV, JSON lines or Parquet, a row an item, in a file that appears when it is whole.

Until then its rows are in `<name>.partial`, and `<name>.journal` says how many of them count. A run that
was killed, anywhere, leaves both; the next one cuts the rows to that number and goes on, and the
finished file has the bytes of an uninterrupted run. Parquet has its index at its end, where no row can
be added: its rows wait as CSV, and become Parquet when all are there.
"""

import hashlib
import importlib.util
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from edgedigits.errors import DataError, MissingCapability, UsageError, unknown
from edgedigits.inference.sources import Batch, Ids
from edgedigits.records.arrays import Int64Array, Scores
from edgedigits.records.record import Record
from edgedigits.system import files, flock

COMMIT_SECONDS = 1.0  # of work that a kill may cost
PARQUET_BLOCK = 1 << 22  # bytes of CSV that become a row group


@dataclass(frozen=True)
class Answers:
    """Of a batch: the classes int64 `[n]`, 0 .. classes-1, and their probabilities float32 `[n]`, all finite."""

    classes: Int64Array
    probabilities: Scores


@dataclass(frozen=True)
class Layout:
    """How rows look: templates for (id, label, probability, doubts) and for (id, reason), with `quote` for texts.

    words   how the words of an item's doubts are written
    """

    header: str
    row: str
    failed: str
    quote: Callable[[str], str]
    words: Callable[[Sequence[str]], str]

    def rows(self, batch: Batch, labels: tuple[str, ...], answers: Answers, doubts: Sequence[Sequence[str]]) -> bytes:
        """The rows of a batch. A probability has six decimals."""
        texts = [self.quote(label) for label in labels]
        named = (item if isinstance(item, int) else self.quote(item) for item in batch.ids)
        classes = map(texts.__getitem__, answers.classes.tolist())
        written = {words: self.words(words) for words in set(doubts)}
        columns = (named, classes, answers.probabilities.tolist(), map(written.__getitem__, doubts))
        rows = [self.row % row for row in zip(*columns, strict=True)]
        for position, reason in batch.errors.items():
            rows[position] = self.failed % (self.quote(str(batch.ids[position])), self.quote(reason))
        return "".join(rows).encode()


def _csv(text: str) -> str:
    """A field as RFC 4180 has it."""
    return '"' + _utf8(text).replace('"', '""') + '"' if set(text) & set(',"\r\n') else _utf8(text)


def _json(text: str) -> str:
    return json.dumps(_utf8(text))


def _utf8(text: str) -> str:
    """A path that is no text, with what is none escaped: every program can read the rows."""
    return text.encode("utf-8", "backslashreplace").decode()


CSV = {
    "index": Layout("index,label,probability,doubts\n", "%d,%s,%.6f,%s\n", "", _csv, " ".join),
    "path": Layout("path,label,probability,error,doubts\n", "%s,%s,%.6f,,%s\n", "%s,,,%s,\n", _csv, " ".join),
}
JSON_LINES = {
    "index": Layout("", '{"index": %d, "label": %s, "probability": %.6f, "doubts": %s}\n', "", _json, json.dumps),
    "path": Layout(
        "",
        '{"path": %s, "label": %s, "probability": %.6f, "error": null, "doubts": %s}\n',
        '{"path": %s, "label": null, "probability": null, "error": %s, "doubts": []}\n',
        _json,
        json.dumps,
    ),
}
LAYOUTS = {".csv": CSV, ".jsonl": JSON_LINES, ".parquet": CSV}  # by what the output's name ends with


def layout(out: Path, column: str) -> Layout:
    """How the rows of an output look, whose items are called by "index" or by "path".

    Raises UsageError on a suffix that is none of LAYOUTS, MissingCapability on Parquet without pyarrow.
    """
    if out.suffix not in LAYOUTS:
        raise unknown("kind of output", out.suffix or out.name, LAYOUTS)
    if out.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingCapability(
            "Parquet is written by pyarrow: pip install 'edgedigits[parquet]', with a network, or name a .csv file."
        )
    return LAYOUTS[out.suffix][column]


@dataclass(frozen=True)
class Plan(Record):
    """What the rows of an output depend on: a run of another plan does not go on with it."""

    model_sha256: str
    input: str
    dark_ink: bool
    batch_size: int
    shard: str


@dataclass(frozen=True)
class Journal(Record):
    """What counts of an unfinished output: items, those unreadable or doubtful, bytes, and the SHA-256 of the ids."""

    plan: Plan
    items: int = 0
    errors: int = 0
    doubts: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    ids_sha256: str = hashlib.sha256().hexdigest()


class Output:
    """An output while it is written; `journal` counts what was appended.

    Raises UsageError where the output exists already, is unfinished and not to be resumed, was begun
    with another plan, or is being written by another process; DataError where its journal does not
    fit; MissingCapability where it cannot be written.
    """

    def __init__(self, path: Path, plan: Plan, header: str, resume: bool = False) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")
        self.record = path.with_name(f"{path.name}.journal")
        self._require_absent()
        with files.writing(path.parent):
            self._file = self._open(resume)
            try:
                if not flock.taken(self._file):
                    raise UsageError(f"{path}: another process is writing it.")
                self.journal = self._recall(plan)
                self._file.seek(self.journal.size)
                self._file.truncate()
            except BaseException:
                self._close()
                raise
        self._ids = hashlib.sha256()
        self._columns = header.strip().split(",")
        if not self.journal.size:
            self._commit()  # before anything is written: rows without a journal are not ours
            self._write(header.encode(), self.journal)
        self._committed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def remaining(self, groups: Iterator[Ids]) -> Iterator[Ids]:
        """The groups of items that are not done. Raises DataError unless those that are done come first."""
        done = 0
        while done < self.journal.items and (ids := next(groups, None)):
            self._ids.update(repr(ids).encode())
            done += len(ids)
        if (done, self._ids.hexdigest()) != (self.journal.items, self.journal.ids_sha256):
            raise DataError(
                f"{self.path}: the earlier run scored other items than are there now. "
                f"Remove {self.partial} to begin anew."
            )
        return groups

    def append(self, batch: Batch, rows: bytes, doubts: Sequence[Sequence[str]] = ()) -> Journal:
        """Write the rows of the next batch, whose items have those doubts, and from time to time the journal."""
        self._ids.update(repr(batch.ids).encode())
        items, errors = self.journal.items + len(batch.ids), self.journal.errors + len(batch.errors)
        found = Counter(self.journal.doubts) + Counter(itertools.chain.from_iterable(doubts))
        ids = self._ids.hexdigest()
        self._write(rows, replace(self.journal, items=items, errors=errors, doubts=dict(found), ids_sha256=ids))
        if time.monotonic() - self._committed >= COMMIT_SECONDS:
            self._commit()
        return self.journal

    def finish(self) -> None:
        """Make the output of all rows."""
        self._commit()
        self._close()
        self._require_absent()
        if self.path.suffix == ".parquet":
            with files.staged(self.path.parent) as stage:
                _write_parquet(self.partial, stage / self.path.name, self._columns)
                for done in (self.partial, self.record):
                    files.remove_with(stage, done.name)
        else:
            files.publish(self.partial, self.path)
            self._forget()

    def _forget(self) -> None:
        with files.writing(self.path.parent):
            self.record.unlink(missing_ok=True)

    def _require_absent(self) -> None:
        files.recover(self.path.parent)
        if self.path.exists():
            if not self.partial.exists():
                self._forget()  # its run was killed before it could
            raise UsageError(f"{self.path}: exists already. Remove it, or name another output.")

    def _open(self, resume: bool) -> IO[bytes]:
        if not self.partial.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.record.unlink(missing_ok=True)  # of no rows, so of no use
            return self.partial.open("xb")
        if not resume:
            raise UsageError(f"{self.path}: an earlier run did not finish it. Add --resume, or remove {self.partial}.")
        return self.partial.open("r+b")

    def _recall(self, plan: Plan) -> Journal:
        """The journal of the earlier run; a new one where nothing is written yet."""
        size = os.fstat(self._file.fileno()).st_size
        if not self.record.exists() and not size:
            return Journal(plan)
        journal = Journal.read(self.record)
        if journal.plan != plan:
            begun, now = journal.plan.to_dict(), plan.to_dict()
            other = ", ".join(f"{name} {begun[name]}, now {now[name]}" for name in now if begun[name] != now[name])
            raise UsageError(f"{self.path}: begun with {other}. Say the same again, or remove {self.partial}.")
        if size < journal.size:
            raise DataError(f"{self.partial}: shorter than {self.record} says. Remove it to begin anew.")
        return journal

    def _write(self, rows: bytes, journal: Journal) -> None:
        try:
            with files.writing(self.path.parent):
                self._file.write(rows)
        except BaseException:
            self._close()  # so that no later rows are written behind a gap
            raise
        self.journal = replace(journal, size=journal.size + len(rows))

    def _close(self) -> None:
        with suppress(OSError):  # a full disk: of rows that the journal does not count
            self._file.close()

    def _commit(self) -> None:
        """Rows first: the journal never counts what the disk has not."""
        with files.writing(self.path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
        files.write_text(self.record, self.journal.to_json())
        self._committed = time.monotonic()


def _write_parquet(rows: Path, out: Path, columns: list[str]) -> None:
    """Turn CSV rows into Parquet, a block at a time."""
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    types = {"index": pyarrow.int64(), "probability": pyarrow.float64()}
    conversion = pyarrow.csv.ConvertOptions(
        column_types={name: types.get(name, pyarrow.string()) for name in columns},
        null_values=[""],
        strings_can_be_null=True,
    )
    reader = pyarrow.csv.open_csv(
        rows,
        read_options=pyarrow.csv.ReadOptions(block_size=PARQUET_BLOCK, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=conversion,
    )
    with reader, pyarrow.parquet.ParquetWriter(out, reader.schema) as writer:
        for block in reader:
            writer.write_batch(block)
