"""Embedded folders: they run as they are, in each language, and say what a program around them does wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from edgedigits.data import canvases, drawn
from edgedigits.embed.embedder import embed
from edgedigits.embed.golden import Golden
from edgedigits.embed.targets import TARGETS, get_target
from edgedigits.errors import BadInput, MissingCapability, ModelFileError, UsageError
from edgedigits.export.formats import INPUTS
from edgedigits.records.artifact import CONTRACT_KEY, Contract
from edgedigits.system import npm

NOBODY = 65534  # by number, on any system
SHELF = Path(__file__).parents[2] / "exports"
MODELS = {  # below the fixture `exports`
    "canvas": "cnn-tiny/cnn-tiny.canvas.onnx",
    "canvas-int8": "fc-tiny/fc-tiny.canvas.int8.onnx",
    "digit": "fc-tiny/fc-tiny.onnx",
    "digit-int8": "cnn-tiny/cnn-tiny.int8.onnx",
}
PROGRAMS = {"python": ("digits.py", "selftest.py"), "node": ("digits.mjs", "selftest.mjs")}
INTERPRETERS = {"python": sys.executable, "node": "node"}
FED = {"python": "    takes_batch =", "node": "  const takesBatch ="}  # before it, a program can alter the picture
MISTAKES = {  # what is put there, or in the place of something else; and what the self-test must say
    "inverted (255 - x)": {
        "python": "image = 255 - image",
        "node": "pixels = pixels.map((pixel) => 255 - pixel);",
    },
    "divided by 255, which the file does itself\n": {
        "python": "image = (image / 255).astype(np.float32)",
        "node": ('"uint8", pixels', '"float32", Float32Array.from(pixels, (pixel) => pixel / 255)'),
    },
    "divided by 255, which the file does itself, and cast to whole numbers": {
        "python": "image = (image / 255).astype(np.uint8)",
        "node": "pixels = pixels.map((pixel) => pixel / 255);",
    },
    "normalized with mean 0.1307 and standard deviation 0.3081": {
        "python": "image = ((image / 255 - 0.1307) / 0.3081).astype(np.float32)",
        "node": ('"uint8", pixels', '"float32", Float32Array.from(pixels, (pixel) => (pixel / 255 - 0.1307) / 0.3081)'),
    },
    "transposed": {
        "python": "image = image.T",
        "node": "pixels = pixels.map((_, i) => pixels[(i % height) * width + Math.floor(i / height)]); "
        "[height, width] = [width, height];",
    },
    "upside down": {
        "python": "image = image[::-1]",
        "node": "pixels = pixels.map((_, i) => pixels[(height - 1 - Math.floor(i / width)) * width + (i % width)]);",
    },
    "mirrored": {
        "python": "image = image[:, ::-1]",
        "node": "pixels = pixels.map((_, i) => pixels[Math.floor(i / width) * width + width - 1 - (i % width)]);",
    },
    "height and width are swapped": {
        "python": ("reshape(height, width)", "reshape(width, height)"),
        "node": "[height, width] = [width, height];",
    },
    "black and white alone": {
        "python": "image = 255 * (image > 127).astype(np.uint8)",
        "node": "pixels = pixels.map((pixel) => (pixel > 127 ? 255 : 0));",
    },
    "not scaled to 0..255 by the largest value that the picture's header names": {
        "python": ("(values.astype(np.uint32) * 255 + largest // 2) // largest", "values"),
        "node": ("(value(index) * 255 + (largest >> 1)) / largest", "value(index)"),
    },
    "misread: the bytes of 16-bit values are swapped": {
        "python": (">u2", "<u2"),
        "node": ("readUInt16BE", "readUInt16LE"),
    },
    "misread, 1 too early: bytes of the picture's header are taken for pixels": {
        "python": ("header.end())", "header.end() - 1)"),
        "node": ("header[0].length;", "header[0].length - 1;"),
    },
    "others, for no usual reason": {
        "python": "image = image // 2",
        "node": "pixels = pixels.map((pixel) => pixel / 2);",
    },
    "the program fails: ": {
        "python": "raise ValueError('not today')",
        "node": "throw new Error('not today');",
    },
    "the model was not asked through session().run": {
        "python": ("session().run(names", "onnxruntime.InferenceSession(MODEL).run(names"),
        "node": ("await session()", "await ort.InferenceSession.create(await readFile(MODEL))"),
    },
    "the pixels are right, the logits off by more than": {
        "python": ('found["logits"]', 'found["probabilities"]'),
        "node": ("found.logits.data", "found.probabilities.data"),
    },
    "mind the contract's labels and threshold": {
        "python": ("probabilities[best] >= ", "0 <= "),
        "node": ("probability >= ", "0 <= "),
    },
}
every_program = pytest.mark.parametrize(
    "target", ["python", pytest.param("node", marks=pytest.mark.needs("node", "npm"))]
)
Install = Callable[[str, Any], Path]
BY_NAME_ALONE = ("inverted (255 - x)", "divided by 255, which the file does itself, and cast to whole numbers")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """onnxruntime-node. Where it cannot be had, tests of it are skipped."""
    try:
        return npm.modules("onnxruntime-node")
    except MissingCapability as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def folders(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every target, of each of MODELS: `python-canvas` and so on."""
    folder = tmp_path_factory.mktemp("embedded")
    for target in PROGRAMS:
        for name, path in MODELS.items():
            embed(target, exports / path, folder / f"{target}-{name}")
    return folder


