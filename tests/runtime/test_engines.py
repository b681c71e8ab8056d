"""The engines: each answers as ONNX Runtime does, through the same gate; what goes wrong there is an error here."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgedigits.bench.engines import Bench, Comparison, read_comparison
from edgedigits.cli.tables import print_table
from edgedigits.cli.verdict import verification
from edgedigits.errors import MissingCapability, ModelFileError, UsageError
from edgedigits.export import manifest
from edgedigits.export.formats import CONTAINERS
from edgedigits.export.onnx import quantize_integer, quantize_weights
from edgedigits.records.report import Verification
from edgedigits.runtime import sandbox
from edgedigits.runtime.compatibility import loads_in
from edgedigits.runtime.engines import DEFAULTS, ENGINES, engine_for, find_engine, get_engine, openvino, tract, web
from edgedigits.runtime.load import Opener
from edgedigits.runtime.predictor import Predictor
from edgedigits.runtime.safety import BOUNDS
from edgedigits.system import files, npm
from edgedigits.system.server import HEADERS, TYPES
from edgedigits.verify.deployment import QUICK
from edgedigits.verify.verifier import verify
from tests.helpers import HERE, NEEDED, ONNX_ENGINES, TUTORIALS, keep
from tests.helpers.broken import DAMAGES, GRAPHS
from tests.helpers.hostile import MODELS

SHELF = Path(__file__).parents[2] / "exports"
FC, FC_INT8, CANVAS = (SHELF / "fc" / f"fc{suffix}.onnx" for suffix in ("", ".int8", ".canvas"))
CNN = SHELF / "cnn" / "cnn.onnx"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
REFUSED = {  # models whose integer products an engine does not run, and what it says of them
    "opencv": ("fc", r"cannot load it \(Node \[MatMulInteger@ai\.onnx\].* Can't create layer"),
    "openvino": ("fc", r"cannot load it \(Cannot get length of dynamic dimension\)"),
    "tract": ("fc-deep", r"cannot load it \(Translating node #\d+ .* QuantizeLinear .*: y_scale must be a const\)"),
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are listed otherwise there")
in_browser, in_node, in_java = (pytest.mark.needs(*NEEDED[name]) for name in ("web", "node", "java"))
every_engine = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(*NEEDED.get(name, ()))) for name in ONNX_ENGINES]
)


def exact(name: str) -> Opener:
    """An engine in the setting in which all answer alike."""
    return Opener(engine=name, setting="exact")


@pytest.mark.lengthy
@every_engine
def test_an_engine_answers_as_onnx_runtime_does(name: str) -> None:
    for path in (FC, CNN, FC_INT8, CANVAS):
        if loads_in(name, HERE.describe(path)) is False:
            with pytest.raises(ModelFileError, match=f"^{path}: {name} (cannot load it|fails to answer)"):
                exact(name).open(path)(IMAGES)
            continue
        found, wanted = exact(name).open(path), Opener().open(path)
        assert found.contract == wanted.contract
        for answer, expected in zip(found(IMAGES), wanted(IMAGES), strict=True):
            np.testing.assert_allclose(answer, expected, atol=1e-4)
        np.testing.assert_allclose(found(IMAGES[:1])[0], wanted(IMAGES[:1])[0], atol=1e-4)


@pytest.mark.lengthy
@every_engine
def test_images_one_a_call_and_times_come_from_there(name: str) -> None:
    found = exact(name).open(FC)
    np.testing.assert_allclose(found.alone(IMAGES), Opener().open(FC)(IMAGES)[0], atol=1e-4)
    assert all(0 <= seconds < 10 for seconds in found.seconds(IMAGES[:1], 7))
    assert len(found.seconds(IMAGES, 3)) == 3


@in_browser
def test_canvases_of_different_sizes_are_read_in_the_browser_as_here() -> None:
    there, here = Opener(engine="web").open(CANVAS), Opener().open(CANVAS)
    for canvas in (np.zeros((8, 2048), np.uint8), np.pad(IMAGES[0], ((9, 100), (40, 3)))):
        found, wanted = there.read(canvas), here.read(canvas)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(found.seen, wanted.seen)
        np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-4)
    assert len(there.seconds(there.samples(2), 3)) == 3


@pytest.mark.lengthy
@every_engine
def test_verify_passes_files_in_an_engine_says_which_and_records_nothing(
    name: str, exports: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unverified = shutil.ignore_patterns(manifest.PARITY_FILE)
    copied = Path(shutil.copytree(exports / "cnn-tiny", tmp_path / "exports" / "cnn-tiny", ignore=unverified))
    page = tmp_path / "report.html"
    result = verify([copied / "cnn-tiny.onnx"], runs=runs, opener=exact(name), html=page)
    (report,) = result.reports
    assert result.passed, report.failures
    assert (report.flips, report.engine) == (0, result.engine)
    assert result.engine == find_engine(name, "exact")
    assert result.engine.version.count(".") >= 2
    variants = {variant.name for variant in get_engine(name).variants}
    assert {found.setting for found in report.deployments} == {"one image a call", *variants}
    assert not (copied / manifest.PARITY_FILE).exists()
    assert f"It ran in {result.engine}." in page.read_text()
    assert Verification.from_dict(json.loads(result.to_json())) == result
    print_table(verification(result))
    assert capsys.readouterr().out.endswith(f"60 test images of tiny, in {result.engine}\n")


def test_without_an_engine_the_report_is_as_it_was(exports: Path, runs: Path, tmp_path: Path) -> None:
    path = shutil.copy(exports / "fc-tiny" / "fc-tiny.onnx", tmp_path)
    result = verify([path], runs=runs)
    assert "engine" not in result.to_dict()
    assert "engine" not in result.to_dict()["reports"][0]


@every_engine
@pytest.mark.parametrize("how", ["text", "no contract", "operator outside the standard", "batch fixed at 1"])
def test_broken_files_are_refused_before_an_engine_sees_them(name: str, how: str, tmp_path: Path) -> None:
    damage = {**DAMAGES, **GRAPHS}[how]
    path = tmp_path / "fc.onnx"
    path.write_bytes(damage.spoil(FC.read_bytes()))
    with pytest.raises(ModelFileError, match=damage.reason):
        Opener(engine=name).open(path)


@pytest.mark.lengthy
@every_engine
def test_a_file_that_turns_hostile_fails_verify_in_every_engine(name: str, tmp_path: Path) -> None:
    model = onnx.load(FC)
    contract = {entry.key: entry.value for entry in model.metadata_props}
    MODELS["memory by pixels"].spoil(model)
    onnx.helper.set_model_props(model, contract)
    path = tmp_path / "fc.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=r"(cannot load|fails to answer|ended early|needs more than|came out)"):
        Opener(engine=name).open(path)(np.maximum(IMAGES, 1))


def processes(part: str) -> list[int]:
    """The processes with `part` in their command lines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            if part in entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(entry.parent.name))
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    due = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < due
        time.sleep(0.05)


