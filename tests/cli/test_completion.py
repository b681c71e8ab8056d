"""A press of Tab, by the protocol that the shells' scripts use: what is offered, and that nothing heavy is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgedigits.cli.app import PIPELINE
from edgedigits.embed.targets import TARGETS
from edgedigits.export.formats import FORMATS, METHODS
from edgedigits.models.presets import ALL, RECIPES
from edgedigits.runtime.engines import ENGINES

PRESS = """if True:
    import sys
    sys.argv[:] = ["edgedigits"]
    from edgedigits.cli.main import main
    try:
        main()
    finally:
        print("heavy:", *sorted({"torch", "onnx", "onnxruntime"} & set(sys.modules)), file=sys.stderr)
"""
START = "import sys; sys.argv[0] = 'edgedigits'; from edgedigits.cli.main import main; main()"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs and one exported model, by their records' names."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("runs/cnn/checkpoint.json", "runs/mine/checkpoint.json", "runs/half/resume.safetensors"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    for name in ("exports/cnn/manifest.json", "exports/cnn/cnn.onnx", "other/fc/manifest.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def press(line: str, folder: Path, shell: str = "bash") -> list[str]:
    """What Tab offers behind a line, which ends with a space where a new word begins."""
    words = line.split()
    done = subprocess.run(
        [sys.executable, "-c", PRESS],
        cwd=folder,
        env=os.environ
        | {
            "_EDGEDIGITS_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - (not line.endswith(" "))),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "heavy:\n"
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("edgedigits verify --max-l", {"--max-logit-diff", "--max-latency-us"}),
        ("edgedigits train --model ", {*ALL.names}),
        ("edgedigits train --recipe ", {*RECIPES}),
        ("edgedigits train --dataset m", {"mnist", "mnist-5k"}),
        ("edgedigits export --format ", {*FORMATS.names}),
        ("edgedigits export --model ", {"cnn", "mine"}),
        ("edgedigits export --runs other --model ", set()),
        ("edgedigits verify --engine ", {*ENGINES.names}),
        ("edgedigits verify --engine openvino --setting ", {"default", "exact"}),
        ("edgedigits export --quantize --method ", {*METHODS}),
        ("edgedigits embed ", {*TARGETS.names}),
        ("edgedigits embed python c", {"cnn"}),
        ("edgedigits embed --exports other python ", {"fc"}),
        ("edgedigits reproduce ", {"exports/cnn"}),
        ("edgedigits inspect ", {"exports/cnn/cnn.onnx"}),
    ],
)
def test_names_of_what_there_is_are_offered(line: str, offered: set[str], place: Path) -> None:
    assert set(press(line, place)) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_offered_the_commands(shell: str, place: Path) -> None:
    offered = "\n".join(press("edgedigits ", place, shell))
    assert all(name in offered for name in PIPELINE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, "--show-completion", shell],
        env=os.environ
        | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_EDGEDIGITS_COMPLETE=complete_{shell}" in done.stdout
