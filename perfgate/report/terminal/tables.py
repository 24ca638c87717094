"""Tables without lines on a terminal, and external strings made safe for it."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfgate.sanitize import one_line


def plain_table(*columns: str, gap: int = 2, wraps: Collection[str] = ()) -> Table:
    """Make a table without lines; a name that begins with `>` is right-aligned.

    Cells do not wrap, except in columns without a name and in those that `wraps` names. If no column has a name, there
    is no header.
    """
    padding = (0, gap, 0, 0)
    table = Table(box=None, pad_edge=False, padding=padding, header_style="dim", show_header=any(columns))
    for given in columns:
        name, right = given.lstrip(">"), given.startswith(">")
        whole = bool(given) and name not in wraps
        table.add_column(Text(one_line(name)), justify="right" if right else "left", no_wrap=whole, overflow="fold")
    return table


def add_row(table: Table, *cells: str | Text, style: str = "") -> None:
    """Add a row; strings are passed as Text, because rich reads a plain string as markup."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells), style=style)


def print_table(console: Console, table: Table) -> None:
    """Print a table and an empty line."""
    console.print(table)
    console.print()


def safe_text(console: Console, text: str) -> Text:
    """Make an external string safe: no markup, no control codes, nothing that the console cannot encode."""
    return Text(one_line(text).encode(console.encoding, "replace").decode(console.encoding))
