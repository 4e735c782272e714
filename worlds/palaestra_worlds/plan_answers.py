"""What the scripted teacher answers to a planner's prompts, and how it goes wrong when it is to.

It searches the recipes of the prompt's world. Prompts name the world (`World: Overworld`), what is wanted
(`Reply: goals`, `explanation`, `needs`, `actions` or `summary`), the goal (`Goal: 1 diamond`), how the player is
(`Inventory: 3 oak_log, 2 stick`, ...), and what became of plans before, in words. Nothing else is known here: that
something is not to be found is learned from the feedback, as a language model would learn it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.base import Mistakes, OracleError
from palaestra_worlds.plan_faults import first_fault
from palaestra_worlds.plan_mistakes import misread_plan
from palaestra_worlds.structured import Knowledge, PlanStep, PlayerStatus, StructuredAction, SubGoal

KnowledgeWithout = Callable[[frozenset[str]], Knowledge]
"""What is known about a world in which some blocks and mobs, or what leaves some items, are not to be found."""

_WORLD = re.compile(r"^World: (\S+)$", re.MULTILINE)
_WANTED = re.compile(r"^Reply: (goals|explanation|needs|actions|summary)$", re.MULTILINE)
_GOAL = re.compile(r"^Goal: (\d+) ([a-z0-9_]+)(?: \(any of ([a-z0-9_, ]+)\))?$", re.MULTILINE)
_SUBGOAL = re.compile(r"^Sub-goal: (.+)$", re.MULTILINE)
_ITEM = re.compile(r"^Item: (\d+) ([a-z0-9_]+)$", re.MULTILINE)
_AMOUNT = re.compile(r"(\d+) ([a-z0-9_]+)")
_SEEN = re.compile(r"([a-z0-9_]+) (\d+) away")
_STEP = re.compile(
    r"(mine|hunt|use|craft|smelt) (\d+) ([a-z0-9_]+)(?: from ([a-z0-9_, ]+?))?(?: at ([a-z0-9_]+))?"
    r"(?: over ([a-z0-9_, ]+?))?(?: with ([a-z0-9_]+))?"
)
_NUMBERED_STEP = re.compile(rf"^(\d+)\. {_STEP.pattern}$", re.MULTILINE)
_FAILED_AT = re.compile(r"^It failed at goal (\d+)", re.MULTILINE)
_IN_VAIN = re.compile(r"^Failed: [a-z]+ (?:\d+ )?([a-z0-9_]+)[^(\n]*\((?:not_found|gave_up)\)", re.MULTILINE)
_WORN_OUT = re.compile(r"^Failed: .*\(missing_tool\) - (There is no tool left to dig [a-z0-9_]+ with)", re.MULTILINE)
_LIST = re.compile(r"^What worked: (\[.*\])$", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What a prompt says.

    Attributes:
        wanted: kind of the reply.
        count, item: the goal.
        counts: items of which any mix counts; empty: whatever the name stands for.
        status: how the player is.
        in_vain: what was looked for without being found: blocks, mobs, or items that these leave.
        prompt: all of it.
    """

    wanted: str
    count: int
    item: str
    counts: tuple[str, ...]
    status: PlayerStatus
    in_vain: frozenset[str]
    prompt: str


def asked_in(prompt: str, world: str) -> Asked | None:
    """What a prompt asks for; None if it is about another world, or asks for no plan."""
    named, wanted, goal = _WORLD.search(prompt), _WANTED.search(prompt), _GOAL.search(prompt)
    if named is None or named[1] != world or wanted is None or goal is None:
        return None
    counts = tuple(name.strip() for name in goal[3].split(",")) if goal[3] else ()
    in_vain = frozenset(_IN_VAIN.findall(prompt))
    return Asked(wanted[1], int(goal[1]), goal[2], counts, status_in(prompt), in_vain, prompt)


def status_in(prompt: str) -> PlayerStatus:
    """How the player is, as far as the prompt's last lines about it say."""

    def last(key: str) -> str:
        found = re.findall(rf"^{key}: (.*)$", prompt, re.MULTILINE)
        return found[-1] if found else ""

    height = re.search(r"-?\d+", last("Height"))
    return PlayerStatus(
        inventory=amounts_in(last("Inventory")),
        held=last("Held").removesuffix("nothing"),
        biome=last("Biome"),
        height=int(height[0]) if height else 0,
        is_underground="under ground" in last("Height"),
        health=min(20, _number(last("Health"), 20)),
        food=min(20, _number(last("Food"), 20)),
        ticks_left=_number(last("Steps left"), 1),
        seen={name: int(far) for name, far in _SEEN.findall(last("Seen"))},
    )


