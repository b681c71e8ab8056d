"""The two pictures of a training: its curves, and the confusion matrix. Needs the extra `plots`."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from edgedigits.records.arrays import Int64Array
from edgedigits.records.model import History

DPI = 120
LEARN, VALIDATE = "#3366aa", "#cc6633"
plain_text = mpl.rc_context({"text.parse_math": False})  # names come from folders: a $ in them is no formula


@plain_text
def curves(history: History, title: str, path: Path) -> None:
    """Loss and accuracy by epoch, while training and on the held-out images."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    numbers = [epoch.epoch for epoch in history.epochs]
    for index, (measure, unit) in enumerate((("loss", "cross-entropy, nats"), ("accuracy", "accuracy, %"))):
        axes = figure.add_subplot(1, 2, index + 1)
        factor = 100 if measure == "accuracy" else 1
        learned = [factor * getattr(epoch, measure) for epoch in history.epochs]
        held_out = [getattr(epoch, f"validation_{measure}") for epoch in history.epochs]
        axes.plot(numbers, learned, "o-", color=LEARN, label="while training")
        if None not in held_out:
            axes.plot(numbers, [factor * value for value in held_out], "s--", color=VALIDATE, label="held out")
        axes.set(xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=DPI)


@plain_text
def confusion(matrix: Int64Array, labels: tuple[str, ...], title: str, path: Path) -> None:
    """The confusion matrix: rows are the true classes, columns the predicted ones.

    Colour shows the mistakes alone, since right answers would drown them.
    """
    count = len(labels)
    mistakes = np.where(np.eye(count, dtype=bool), 0, matrix)
    side = 2.2 + 0.42 * count
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, int(mistakes.max())))
    dark = 0.6 * max(1, int(mistakes.max()))
    for (row, column), value in np.ndenumerate(matrix):
        right = row == column
        color = "#888888" if right else ("white" if value > dark else "black")
        axes.text(column, row, str(value) if value else "·", ha="center", va="center", color=color, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(count), labels, rotation=45 if max(map(len, labels)) > 3 else 0, ha="center")
    axes.set_yticks(range(count), labels)
    figure.savefig(path, dpi=DPI)
