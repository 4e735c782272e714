"""What is wrong with a spec, and where it was written."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys, and indices of lists, that lead to a value."""


class SpecError(ValueError):
    """A spec cannot be used; the message says where, which key, what is wrong, and what is allowed."""


@dataclass(frozen=True)
class Place:
    """Where something was written.

    Attributes:
        source: name of the file, or the `--set` argument.
        line, column: from 1; 0 where the source has no lines.
    """

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


def fail(place: Place, path: Path, what: str) -> SpecError:
    """The error to raise about what was written at a place for a key."""
    return SpecError(": ".join(part for part in (str(place), dotted(path), what) if part))


def dotted(path: Path) -> str:
    """A key with its parents, e.g. `agent.network.hidden[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text
