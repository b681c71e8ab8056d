"""How figures and recipes are written for people, wherever that is: tables, pages, cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgedigits.records.model import Recipe


def describe(recipe: Recipe) -> str:
    """A recipe in a few words."""
    words = [
        f"{recipe.optimizer} {recipe.lr:g}",
        f"batch {recipe.batch_size}",
        f"{recipe.epochs} {'epoch' if recipe.epochs == 1 else 'epochs'}",
    ]
    if recipe.schedule != "constant":
        words.append(recipe.schedule)
    if recipe.shift:
        words.append(f"shift {recipe.shift}")
    if recipe.rotate:
        words.append(f"rotate {recipe.rotate:g}")
    if recipe.zoom:
        words.append(f"zoom {recipe.zoom:g}")
    if recipe.written:
        words.append("written")
    if recipe.outliers:
        words.append(f"outliers {recipe.outliers:g}")
    if recipe.shear:
        words.append(f"shear {recipe.shear:g}")
    if recipe.bend:
        words.append(f"bend {recipe.bend:g}")
    if recipe.average:
        words.append(f"average {recipe.average:g}")
    if recipe.teacher:
        words.append(f"teacher {recipe.teacher[:8]}")
    return ", ".join(words)


def size(count: int) -> str:
    """A number of bytes for people: decimal units, as file managers show them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:,.1f} {unit}" if unit != "B" else f"{count} B"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction as percent; "-" where there is none."""
    return "-" if fraction is None else f"{fraction:.{digits}%}"


def over_seeds(mean: float, spread: float, seeds: int, wanted: int = 0) -> str:
    """A mean accuracy and its standard deviation over so many seeds, of those that are wanted; one has no deviation."""
    deviation = f" ± {100 * spread:.2f}" if seeds > 1 else ""
    return f"{mean:.2%}{deviation} (n={seeds}{f' of {wanted}' if seeds < wanted else ''})"


def count(number: int | None) -> str:
    """A whole number with its thousands apart; "-" where there is none."""
    return "-" if number is None else f"{number:,}"


def points(fraction: float) -> str:
    """A difference of two fractions, in points of percent."""
    return f"{100 * fraction:.2f} points"


def scientific(value: float | None) -> str:
    """A small difference; None is one that is not finite."""
    return "not finite" if value is None else f"{value:.1e}" if value else "0"
