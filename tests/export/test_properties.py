"""Properties that hold for any input, not only for those that somebody thought of (hypothesis)."""

import dataclasses
import io
import json
import struct
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedigits.cli import main
from edgedigits.data import idx, images, published
from edgedigits.errors import DataError, EdgeDigitsError, RecordError
from edgedigits.records.artifact import Artifact, Contract, Manifest, TensorInfo
from edgedigits.records.model import ModelSpec, Recipe
from edgedigits.records.network import INKS, Input, Layer, Network
from edgedigits.records.record import Record
from edgedigits.records.report import Limits, ParityReport
from edgedigits.runtime.safety import messages
from tests.helpers.documents import valid
from tests.helpers.networks import EVERYTHING, fc

settings.register_profile("here", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("here")
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1)
PLAIN_NAMES = NAMES.filter(lambda name: name not in (".", "..") and len(name.encode()) <= 255)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"))
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
LIMITS = st.builds(
    Limits,
    max_flips=st.none() | st.integers(0, 10**6),
    max_drop=st.none() | st.floats(0, 1),
    max_logit_diff=st.none() | st.floats(0, 1e9),
)
RECORDS = st.one_of(
    st.builds(
        lambda spec, labels, seen: ModelSpec(dataclasses.replace(spec.network, input=seen)).with_labels(labels),
        st.lists(st.integers(1, 10**4), max_size=4).map(lambda hidden: fc(*hidden)),
        st.lists(TEXT, min_size=2, unique=True).map(tuple),
        st.builds(Input, mean=FINITE, std=st.floats(1e-6, 1e6), ink=st.sampled_from(INKS), turned=st.booleans()),
    ),
    st.sampled_from(EVERYTHING.layers),
    st.builds(
        Recipe,
        epochs=st.integers(1, 10**6),
        batch_size=st.integers(1, 10**6),
        lr=st.floats(1e-9, 1e3),
        optimizer=st.sampled_from(("adam", "adamw")),
        betas=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
        weight_decay=st.floats(0, 1),
        schedule=st.sampled_from(("constant", "one-cycle")),
        shift=st.integers(0, 8),
        precision=st.sampled_from(("float32", "bfloat16", "auto")),
        validation=st.floats(0, 0.5),
        seed=st.integers(0, 2**63 - 1),
    ),
    st.builds(
        Artifact,
        name=PLAIN_NAMES,
        format=TEXT,
        file=PLAIN_NAMES,
        size_bytes=st.integers(0),
        sha256=HASHES,
        checkpoint_sha256=HASHES,
        opset=st.none() | st.integers(),
        versions=st.dictionaries(TEXT, TEXT),
        folder=st.just(Path()),
    ),
    st.builds(TensorInfo, TEXT, TEXT, st.lists(st.integers(0)).map(tuple), st.integers(0)),
    st.builds(
        ParityReport,
        name=TEXT,
        format=TEXT,
        path=TEXT,
        sha256=HASHES,
        size_bytes=st.integers(0),
        accuracy=st.none() | FINITE,
        by_class=st.lists(st.none() | FINITE).map(tuple),
        flip_answers=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))).map(tuple),
        limits=LIMITS,
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
READERS = (ModelSpec, Network, Layer, Recipe, Artifact, Manifest, Contract, ParityReport)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert type(record).from_json(record.to_json()) == record
    assert type(record).from_json(record.to_line()) == record


@given(RECORDS, st.data())
def test_a_record_with_a_field_replaced_is_read_or_refused(record: Record, chosen: st.DataObject) -> None:
    document = record.to_dict()
    document[chosen.draw(st.sampled_from(sorted(document)))] = chosen.draw(JSON)
    try:
        found = type(record).from_json(json.dumps(document))
    except RecordError:
        return
    found.to_json().encode()  # what is read can be written


@given(st.sampled_from(READERS), JSON.map(json.dumps) | st.text() | st.binary())
@example(Contract, "[" * 100_000)
@example(Contract, '{"format": "\\ud800"}')
@example(Contract, "1" * 10_000)
@example(Contract, "1e999")
def test_any_text_is_a_record_or_a_record_error(kind: type[Record], text: str | bytes) -> None:
    with suppress(RecordError):
        assert isinstance(kind.from_json(text), kind)


@given(
    st.one_of(st.sampled_from(("", ".", "..")), st.builds("{}{}{}".format, TEXT, st.sampled_from("/\\\0\ud800"), TEXT))
)
def test_a_name_that_leads_elsewhere_names_no_file(name: str) -> None:
    with pytest.raises(ValueError, match="a name without folders wanted"):
        Artifact(
            name="fc", format="onnx", file=name, size_bytes=0, sha256="", checkpoint_sha256="", opset=None, versions={}
        )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3), st.binary(max_size=1000))