def host(name: str) -> int:
    """The process of FC in an engine."""
    return next(child for key, child in sandbox._children.items() if key[::2] == (FC, name)).process.pid


@contextlib.contextmanager
def ending(found: Iterable[int]) -> Iterator[None]:
    """Processes that end while they are asked: one that has ended before is opened anew, and answers."""
    stopped = list(found)

    def kill() -> None:
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):  # it went with another of them
                os.kill(process, signal.SIGKILL)

    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    timer = threading.Timer(0.5, kill)
    timer.start()
    yield
    timer.join()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Predictor, Path]]:
    """FC in a browser, and the folder of that; both are gone in the end."""
    with tempfile.TemporaryDirectory() as temporary:  # of a short name, or Chromium's socket would have too long a one
        monkeypatch.setenv("TMPDIR", temporary)
        predictor = Opener(engine="web").open(FC)
        (folder,) = Path(temporary).glob("edgedigits-web-*")
        assert processes(str(folder))
        yield predictor, folder
        wait_until(lambda: not folder.exists() and not processes(str(folder)))


@linux
@in_browser
def test_a_browser_ends_with_the_last_that_uses_it() -> None:
    code = f"""if True:
        from pathlib import Path
        from edgedigits.runtime.load import Opener
        found = Opener(engine="web").open(Path({str(FC)!r}))
        print(*Path({tempfile.gettempdir()!r}).glob("edgedigits-web-*"))
    """
    environment = os.environ | {"PYTHONPATH": str(SHELF.parent)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip()
    wait_until(lambda: not any(map(processes, done.stdout.split())))


@linux
@in_browser
def test_a_browser_ends_although_its_host_was_killed(chromium: tuple[Predictor, Path]) -> None:
    with ending([host("web")]), pytest.raises(ModelFileError, match=r"ended early \(SIGKILL\)"):
        chromium[0](IMAGES)


@linux
@in_browser
def test_a_page_that_crashes_is_an_error_in_time(
    chromium: tuple[Predictor, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedigits.runtime.safety.process.BOUNDS", dataclasses.replace(BOUNDS, wall_seconds=1))
    for renderer in set(processes(str(chromium[1]))) & set(processes("--type=renderer")):
        os.kill(renderer, signal.SIGKILL)
    with pytest.raises(ModelFileError, match=r"fc\.onnx: no answer for 2 seconds"):
        chromium[0](IMAGES)


@linux
@in_browser
def test_a_browser_that_crashes_is_an_error_here(chromium: tuple[Predictor, Path]) -> None:
    found = processes(f"--user-data-dir={chromium[1]}")
    said = rf"^{FC}: web fails to answer \(Chromium ended early"
    with ending(found), pytest.raises(ModelFileError, match=said):
        chromium[0](IMAGES)


@linux
@in_node
def test_a_node_that_crashes_is_an_error_here() -> None:
    predictor = Opener(engine="node").open(FC)
    (child,) = Path(f"/proc/{host('node')}/task/{host('node')}/children").read_text().split()
    said = rf"^{FC}: node fails to answer \(Node\.js ended early, exit code -9"
    with ending([int(child)]), pytest.raises(ModelFileError, match=said):
        predictor(IMAGES)
    assert np.allclose(predictor(IMAGES)[0], Opener().open(FC)(IMAGES)[0], atol=1e-4)  # in a new one


@linux
@in_java
def test_a_jvm_that_crashes_is_an_error_here() -> None:
    predictor = Opener(engine="java").open(FC)
    (child,) = Path(f"/proc/{host('java')}/task/{host('java')}/children").read_text().split()
    said = rf"^{FC}: java fails to answer \(Java ended early, exit code -9"
    with ending([int(child)]), pytest.raises(ModelFileError, match=said):
        predictor(IMAGES)
    assert np.allclose(predictor(IMAGES)[0], Opener().open(FC)(IMAGES)[0], atol=1e-4)  # in a new one


def test_an_unknown_engine_is_named_with_those_that_are_known() -> None:
    said = f"unknown engine 'opnvino': did you mean 'openvino'? Known: {', '.join(ENGINES.names)}."
    with pytest.raises(UsageError, match=re.escape(said)):
        verify([FC], opener=Opener(engine="opnvino"))


def test_the_engines_of_this_package_are_found() -> None:
    assert {"java", "node", "onnxruntime", "opencv", "openvino", "reference", "tract", "web"} <= set(ONNX_ENGINES)


@pytest.mark.parametrize("name", ENGINES.own)
def test_every_engine_says_what_it_is(name: str) -> None:
    engine = get_engine(name)
    assert engine.name == name
    assert engine.title
    assert engine.settings[0] is engine.setting(None) is engine.setting("default")
    assert [setting.name for setting in engine.settings] in (["default"], ["default", "exact"])
    assert all(setting.options and setting.about for setting in engine.settings[1:])
    assert engine.setting("exact") is engine.settings[-1]
    assert engine.containers
    assert set(engine.containers) <= CONTAINERS.keys()


def test_every_container_has_an_engine_and_others_refuse_its_files() -> None:
    assert DEFAULTS.keys() == CONTAINERS.keys()
    for container, name in DEFAULTS.items():
        assert engine_for(container, None) is engine_for(container, name) is get_engine(name)
        for other in DEFAULTS.keys() - get_engine(name).containers:
            with pytest.raises(UsageError, match=f"engine {name} runs .* files, and this is none"):
                engine_for(other, name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openvino", "engine openvino needs openvino: pip install 'edgedigits[openvino]'"),
        ("opencv", "engine opencv needs opencv-python-headless: pip install 'edgedigits[opencv]'"),
        ("tract", "engine tract needs tract: pip install 'edgedigits[tract]'"),
        ("java", "java is not on this machine. Install a JDK of 17 or later and Maven, with a network: the packages"),
        ("node", "node is not on this machine"),
        ("web", "engine web needs Chromium, which is not on this machine"),
    ],
)
def test_a_missing_engine_is_said_with_how_to_get_it(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(openvino, "version_of", missing)
    monkeypatch.setattr(tract, "version_of", missing)
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingCapability, match=re.escape(said)):
        verify([FC], opener=Opener(engine=name))


@pytest.mark.needs("npm")
def test_a_browser_that_shows_no_page_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(web.VARIABLE, "false")
    with pytest.raises(MissingCapability, match=r"engine web: Chromium ended early .* Another browser: EDGEDIGITS_"):
        Opener(engine="web").open(FC)


@pytest.fixture
def mail() -> Iterator[web.Mail]:
    """What the page in the browser talks to, without a browser."""
    with web.Mail() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def ask(mail: web.Mail, method: str, path: str, body: bytes = b"", host: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", mail.server_port, timeout=10)
    connection.request(method, path, body, {"Host": host or f"127.0.0.1:{mail.server_port}"})
    return connection.getresponse()


@in_browser
def test_the_page_gets_its_files_and_carries_messages(mail: web.Mail) -> None:
    for name in (*web.OURS, *web.THEIRS):
        response = ask(mail, "GET", f"/{mail.secret}/{name}")
        assert (response.status, response.headers["Content-Type"]) == (200, TYPES[Path(name).suffix])
        assert {key: response.headers[key] for key in HEADERS} == HEADERS
        assert len(response.read()) == int(response.headers["Content-Length"]) > 100
    mail.requests.put(b"a request")
    assert ask(mail, "POST", f"/{mail.secret}/messages", b"an answer").read() == b"a request"
    assert mail.answers.get(timeout=10) == b"an answer"


@in_browser
def test_nobody_else_can_answer_for_the_page(mail: web.Mail) -> None:
    assert web.Mail().secret != mail.secret
    for path in ("/messages", f"/{mail.secret}x/messages", f"/{mail.secret}/web.html"):
        assert ask(mail, "POST", path, b"a lie").status == 404
    assert ask(mail, "POST", f"/{mail.secret}/messages", b"a lie", host="evil.example").status == 421
    for path in ("/", "/web.html", f"/{mail.secret}/web.py", f"/{mail.secret}/../web.html"):
        assert ask(mail, "GET", path).status == 404
    assert mail.answers.empty()


@in_node
def test_what_an_engine_needs_is_installed_by_the_process_that_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(package: str) -> str:
        raise MissingCapability(f"{package} was asked for here")

    monkeypatch.setattr(npm, "version", asked)
    with pytest.raises(MissingCapability, match="onnxruntime-node was asked for here"):
        Opener(engine="node").open(CNN)


def test_files_that_are_no_onnx_are_left_out_with_a_note(exports: Path, runs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exports / "fc-tiny", tmp_path / "fc-tiny"))
    keep(folder, "onnx", "onnx-canvas-int8", "torchscript", "pt2", "c-int8")
    with pytest.warns(UserWarning, match=r"fc-tiny\.pt2, .* left out: engine onnxruntime runs ONNX files"):
        result = verify([folder], runs=runs, opener=Opener(engine="onnxruntime"))
    assert result.passed
    assert {Path(report.path).suffix for report in result.reports} == {".onnx"}
    with pytest.raises(UsageError, match=r"torchscript\.pt: engine opencv runs ONNX files, and this is none"):
        verify([folder / "fc-tiny.torchscript.pt"], runs=runs, opener=Opener(engine="opencv"))


def with_integers(preset: str, folder: Path) -> Path:
    """The float file of a preset on the shelf, its products made integer ones."""
    path = folder / f"{preset}.onnx"
    path.write_bytes(quantize_integer.quantize((SHELF / preset / path.name).read_bytes()))
    return path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(*NEEDED.get(name, ()))) for name in REFUSED]
)
def test_a_file_that_an_engine_refuses_fails_with_its_words_and_what_it_would_load(name: str, tmp_path: Path) -> None:
    preset, words = REFUSED[name]
    path = with_integers(preset, tmp_path)
    for advice in (
        "It loads what edgedigits export --format onnx --input digit --quantize writes.",
        f"It loads {preset}.int8.onnx beside it.",
    ):
        (report,) = verify([path], opener=Opener(engine=name)).reports
        assert (report.passed, report.readable, report.engine) == (False, False, find_engine(name))
        assert re.match(rf"file: {path}: {name} {words}", report.failures[0])
        assert report.failures[0].endswith(f". {advice}")
        plain = (SHELF / preset / path.name).read_bytes()
        (tmp_path / f"{preset}.int8.onnx").write_bytes(quantize_weights.quantize(plain))


