"""A scripted player of Crafter: an oracle, and a policy that reaches deep for tests."""

from __future__ import annotations

from palaestra_worlds.crafter.player.player import ScriptedPlayer
from palaestra_worlds.crafter.player.sight import Sight, make_sight, sight_of

__all__ = ["ScriptedPlayer", "Sight", "make_sight", "sight_of"]
