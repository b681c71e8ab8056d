"""What people and programs see: nothing cut, nothing taken for markup, one JSON document."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from edgedigits.bench import figures
from edgedigits.bench.bench import Benchmark
from edgedigits.bench.figures import Measured, Measurement
from edgedigits.cli import export, inference, tables, train, verdict
from edgedigits.cli.verdict import verification
from edgedigits.data.published import FileStatus
from edgedigits.inference.predict import Prediction, Predictions
from edgedigits.models.checkpoint import read_checkpoint
from edgedigits.models.presets import PRESETS, RECORDS
from edgedigits.records.artifact import Artifact
from edgedigits.records.model import Recipe
from edgedigits.records.progress import Progress
from edgedigits.records.report import ANSWERS, OTHER_FILE, RECORDED, Limits, ParityReport, Robustness, Verification
from edgedigits.records.words import describe, size
from edgedigits.verify.references import NO_TORCH

RECIPE = Recipe(epochs=5, batch_size=64, lr=1e-3)
PASSED = ParityReport(
    name="fc",
    format="onnx",
    path="exports/fc/fc.onnx",
    sha256="ab" * 32,
    size_bytes=160_700,
    dataset="mnist",
    samples=10_000,
    reference_accuracy=0.98,
    accuracy=0.979,
    interval=(0.976, 0.982),
    flips=12,
    lost=11,
    gained=1,
    mcnemar_p=0.0063,
    max_abs_diff=0.0042,
    passed=True,
)
WRONG = dataclasses.replace(
    PASSED, path="b.onnx", passed=False, max_abs_diff=None, worst_image=3, failures=("flips: 12", "cause: x")
)
UNREADABLE = ParityReport("c", "onnx", "c.onnx", "", 0, failures=("file: c.onnx is missing.",), readable=False)


def text(table: RenderableType, width: int = 200) -> str:
    """What a table looks like without colour."""
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def rows(table: RenderableType) -> list[list[str]]:
    return [line.split() for line in text(table).splitlines()]


def test_json_is_one_document_that_any_pipe_can_carry(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_json({"path": "läufe/fc…"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"path": "läufe/fc…"}
    with pytest.raises(ValueError, match="not JSON compliant"):  # rather than print what no reader takes
        tables.print_json({"loss": float("nan")})


@pytest.mark.parametrize("name", ["x" * 300, "runs [old]", "[/bold]", ":smile:"])
def test_a_piped_table_holds_each_path_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = Artifact("fc", "onnx", "fc.onnx", 1, "ab" * 32, "", 17, {}, folder=Path(name))
    tables.print_table(export.exported([artifact], {}))
    out = capsys.readouterr().out
    assert str(artifact.path) in out
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_says_no(
    no_color: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if stdout were a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_color is None:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", no_color)
    tables.print_table(train.status_table([FileStatus("mnist", Path("a"), "damaged", "")]))
    assert ("\x1b[1;31m" in capsys.readouterr().out) == coloured


EVENT = Progress("", 3, 10, {"loss": 0.25, "accuracy": 0.5, "images_per_second": 12_345.6})


def test_progress_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    with tables.progress("train [fc]") as observer:
        observer(EVENT)
    captured = capsys.readouterr()
    for words in ("train [fc]", "loss 0.2500", "accuracy 50.00%", "12,346 images/s"):
        assert words in captured.err
    assert captured.out == ""


def test_progress_is_silent_where_another_process_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with tables.progress("train fc", shown=False) as observer:
        observer(EVENT)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_silent_where_nothing_can_move(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
    with tables.progress("train fc") as observer:
        observer(EVENT)
    assert capsys.readouterr() == ("", "")


def test_the_training_table_shows_what_was_reached(runs: Path) -> None:
    run = read_checkpoint(runs / "fc-tiny")
    (_, row) = rows(train.training([run]))
    accuracies = [f"{value:.2%}" for value in (run.metrics.test_accuracy, run.metrics.train_accuracy)]
    assert row == ["fc", *accuracies, "tiny", "12", f"{run.metrics.train_seconds:.1f}", "cpu", f"{run.folder}/"]


def test_the_verdict_table_compares_both_side_by_side() -> None:
    table = verification(Verification(True, "mnist", 10_000, (PASSED,)))
    _, row, verdict = text(table).splitlines()
    assert row.split() == "exports/fc/fc.onnx passed 12 98.00% 97.90% 0.30 11 1 0.0063 4.2e-03 160.7 kB".split()  # noqa: SIM905
    assert verdict == "passed: 1 file, 10,000 test images of mnist"


def test_every_failure_stands_below_the_table_with_its_file() -> None:
    table = verification(Verification(False, "mnist", 10_000, (PASSED, WRONG, UNREADABLE)))
    lines = text(table).splitlines()
    assert lines[2].split()[:2] == ["b.onnx", "FAILED"]
    assert lines[2].endswith("not finite  160.7 kB")
    assert lines[3].split() == ["c.onnx", "FAILED", *"--------", "0", "B"]
    assert lines[4:] == [
        "b.onnx",
        "  flips: 12",
        "b.onnx",
        "  cause: x",
        "c.onnx",
        "  file: c.onnx is missing.",
        "FAILED: 2 of 3 files",
    ]


RECORDED_ONLY = dataclasses.replace(
    PASSED,
    compared_with=RECORDED,
    missing=NO_TORCH,
    unchecked=("max-flips", "max-logit-diff"),
    **dict.fromkeys(("flips", "lost", "gained", "mcnemar_p", "max_abs_diff")),
)


def test_the_verdict_says_what_was_compared_with_what_and_what_was_not_checked() -> None:
    words = "compared with the accuracies that the manifests recorded, not answer by answer; not checked: flips, logits"
    lines = text(verification(Verification(True, "mnist", 10_000, (RECORDED_ONLY,)))).splitlines()
    assert lines[-1] == f"passed: 1 file, 10,000 test images of mnist; {words}"
    assert lines[-2] == "exports/fc/fc.onnx: torch is not installed here"
    mixed = text(verification(Verification(True, "mnist", 10_000, (RECORDED_ONLY, PASSED)))).splitlines()
    assert mixed[-1] == f"passed: 2 files, 10,000 test images of mnist; 1 of them {words}"


def test_the_verdict_says_whose_answers_were_compared_and_how_many_of_them() -> None:
    answers = dataclasses.replace(PASSED, compared_with=ANSWERS, missing=NO_TORCH, samples=500, sampled_from=10_000)
    lines = text(verification(Verification(True, "mnist", 500, (answers,), sampled_from=10_000))).splitlines()
    assert lines[-2] == "exports/fc/fc.onnx: torch is not installed here"
    assert lines[-1] == (
        "passed: 1 file, 500 of 10,000 test images of mnist; compared answer by answer with what export recorded of "
        "their models"
    )


def test_of_a_file_of_somebody_else_the_verdict_says_how_it_was_read_and_what_is_unusual() -> None:
    theirs = dataclasses.replace(
        PASSED,
        compared_with=OTHER_FILE,
        against="other.onnx",
        reading="0..1, nchw",
        compared_as="probabilities",
        remarks=("it takes 1 image a call",),
    )
    shown = verification(Verification(True, "mnist", 10_000, (theirs,), against="other.onnx"))
    first, *_, read, remark, last = text(shown).splitlines()
    assert "other" in first.split()
    assert "torch" not in first.split()
    assert read == "exports/fc/fc.onnx: input read as 0..1, nchw, its probabilities compared"
    assert remark == "exports/fc/fc.onnx: it takes 1 image a call"
    assert last == "passed: 1 file, 10,000 test images of mnist; compared with other.onnx"


def test_the_verdict_says_where_the_test_split_is_too_small_for_the_limit() -> None:
    small = [dataclasses.replace(PASSED, samples=100, limits=Limits(max_drop=limit)) for limit in (0.002, 0.005)]
    last = text(verification(Verification(True, "tiny", 100, tuple(small)))).splitlines()[-1]
    assert last == (
        "passed: 2 files, 100 test images of tiny; the test split is too small for max-drop 0.2: it needs at least 500 "
        "images, and here one may be lost"
    )
    enough = dataclasses.replace(PASSED, samples=500, limits=Limits(max_drop=0.002))
    assert "too small" not in text(verification(Verification(True, "tiny", 500, (enough,))))


def test_off_the_test_set_stands_how_many_images_of_a_kind_there_were_and_nothing_that_no_file_promises() -> None:
    found = (Robustness("inverted", 60, 4, 0.1, 0.2, 0.22), Robustness("thin", 60, 1, 0.1, 0.9, 0.93))
    more = (*found, Robustness("blank", 1, 0, 0.1, None, None))
    reports = (dataclasses.replace(PASSED, robustness=more), dataclasses.replace(WRONG, robustness=found))
    lines = [line.split() for line in text(verification(Verification(False, "m", 1, reports))).splitlines()]
    start = lines.index(["file", "60", "thin", "1", "blank"])
    assert " ".join(lines[start - 1]) == verdict.OFF_THE_TEST_SET.format("torch")
    assert lines[start + 1] == ["exports/fc/fc.onnx", "93.0%", "(1)", "(0)"]
    assert lines[start + 2] == ["b.onnx", "93.0%", "(1)"]


@pytest.mark.parametrize(
    ("probability", "threshold", "words"),
    [
        (0.88, 0.93, "no digit (would be 7 at 88%, needs 93%)"),
        (0.9264, 0.93, "no digit (would be 7 at 92.6%, needs 93.0%)"),
        (0.929999, 0.93, "no digit (would be 7 at 92.9999%, needs 93.0000%)"),
    ],
)
def test_no_digit_says_what_it_would_be_and_how_sure_that_had_to_be(
    probability: float, threshold: float, words: str
) -> None:
    found = Prediction("a.png", None, probability, {"1": 1 - probability, "7": probability})
    table = inference.predictions(Predictions("cnn.canvas.onnx", threshold, (found,)))
    assert rows(table)[1] == ["a.png", *words.split()]


def test_the_table_of_presets_shows_what_was_measured_and_what_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measurement("fc", "default", "mnist", 9, (0, 1), (0.97, 0.98), (0.99, 0.99), (4.0, 6.0), "x86_64")
    inference = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {}, ())
    monkeypatch.setattr(figures, "read_figures", lambda: Measured((measured,), inference))
    lines = text(train.models_table(), width=240).splitlines()
    assert len(lines) == 1 + sum(len(preset.recipes) for preset in {**PRESETS, **RECORDS}.values())
    assert lines[1].split()[:5] == ["fc", "default", "97.50%", "(n=2)", "5.0"]
    assert lines[1].split()[-4:] == ["784-50-10", "39,760", "uint8", "28x28"]
    assert all(line.split()[2:4] == ["not", "measured"] for line in lines[2:])
    (entry,) = train.models_json()["models"][0]["measured"]
    assert Measurement.from_dict(entry) == measured


def test_advice_stands_once_below_the_states() -> None:
    missing = [FileStatus("mnist", Path(name), "missing", "edgedigits data --fetch mnist") for name in "ab"]
    found = rows(train.status_table([*missing, FileStatus("mnist", Path("c"), "whole", "")]))
    states = [["a", "missing", "mnist"], ["b", "missing", "mnist"], ["c", "whole", "mnist"]]
    assert found[1:] == [*states, ["edgedigits", "data", "--fetch", "mnist"]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "adam 0.001, batch 64, 5 epochs"),
        ({"epochs": 1, "lr": 0.01}, "adam 0.01, batch 64, 1 epoch"),
        ({"optimizer": "adamw", "schedule": "one-cycle"}, "adamw 0.001, batch 64, 5 epochs, one-cycle"),
        ({"shift": 2}, "adam 0.001, batch 64, 5 epochs, shift 2"),
    ],
)
def test_a_recipe_in_a_few_words(changes: dict[str, object], expected: str) -> None:
    assert describe(dataclasses.replace(RECIPE, **changes)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (39_870, "39.9 kB"),
        (1_500_000, "1.5 MB"),
        (2 * 10**9, "2,000.0 MB"),
    ],
)
def test_a_size_is_in_decimal_units(count: int, expected: str) -> None:
    assert size(count) == expected
