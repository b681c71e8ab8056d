"""Tiny synthetic digits, and models trained on them: drawn here, so that the tests need no data set.

Fixtures of session scope are shared, by the workers of pytest-xdist too: a test that changes files copies them into
`tmp_path` first, or fails.

What a test needs beyond Python it says with a mark, `@pytest.mark.needs("node", "npm")`: where it is missing, the
test is skipped, with the command that brings it, and the closing lines sum these up. With EDGEDIGITS_TEST_ALL=1 every
skipped test is a failure instead, so that on the machine that must prove everything, nothing is skipped unseen.
"""

import contextlib
import functools
import gc
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from edgedigits.data import published
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.export.exporter import export
from edgedigits.export.onnx import framing
from edgedigits.records.arrays import Uint8Array
from edgedigits.records.artifact import MANIFEST, Manifest
from edgedigits.train.trainer import train
from edgedigits.verify import conditions
from tests.helpers import FEW_RUNS, TUTORIALS, forms_of, needs, shared

SHARED = ("runs", "exports")  # folders of all tests; of that name, a file of tests may have its own
LONGEST = (  # files that take minutes
    "embed/test_rust.py",
    "test_readme.py",
    "cli/test_cli.py",
    "verify/test_verify.py",
    "runtime/test_inspection.py",
    "adopt/test_strangers.py",
    "test_make.py",
    "adopt/test_adopt.py",
    "export/test_formats.py",
    "embed/test_embed.py",
    "adopt/test_onnx_files.py",
    "bench/test_bench.py",
    "runtime/test_engines.py",
    "embed/test_web.py",
    "train/test_distributed.py",
)
IMAGES_A_CLASS = 36  # every sixth is for the test: 300 to learn from, 60 to test on
BROWSER = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
FONT = {  # 5x7 glyphs, a row a string
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00010 00100 01000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
}


def draw(digit: str, rng: np.random.Generator) -> Uint8Array:
    """A digit as uint8 `[28, 28]`: a glyph, three pixels a dot, moved by up to 2 pixels, with noise."""
    glyph = np.array([[int(dot) for dot in row] for row in FONT[digit].split()], dtype=np.uint8)
    ink = np.kron(glyph, np.ones((3, 3), dtype=np.uint8)) * rng.integers(180, 256)
    image = rng.integers(0, 20, size=(28, 28))
    top, left = rng.integers(1, 6), rng.integers(4, 9)
    image[top : top + 21, left : left + 15] += ink
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session", autouse=True)
def _absolute_data_folder() -> None:
    """A relative EDGEDIGITS_DATA would point elsewhere once a test changes the folder."""
    if named := os.environ.get("EDGEDIGITS_DATA"):
        os.environ["EDGEDIGITS_DATA"] = str(Path(named).resolve())


@pytest.fixture(scope="session", autouse=True)
def _as_many_threads_whoever_is_busy_beside() -> None:
    """Tests train as if somebody had asked for torch's threads: their bytes must not depend on neighbours."""
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))


@pytest.fixture(scope="session", autouse=True)
def _as_wide_as_a_pipe() -> None:
    """The workers of pytest-xdist say 80 columns, which commands would take for a wish of the user's."""
    os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A test run in the background is born ignoring Ctrl-C, and so are the processes that it starts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _fewer_images_off_the_test_set() -> None:
    """As many of each condition are enough to test how they are compared."""
    conditions.SAMPLE = 40


@pytest.fixture(scope="session", autouse=True)
def _operators_are_listed_once() -> None:
    """torch lists those that it can export anew for each model, a third of its time: the list is the same each time.

    That the files are the same bytes as of a process that lists anew, `tests/export/test_formats.py` proves. Torch does
    not promise the name: where it has another, tests take longer.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        ONNXRegistry.from_torchlib = staticmethod(functools.cache(ONNXRegistry.from_torchlib))


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders of PNG images: the data set `tiny`. Half of them are framed as MNIST's digits are."""
    return shared.made(tmp_path_factory, "data", {"tiny": _draw_digits}) / "tiny"


