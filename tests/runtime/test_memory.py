"""Every command keeps the bound on its memory that SECURITY.md states."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgedigits.data import canvases, drawn, published
from edgedigits.data.dataset import Dataset
from edgedigits.data.load import load_data
from edgedigits.data.published import IDX_SETS
from edgedigits.errors import DataError

ROOT = Path(__file__).parents[2]
BOUNDS = dict(
    re.findall(r"^\| `edgedigits (\w+)` \| [^|]*\| ([\d.]+) GB \|", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
)
COMMANDS = {
    "train": "-m fc --epochs 1",
    "export": "--input canvas --quantize",
    "verify": "exports/fc",
    "score": "exports/cnn/cnn.onnx train-images-idx3-ubyte --out answers.csv",
    "predict": "photo.png",
}


@pytest.fixture(scope="module")
def place(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands name; they run in their order above, each with what those before it made."""
    assert len(mnist.train) == 60_000
    folder = tmp_path_factory.mktemp("memory")
    shutil.copy(IDX_SETS["mnist"].paths(published.default_dir())[0], folder)
    Image.fromarray(canvases.paste(drawn.digits(10, seed=0)[0][7])).resize((7000, 7000)).save(folder / "photo.png")
    shutil.copytree(ROOT / "exports" / "cnn", folder / "exports" / "cnn")
    return folder


def test_every_bound_is_asked_for() -> None:
    assert BOUNDS.keys() == COMMANDS.keys()


PEAK = """if True:
    import os, sys
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "edgedigits", *sys.argv[1:]])
    _, status, usage = os.wait4(child, 0)
    print("peak", usage.ru_maxrss * 1024)
    sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.lengthy
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_keeps_its_bound(command: str, place: Path) -> None:
    """From a small process: what the system says of a child begins with the memory of its parent."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, command, *COMMANDS[command].split()],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.rpartition("peak")[2])  # of the largest process, its own children too
    assert 5e7 < peak < float(BOUNDS[command]) * 1e9


def test_more_images_than_fit_are_refused_before_they_are_read(
    digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedigits.data.folder.MOST_IMAGES", 100)
    with pytest.raises(DataError, match=r"360 images, at most 100 wanted"):
        load_data(digits_folder)
