"""The commands `score` and `predict`, and what they print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from edgedigits.cli import completion
from edgedigits.cli.app import DATA, Exports, Json, Trust, command, print_result
from edgedigits.cli.numbers import number_rows, write_boxes
from edgedigits.cli.sheet import Sheet
from edgedigits.cli.voice import say, tell
from edgedigits.records.words import percent

if TYPE_CHECKING:
    from edgedigits.data.kinds import Skipped
    from edgedigits.inference.numbers import Number
    from edgedigits.inference.predict import Prediction, Predictions
    from edgedigits.inference.score import ScoreSummary
    from edgedigits.records.arrays import Uint8Array

BLOCKS = " \N{LOWER HALF BLOCK}\N{UPPER HALF BLOCK}\N{FULL BLOCK}"
INKED = 96  # of 255: pixels above are drawn
DIGITS = 6  # behind the point of a percentage, at most: float32 has no more


@command(
    "edgedigits score exports/cnn/cnn.onnx digits --out answers.csv",
    "edgedigits score reader numbers --out numbers.csv --number",
)
def score(
    model: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.files, help="An exported file, or the name of a model below --exports."
        ),
    ],
    images: Annotated[Path, typer.Argument(help="A folder, an IDX, .npy or CSV file, or a text file of paths.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the answers go: .csv, .jsonl or .parquet.")],
    batch_size: Annotated[int, typer.Option(min=1, help="Images scored at once.")] = 4096,
    shard: Annotated[str, typer.Option("--shard", metavar="i/N", help="Only part i of N, from 0 to N - 1.")] = "0/1",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run ended.")] = False,
    dark_ink: Annotated[
        bool, typer.Option("--dark-ink", rich_help_panel=DATA, help="Images show dark ink on a light ground.")
    ] = False,
    number: Annotated[
        bool, typer.Option("--number", rich_help_panel=DATA, help="Pictures show a line of up to 12 digits each.")
    ] = False,
    trust: Trust = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Write a model's answers to images of any number; exit code 3 when some could not be read."""
    from edgedigits.cli import tables
    from edgedigits.inference.score import score as score_images
    from edgedigits.runtime.load import Opener

    with tables.progress("score") as observer:
        result = score_images(
            model,
            images,
            out,
            batch_size=batch_size,
            shard=shard,
            resume=resume,
            dark_ink=dark_ink,
            number=number,
            exports=exports,
            opener=Opener(trust=trust),
            observer=observer,
        )
    print_result(scored(result), result.to_dict(), json)
    _name_skipped(result.skipped)
    if result.doubts:
        counts = ", ".join(f"{count:,} {word}" for word, count in result.doubts.items())
        say(f"edgedigits: note: doubtful: {counts} (the column 'doubts' of {out} says which)")
    if result.errors:
        say(f"{result.errors:,} of {result.items:,} images could not be read: their rows in {out} say why.")
        raise typer.Exit(3)
    tell(f"Next: look at {out}")


@command("edgedigits predict photo.png --show", "edgedigits predict --number scans --json")
def predict(
    image: Annotated[list[str], typer.Argument(help="Pictures, folders of them, or - for standard input.")],
    model_file: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            "--model-file",
            metavar="NAME|FILE",
            autocompletion=completion.files,
            help="A canvas file, or a model's name below --exports; by default reader, cnn, or the first one there.",
        ),
    ] = None,
    number: Annotated[bool, typer.Option("--number", help="Read a line of up to 12 digits on each picture.")] = False,
    sheet: Annotated[bool, typer.Option("--sheet", help="Read several lines of digits, from top to bottom.")] = False,
    show: Annotated[
        bool,
        typer.Option("--show", help="Draw what the network saw; of a number its boxes, in a PNG file in this folder."),
    ] = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Read the digit on pictures of any size, or a number, and say what is doubtful about them."""
    from edgedigits.cli import tables
    from edgedigits.errors import UsageError
    from edgedigits.inference.numbers import predict_numbers
    from edgedigits.inference.predict import predict as predict_pictures

    if show and json:
        raise UsageError("--show draws for people, --json writes for programs: choose one.")
    if number or sheet:
        with tables.progress("predict") as observer:
            found = predict_numbers(image, sheet=sheet, model=model_file, exports=exports, observer=observer)
        print_result(number_rows(found, write_boxes(found) if show else {}), found.to_dict(), json)
        return _conclude(found.skipped, found.numbers)
    with tables.progress("predict") as observer:
        result = predict_pictures(image, model=model_file, exports=exports, observer=observer)
    print_result(predictions(result, show), result.to_dict(), json)
    return _conclude(result.skipped, result.predictions)


def _conclude(skipped: Sequence[Skipped], answers: Sequence[Prediction | Number]) -> None:
    """Say what was left out and what could not be read; end with exit code 3 where anything could not."""
    _name_skipped(skipped)
    errors = [answer.error for answer in answers if answer.error]
    for error in errors:
        say(f"edgedigits: {error}")
    if errors:
        raise typer.Exit(3)
    tell("Next: edgedigits inspect FILE")


def _name_skipped(skipped: Sequence[Skipped]) -> None:
    for some in skipped:
        say(f"edgedigits: note: {some}")


def scored(result: ScoreSummary) -> Sheet:
    """The row at the end of `score`."""
    sheet = Sheet(("output", "images>", "unreadable>", "done before>", "seconds>", "images/s>"))
    sheet.add_row(
        result.output,
        f"{result.items:,}",
        f"{result.errors:,}",
        f"{result.resumed:,}",
        f"{result.seconds:.1f}",
        f"{result.images_per_second:,.0f}",
    )
    return sheet


def predictions(result: Predictions, show: bool = False) -> RenderableType:
    """A line for each picture that could be read, or, with `show`, a line and what the network saw below it."""
    read = [prediction for prediction in result.predictions if prediction.error is None]
    if not show:
        return _predicted(read, result.threshold)
    seen = [(found, found.seen) for found in read if found.seen is not None]
    return Group(
        *(part for found, image in seen for part in (_predicted([found], result.threshold), half_blocks(image)))
    )


def _predicted(read: Sequence[Prediction], threshold: float | None) -> Sheet:
    sheet = Sheet(("picture", "answer", "probability>", "doubts"), prose=("answer", "doubts"))
    for found in read:
        if found.answer is None:
            answer, probability = Text(_refused(found, threshold or 0.0), style="yellow"), ""
        else:
            answer, probability = Text(found.answer), f"{found.probability:.1%}"
        sheet.add_row(found.picture, answer, probability, "; ".join(map(str, found.doubts)))
    return sheet


def _refused(found: Prediction, threshold: float) -> str:
    """What a picture would be if the network were sure enough, and how sure it had to be."""
    likeliest = max(found.probabilities, key=found.probabilities.__getitem__)
    probability, needed = _apart(found.probabilities[likeliest], threshold)
    return f"no digit (would be {likeliest} at {probability}, needs {needed})"


def _apart(lower: float, higher: float) -> tuple[str, str]:
    """Two fractions as percent, with as many digits as tell one from the other."""
    for digits in range(DIGITS):
        shown = percent(lower, digits), percent(higher, digits)
        if shown[0] != shown[1]:
            break
    return shown


def half_blocks(image: Uint8Array) -> Text:
    """An image uint8 `[height, width]` of an even height: a line for two rows of pixels, ink where above INKED."""
    inked = (image > INKED).astype(int)
    cells = 2 * inked[0::2] + inked[1::2]
    return Text("\n".join("".join(BLOCKS[cell] for cell in line) for line in cells.tolist()))
