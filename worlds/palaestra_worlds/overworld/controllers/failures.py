"""How actions end early."""

from __future__ import annotations

from collections.abc import Mapping

from palaestra_worlds.structured import FailureKind

FATAL: tuple[FailureKind, ...] = ("out_of_time", "missing_tool", "gave_up")
"""Failures on the way after which trying another way is of no use."""


class Failed(Exception):
    """An action that can't be carried out; becomes the feedback."""

    def __init__(self, kind: FailureKind, message: str, lacking: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message
        self.lacking = dict(lacking or {})


class Stopped(Exception):
    """Somebody stopped the action; the world is as its last primitive action left it."""


class EpisodeOver(Exception):
    """The goal is reached, the player died, or the time is up."""
