"""Learned controllers: policies over primitive actions that take the place of scripted mine, approach and explore.

Worlds know nothing of who learned them: whoever has one hands it over, see `OverworldPlayer.use`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import MOVES
from palaestra_worlds.overworld.controllers.approach import approach as approach_by_script
from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.mine import at_hand, choose_tool
from palaestra_worlds.overworld.controllers.names import Wanted, blocks_to_see, wanted
from palaestra_worlds.overworld.skills.goals import DISTANCES, GOALS, Skill, goal_of
from palaestra_worlds.overworld.skills.tasks import HELD_FOR, SKILL_ACTIONS
from palaestra_worlds.structured import StructuredAction

TRIES = 3
"""Attempts at one block, or at one thing to be found, before the controller gives up."""


class Policy(Protocol):
    """Chooses primitive actions for one skill. It may remember what it saw since `begin`."""

    def begin(self) -> None:
        """A new attempt."""
        ...

    def choose(self, observations: Mapping[str, NDArray[Any]]) -> int:
        """The next of `SKILL_ACTIONS`, by number.

        Args:
            observations: of one environment, as a world of the skill gives them, see `skills.world.SkillWorld`.
        """
        ...


Policies = Mapping[Skill, Policy]


def mine(hands: Hands, action: StructuredAction, policies: Policies) -> str:
    """Breaks blocks until `count` more of the object are at hand.

    What is not in sight is looked for first, and what is farther than the policy learned to go is approached: by their
    own controllers, learned or scripted.
    """
    found = wanted(action.object)
    goal = _known_goal("mine", found)
    search, before, failed = Search(hands, found), at_hand(hands, found), 0
    while (gained := at_hand(hands, found) - before) < action.count:
        hands.kept = choose_tool(hands, found, action.tool)
        try:
            if not search.is_seen():
                _look_for(hands, search, action, policies)
            cells = search.cells()
            if abs(cells[0] - hands.senses.place).sum() > DISTANCES["mine"][1]:
                _come_near(hands, search, policies)
        except Failed as failure:
            failure.message += f" {gained} of {action.count} {found.name} were mined."
            raise
        hands.hold_for(hands.block(tuple(search.cells()[0].tolist())), hands.kept)
        if not practise(hands, "mine", goal, found, policies["mine"]):
            failed += 1
        if failed == TRIES:
            why = f"{gained} of {action.count} {found.name} were mined, then {TRIES} attempts failed."
            raise Failed("gave_up", f"The learned controller gave up: {why}")
    return f"{gained} {found.name} were mined."


def approach(hands: Hands, action: StructuredAction, policies: Policies) -> str:
    """Goes to the nearest of what has been seen, until it is within reach."""
    search = Search(hands, blocks_to_see(action.object))
    if not search.is_seen():
        raise Failed("not_found", f"No {action.object} has been seen; explore first.")
    _come_near(hands, search, policies)
    return f"{action.object} is within reach."


def explore(hands: Hands, action: StructuredAction, policies: Policies) -> str:
    """Goes about until one is seen."""
    search = Search(hands, blocks_to_see(action.object))
    _look_for(hands, search, action, policies)
    x, z, y = (int(n) for n in search.cells()[0])
    return f"{action.object} is at x {x}, z {z}, height {y}."


LEARNED = {"mine": mine, "approach": approach, "explore": explore}


def practise(hands: Hands, skill: Skill, goal: int, found: Wanted, policy: Policy) -> bool:
    """One attempt; whether it succeeded.

    Raises:
        Failed, Stopped, EpisodeOver: as every primitive action.
    """
    attempt = hands.senses.attempt(skill, goal, found.blocks)
    policy.begin()
    while not attempt.is_over:
        name = SKILL_ACTIONS[policy.choose(attempt.observations())]
        hands.do(*MOVES[name])
        if name == "attack":
            for _ in range(HELD_FOR - 1):
                if not attempt.is_breaking:
                    break
                hands.do(*MOVES[name])
        hands.senses.look()
        attempt.follow()
    return attempt.is_done


def _known_goal(skill: Skill, found: Wanted) -> int:
    goal = goal_of(found.blocks)
    if goal is None:
        known = ", ".join(GOALS)
        raise Failed("gave_up", f"The learned controller of {skill} knows {known}, but not {found.name}.")
    return goal


def _look_for(hands: Hands, search: Search, action: StructuredAction, policies: Policies) -> None:
    policy = policies.get("explore")
    if policy is None:
        search.run(action.strategy)
        return
    goal = _known_goal("explore", search.found)
    for _ in range(TRIES):
        if search.is_seen():
            return
        practise(hands, "explore", goal, search.found, policy)
        hands.senses.look(every=True)
    if not search.is_seen():
        raise Failed("not_found", f"The learned controller looked around {TRIES} times, and saw no {action.object}.")


def _come_near(hands: Hands, search: Search, policies: Policies) -> None:
    policy = policies.get("approach")
    if policy is None:
        approach_by_script(hands, search)
        return
    goal = _known_goal("approach", search.found)
    if not any(practise(hands, "approach", goal, search.found, policy) for _ in range(TRIES)):
        name = search.found.name
        raise Failed("unreachable", f"The learned controller did not reach a {name} in {TRIES} attempts.")
