"""Tables of text and lines on a terminal: columns that do not fit are left out, names wrap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console

from perfgate.explain.tables import TextTable
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text

_WIDE = 60


def print_lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    """Print sentences that may contain foreign text, one a line."""
    for words in lines:
        console.print(safe_text(console, words), style=style)


def narrowed(console: Console, table: TextTable, dispensable: Sequence[str]) -> TextTable:
    """Return it without the first of the dispensable columns, as many as are needed to fit."""
    narrower = (table.without(dispensable[:count]) for count in range(1, len(dispensable) + 1))
    return next((each for each in (table, *narrower) if fits(console, each)), table.without(dispensable))


def fits(console: Console, table: TextTable) -> bool:
    """Return whether a table needs no wrapping."""
    names = (name.lstrip(">") for name in table.columns)
    widths = (max(map(cell_len, column)) for column in zip(names, *table.rows, strict=True))
    return sum(widths) + _gap(console) * (len(table.columns) - 1) <= console.width


def print_text_table(console: Console, table: TextTable, wraps: Collection[str] = ()) -> None:
    """Print a table below its title and note; cells of columns in `wraps` may take several lines."""
    print_lines(console, (table.title,), style="bold")
    print_lines(console, (table.note,) if table.note else (), style="dim")
    columns, folded = ([safe_text(console, name).plain for name in names] for names in (table.columns, wraps))
    shown = plain_table(*columns, gap=_gap(console), wraps=folded)
    for row in table.rows:
        add_row(shown, *(safe_text(console, cell) for cell in row))
    print_table(console, shown)


def _gap(console: Console) -> int:
    return 2 if console.width >= _WIDE else 1
