"""The records as tables: a preset a row, and what was tried to find their networks and recipes."""

import re
import statistics
from collections.abc import Sequence

from edgedigits.bench.records import RecordRun, Standing, standings
from edgedigits.bench.search import LARGE, Trial, read_log
from edgedigits.models.presets import RECORDS
from edgedigits.models.small import products, weight_bytes
from edgedigits.records.footprint import MAIN
from edgedigits.records.words import count, over_seeds

USUAL = re.compile(r"\d+ epochs|one-cycle|shift 2|rotate 10|zoom 0\.1|shear 0\.1")  # in the words of a recipe of trials

Row = Sequence[str]


def records() -> list[Row]:
    """A preset of few bits a row: what it takes, what it reaches as a mean over seeds, and the best that is public."""
    return [_standing(name, standing) for name, standing in standings().items()]


def _standing(name: str, standing: Standing) -> Row:
    network, runs = RECORDS[name].spec.listed, standing.runs
    found = next((run.footprint for run in runs if run.footprint), None)
    accuracies = sorted(run.test_accuracy for run in runs)
    return (
        f"`edgedigits train --model {name}`",
        f"{weight_bytes(network):,}",
        count(runs[0].scratch_bytes if runs else None),
        count(found.flash if found else None),
        count(found.instructions.get(MAIN) if found else None),
        f"{products(network):,}",
        _flips(runs),
        f"{standing.goal.accuracy:.2%}",
        _reached(standing),
        f"{accuracies[0]:.2%} to {accuracies[-1]:.2%}" if runs else "-",
        f"{statistics.median(run.cost for run in runs):.0f}" if runs else "-",
        standing.goal.public,
    )


def _flips(runs: Sequence[RecordRun]) -> str:
    """In the C file and in the int8 ONNX file, the most of any seed whose files were asked."""
    found = [run.flips for run in runs if run.flips is not None]
    return " / ".join(str(max(flips[name] for flips in found)) for name in ("c-int8", "onnx-int8")) if found else "-"


def _reached(standing: Standing) -> str:
    """A mean, and of how many seeds; that of fewer than are wanted says so."""
    if not standing.runs:
        return "not measured yet"
    return over_seeds(standing.mean, standing.deviation, len(standing.runs), standing.goal.seeds)


def trials() -> list[Row]:
    """A network and a recipe a row, compared on LARGE held-out digits: the mean of its seeds; by bytes and epochs."""
    found: dict[tuple[int, str, int, str], list[Trial]] = {}
    for trial in read_log():
        if trial.digits == LARGE:
            found.setdefault((trial.bytes, trial.network, trial.epochs, trial.recipe), []).append(trial)
    return [_trial(found[key]) for key in sorted(found)]


def _trial(trained: Sequence[Trial]) -> Row:
    first = trained[0]
    widths = re.findall(r"(?:channels|features)=(\d+)", first.network)
    return (
        f"{first.bytes:,}",
        "-".join(widths),
        min(re.findall(r"bits=(\d)", first.network)),
        str(first.epochs),
        ", ".join(word for word in first.recipe.split(", ") if not USUAL.fullmatch(word)),
        f"{statistics.fmean(trial.held_out for trial in trained):.2%}",
        f"{statistics.fmean(trial.loss or 0.0 for trial in trained):.4f}",
        str(len(trained)),
    )
