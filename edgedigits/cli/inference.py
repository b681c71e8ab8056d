"""The commands `score` and `predict`, and what they print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgedigits.cli.app import Exports, Json, Trust, app, print_result, say
from edgedigits.cli.tables import table_of

if TYPE_CHECKING:
    from edgedigits.data.kinds import Skipped
    from edgedigits.inference.predict import Prediction, Predictions
    from edgedigits.inference.score import ScoreSummary
    from edgedigits.records.arrays import Uint8Array

BLOCKS = " \N{LOWER HALF BLOCK}\N{UPPER HALF BLOCK}\N{FULL BLOCK}"
INKED = 96  # of 255: pixels above are drawn


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="An exported file.")],
    images: Annotated[Path, typer.Argument(help="A folder, an IDX, .npy or CSV file, or a text file of paths.")],
    out: Annotated[Path, typer.Option("--out", help="Where the answers go: .csv, .jsonl or .parquet.")],
    batch_size: Annotated[int, typer.Option(min=1, help="Images scored at once.")] = 4096,
    shard: Annotated[str, typer.Option("--shard", metavar="i/N", help="Only part i of N, from 0 to N - 1.")] = "0/1",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run ended.")] = False,
    dark_ink: Annotated[bool, typer.Option("--dark-ink", help="Images show dark ink on a light ground.")] = False,
    trust: Trust = False,
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
            opener=Opener(trust=trust),
            observer=observer,
        )
    print_result(scored(result), result.to_dict(), json)
    _tell(result.skipped)
    if result.doubts:
        counts = ", ".join(f"{count:,} {word}" for word, count in result.doubts.items())
        say(f"edgedigits: note: doubtful: {counts} (the column 'doubts' of {out} says which)")
    if result.errors:
        say(f"{result.errors:,} of {result.items:,} images could not be read: their rows in {out} say why.")
        raise typer.Exit(3)
    say(f"Next: look at {out}")


@app.command()
def predict(
    image: Annotated[list[str], typer.Argument(help="Pictures, folders of them, or - for standard input.")],
    model_file: Annotated[
        Path | None, typer.Option("--model-file", help="A canvas file; without it, that of cnn below --exports.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Draw what the network saw.")] = False,
    exports: Exports = Path("exports"),
    json: Json = False,
) -> None:
    """Read the digit on pictures of any size, and say what is doubtful about them."""
    from edgedigits.errors import UsageError
    from edgedigits.inference.predict import predict as predict_pictures

    if show and json:
        raise UsageError("--show draws for people, --json writes for programs: choose one.")
    result = predict_pictures(image, model=model_file, exports=exports)
    print_result(predictions(result, show), result.to_dict(), json)
    _tell(result.skipped)
    unreadable = [prediction.error for prediction in result.predictions if prediction.error]
    for error in unreadable:
        say(f"edgedigits: {error}")
    if unreadable:
        raise typer.Exit(3)
    say("Next: edgedigits inspect FILE")


def _tell(skipped: Sequence[Skipped]) -> None:
    for some in skipped:
        say(f"edgedigits: note: {some}")


def scored(result: ScoreSummary) -> Table:
    """The row at the end of `score`."""
    table = table_of("output", "images>", "unreadable>", "done before>", "seconds>", "images/s>")
    table.add_row(
        result.output,
        f"{result.items:,}",
        f"{result.errors:,}",
        f"{result.resumed:,}",
        f"{result.seconds:.1f}",
        f"{result.images_per_second:,.0f}",
    )
    return table


def predictions(result: Predictions, show: bool = False) -> RenderableType:
    """A line for each picture that could be read, or, with `show`, a line and what the network saw below it."""
    read = [prediction for prediction in result.predictions if prediction.error is None]
    if not show:
        return _predicted(read)
    seen = [(found, found.seen) for found in read if found.seen is not None]
    return Group(*(part for found, image in seen for part in (_predicted([found]), half_blocks(image))))


def _predicted(read: Sequence[Prediction]) -> Table:
    table = table_of("picture", "answer", "probability>", "doubts")
    for found in read:
        answer = Text("no digit", style="yellow") if found.answer is None else Text(found.answer)
        table.add_row(found.picture, answer, f"{found.probability:.1%}", "; ".join(map(str, found.doubts)))
    return table


def half_blocks(image: Uint8Array) -> Text:
    """An image uint8 `[height, width]` of an even height: a line for two rows of pixels, ink where above INKED."""
    inked = (image > INKED).astype(int)
    cells = 2 * inked[0::2] + inked[1::2]
    return Text("\n".join("".join(BLOCKS[cell] for cell in line) for line in cells.tolist()))
