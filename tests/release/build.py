"""Archives whose bytes depend on the commit alone."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
EPOCH = "SOURCE_DATE_EPOCH"  # seconds that archives name instead of now, as all builders know it


def export_tree(folder: Path) -> Path:
    """A copy of the files that git tracks, as they are now."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def build(tree: Path, out: Path) -> dict[str, str]:
    """Build sdist and wheel of a tree into a folder; the SHA-256 of each, by its name."""
    shown = ["git", "log", "-1", "--format=%ct"]
    seconds = subprocess.run(shown, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    subprocess.run(command, check=True, env=os.environ | {EPOCH: seconds}, stdout=subprocess.DEVNULL)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


def build_twice(scratch: Path) -> tuple[Path, Mapping[str, str]]:
    """The folder of the archives, and their SHA-256. Raises SystemExit where a second build gives other bytes."""
    tree = export_tree(scratch / "tree")
    again = shutil.copytree(tree, scratch / "elsewhere" / "tree", copy_function=shutil.copyfile)  # as of now
    first, second = build(tree, scratch / "archives"), build(again, scratch / "archives again")
    if first != second:
        raise SystemExit(f"two builds differ:\n{first}\n{second}")
    return scratch / "archives", first
