"""Keys from a terminal or any other stream of text, and pictures in a terminal. Works over ssh."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from palaestra.playing.game import CannotPlay, View

if TYPE_CHECKING:
    from rich.console import Console

_NAMES = {
    " ": "space",
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\b": "backspace",
    "\x03": "ctrl-c",
    "\x04": "ctrl-d",
    "\x1b": "escape",
}
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
SECONDS_FOR_A_SEQUENCE = 0.05
"""How long the rest of an arrow's code may be on its way."""


def split_keys(typed: str) -> tuple[list[str], str]:
    """The keys that a terminal's codes stand for, and the beginning of a code whose end is not there yet."""
    keys: list[str] = []
    k = 0
    while k < len(typed):
        if typed[k] == "\x1b" and typed[k + 1 : k + 2] in ("[", "O", ""):
            if len(typed) < k + 3:
                return keys, typed[k:]
            keys.append(_ARROWS.get(typed[k + 2], "unknown"))
            k += 3
            continue
        keys.append(_NAMES.get(typed[k], typed[k]))
        k += 1
    return keys, ""


class TerminalKeyboard:
    """Reads keys as they are pressed; of a stream that is no terminal, its characters.

    Args:
        stream: with a file descriptor, such as `sys.stdin`.
    """

    def __init__(self, stream: IO[Any]) -> None:
        self._file = stream.fileno()
        self._keys: deque[str] = deque()

    @contextmanager
    def listening(self) -> Iterator[TerminalKeyboard]:
        """Inside, a terminal gives each key at once and does not write it; afterwards it is as it was.

        Raises:
            CannotPlay: this system's terminals cannot do that.
        """
        if not os.isatty(self._file):
            yield self
            return
        try:
            import termios
            import tty
        except ImportError as error:
            raise CannotPlay("keys cannot be read from this system's terminal; play with --window") from error
        before = termios.tcgetattr(self._file)
        try:
            tty.setcbreak(self._file)
            yield self
        finally:
            termios.tcsetattr(self._file, termios.TCSADRAIN, before)

    def read(self, seconds: float | None) -> str | None:
        while not self._keys:
            if not select.select([self._file], [], [], seconds)[0]:
                return None
            self._keys.extend(self._pressed())
        return self._keys.popleft()

    def _pressed(self) -> list[str]:
        data = self._take()
        keys, rest = split_keys(data)
        while rest:
            if not select.select([self._file], [], [], SECONDS_FOR_A_SEQUENCE)[0]:
                return [*keys, "escape"]
            more, rest = split_keys(rest + self._take())
            keys += more
        return keys

    def _take(self) -> str:
        data = os.read(self._file, 1024)
        if not data:
            raise EOFError
        return data.decode("utf-8", "ignore")


class TerminalScreen:
    """Draws pictures with two pixels in each character, text and keys under them.

    Args:
        console: where; one that is no terminal gets the text alone.
        help: what the keys do.
    """

    def __init__(self, console: Console, help: tuple[str, ...]) -> None:
        from rich.live import Live

        self._console = console
        self._help = "  ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in help)
        self._live = Live(console=console, auto_refresh=False, screen=True, vertical_overflow="crop")

    @contextmanager
    def opened(self) -> Iterator[TerminalScreen]:
        """Inside, a terminal shows the game and nothing else; afterwards what it showed before."""
        if not self._console.is_terminal:
            self._console.print(self._help, markup=False)
            yield self
            return
        with self._live:
            yield self

    def show(self, view: View) -> None:
        from rich.console import Group
        from rich.text import Text

        from palaestra.watch import half_blocks

        if not self._console.is_terminal:
            self._console.print(" | ".join(filter(None, view.lines)), markup=False)
            return
        words = Text("\n".join(view.lines))
        keys = Text(self._help, style="dim")
        width, height = self._console.size
        under = sum(len(part.wrap(self._console, width)) for part in (words, keys))
        picture = half_blocks(view.picture, width, 2 * max(height - under - 1, 4))
        self._live.update(Group(picture, words, keys), refresh=True)