def amounts_in(text: str) -> dict[str, int]:
    """The amounts that a text lists, e.g. "3 oak_log, 2 stick"."""
    return {item: int(count) for count, item in _AMOUNT.findall(text) if int(count)}


def _number(text: str, default: int) -> int:
    """The first number in a text."""
    found = re.search(r"\d+", text)
    return int(found[0]) if found else default


def steps_in(text: str) -> list[PlanStep]:
    """The last numbered plan of steps in a text; empty if there is none."""
    plan: list[PlanStep] = []
    for number, *groups in _NUMBERED_STEP.findall(text):
        if number == "1":
            plan = []
        if (step := _step(groups)) is not None:
            plan.append(step)
    return plan


class PlanOracle:
    """Answers the prompts of planners about one world.

    Args:
        world: its id.
        knowledge: gives what is known about it without what was looked for in vain.
        spare: the tool to make where none is left to dig with.
    """

    def __init__(self, world: str, knowledge: KnowledgeWithout, spare: str = "stone_pickaxe") -> None:
        self._world = world
        self._knowledge = knowledge
        self._spare = spare
        self._answers: dict[str, Callable[[Asked], dict[str, Any]]] = {
            "goals": self._goals,
            "explanation": self._explanation,
            "needs": self._needs,
            "actions": self._actions,
            "summary": self._summary,
        }

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        """The answer with mistakes; see `WorldProvider.misread`."""
        return None if asked_in(prompt, self._world) is None else misread_plan(answer, mistakes, random)

    def answer(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """The reply, with the keys that the schema has; None when the prompt is none of a planner for this world.

        Raises:
            OracleError: the goal can't be come by, or is no item.
        """
        asked = asked_in(prompt, self._world)
        if asked is None:
            return None
        answer = self._answers[asked.wanted](asked)
        keys = (schema or {}).get("properties", answer)
        return {key: value for key, value in answer.items() if key in keys}

    # ------------------------------------------------------------------------------------------ goals

    def _goals(self, asked: Asked) -> dict[str, Any]:
        plan = self._plan(asked)
        thoughts = "; ".join(_takes(step) for step in plan if step.material or step.tool)
        return {"thoughts": thoughts or "nothing is needed before", "goals": [_as_reply(step) for step in plan]}

    def _plan(self, asked: Asked) -> tuple[PlanStep, ...]:
        """Steps from what is at hand to the goal, past what was looked for in vain where there is a way past it."""
        errors: list[ValueError] = []
        for missing in dict.fromkeys((asked.in_vain, frozenset[str]())):
            known = self._knowledge(missing)
            try:
                item, count = _wanted(known, asked)
                return known.plan(item, count, asked.status.inventory, near=asked.status.seen)
            except ValueError as error:
                errors.append(error)
        raise OracleError(str(errors[-1])) from errors[-1]

    def _explanation(self, asked: Asked) -> dict[str, Any]:
        """Why the plan in the prompt failed: what the recipes say of it, or else that what it needs was not found."""
        failed = _FAILED_AT.findall(asked.prompt)
        left = steps_in(asked.prompt)[int(failed[-1]) - 1 :] if failed else []
        fault = first_fault(self._knowledge(frozenset()), left, asked.status.inventory)
        why = fault.why if fault else "the plan is right by the recipes; what it needs was not to be had that way"
        return {"explanation": why}

    # ------------------------------------------------------------------------------------------ sub-goals, actions

    def _needs(self, asked: Asked) -> dict[str, Any]:
        """What one item takes, by its easiest way."""
        found = _ITEM.search(asked.prompt)
        if found is None:
            raise OracleError("the prompt names no item")
        tree = self._first_goal(asked, found[2], int(found[1]))
        step = tree.step
        if step.how not in ("craft", "smelt"):
            return _as_reply(step) | {"info": tree.info}
        used = {*step.material, *step.fuel}
        station = next((goal.step.object for goal in tree.before if goal.step.object not in used), "")
        if step.fuel:
            # With all else at hand it is no leftover that is burnt.
            at_hand = {**step.material, **({station: 1} if station else {})}
            tree = self._first_goal(asked, found[2], int(found[1]), at_hand)
        return _as_reply(tree.step) | {"tool": station, "info": tree.info}

    def _first_goal(
        self, asked: Asked, item: str, count: int, at_hand: Mapping[str, int] = MappingProxyType({})
    ) -> SubGoal:
        failure = ValueError(f"{count} {item} take nothing")
        for missing in dict.fromkeys((asked.in_vain, frozenset[str]())):
            try:
                tree = self._knowledge(missing).decompose(item, count, at_hand, near=asked.status.seen)
            except ValueError as error:
                failure = error
            else:
                assert tree is not None
                return tree
        raise OracleError(str(failure)) from failure

    def _actions(self, asked: Asked) -> dict[str, Any]:
        """Structured actions for the sub-goal that the prompt names, after those for what it lacks; without a
        sub-goal, for the goal's next step."""
        found = _SUBGOAL.search(asked.prompt)
        written = _STEP.fullmatch(found[1]) if found else None
        step = _step(list(written.groups(""))) if written else None
        known = self._knowledge(frozenset())
        why = ""
        if step is None:
            steps = self._plan(asked)[:1]
        else:
            fault = first_fault(known, [step], asked.status.inventory)
            why = fault.why if fault else _WORN_OUT.findall(asked.prompt)[-1] if _WORN_OUT.search(asked.prompt) else ""
            if fault is not None:
                steps = self._more_of(asked, step.object, step.count)
            elif why:
                steps = (*self._more_of(asked, self._spare, 1), step)
            else:
                steps = self._with_spares(asked, step)
        actions = [(action, one) for one in steps for action in known.actions(one, asked.status)]
        return {
            "explanation": why,
            "thoughts": "to " + ", then ".join(map(str, steps)),
            "actions": [_action_as_reply(action, one) for action, one in actions],
        }

    def _with_spares(self, asked: Asked, step: PlanStep) -> tuple[PlanStep, ...]:
        """A step after those for what one takes along, if its own plan is for the same and begins with others."""
        if step.how != "mine":
            return (step,)
        steps = self._more_of(asked, step.object, step.count)
        return steps if (steps[-1].how, steps[-1].source) == (step.how, step.source) else (step,)

    def _more_of(self, asked: Asked, item: str, count: int) -> tuple[PlanStep, ...]:
        """Steps to have so many more of an item."""
        at_hand = asked.status.inventory.get(item, 0)
        return self._plan(Asked(asked.wanted, at_hand + count, item, (item,), asked.status, asked.in_vain, ""))

    def _summary(self, asked: Asked) -> dict[str, Any]:
        """The shortest of the lists that worked."""
        found = [json.loads(text) for text in _LIST.findall(asked.prompt)]
        if not found:
            raise OracleError("the prompt lists nothing that worked")
        return {"actions": min(found, key=len)}


def _wanted(known: Knowledge, asked: Asked) -> tuple[str, int]:
    """The item to come by, and how many of it are to be at hand then."""
    inventory, seen = asked.status.inventory, asked.status.seen
    every = known.named(asked.item)
    counts = asked.counts or every
    if not counts:
        hint = known.nearest(asked.item)
        raise ValueError(f"no item is called '{asked.item}'" + (f"; did you mean '{hint}'?" if hint else ""))
    item = next((name for name in known.items if name in counts), counts[0])
    if set(counts) == set(every):
        tree = known.decompose(asked.item, 1, {}, near=seen)
        item = tree.step.object if tree else item
    lacking = asked.count - sum(inventory.get(name, 0) for name in counts)
    return item, inventory.get(item, 0) + max(1, lacking)


def _step(groups: list[str]) -> PlanStep | None:
    how, count, item, material, source, fuel, tool = groups
    content = {
        "how": how,
        "object": item,
        "count": int(count),
        "material": amounts_in(material),
        "fuel": amounts_in(fuel),
        "tool": tool,
        "source": source,
    }
    try:
        return PlanStep.model_validate(content)
    except ValidationError:
        return None


def _takes(step: PlanStep) -> str:
    parts = [f"{count} {item}" for item, count in step.material.items()] + ([step.tool] if step.tool else [])
    return f"{step.object} takes {', '.join(parts)}"


def _as_reply(step: PlanStep) -> dict[str, Any]:
    return step.model_dump(mode="json")


def _action_as_reply(action: StructuredAction, step: PlanStep) -> dict[str, Any]:
    return action.model_dump(mode="json", exclude_defaults=True) | {"expectation": f"nearer to {step.object}"}
