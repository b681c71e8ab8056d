"""The long run: `python -m tests.faults [SCENE]...`. Exit code 1 when anything was lost, unreadable or left behind.

--attack NAME   only this one; may be repeated
--every N       only every N-th boundary, and an N-th of the moments
--moments N     random moments of all scenes together
"""

import argparse
import functools
import importlib
import pkgutil
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import edgedigits
from tests.faults import boundaries, mirror, runs, scenes
from tests.faults.runs import Counts, Stage

COLUMNS = {"tried": "tried", "unreadable": "unreadable", "lost": "lost", "left": "left over", "code": "wrong code"}
SHOWN = 3  # notes on what went wrong, of each row
BLOCK = 4096  # bytes of a small disk
MIRROR_SECONDS = 2.0  # that a mirror may stall: enough for a good one on a busy machine
SAID = 2000  # bytes that a command may always write: its messages go to a file too


def main() -> int:
    """Attack the scenes one after the other, and print a row for each fault."""
    arguments = _arguments()
    warm()
    scenes.make_small()
    clean = True
    columns = (*COLUMNS.values(), "traceback")
    print("  ".join([f"{'scene':<13}{'attack':<12}", *(f"{name:>10}" for name in columns)]), flush=True)
    with mirror.serving(scenes.FILES) as address:
        for name in arguments.scene or scenes.SCENES:
            with tempfile.TemporaryDirectory() as folder:
                scenes.ask_mirrors(address.format(mirror.GOOD))
                stage = Stage(scenes.SCENES[name], Path(folder))
                for attack in arguments.attack or ATTACKS:
                    counts = Counts()
                    ATTACKS[attack](stage, counts, arguments, address)
                    if counts.tried:
                        print(_row(name, attack, counts), flush=True)
                    for note in counts.notes[:SHOWN]:
                        print("  " + " | ".join(note.splitlines()), flush=True)
                    clean = clean and counts.clean
    return 0 if clean else 1


def warm() -> None:
    """Import everything once, before forking, and use no thread while at it."""
    import matplotlib.pyplot  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401
    import torch

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(edgedigits.__path__, "edgedigits."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _each(struck: str, stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    """At every boundary, one after the other."""
    for number in range(1, stage.boundaries + 1, arguments.every):
        stage.kill(counts, runs.struck(stage.work, struck, number), f"boundary {number}")


def _moments(stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    rng = random.Random(arguments.seed)
    for _number in range(max(1, arguments.moments // len(scenes.SCENES) // arguments.every)):
        after = rng.uniform(0, stage.seconds)
        stage.kill(counts, lambda: None, f"after {after:.4f} s", after)


def _interrupt(stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    for number in range(1, stage.boundaries + 1, arguments.every):
        fault = runs.struck(stage.work, "interrupt", number)  # which may come as a temporary folder is just made
        stage.refuse(counts, fault, f"boundary {number}", (130,), tidy=False)


def _full(stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    """No room from each of the writes on."""
    for number in range(1, stage.makings + 1, arguments.every):
        stage.refuse(counts, runs.struck(stage.work, "full", number), f"write {number}")


def _limit(stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    """No file may be longer than so many bytes: of eight lengths up to the longest that is written."""
    written = [len(content) for name, content in stage.new.items() if stage.old.get(name) != content]
    for part in range(0, 8, arguments.every):
        size = SAID + max(written) * part // 8
        stage.refuse(counts, runs.limited(size), f"files of {size} bytes")


def _small(stage: Stage, counts: Counts, arguments: argparse.Namespace, _: str) -> None:
    """A disk that has less and less room to spare."""
    try:
        with runs.disk(stage.work) as change:
            stage.reset()
            used = sum(-(-len(content) // BLOCK) + 1 for content in stage.old.values()) + 10
            wanted = sum(-(-len(content) // BLOCK) + 1 for content in stage.new.values())
            for room in range(0, wanted + 1, max(1, wanted // 10) * arguments.every):
                stage.refuse(
                    counts,
                    lambda: None,
                    f"{room} blocks of room",
                    harm=lambda: change(f"size={(used + room) * BLOCK}"),  # noqa: B023 - called at once
                    mend=lambda: change("size=64m"),
                )
    except runs.MountError:
        print("  small: only root may mount a small disk", flush=True)


def _read_only(stage: Stage, counts: Counts, _arguments: argparse.Namespace, _: str) -> None:
    done = stage.old if stage.scene.tells else None
    try:
        with runs.disk(stage.work) as change:
            stage.refuse(
                counts, lambda: None, "read-only", harm=lambda: change("ro"), mend=lambda: change("rw"), done=done
            )
    except runs.MountError:
        mode = stage.work.stat().st_mode
        folders = [path for path in (stage.work, *stage.work.rglob("*")) if path.is_dir()]

        def allow(bits: int) -> None:
            for folder in folders:
                folder.chmod(bits)

        stage.refuse(counts, lambda: None, "read-only", harm=lambda: allow(0o555), mend=lambda: allow(mode), done=done)


def _clock(stage: Stage, counts: Counts, _arguments: argparse.Namespace, _: str) -> None:
    """A clock that jumps changes no byte."""
    if stage.refuse(counts, boundaries.jumping_clock, "clock"):
        counts.wrong("code", "a jumping clock ends the command")


def _mirror(stage: Stage, counts: Counts, arguments: argparse.Namespace, address: str) -> None:
    """Each bad mirror alone, which must be refused, and before a good one, which must be asked then."""
    if "--fetch" not in stage.scene.command:
        return
    good = address.format(mirror.GOOD)
    for behaviour in mirror.BEHAVIOURS[:: arguments.every]:
        bad = address.format(behaviour)
        if behaviour != mirror.GOOD:
            if not stage.refuse(counts, _asking(bad), behaviour, (3,)):
                counts.wrong("lost", f"{behaviour}: believed")
            if stage.refuse(counts, _asking(bad, good), behaviour):
                counts.wrong("code", f"{behaviour}: the next mirror was not asked")


def _asking(*addresses: str) -> runs.Fault:
    return functools.partial(scenes.ask_mirrors, *addresses, seconds=MIRROR_SECONDS)


ATTACKS: dict[str, Callable[[Stage, Counts, argparse.Namespace, str], None]] = {
    "kill": functools.partial(_each, "kill"),
    "cut": functools.partial(_each, "cut"),
    "moments": _moments,
    "interrupt": _interrupt,
    "full": _full,
    "limit": _limit,
    "small": _small,
    "read-only": _read_only,
    "clock": _clock,
    "mirror": _mirror,
}


def _row(name: str, attack: str, counts: Counts) -> str:
    figures = (*(getattr(counts, field) for field in COLUMNS), counts.traceback)
    return "  ".join([f"{name:<13}{attack:<12}", *(f"{figure:>10,}" for figure in figures)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("scene", nargs="*", choices=[*scenes.SCENES, []], help="by default all")
    parser.add_argument("--attack", action="append", choices=ATTACKS, help="by default all; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th boundary")
    parser.add_argument("--moments", type=int, default=300, help="random moments, of all scenes together")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
