"""What `bench` measures and says. Times are made up, but for their presence: a busy machine fails no test here."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from edgedigits import bench as run_bench
from edgedigits.bench import bench
from edgedigits.bench.bench import BATCH, TORCH, Benchmark, BenchRow, Contestant, Times, compare, measure, slower, timed
from edgedigits.cli import bench as cli_bench
from edgedigits.cli import tables
from edgedigits.data.dataset import Dataset, Split
from edgedigits.errors import BadInput, CheckpointError, ModelFileError
from edgedigits.export.formats import CONTAINERS, get_format
from edgedigits.records.arrays import Images, Scores
from edgedigits.records.progress import Progress
from edgedigits.runtime import predictor as runtime_predictor
from edgedigits.runtime.load import load
from edgedigits.runtime.predictor import Predictor, Session, latency_us
from edgedigits.system import files
from edgedigits.system.processors import Load
from tests.helpers import FORMAT_NAMES, keep

ROW = BenchRow(
    "fc", "onnx", "fc.onnx", "ab", 1000, 0.98, 0, latency_us=10.0, latency_p99_us=20.0, images_per_second=1e6
)
MODEL = dataclasses.replace(ROW, format=TORCH, path="model.safetensors", size_bytes=2000, latency_us=40.0)


def row(**changes: object) -> BenchRow:
    """The row of an int8 file, as good as its float file but for the changes."""
    return dataclasses.replace(ROW, format="onnx-int8", path="fc.int8.onnx", **changes)  # type: ignore[arg-type]


FEWER = {"ROUNDS": 2, "CALLS": 3, "LARGE_CALLS": 1, "WARM_UP": 1}  # calls: what they take is not looked at


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in FEWER.items():
        monkeypatch.setattr(bench, name, count)


@pytest.fixture(scope="module")
def every_format(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fc` in every format, alone."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(exports / "fc-tiny", folder / "fc-tiny")
    return folder


@pytest.fixture(scope="module")
def result(every_format: Path, runs: Path, digits: Dataset) -> Benchmark:
    with pytest.MonkeyPatch.context() as patch:
        for name, count in FEWER.items():
            patch.setattr(bench, name, count)
        return run_bench(exports=every_format, runs=runs, dataset=digits)


@pytest.mark.lengthy
def test_the_torch_model_and_every_format_have_a_row(result: Benchmark) -> None:
    assert [found.format for found in result.rows] == [TORCH, *sorted(FORMAT_NAMES)]
    assert (result.dataset, result.samples, result.threads, result.batch) == ("tiny", 60, 1, 256)
    assert result.calls == 2 * 3


def test_rows_tell_size_accuracy_and_flips(result: Benchmark, runs: Path, digits: Dataset) -> None:
    wanted = load(runs / "fc-tiny")(digits.test.images)[0].argmax(1)
    for found in result.rows:
        answers = load(runs / "fc-tiny" if found.format == TORCH else found.path)(digits.test.images)[0].argmax(1)
        assert found.size_bytes == Path(found.path).stat().st_size
        assert found.accuracy == (answers == digits.test.labels).mean()
        assert found.flips == (answers != wanted).sum()
    assert result.rows[0].path == str(runs / "fc-tiny" / "model.safetensors")


def test_every_row_is_timed_and_compared(result: Benchmark) -> None:
    for found in result.rows:
        assert 0 < found.latency_us <= found.latency_p99_us
        assert found.images_per_second > 0
        assert found.to_torch is not None
        assert (found.to_float is None) == (found.format == TORCH)


def test_all_is_measured_on_one_thread(runs: Path, every_format: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    monkeypatch.setattr(Predictor, "seconds", lambda *_: seen.add(torch.get_num_threads()) or [1.0, 1.0])
    before = torch.get_num_threads()
    run_bench([every_format / "fc-tiny" / "fc-tiny.onnx"], runs=runs)
    assert seen == {1}
    assert torch.get_num_threads() == before


def test_models_come_one_by_one_and_named_files_alone(exports: Path, runs: Path) -> None:
    named = [
        exports / name / f"{name}{suffix}" for suffix in (".int8.onnx", ".onnx") for name in ("fc-tiny", "cnn-tiny")
    ]
    found = run_bench(named, runs=runs)
    assert [(row.name, row.format) for row in found.rows] == [
        (name, format_name) for name in ("fc-tiny", "cnn-tiny") for format_name in (TORCH, "onnx", "onnx-int8")
    ]
    assert found.samples == 60


def test_an_int8_file_alone_is_compared_with_the_torch_model_alone(exports: Path, runs: Path) -> None:
    rows = run_bench([exports / "fc-tiny" / "fc-tiny.int8.onnx"], runs=runs).rows
    assert [(row.format, row.to_torch is None, row.to_float is None) for row in rows] == [
        (TORCH, False, True),
        ("onnx-int8", False, True),
    ]


def test_times_become_median_percentile_and_throughput() -> None:
    spent = Times(alone=[*[2e-6] * 50, *[4e-6] * 50, 100e-6], large=[1e-3, 2e-3, 9e-3])
    found = timed(ROW, spent)
    assert found.latency_us == pytest.approx(4)
    assert found.latency_p99_us == pytest.approx(1e6 * np.quantile(spent.alone, 0.99))
    assert found.images_per_second == pytest.approx(BATCH / 2e-3)


def test_ratios_are_to_the_torch_model_and_the_float_file_of_the_same_checkpoint() -> None:
    int8 = row(size_bytes=250, latency_us=5.0, latency_p99_us=30.0, images_per_second=4e6)
    other = dataclasses.replace(int8, checkpoint_sha256="cd")
    model, plain, quantized, alone = compare([MODEL, ROW, int8, other])
    assert (alone.to_torch, alone.to_float) == (None, None)
    assert model.to_torch is not None
    assert list(model.to_torch.to_dict().values()) == [1, 1, 1, 1]
    assert model.to_float is None
    assert plain.to_torch is not None
    assert list(plain.to_torch.to_dict().values()) == [0.5, 0.25, 1, 1]
    assert quantized.to_float is not None
    assert list(quantized.to_float.to_dict().values()) == [0.25, 0.5, 1.5, 4]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, ""),
        ({"latency_us": 10.4}, ""),
        ({"images_per_second": 0.97e6}, ""),
        ({"latency_us": 13.0}, "1.30 times as long for an image."),
        ({"images_per_second": 0.5e6}, "2.00 times as long for a batch of 256."),
        (
            {"latency_us": 13.0, "images_per_second": 0.5e6},
            "1.30 times as long for an image and 2.00 times as long for a batch of 256.",
        ),
    ],
)
def test_an_int8_file_slower_than_its_float_file_is_told(changes: dict[str, float], sentence: str) -> None:
    found = slower(compare([MODEL, ROW, row(**changes)]))
    assert found == ([f"fc.int8.onnx is slower than its onnx file: {sentence}"] if sentence else [])


def test_the_table_shows_every_figure_and_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    rows = compare([MODEL, ROW, row(latency_us=15.0)])
    versions = {"torch": "2.15.0"}
    result = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", versions, tuple(rows), tuple(slower(rows)))
    tables.print_table(cli_bench.benchmark(result))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2 * (1 + 3 + 1) + 2
    assert lines[3] == "fc onnx-int8 15.0 20.0 1,000,000 1.0 kB 98.00% 0"
    assert lines[8] == "fc onnx-int8 0.38 1.00 1.00 0.50 1.50 1.00 1.00 1.00"
    assert "fc.int8.onnx is slower than its onnx file: 1.50 times" in lines[10]
    assert "1 thread" in lines[11]
    assert "10,000 test images of mnist" in lines[11]


def test_the_table_of_files_alone_has_dashes_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    rows = compare([dataclasses.replace(ROW, flips=None), row(flips=None)])
    result = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {}, tuple(rows), ())
    tables.print_table(cli_bench.benchmark(result))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "fc onnx 10.0 20.0 1,000,000 1.0 kB 98.00% -"
    assert lines[6] == "fc onnx-int8 - - - - 1.00 1.00 1.00 1.00"
    assert lines[8] == "fc: its model is not at hand, so its files are measured alone"
    assert len(lines) == 2 * (1 + 2 + 1) + 2


def test_where_nothing_is_compared_there_is_no_table_of_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    result = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {}, (row(flips=None),), ())
    tables.print_table(cli_bench.benchmark(result))
    assert "ratio to" not in capsys.readouterr().out


@pytest.mark.parametrize(("busy", "told"), [(None, False), (0.1, False), (1.25, True)])
def test_a_machine_that_others_kept_busy_is_told(
    busy: float | None, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    result = Benchmark("mnist", 10_000, 1, 256, 2_000, "x86_64", {}, (row(flips=None),), (), busy)
    tables.print_table(cli_bench.benchmark(result))
    assert ("the machine was busy while this was measured" in capsys.readouterr().out) == told
    assert ("busy" in result.to_dict()) == (busy is not None)


@pytest.mark.parametrize("load", [Load(2, 0.5), None])
def test_the_processors_are_looked_at_between_rounds(load: Load | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "look", lambda _: load)
    loads: list[Load] = []
    assert measure([], loads=loads) == []
    assert loads == ([load] * bench.ROUNDS if load else [])


def test_rounds_are_interleaved_and_reported() -> None:
    order: list[tuple[str, int]] = []

    def predictor(name: str) -> Predictor:
        def run(images: Images) -> tuple[Scores, Scores]:
            order.append((name, len(images)))
            return np.zeros((1, 10), np.float32), np.zeros((1, 10), np.float32)

        return Predictor(None, Session(run))  # type: ignore[arg-type]

    events: list[Progress] = []
    measure([Contestant(ROW, predictor(name)) for name in "ab"], events.append)
    turn = [[(name, 1)] * (1 + 3) + [(name, BATCH)] * (1 + 1) for name in "ab"]
    assert order == (turn[0] + turn[1]) * 2
    assert [(event.done, event.total) for event in events] == [(0, 2), (1, 2), (2, 2)]


def test_the_latency_of_one_file_is_a_median_in_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_predictor, "WARM_UP", 1)
    monkeypatch.setattr(Predictor, "seconds", lambda *_: [9.0, 1e-6, 3e-6, 5e-6])  # the first is warm-up
    assert latency_us(Predictor(None, None)) == pytest.approx(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_a_damaged_file_is_bad_input_that_names_it(
    format_name: str, every_format: Path, runs: Path, tmp_path: Path
) -> None:
    suffix = get_format(format_name).suffix
    path = tmp_path / f"fc-tiny{suffix}"  # without a manifest, so that the file itself is looked at
    content = (every_format / "fc-tiny" / f"fc-tiny{suffix}").read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match=path.name):
        run_bench([path], runs=runs)


def test_a_file_that_changed_since_its_manifest_is_bad_input(every_format: Path, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(every_format / "fc-tiny", tmp_path / "fc-tiny")
    path = tmp_path / "fc-tiny" / "fc-tiny.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=f"{path} changed since"):
        run_bench([path], runs=runs)


def test_a_file_whose_contract_is_not_its_checkpoints_is_named(runs: Path, every_format: Path, tmp_path: Path) -> None:
    path = tmp_path / "fc-tiny.onnx"
    path.write_bytes((every_format / "fc-tiny" / "fc-tiny.int8.onnx").read_bytes())
    with pytest.raises(ModelFileError, match=rf"^{path}: contract: its format is 'onnx-int8'"):
        run_bench([path], runs=runs)


def test_a_file_with_neither_checkpoint_nor_manifest_is_named(every_format: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(every_format / "fc-tiny" / "fc-tiny.onnx", tmp_path))
    with pytest.raises(CheckpointError, match=f"^{path}: its checkpoint .* is not in {tmp_path}"):
        run_bench([path], runs=tmp_path)


def require_alone(result: Benchmark, images: Split) -> None:
    """Both files of `two_files` are measured, and nothing is said of their torch model."""
    assert [found.format for found in result.rows] == ["onnx", "onnx-int8"]
    assert (result.dataset, result.samples) == ("tiny", len(images))
    for found in result.rows:
        assert found.accuracy == (load(found.path)(images.images)[0].argmax(1) == images.labels).mean()
        assert found.latency_us > 0
        assert (found.flips, found.to_torch) == (None, None)
        assert found.to_float is not None
    assert Benchmark.from_json(result.to_json()) == result


def two_files(exports: Path) -> list[Path]:
    return [exports / "fc-tiny" / f"fc-tiny{suffix}" for suffix in (".int8.onnx", ".onnx")]


def test_without_its_checkpoint_a_file_is_measured_alone(exports: Path, tmp_path: Path, digits: Dataset) -> None:
    require_alone(run_bench(two_files(exports), runs=tmp_path, dataset=digits), digits.test)


def test_without_torch_a_file_is_measured_alone(
    exports: Path, runs: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    require_alone(run_bench(two_files(exports), runs=runs, dataset=digits), digits.test)


def test_a_file_alone_may_be_measured_on_any_images(exports: Path, tmp_path: Path, digits: Dataset) -> None:
    """Where nothing is compared with what the manifest recorded, it need not be of the same images."""
    half = Split(digits.test.images[::2], digits.test.labels[::2])
    other = dataclasses.replace(digits, ref=dataclasses.replace(digits.ref, sha256="ab" * 32), test=half)
    require_alone(run_bench(two_files(exports), runs=tmp_path, dataset=other), half)


def test_beside_files_alone_others_are_compared(exports: Path, runs: Path, tmp_path: Path, digits: Dataset) -> None:
    shutil.copytree(runs / "fc-tiny", tmp_path / "fc-tiny")
    named = [exports / name / f"{name}.onnx" for name in ("cnn-tiny", "fc-tiny")]
    rows = run_bench(named, runs=tmp_path, dataset=digits).rows
    assert [(row.name, row.format, row.flips) for row in rows] == [
        ("cnn-tiny", "onnx", None),
        ("fc-tiny", TORCH, 0),
        ("fc-tiny", "onnx", 0),
    ]


def test_nothing_to_measure_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no exported files here"):
        run_bench(exports=tmp_path)


def test_a_result_is_json(result: Benchmark) -> None:
    assert Benchmark.from_json(result.to_json()) == result
    assert json.loads(result.to_json())["rows"][0]["format"] == TORCH


def test_measuring_writes_nothing(exports: Path, runs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exports / "fc-tiny", tmp_path / "fc-tiny"))
    keep(folder, *CONTAINERS)  # the plain format of each has its name
    before = {path: files.sha256(path) for path in tmp_path.rglob("*") if path.is_file()}
    run_bench(exports=tmp_path, runs=runs)
    assert {path: files.sha256(path) for path in tmp_path.rglob("*") if path.is_file()} == before
