"""The long run: `python -m tests.fuzz [TARGET]... --seconds 60`. Exit code 1 when anything crashed, hung or raised.

--inputs N    try N inputs of each target in all; with --state, go on where an earlier run ended
--only N      make one input, write it to the folder of --state or here, and let the target have it
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz import runs
from tests.fuzz.targets import COMPARED, TARGETS, input_of

COLUMNS = ("refused", "same", "changed", "accepted", "traceback", "crashed", "hung")


def main() -> int:
    """Run the targets one after the other, and print a row for each."""
    arguments = _arguments()
    names = arguments.target or list(TARGETS)
    if arguments.only is not None:
        return _one(names[0], arguments.seed, arguments.only)
    print("  ".join(["target".ljust(12), *(f"{name:>9}" for name in ("tried", *COLUMNS, "a second"))]))
    clean = True
    for name in names:
        path = arguments.state / f"{name}.json" if arguments.state else None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            result = runs.read(path, name, arguments.seed, arguments.workers)
        else:
            result = runs.Result(name, arguments.seed, arguments.workers, [0] * arguments.workers)
        share = arguments.seconds / len(names) if arguments.seconds else None
        runs.run(result, arguments.inputs, share, path)
        print(_row(result), flush=True)
        for how, numbers in result.wrong.items():
            if numbers:
                print(f"  {how}: --seed {result.seed} --only {', '.join(map(str, numbers))}", flush=True)
        clean = clean and (result.clean or name in COMPARED) and not (name == "flips" and result.counts["changed"])
    return 0 if clean else 1


def _row(result: runs.Result) -> str:
    counts = [result.tried, *(result.counts[name] for name in COLUMNS), round(result.tried / (result.seconds or 1))]
    return "  ".join([result.target.ljust(12), *(f"{count:>9,}" for count in counts)])


def _one(name: str, seed: int, number: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        target = TARGETS[name](Path(folder))
        content = input_of(target, name, seed, number)
        path = Path(f"{name}-{seed}-{number}")
        path.write_bytes(content)
        print(f"{path}: {len(content):,} bytes", flush=True)
        print(target.ask(content))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help="by default all")
    parser.add_argument("--seconds", type=float, help="for all targets together")
    parser.add_argument("--inputs", type=int, help="of each target, in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--state", type=Path, help="a folder of results to continue")
    parser.add_argument("--only", type=int, help="the number of one input")
    arguments = parser.parse_args()
    if arguments.only is None and arguments.seconds is None and arguments.inputs is None:
        parser.error("--seconds or --inputs says when to end")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
