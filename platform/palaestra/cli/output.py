"""What commands print with, and the examples that their help ends in."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH_OF_FILES = 160


def examples(*commands: str, title: str = "Examples") -> str:
    """The end of a command's help: one line for each example, optionally with `# a comment`."""
    from rich.markup import escape

    lines = [f"[dim]$[/dim] {escape(command)}" for command in commands]
    return "\n".join([f"[bold]{title}[/bold]", *lines])


def console() -> Console:
    """Standard output; long lines of text are left to the terminal to break."""
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=True)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        # A file or a pipe has no width, and rows are easier to search when they are not folded.
        out.width = WIDTH_OF_FILES
    return out


def plain_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without frames; the columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def login() -> str:
    """Who is at the keyboard."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "someone"