@pytest.fixture
def install(request: pytest.FixtureRequest) -> Install:
    """A function that installs a target's runtime in a folder."""

    def install(target: str, folder: Path) -> Path:
        if target == "node":
            (folder / "node_modules").symlink_to(request.getfixturevalue("node_modules"))
        return folder

    return install


@pytest.fixture
def ready(install: Install, folders: Path, tmp_path: Path) -> Install:
    """A function that copies the folder of a target and a model, to run it and to change it."""
    return lambda target, model: install(target, shutil.copytree(folders / f"{target}-{model}", tmp_path / "digits"))


def run(target: str, program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program of a folder, from elsewhere, with nothing of this environment."""
    command = [INTERPRETERS[target], *(["-Es"] if target == "python" else []), str(program), *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


def selftest(target: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run(target, folder / PROGRAMS[target][1])


def change(target: str, folder: Path, mistake: str | tuple[str, str]) -> None:
    """Make a mistake in the program of a folder: put a line before FED, or replace a piece of it."""
    program = folder / PROGRAMS[target][0]
    text = program.read_text()
    indent = re.match(" *", FED[target])[0]  # type: ignore[index]
    old, new = (FED[target], f"{indent}{mistake}\n{FED[target]}") if isinstance(mistake, str) else mistake
    assert text.count(old) == 1
    program.write_text(text.replace(old, new))


@pytest.mark.parametrize("model", MODELS)
@every_program
def test_the_selftest_passes(target: str, model: str, ready: Install) -> None:
    done = selftest(target, ready(target, model))
    assert done.returncode == 0, done.stdout + done.stderr
    machine, verdict = done.stdout.splitlines()
    assert re.match(r"onnxruntime(-node)? \d+\.\d+\.\d+, (Python|Node) v?\d", machine)
    assert re.match(r"passed: \d\d golden inputs, logits off by \d\.\de[-+]\d+ at most, ", verdict)
    assert int(verdict.split()[1]) >= 24
    assert done.stderr == ""


@pytest.mark.lengthy
@pytest.mark.parametrize("mistake", MISTAKES)
@every_program
def test_a_mistake_of_the_program_is_named(target: str, mistake: str, ready: Install) -> None:
    folder = ready(target, "canvas")
    change(target, folder, MISTAKES[mistake][target])
    done = selftest(target, folder)
    assert done.returncode == 1
    assert mistake in done.stdout
    _, *faults = done.stdout.splitlines()
    assert len(faults) == 1
    assert re.match(r"FAILED: \d+ of \d+ golden inputs \(.+\): [a-z]", faults[0])


@pytest.mark.parametrize("mistake", BY_NAME_ALONE)
@every_program
def test_so_it_is_around_a_file_that_takes_digits(target: str, mistake: str, ready: Install) -> None:
    folder = ready(target, "digit-int8")
    change(target, folder, MISTAKES[mistake][target])
    done = selftest(target, folder)
    assert done.returncode == 1
    assert f"the pixels that reach the model are {mistake}" in done.stdout


@every_program
def test_another_model_file_is_told(target: str, ready: Install, exports: Path) -> None:
    folder = ready(target, "digit")
    path = folder / "fc-tiny.onnx"
    shutil.copy(exports / "cnn-tiny" / "cnn-tiny.onnx", path)
    done = selftest(target, folder)
    assert done.returncode == 1
    assert re.search(
        r"^FAILED: fc-tiny\.onnx is another file: SHA-256 \w{12}\.\.\., not \w{12}\.\.\.$", done.stdout, re.M
    )
    path.unlink()
    missing = selftest(target, folder)
    assert missing.returncode == 1
    assert re.search(r"^FAILED: .*fc-tiny\.onnx", missing.stdout + missing.stderr, re.M)


@pytest.mark.parametrize("target", ["python", "node"])
def test_the_readme_says_what_other_runtimes_make_of_the_file(target: str, folders: Path) -> None:
    readme = (folders / f"{target}-canvas" / "README.md").read_text()
    assert "| OpenCV | from 5.0 on |" in readme
    assert re.search(r"^\| OpenVINO \| from 2024\.6 on \| .*set EXECUTION_MODE_HINT=ACCURACY: by default", readme, re.M)


@pytest.mark.lengthy
@pytest.mark.parametrize("model", MODELS)
@every_program
def test_what_the_readme_tells_works(target: str, model: str, ready: Install) -> None:
    """Its commands, in a shell in the folder, but for the installing; and its snippets."""
    folder = ready(target, model)
    readme = (folder / "README.md").read_text()
    (_, commands_told), (language, snippet), *numbers = re.findall(
        r"^```(\w+)\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE
    )
    assert len(numbers) == ("canvas" in model)
    install, *commands = commands_told.splitlines()
    assert f"{install} && {commands[0]}" == get_target(target).selftest
    image = drawn.digits(10, seed=3)[0][1]
    Image.fromarray(canvases.paste(image) if "canvas" in model else image).save(folder / "photo.png")
    (folder / f"snippet.{'mjs' if language == 'js' else 'py'}").write_text(snippet)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (*commands, "python snippet.py" if language == "python" else "node snippet.mjs"):
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), command
    assert re.fullmatch(r"(\d|None|null) [01]\.?\d*\n", done.stdout)
    for _, number in numbers:
        program = folder / f"number.{'mjs' if language == 'js' else 'py'}"
        program.write_text(number)
        done = subprocess.run(
            ["node" if language == "js" else sys.executable, program.name],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        program.unlink()
        assert (
            re.fullmatch(r"[\d?]+ \[.*\]\n", done.stdout, flags=re.DOTALL) or "digits" in done.stderr
        )  # or it is unsure
    listed = set(re.findall(r"^\| `(\S+)` \|", readme, flags=re.MULTILINE))
    made = {path.name for path in folder.iterdir()}
    assert listed | {"README.md"} == made - {"photo.png", "snippet.py", "snippet.mjs", "node_modules", "__pycache__"}


@every_program
def test_a_file_of_the_shelf_reads_pictures(
    target: str, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SHELF.parent)
    made = embed(target, "cnn", tmp_path / "digits")
    assert made.models == ("cnn.canvas.onnx",)
    folder = install(target, made.folder)
    assert selftest(target, folder).returncode == 0
    for label, image in enumerate(drawn.digits(10, seed=5)[0]):
        Image.fromarray(canvases.paste(image)).save(tmp_path / f"{label}.pgm")
    Image.new("L", (50, 40), 200).save(tmp_path / "blank.pgm")
    (tmp_path / "text.pgm").write_text("hello")
    (tmp_path / "short.pgm").write_bytes(b"P5 30 30 255\n123")
    (tmp_path / "small.pgm").write_bytes(b"P5 2 3 255\n123456")
    pictures = [tmp_path / f"{label}.pgm" for label in range(10)]
    wrong = [tmp_path / f"{name}.pgm" for name in ("text", "short", "small", "missing")]
    done = run(target, folder / PROGRAMS[target][0], *pictures, tmp_path / "blank.pgm", *wrong)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    right = [line.startswith(f"{path}: {path.stem} (") for line, path in zip(lines, pictures, strict=False)]
    assert sum(right) >= 9
    assert lines[10:] == [f"{tmp_path}/blank.pgm: no digit (10.0%)"]
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == list(map(str, wrong))
    usage = run(target, folder / PROGRAMS[target][0])
    assert (usage.returncode, usage.stdout) == (2, "")
    assert usage.stderr.startswith("usage: ")


def picture(kind: str, folder: Path) -> Path:
    """A drawn 7 on paper, as a picture of some kind."""
    made = Image.fromarray(255 - canvases.paste(drawn.digits(10, seed=5)[0][7], largest=(200, 200)))
    path = folder / f"7.{kind}"
    if kind == "turned.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        made.rotate(90, expand=True).save(path, exif=exif)
    elif kind == "sixteen.png":
        Image.fromarray(np.asarray(made).astype(np.uint16) * 257).save(path)
    elif kind == "clear.png":
        ink = made.point(lambda level: 255 - level)
        clear = Image.new("RGBA", made.size, (0, 0, 0, 0))
        clear.putalpha(ink if np.median(np.asarray(ink)) < 128 else made)
        clear.save(path)
    elif kind == "large.png":
        made.resize((4000, 4000)).save(path)
    else:
        made.convert("RGB").save(path)
    return path


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "kind", ["png", "jpg", "gif", "bmp", "webp", "tif", "turned.jpg", "sixteen.png", "clear.png", "large.png"]
)
def test_with_pillow_the_python_program_reads_every_picture(kind: str, ready: Install, tmp_path: Path) -> None:
    folder = ready("python", "canvas")
    done = run("python", folder / "digits.py", picture(kind, tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    wanted = run("python", folder / "digits.py", picture("png", tmp_path)).stdout
    assert done.stdout.split(": ")[1].split()[0] == wanted.split(": ")[1].split()[0]


def test_a_picture_that_is_none_is_named_in_the_python_program(ready: Install, tmp_path: Path) -> None:
    folder = ready("python", "canvas")
    (tmp_path / "text.png").write_text("hello")
    picture("png", tmp_path).with_name("cut.png").write_bytes(picture("png", tmp_path).read_bytes()[:-80])
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    Image.fromarray(np.zeros((30, 30), np.float32)).save(tmp_path / "float.tif")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\0\x0a\0{'shape': (")
    names = ["text.png", "cut.png", "huge.png", "float.tif", "gone.png", "cut.npy"]
    done = run("python", folder / "digits.py", *(tmp_path / name for name in names))
    assert done.returncode == 1
    wanted = [
        "none of these kinds of picture",
        "not a readable picture",
        "at most 50,000,000",
        "32 bits",
        "No such file",
        "no readable .npy file",
    ]
    for line, name, reason in zip(done.stderr.splitlines(), names, wanted, strict=True):
        assert line.startswith(f"{tmp_path / name}: ")
        assert reason in line


def test_without_pillow_the_python_program_says_which_package_to_install(ready: Install, tmp_path: Path) -> None:
    folder = ready("python", "canvas")
    program = "import sys; sys.modules['PIL'] = None; sys.path.insert(0, sys.argv.pop(1)); import digits; "
    program += "sys.exit(digits.main())"
    command = [sys.executable, "-c", program, folder, folder / "example.pgm", picture("png", tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{folder / 'example.pgm'}: ")
    reason = "no binary PGM picture (P5); to read other kinds, with a network: pip install pillow"
    assert done.stderr == f"{tmp_path / '7.png'}: {reason}\n"


@pytest.mark.needs("node", "npm")
def test_without_sharp_the_node_program_says_which_package_to_install(ready: Install, tmp_path: Path) -> None:
    folder = ready("node", "canvas")
    done = run("node", folder / "digits.mjs", picture("png", tmp_path))
    reason = "no binary PGM picture (P5); to read other kinds: npm install --ignore-scripts sharp"
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / '7.png'}: {reason}\n")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_console_that_lacks_a_letter_shows_it_escaped(encoding: str, ready: Install, tmp_path: Path) -> None:
    folder = ready("python", "canvas")
    path = tmp_path / "\N{LATIN SMALL LETTER DOTLESS I}.pgm"
    shutil.copy(folder / "example.pgm", path)
    command = [sys.executable, str(folder / "digits.py"), str(path)]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    shown = str(path).encode(encoding, "backslashreplace")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(shown + b": ")


@every_program
def test_help_is_there_with_examples(target: str, ready: Install) -> None:
    folder = ready(target, "canvas")
    for option in ("-h", "--help"):
        done = run(target, folder / PROGRAMS[target][0], option)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: ")
        assert "examples:" in done.stdout


@every_program
def test_the_folder_is_all_that_a_user_needs(target: str, folders: Path, request: pytest.FixtureRequest) -> None:
    """Another user, where this one may become one, with an empty environment and a folder that cannot be written."""
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere) / "digits"
        Path(elsewhere).chmod(0o755)
        shutil.copytree(folders / f"{target}-canvas", folder)
        if target == "node":
            others = shutil.ignore_patterns("darwin", "win32")
            for name in ("onnxruntime-node", "onnxruntime-common"):
                source = request.getfixturevalue("node_modules") / name
                shutil.copytree(source, folder / "node_modules" / name, ignore=others)
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        for path in (folder, *before):
            path.chmod(0o555 if path.is_dir() else 0o444)
        interpreter = shutil.which(INTERPRETERS[target])
        assert interpreter
        command = [interpreter, *(["-Es"] if target == "python" else []), folder / PROGRAMS[target][1]]
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if may_be_nobody(interpreter) else {}
        done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False, **identity)  # type: ignore[call-overload]
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def may_be_nobody(interpreter: str) -> bool:
    """Whether this user may run the interpreter as nobody: root may, where it does not lie in root's own folders."""
    if os.geteuid():
        return False
    start = [interpreter, "--version"]
    try:
        return subprocess.run(start, user=NOBODY, group=NOBODY, capture_output=True, check=False).returncode == 0
    except PermissionError:
        return False


@pytest.mark.parametrize("target", PROGRAMS)
def test_the_same_model_gives_the_same_bytes_and_nothing_of_this_machine(
    target: str, folders: Path, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(exports / "cnn-tiny", tmp_path / "other" / "cnn-tiny")
    monkeypatch.chdir(tmp_path)
    embed(target, "cnn-tiny", "out", exports="other")
    first, second = contents(folders / f"{target}-canvas"), contents(tmp_path / "out")
    assert first == second
    foreign = [
        str(path).encode() for path in (tmp_path, exports, SHELF.parent, Path.home(), Path(tempfile.gettempdir()))
    ]
    for name, content in first.items():
        assert not any(text in content for text in foreign), name
        assert not re.search(rb"https?://", content), name


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("target", PROGRAMS)
def test_the_folder_holds_the_model_its_contract_and_its_labels(target: str, folders: Path, exports: Path) -> None:
    for name, path in MODELS.items():
        found = contents(folders / f"{target}-{name}")
        file = Path(path).name
        assert found[file] == (exports / path).read_bytes()
        metadata = {entry.key: entry.value for entry in onnx.load(exports / path).metadata_props}
        assert json.loads(found["contract.json"]) == json.loads(metadata[CONTRACT_KEY])
        contract = Contract.from_json(found["contract.json"])
        assert found["labels.txt"].decode().splitlines() == list(contract.labels)
        golden = Golden.from_json(found["golden.json"])
        assert [model.file for model in golden.models] == [file]
        assert f'"{file}"'.encode() in found[PROGRAMS[target][0]]


@every_program
def test_whatever_the_file_is_called(target: str, exports: Path, tmp_path: Path, install: Install) -> None:
    path = tmp_path / 'a "7" or 50% of é\\n\'#?.onnx'
    shutil.copy(exports / "fc-tiny" / "fc-tiny.onnx", path)
    folder = install(target, embed(target, path, tmp_path / "out").folder)
    assert selftest(target, folder).returncode == 0


def test_a_record_says_what_was_made(exports: Path, tmp_path: Path) -> None:
    made = embed("python", exports / MODELS["canvas"], tmp_path / "new" / "out")
    assert (made.target, made.models, made.folder) == ("python", ("cnn-tiny.canvas.onnx",), tmp_path / "new" / "out")
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(made.folder).as_posix(): path.stat().st_size for path in files}
    assert (made.files, made.size_bytes) == (sizes, sum(sizes.values()))


def test_a_name_is_its_canvas_file_or_else_its_plain_one(exports: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "fc-tiny"
    folder.mkdir(parents=True)
    order = ("int8.onnx", "onnx", "canvas.int8.onnx", "canvas.onnx")
    for suffix in order:
        shutil.copy(exports / "fc-tiny" / f"fc-tiny.{suffix}", folder)
        made = embed("python", "fc-tiny", tmp_path / suffix, exports=tmp_path / "exports")
        assert made.models == (f"fc-tiny.{suffix}",)
    assert embed("python", folder, tmp_path / "as a folder").models == ("fc-tiny.canvas.onnx",)


@pytest.mark.parametrize("name", TARGETS.own)
def test_every_target_says_what_it_is(name: str) -> None:
    target = get_target(name)
    assert target.name == name
    assert target.title
    assert set(target.inputs) <= set(INPUTS)
    assert target.inputs
    assert target.selftest
    assert isinstance(target.both, bool)
    assert list(target.programs.iterdir())


def test_an_unknown_target_is_told_with_the_known_ones(tmp_path: Path) -> None:
    said = f"unknown target 'pyton': did you mean 'python'? Known: {', '.join(TARGETS.names)}."
    with pytest.raises(UsageError, match=re.escape(said)):
        embed("pyton", "cnn", tmp_path / "out")


def test_a_folder_that_is_not_empty_is_left_alone_unless_forced(exports: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "digits.py").write_text("mine too")
    with pytest.raises(UsageError, match=r"not empty\. Name another --out, or use --force"):
        embed("python", exports / MODELS["digit"], tmp_path)
    assert contents(tmp_path) == {"mine.txt": b"mine", "digits.py": b"mine too"}
    made = embed("python", exports / MODELS["digit"], tmp_path, force=True)
    assert contents(tmp_path).keys() == {"mine.txt", *made.files}
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert selftest("python", tmp_path).returncode == 0
    with pytest.raises(UsageError, match=r"mine\.txt: not a folder"):
        embed("python", exports / MODELS["digit"], tmp_path / "mine.txt", force=True)
    with pytest.raises(UsageError, match="a path of a length that the system takes wanted"):
        embed("python", exports / MODELS["digit"], tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("nothing", BadInput, r"nothing is missing: no file, .* Below .*exports\d*: cnn-tiny, fc-tiny\."),
        ("missing.onnx", ModelFileError, r"missing\.onnx is missing: no file, and no model of that name"),
        ("fc-tiny/fc-tiny.pt2", ModelFileError, r"fc-tiny\.pt2: a pt2 file, and target python embeds ONNX files"),
        ("fc-tiny/fc-tiny.torchscript.pt", ModelFileError, r"a torchscript file, and target python embeds ONNX files"),
        ("damaged.onnx", ModelFileError, r"damaged\.onnx: not a valid ONNX model"),
        (
            "renamed.canvas.onnx",
            ModelFileError,
            r"renamed\.canvas\.onnx: its name says that it takes a canvas, .*Rename it to renamed\.onnx",
        ),
        ("lines.onnx", ModelFileError, r"lines\.onnx: a label is empty or has several lines"),
    ],
)
def test_a_model_that_cannot_be_embedded_leaves_nothing(
    model: str, error: type[Exception], said: str, exports: Path, tmp_path: Path
) -> None:
    content = (exports / "fc-tiny" / "fc-tiny.onnx").read_bytes()
    (tmp_path / "damaged.onnx").write_bytes(content[:-1000])
    (tmp_path / "renamed.canvas.onnx").write_bytes(content)
    shutil.copy(exports / "fc-tiny" / "fc-tiny.onnx", tmp_path / "lines.onnx")
    relabel(tmp_path / "lines.onnx", "0\n1")
    path = next((folder / model for folder in (tmp_path, exports) if (folder / model).is_file()), Path(model))
    with pytest.raises(error, match=said):
        embed("python", path, tmp_path / "new" / "out", exports=exports)
    assert not (tmp_path / "new").exists()


def relabel(path: Path, label: str) -> None:
    """Give another name to the first class of a file."""
    model = onnx.load(path)
    (entry,) = (entry for entry in model.metadata_props if entry.key == CONTRACT_KEY)
    contract = json.loads(entry.value)
    contract["labels"][0] = label
    entry.value = json.dumps(contract)
    onnx.save(model, path)
