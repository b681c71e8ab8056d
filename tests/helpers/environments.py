"""New environments in which this one's packages are at hand, so that no index is asked."""

import subprocess
import sys
import sysconfig
from pathlib import Path


def new_python(folder: Path) -> Path:
    """The Python of a new virtual environment in `folder`, which sees the packages of this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (python,) = (found.absolute() for found in folder.glob("*/python*") if found.stem == "python")
    shown = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", shown], check=True, capture_output=True, text=True).stdout.strip()
    seen = [sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))]
    Path(site, "at-hand.pth").write_text("\n".join(dict.fromkeys(seen)), encoding="utf-8")
    return python
