"""Tables that fit: in one piece where there is room, else in two, else in sentences. No figure is ever wrapped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2  # columns between two columns
INDENT = 2  # of what belongs to the line above it
PROSE = 30  # columns that prose is given at least, if it needs them: narrower, it cannot be read
MOST_BLOCKS = 2

Cell = str | Text


@dataclass
class Sheet:
    """Rows under headings. The first column names the row; the others come in the order of their importance.

    headings   `>` behind one sets its column flush right
    prose      columns whose text may be wrapped

    Where the width does not hold all columns, the first is printed again with those that did not fit, for the rows
    that have any of them. Where even that takes more than MOST_BLOCKS, each row becomes its name and a sentence of its
    figures. Without rows there is nothing to print, the headings neither.
    """

    headings: tuple[str, ...]
    prose: tuple[str, ...] = ()
    rows: list[tuple[Cell, ...]] = field(default_factory=list)

    def add_row(self, *cells: Cell) -> None:
        """Add a row, a cell a column."""
        self.rows.append(cells)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        if not self.rows:
            return
        blocks = self._blocks(options.max_width)
        if 0 < len(blocks) <= MOST_BLOCKS:
            for number, columns in enumerate(blocks):
                yield from ([Text()] if number else [])
                yield self._table(columns, further=number > 0)
        else:
            yield from self._sentences(options.max_width)

    def _blocks(self, width: int) -> list[list[int]]:
        """Columns that fit beside each other, the first always among them; none where one fits in no block."""
        room = width - self._width(0)
        blocks, used = [[0]], 0
        if room < 0:
            return []
        for index in range(1, len(self.headings)):
            needed = GAP + self._width(index)
            if needed > room:
                return []
            if used + needed > room:
                blocks.append([0])
                used = 0
            blocks[-1].append(index)
            used += needed
        return blocks

    def _width(self, index: int) -> int:
        """The columns that a column takes; of prose, what it takes at least."""
        cells = [self._heading(index), *(str(row[index]) for row in self.rows)]
        whole = max(map(cell_len, cells))
        if self._heading(index) not in self.prose:
            return whole
        return max(min(whole, PROSE), *(cell_len(word) for cell in cells for word in cell.split() or [""]))

    def _heading(self, index: int) -> str:
        return self.headings[index].rstrip(">")

    def _table(self, columns: Sequence[int], further: bool) -> Table:
        """A block; a further one leaves out the rows of which it says nothing."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for index in columns:
            right = self.headings[index].endswith(">")
            wrapped = self._heading(index) in self.prose
            table.add_column(self._heading(index), justify="right" if right else "left", no_wrap=not wrapped)
        for row in self.rows:
            cells = [row[index] for index in columns]
            if not further or any(map(str, cells[1:])):
                table.add_row(*cells)
        return table

    def _sentences(self, width: int) -> Iterator[Text]:
        """A row a paragraph: its name, then its figures, each with its heading, on lines that break between them."""
        for row in self.rows:
            yield Text.assemble(row[0], style="bold", overflow="fold")
            pieces = [
                piece for index, cell in enumerate(row) if index and str(cell) for piece in self._pieces(index, cell)
            ]
            if pieces:
                pieces[-1].right_crop(1)  # the last comma
                yield from _filled(pieces, width - INDENT)

    def _pieces(self, index: int, cell: Cell) -> list[Text]:
        """What of a figure may stand on lines of its own: of prose each word, else all of it together."""
        heading = self._heading(index)
        if heading in self.prose:
            return [Text(word) for word in f"{heading}: {cell},".split()]
        return [Text.assemble(f"{heading} ", cell, ",")]


def _filled(pieces: Sequence[Text], width: int) -> Iterator[Text]:
    """Lines of pieces, as many on each as it holds."""
    line: list[Text] = []
    for piece in pieces:
        if line and sum(cell_len(found.plain) + 1 for found in line) + cell_len(piece.plain) > width:
            yield Text(" " * INDENT) + Text(" ").join(line)
            line = []
        line.append(piece)
    yield Text(" " * INDENT) + Text(" ").join(line)
