"""The player of a game in a server, by structured actions: an Overworld's controllers over the game."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from palaestra_worlds.luanti.game import Game
from palaestra_worlds.luanti.stations import craft, smelt
from palaestra_worlds.overworld.controllers.failures import EpisodeOver, Failed, Stopped
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.limits import never
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.structured_player import Environment, OverworldPlayer
from palaestra_worlds.structured import ActionFeedback, ActionName, FailureKind, StructuredAction


def _attack(game: Game, hands: Hands, action: StructuredAction) -> str:
    del game, hands
    raise Failed("impossible", f"This world serves no animals or monsters: there is no {action.object} to attack.")


OWN: Mapping[ActionName, Callable[[Game, Hands, StructuredAction], str]] = {
    "attack": _attack,
    "craft": craft,
    "smelt": smelt,
}
"""What the game's own rules decide; all else is done by an Overworld's controllers."""


class LuantiPlayer(OverworldPlayer):
    """See `structured.StructuredPlayer`.

    Args:
        game: the body.
        senses: over it.
        environment: its world.
    """

    def __init__(self, game: Game, senses: Senses, environment: Environment) -> None:
        super().__init__(senses, environment, 0)
        self._game = game

    def perform(
        self, action: StructuredAction, ticks: int | None = None, stop: Callable[[], bool] = never
    ) -> ActionFeedback:
        """As `StructuredPlayer.perform`.

        Raises:
            LuantiError: the server has ended.
        """
        if action.name not in OWN:
            return super().perform(action, ticks, stop)
        began = self._senses.clock
        self._hands.limits.begin(ticks, stop)
        failure: FailureKind | None = None
        lacking: dict[str, int] = {}
        message = ""
        try:
            message = OWN[action.name](self._game, self._hands, action)
        except Failed as failed:
            failure, message, lacking = failed.kind, failed.message, failed.lacking
        except Stopped:
            failure, message = "stopped", "It was stopped."
        except EpisodeOver:
            failure = None if self.has_succeeded else "died" if self._senses.health <= 0 else "out_of_time"
        if self.has_succeeded:
            failure, message = None, f"The goal is reached. {message}".strip()
        return ActionFeedback(
            action=action,
            success=failure is None,
            message=message or "The episode is over.",
            failure=failure,
            lacking=lacking,
            ticks=self._senses.clock - began,
            status=self.status(),
        )

    def snapshot(self) -> bytes:
        """A game in a server cannot be saved in the middle.

        Raises:
            ValueError: always.
        """
        raise ValueError("a Luanti world cannot be saved in the middle: its game runs in another program")

    def restore(self, data: bytes) -> None:
        """Raises:
        ValueError: always.
        """
        del data
        raise ValueError("a Luanti world cannot be restored: its game runs in another program")

    def _identity(self) -> dict[str, Any]:
        return {"world": "Luanti"}