def test_an_idx_file_is_as_large_as_it_says_or_refused(shape: list[int], content: bytes) -> None:
    raw = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + content
    if len(content) == np.prod(shape):
        assert idx.parse_idx(raw, "x").shape == tuple(shape)
        assert idx.parse_idx(raw, "x").tobytes() == content
    else:
        with pytest.raises(DataError, match="its header declares"):
            idx.parse_idx(raw, "x")


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\0\0\x08\x03" + tail))
@example(b"\0\0\x08\x03" + b"\xff" * 12)  # 2^96 pixels
def test_any_bytes_are_an_idx_file_or_refused(raw: bytes) -> None:
    with suppress(DataError):
        assert idx.parse_idx(raw, "x").nbytes < len(raw)


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.sampled_from(("L", "RGB", "RGBA", "1", "P", "LA", "I;16")),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_image_of_any_size_and_mode_becomes_28_by_28(
    tmp_path: Path, width: int, height: int, mode: str, dark_ink: bool
) -> None:
    Image.new(mode, (width, height)).save(tmp_path / "image.png")
    image = images.read_image(tmp_path / "image.png", dark_ink=dark_ink)
    assert (image.shape, image.dtype) == ((28, 28), np.uint8)


COMMANDS = ("models", "inspect", "verify", "bench", "export", "data", "train", "--version", "nothing")
OPTIONS = (
    "--json",
    "--trust",
    "--thorough",
    "--html",
    "--runs",
    "--exports",
    "--max-flips",
    "--max-drop",
    "--nope",
    "-h",
)
VALUES = ("mnist", "fc", "a.onnx", "a.pt2", "b.torchscript.pt", ".", "-1", "0", "1e999", "nan", "--", "", "\0", "é")
LINES = st.builds(
    lambda command, rest: [command, *rest],
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(OPTIONS) | st.sampled_from(VALUES) | st.text(max_size=20), max_size=4),
)


@given(words=LINES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_command_line_ends_with_a_known_exit_code(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with a file that is no model, and without data: nothing that takes long can begin."""
    assume(not any("/" in word or "\\" in word or "~" in word for word in words))  # stay here
    for name in ("a.onnx", "a.pt2", "b.torchscript.pt"):
        (tmp_path / name).write_bytes(b"no model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path / "no-data"))
    monkeypatch.setattr(published, "fetch", no_network)
    monkeypatch.setattr(sys, "argv", ["edgedigits", *words])
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main.main()
            code: object = 0
        except SystemExit as leaving:
            code = leaving.code or 0
    assert code in (0, 1, 2, 3, 4), (words, err.getvalue())
    assert "Traceback" not in err.getvalue()
    if code == 0 and "--json" in words and "-h" not in words:
        valid(words[0], out.getvalue())


def no_network(*_: object) -> None:
    raise DataError("there is no network in this test")


@given(
    st.dictionaries(TEXT.filter(lambda name: name != "arrays"), st.integers()),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))),
)
def test_messages_and_arrays_arrive_as_they_were_sent(message: dict[str, int], shapes: list[tuple[int, int]]) -> None:
    arrays = [np.arange(rows * columns, dtype=np.float32).reshape(rows, columns) for rows, columns in shapes]
    pipe = io.BytesIO()
    messages.send(pipe, message, arrays)
    pipe.seek(0)
    found, received = messages.receive(pipe)
    assert found == message
    for sent, arrived in zip(arrays, received, strict=True):
        np.testing.assert_array_equal(sent, arrived)


@given(st.binary(max_size=200))
@example(b"\x1e\0\0\0" + b'{"arrays": [["O", [1]]]}      ')
@example(b"\x2a\0\0\0" + b'{"arrays": [["uint8", [1000000, 1000000]]]}'[:42])
def test_nonsense_in_a_pipe_is_an_error_that_is_expected(content: bytes) -> None:
    try:
        messages.receive(io.BytesIO(content))
    except (EOFError, ValueError, KeyError, TypeError, AttributeError):
        return
    except EdgeDigitsError:
        pytest.fail("no error of ours belongs here")


@given(LIMITS, LIMITS)
def test_limits_are_replaced_field_by_field(limits: Limits, changes: Limits) -> None:
    from edgedigits.verify.limits import replaced

    found = replaced(limits, changes)
    for field in dataclasses.fields(Limits):
        mine, theirs = getattr(limits, field.name), getattr(changes, field.name)
        assert getattr(found, field.name) == (mine if theirs is None else theirs)