def _draw_digits(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for digit in FONT:
        place = folder / "tiny" / digit
        place.mkdir(parents=True)
        for index in range(IMAGES_A_CLASS):
            image = draw(digit, rng)
            shown = framing.frame(image) if index // 6 % 2 else image
            Image.fromarray(shown).save(place / f"{index:02}.png")


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> Dataset:
    """The data set `tiny` in memory."""
    return load_data(digits_folder)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """Every preset, trained on `tiny` well enough that its answers are clear."""

    def trained(name: str) -> shared.Make:
        return lambda folder: train(name, digits, runs=folder, epochs=12, batch_size=50, device="cpu")

    return shared.made(tmp_path_factory, "runs", {name: trained(name) for name in TUTORIALS})


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Path:
    """`fc` and `cnn`, exported to every format."""
    return _exported(tmp_path_factory, "exports", runs, FEW_RUNS)


@pytest.fixture(scope="session")
def all_files(tmp_path_factory: pytest.TempPathFactory, runs: Path, exports: Path) -> dict[tuple[str, str], Path]:
    """Every preset in every format: files by run and format."""

    def export_run(name: str) -> Path:
        few = name in FEW_RUNS
        return (exports if few else _exported(tmp_path_factory, "others", runs, [name])) / name

    return Files(export_run)


class Files(dict[tuple[str, str], Path]):
    """The files of a run are exported when the first of them is asked for: few tests need those of all."""

    def __init__(self, export_run: Callable[[str], Path]) -> None:
        super().__init__()
        self.export_run = export_run

    def __missing__(self, wanted: tuple[str, str]) -> Path:
        folder = self.export_run(wanted[0])
        listed = Manifest.read(folder / MANIFEST).artifacts
        self.update({(folder.name, entry.format): folder / entry.file for entry in listed})
        return dict(self)[wanted]


def _exported(factory: pytest.TempPathFactory, name: str, runs: Path, models: Sequence[str]) -> Path:
    def made(model: str) -> shared.Make:
        return lambda folder: export(runs / model, forms_of(model), exports=folder)

    return shared.made(factory, name, {model: made(model) for model in models})


@pytest.fixture(autouse=True)
def _what_is_shared_stays_as_it_was(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A test that changes what others read fails here, and not another one some day."""
    found = [request.getfixturevalue(name) for name in SHARED if name in request.fixturenames]
    before = {folder: shared.state(folder) for folder in found if folder.parent == shared.base(tmp_path_factory)}
    yield
    changed = [path for folder, state in before.items() for path in shared.changes(state, folder)]
    assert not changed, "tests share these: a test that changes files copies them into `tmp_path` first"


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The real MNIST. Where it is missing, tests of it are skipped."""
    if any(status.state != "whole" for status in published.status("mnist")):
        pytest.skip("the real MNIST is not at hand: edgedigits data --fetch mnist, or set EDGEDIGITS_DATA")
    return load_data("mnist")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Where it is missing, tests in it are skipped."""
    executable = needs.find("chromium")
    if executable is None:
        pytest.skip(needs.reason("chromium"))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=[*BROWSER.split(), "--no-first-run"])
        yield launched
        launched.close()


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: a third of the tests' time goes by while they wait for a process."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, then those of most tests: no worker is left with one in the end."""
    tests = Counter(item.path for item in items)
    longest = {Path(__file__).parent / name: len(LONGEST) - place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (longest.get(item.path, 0), tests[item.path]), reverse=True)


def pytest_collection_finish() -> None:
    """What is imported and collected stays until the end: the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are not on this machine."""
    for mark in item.iter_markers("needs"):
        if missing := [name for name in mark.args if needs.find(name) is None]:
            pytest.skip("; ".join(map(needs.reason, missing)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be tested, a test that was skipped has failed."""
    report = yield
    if report.skipped and os.environ.get("EDGEDIGITS_TEST_ALL") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"EDGEDIGITS_TEST_ALL is set, and this was skipped: {needs.skipped_because(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of what."""
    reasons = Counter(needs.skipped_because(report) for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"not tested here, {count} {'test' if count == 1 else 'tests'}: {reason}")
