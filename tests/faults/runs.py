"""One command, forked with a fault; what it left behind is judged."""

import contextlib
import mmap
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgedigits.cli.main import main
from edgedigits.system import files
from tests.faults.boundaries import MAKING, STRIKES, Boundaries
from tests.faults.scenes import FILES, Scene

TIMES = re.compile(rb'"(seconds|train_seconds|images_per_second)": [-+.e0-9]+')
PATIENCE = 120.0  # seconds until a command counts as hung
REFUSED = (3, 4)
Tree = dict[str, bytes]
Fault = Callable[[], None]


@dataclass(frozen=True)
class Ended:
    """How a forked command ended: its exit code, or minus a signal; what it said; its time; boundaries passed."""

    code: int
    said: str
    seconds: float
    passed: int


@dataclass
class Counts:
    """What became of the trials of one scene under one fault, and notes on those that went wrong."""

    tried: int = 0
    unreadable: int = 0
    lost: int = 0
    left: int = 0
    code: int = 0
    traceback: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.unreadable or self.lost or self.left or self.code or self.traceback)

    def wrong(self, how: str, note: str) -> None:
        """Count a trial that went wrong."""
        setattr(self, how, getattr(self, how) + 1)
        self.notes.append(f"{how}: {note}")


def forked(folder: Path, work: Callable[[], object], kill_after: float | None = None) -> Ended:
    """Do some work in a process of its own, in `folder`; it may be killed after so many seconds."""
    passed = mmap.mmap(-1, 8)
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        child = os.fork()
        if child == 0:
            _work(folder, said.fileno(), work, passed)
        code = _wait(child, begun, PATIENCE if kill_after is None else kill_after)
        seconds = time.monotonic() - begun
        said.seek(0)
        return Ended(code, said.read().decode(errors="replace"), seconds, int.from_bytes(passed[:8], "little"))


def _work(folder: Path, said: int, work: Callable[[], object], passed: mmap.mmap) -> None:
    """What the forked process does; it does not return."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(said, stream)
        globals()["PASSED"] = passed
        try:
            work()
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)  # and none of the exit handlers, which are the parent's


PASSED = mmap.mmap(-1, 8)


def _wait(child: int, begun: float, seconds: float) -> int:
    """The exit code of a child, or minus the signal that ended it; it is killed when its time is over."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() - begun > seconds:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def command(arguments: tuple[str, ...], fault: Fault = lambda: None) -> Callable[[], None]:
    """The command line in this process, once the fault is in place."""

    def work() -> None:
        sys.argv = ["edgedigits", *arguments]
        fault()
        main()

    return work


def struck(folder: Path, how: str, number: int) -> Fault:
    """At boundary `number`, that happens to the process: see STRIKES."""
    kinds = MAKING if how == "full" else None
    return lambda: Boundaries(folder, PASSED, number, STRIKES[how], kinds).install()


def limited(size: int) -> Fault:
    """No file may be longer than so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def tree(folder: Path) -> Tree:
    """Everything below a folder: files with their bytes but for measured times, and empty folders with a slash."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = TIMES.sub(b'"time": 0', path.read_bytes())
        elif not any(path.iterdir()):
            found[f"{path.relative_to(folder)}/"] = b""
    return found


