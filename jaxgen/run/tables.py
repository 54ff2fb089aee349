"""Tables of a page."""

import shutil
from collections.abc import Sequence
from typing import Any

__all__ = ["print_tables"]


def print_tables(tables: Sequence[dict[str, Any]]) -> None:
    """Prints the tables of a page, as wide as the terminal; a pipe has 80 columns.

    Cells that are too wide are wrapped, and none is cut.

    Args:
        tables: Each with its title, columns, words and rows of strings.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=shutil.get_terminal_size().columns, markup=False)
    for table in tables:
        text = Table(title=table["title"], box=box.SIMPLE, title_justify="left")
        for number, column in enumerate(table["columns"]):
            if number < table["words"]:
                text.add_column(column, overflow="fold")
                continue
            # Numbers stay on one line where they can; heads and words are wrapped.
            parts = [*column.split(), *(row[number] for row in table["rows"])]
            size = max(map(len, parts), default=0)
            text.add_column(column, justify="right", width=size, overflow="fold")
        for row in table["rows"]:
            text.add_row(*row)
        console.print(text)