def test_a_damaged_file_is_not_said_to_be_better_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "fc.onnx"
    path.write_bytes(FC.read_bytes()[:-1])
    (report,) = verify([path], opener=Opener(engine="opencv")).reports
    assert "It loads" not in report.failures[0]


def test_settings_are_reported_and_the_verdict_is_about_the_one_that_was_asked_for(
    exports: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = exports / "cnn-tiny" / "cnn-tiny.int8.onnx", tmp_path / "report.html"
    for asked, judged in ((None, "default"), ("default", "default"), ("exact", "exact")):
        result = verify([path], runs=runs, opener=Opener(engine="openvino", setting=asked), html=page)
        (report,) = result.reports
        assert {found.setting: found.judged for found in report.settings} == {
            name: name == judged for name in ("default", "exact")
        }
        chosen = next(found for found in report.settings if found.judged)
        figures = (report.accuracy, report.flips, report.max_abs_diff)
        assert (chosen.accuracy, chosen.flips, chosen.max_abs_diff) == figures
        assert result.engine == find_engine("openvino", judged)
        assert str(result.engine).endswith(", exact") == (judged == "exact")
        print_table(verification(result))
        shown = capsys.readouterr().out
        assert re.search(rf"{path}, {judged} +yes", shown)
        assert "exact (EXECUTION_MODE_HINT=ACCURACY): computes in float32 throughout" in shown
        assert f"{judged} (judged): flips" in page.read_text()


def test_what_a_setting_asks_reaches_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino as module

    seen = []
    compiled = module.Core.compile_model

    def compile_model(core: object, model: object, device: str, options: dict[str, object]) -> object:
        seen.append(options.get("EXECUTION_MODE_HINT"))
        return compiled(core, model, device, options)

    monkeypatch.setattr(module.Core, "compile_model", compile_model)
    for setting in (None, "default", "exact"):
        Opener(engine="openvino", setting=setting, isolated=False).open(FC)
    assert seen == [None, None, "ACCURACY"]


@pytest.mark.parametrize(
    ("opener", "said"),
    [
        (Opener(engine="openvino", setting="exakt"), "unknown setting 'exakt': did you mean 'exact'?"),
        (Opener(setting="exact"), "setting exact: says how an engine is called, and none is named: add --engine."),
    ],
)
def test_a_setting_that_there_is_not_is_refused(opener: Opener, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        verify([FC], opener=opener)


def test_engines_were_measured_on_every_file_of_the_shelf() -> None:
    """Those that were: a new one is measured when the shelf is (`make engines`)."""
    rows = read_comparison().rows
    paths = [path for path in SHELF.glob("*/*.onnx") if not path.name.endswith(".canvas.int8.onnx")]
    wanted = {path.name: files.sha256(path) for path in paths}
    assert {f"{preset}.onnx" for preset in TUTORIALS} < wanted.keys()
    assert DEFAULTS["onnx"] in {row.engine.name for row in rows}
    for engine in {row.engine for row in rows}:
        assert {row.file: row.sha256 for row in rows if row.engine == engine} == wanted


def test_float_files_give_torchs_answers_in_every_engine_and_canvases_the_same_everywhere() -> None:
    for row in read_comparison().rows:
        engine = get_engine(row.engine.name)
        if engine.setting(row.engine.setting) is not engine.setting("exact"):
            continue
        if row.file.count(".") == 1:
            assert (row.samples, row.flips) == (10_000, 0)
        if row.file.endswith(".canvas.onnx") and row.engine.name in ("onnxruntime", "openvino", "web"):
            assert (row.samples, row.changed) == (QUICK, 0)


@pytest.mark.lengthy
def test_comparing_measures_answers_and_times_or_times_alone(exports: Path, runs: Path, tmp_path: Path) -> None:
    for name in ("fc-tiny.onnx", "fc-tiny.canvas.onnx"):
        path = tmp_path / "exports" / "fc-tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(exports / "fc-tiny" / name, path)
    bench = Bench(runs, tmp_path / "exports")
    rows = list(bench.compare(["onnxruntime", "opencv", "openvino"]))
    assert [(row.engine.name, row.engine.setting) for row in rows[::2]] == [
        ("onnxruntime", None),
        ("opencv", None),
        ("openvino", None),
        ("openvino", "exact"),
    ]
    assert [(row.file, row.samples, row.changed) for row in rows[2:4]] == [
        ("fc-tiny.canvas.onnx", 60, 0),
        ("fc-tiny.onnx", 60, 0),
    ]
    known = [dataclasses.replace(row, flips=7) for row in rows]
    again = list(bench.compare(["onnxruntime"], known))
    assert [row.flips for row in again] == [7, 7]
    assert all(row.latency_us for row in again)
    assert Comparison.from_json(Comparison("x86_64", tuple(rows)).to_json()).rows == tuple(rows)