class Stage:
    """A scene, ready to be attacked: the folder that the command finds, and what it makes of it undisturbed."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.work = folder / "work"
        self.kept = folder / "kept"
        self.data = folder / "data"
        raw = self.data / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name, content in FILES.items():
            (raw / name).write_bytes(content)
        os.environ["EDGEDIGITS_DATA"] = str(self.data)
        self.work.mkdir()
        for setup in scene.setup:
            self._unharmed(setup)
        scene.find(self.work)
        shutil.copytree(self.work, self.kept)
        self.old = tree(self.work)
        ended = self._unharmed(scene.command, struck(self.work, "kill", 0))
        self.new = tree(self.work)
        self.seconds, self.boundaries = ended.seconds, ended.passed
        self.reset()
        self.makings = self._unharmed(scene.command, struck(self.work, "full", 0)).passed
        if tree(self.work) != self.new:
            raise RuntimeError(f"{scene.command}: twice the same, and other bytes")

    def _unharmed(self, arguments: tuple[str, ...], fault: Fault = lambda: None) -> Ended:
        ended = forked(self.work, command(arguments, fault))
        if ended.code:
            raise RuntimeError(f"{arguments}: exit code {ended.code}\n{ended.said}")
        return ended

    def reset(self) -> None:
        """Make the folder as the command finds it."""
        for path in self.work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.kept, self.work, dirs_exist_ok=True)

    def kill(self, counts: Counts, fault: Fault, note: str, after: float | None = None) -> bool:
        """One trial of a fault that ends the process at once; False when the process came to its end unharmed."""
        self.reset()
        ended = forked(self.work, command(self.scene.command, fault), after)
        counts.tried += 1
        if ended.code == 0:
            return False
        if ended.code != -signal.SIGKILL:
            counts.wrong("code", f"{note}: {ended.code}, {ended.said[-300:]}")
        self._judge(counts, note)
        return True

    def refuse(
        self,
        counts: Counts,
        fault: Fault,
        note: str,
        codes: tuple[int, ...] = REFUSED,
        harm: Fault = lambda: None,
        mend: Fault = lambda: None,
        tidy: bool = True,
        done: Mapping[str, bytes] | None = None,
    ) -> bool:
        """One trial of a fault that the process should report; False when it did its work nevertheless.

        harm, mend   what happens to the folder before the command, and is undone before the next one
        tidy         no temporary folder may be left, even now
        done         the folder after a command that did its work nevertheless; by default as without a fault
        """
        self.reset()
        harm()
        ended = forked(self.work, command(self.scene.command, fault))
        mend()
        counts.tried += 1
        if ended.code == 0:
            if tree(self.work) != (self.new if done is None else done):
                counts.wrong("lost", f"{note}: exit code 0, and other files")
            return False
        if "Traceback" in ended.said:
            counts.wrong("traceback", f"{note}: {ended.said[-1000:]}")
        if ended.code not in codes:
            counts.wrong("code", f"{note}: {ended.code}, {ended.said[-300:]}")
        self._judge(counts, note, tidy)
        return True

    def _judge(self, counts: Counts, note: str, tidy: bool = False) -> None:
        """What is there is readable, and old or new; the next run makes it new, and no more.

        tidy   nothing else is there, even now
        """
        committed = any(self.work.rglob(files.COMMIT))
        found = tree(self.work)
        if any(found.get(name, b"") not in (content, self.new.get(name, b"")) for name, content in self.old.items()):
            counts.wrong("lost", f"{note}: a file is neither old nor new")
        read = forked(self.work, self.scene.read)
        if read.code:
            counts.wrong("unreadable", f"{note}: {read.said[-300:]}")
        found = tree(self.work)
        shown = {name: content for name, content in found.items() if not self._partly(name)}
        if not tidy:  # an empty folder is no file
            shown = {name: content for name, content in shown.items() if not name.endswith("/")}
        if shown not in (self.old, self.new):
            counts.wrong("lost", f"{note}: neither old nor new: {_differences(shown, self.old, self.new)}")
        if tidy and not committed and {name for name in found if _temporary(name)}:
            counts.wrong("left", f"{note}: {[name for name in found if _temporary(name)]}")
        again = forked(self.work, command(self.scene.again or self.scene.command))
        found = tree(self.work)
        if again.code and not (again.code == 2 and self.scene.again and found == self.new):
            counts.wrong("lost", f"{note}: the next run ends with {again.code}: {again.said[-300:]}")
        elif found != self.new:
            how = "left" if {**found, **self.new} == found else "lost"
            counts.wrong(how, f"{note}: after the next run {_differences(found, self.new, self.new)}")

    def _partly(self, name: str) -> bool:
        return _temporary(name) or name.endswith(self.scene.partly or ("/no/",))


def _temporary(name: str) -> bool:
    return any(part.startswith((files.STAGE, ".lock")) for part in Path(name).parts)


def _differences(found: Tree, old: Tree, new: Tree) -> list[str]:
    names = sorted({*found, *old, *new})
    return [
        name for name in names if found.get(name) not in (old.get(name), new.get(name)) or name not in {**old, **new}
    ]


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A disk of its own for a folder, in memory; what is yielded changes its options ("size=100k", "ro").

    Raises MountError where only another user may do that.
    """
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))
    try:
        yield lambda options: _mount("-o", f"remount,{options}", str(folder))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class MountError(Exception):
    """This user may not mount a disk."""


def _mount(*arguments: str) -> None:
    if os.geteuid() or subprocess.run(["mount", *arguments], capture_output=True).returncode:
        raise MountError
