"""What C files show on devices: `python -m tests.devices cnn --images 1000`. Exit code 1 where one falls short."""

import argparse
import itertools
import sys
from pathlib import Path

from edgedigits.data.load import load_data
from edgedigits.verify.verifier import verify
from tests.devices import canvases, proofs
from tests.devices.proofs import DEMANDS, RECORDS, Proof


def main() -> int:
    """Prove each file, and print a line a figure."""
    asked = _arguments()
    test = load_data("mnist").test
    failed = 0
    for name in asked.name or DEMANDS:
        path, demands = asked.exports / name / f"{name}.int8.c", (DEMANDS | RECORDS)[name]
        if not path.is_file():
            print(f"{path} is missing: edgedigits export --model {name} --format onnx --format c-int8", file=sys.stderr)
            return 3
        print(name, flush=True)
        (report,) = verify(path, runs=asked.runs).reports
        images = test.images[: None if name == "cnn" else 1000]
        for proof in itertools.chain(
            proofs.answers(report, demands),
            proofs.sizes(path, demands),
            proofs.instructions(path, demands, test.images[: asked.counted]),
            proofs.same_scores(path, images, asked.images),
            () if asked.untimed else proofs.times(path, path.with_name(f"{name}.onnx"), test.images),
        ):
            failed += not proof.holds
            print(_line(proof), flush=True)
    print("canvases", flush=True)
    for proof in canvases.proofs(asked.canvases):
        failed += not proof.holds
        print(_line(proof), flush=True)
    print(f"{failed} figures fall short" if failed else "every figure holds")
    return 1 if failed else 0


def _line(proof: Proof) -> str:
    return f"  {'ok    ' if proof.holds else 'FAILED'}  {proof.what:<70} {proof.found:>12}  {proof.wanted}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.devices", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*DEMANDS, *RECORDS, []], help="by default those of the shelf")
    parser.add_argument("--exports", type=Path, default=Path("exports"))
    parser.add_argument("--runs", type=Path, default=Path("build/runs"))
    parser.add_argument("--images", type=int, default=1000, help="on each emulated processor; 10000 are all")
    parser.add_argument("--counted", type=int, default=100, help="whose instructions are counted")
    parser.add_argument("--canvases", type=int, default=20_000, help="under sanitizers; some elsewhere")
    parser.add_argument("--untimed", action="store_true", help="leave out what a busy machine would fail: times")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
