"""Structured actions: what a planner has a player do, what comes back in words, and what can be known about items.

After Ghost in the Minecraft (arXiv 2305.17144): a player carries out actions such as "mine 3 logs" by itself, and says
what became of them. A world that has such players gives them by `World.player(i)`, and what is known about its items
by `World.knowledge()`. Planners, and worlds behind the same interface, know each other through this module alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, Protocol, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ActionName = Literal[
    "equip",
    "explore",
    "approach",
    "mine",
    "attack",
    "dig_down",
    "go_up",
    "build",
    "craft",
    "smelt",
    "apply",
    "place",
]
ACTION_NAMES: tuple[ActionName, ...] = get_args(ActionName)
MEANINGS: dict[ActionName, str] = {
    "equip": "take `object`, an item of the inventory, in hand",
    "explore": "go about with `strategy` until `object`, a block or mob, is seen",
    "approach": "go to the nearest `object` that has been seen",
    "mine": "find and break blocks with `tool` in hand until `count` more of `object`, an item that they leave or the "
    "blocks themselves, are at hand",
    "attack": "find and kill mobs with `tool` in hand until `count` more of `object`, an item that they leave, are at "
    "hand, or that many of the mob `object` are dead",
    "dig_down": "dig a way down to height `level` with `tool` in hand",
    "go_up": "climb, dig or pile up blocks to height `level` with `tool` in hand; without a level: to the open sky",
    "build": "place the blocks of `blueprint` nearby",
    "craft": "make `count` more of the item `object` from `material`; a table is put up where one is needed",
    "smelt": "smelt `count` of the item `object` from `material`; a furnace is put up for it",
    "apply": "use `tool` on the nearest `object` that has been seen, `count` times; eat `object` if `tool` is empty",
    "place": "put the item `object` down nearby",
}
"""What each does, for prompts."""
Strategy = Literal["surface", "underground"]

MOST_ACTIONS = 64
"""Actions or steps in one plan."""
HIGHEST = 320
MOST_CELLS = 16
"""Cells of a blueprint along each axis."""

FailureKind = Literal[
    "unknown_item",
    "impossible",
    "missing_material",
    "missing_tool",
    "missing_station",
    "missing_fuel",
    "not_found",
    "unreachable",
    "no_room",
    "out_of_time",
    "gave_up",
    "stopped",
    "died",
]
FAILURES: dict[FailureKind, str] = {
    "unknown_item": "nothing is called so",
    "impossible": "it can never be done, whatever is at hand",
    "missing_material": "too few of an ingredient, or of an item to be held, used or placed",
    "missing_tool": "the tool is not at hand, does not fit, or broke",
    "missing_station": "no table or furnace is at hand",
    "missing_fuel": "too little that burns",
    "not_found": "none is to be seen, and looking for it ended without one",
    "unreachable": "one has been seen, but no safe way leads there",
    "no_room": "no free slot, or no free place nearby",
    "out_of_time": "the episode's steps, or those of this action, ran out",
    "gave_up": "looking for ways took too much thought for what came of it",
    "stopped": "whoever watches stopped it; nothing is wrong with it",
    "died": "the player died",
}
"""What each kind of failure means, for prompts."""


def _as_name(value: object) -> object:
    """Names as models write them, e.g. "Oak Log" or "minecraft:oak_log"."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return value.strip().lower().removeprefix("minecraft:").replace(" ", "_")


Name = Annotated[str, BeforeValidator(_as_name), Field(max_length=60, pattern=r"^[a-z0-9_]*$")]
"""Of an item, block or mob, e.g. "oak_log"; empty for none."""
Amounts = dict[Name, Annotated[int, Field(ge=1, le=2304)]]
"""Items and how many, at most what 36 slots of 64 hold."""


class Blueprint(BaseModel):
    """A small building."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: tuple[tuple[Annotated[str, Field(max_length=MOST_CELLS)], ...], ...] = Field(
        min_length=1,
        max_length=MOST_CELLS,
        description="From the ground up; each layer is rows of characters, the nearest row last. A space leaves a "
        "cell as it is.",
    )
    blocks: dict[Annotated[str, Field(min_length=1, max_length=1)], Name] = Field(
        max_length=MOST_CELLS, description="The item that each character stands for."
    )

    @model_validator(mode="after")
    def _check(self) -> Blueprint:
        if any(len(layer) > MOST_CELLS for layer in self.layers):
            raise ValueError(f"a blueprint has at most {MOST_CELLS} rows in a layer")
        unknown = {cell for layer in self.layers for row in layer for cell in row} - set(self.blocks) - {" "}
        if unknown:
            raise ValueError(f"`blocks` does not say what {', '.join(map(repr, sorted(unknown)))} stands for")
        return self

    def cells(self) -> Iterator[tuple[int, int, int, str]]:
        """(right, ahead, up, item) of each block, the lowest and farthest first."""
        for up, layer in enumerate(self.layers):
            for number, row in enumerate(layer):
                for right, cell in enumerate(row):
                    if cell != " ":
                        yield right, len(layer) - number, up, self.blocks[cell]


class StructuredAction(BaseModel):
    """One action of a plan. Which fields count depends on `name`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ActionName = Field(description="What to do.")
    object: Name = Field(default="", description="The item, block or mob that it is about, e.g. oak_log.")
    count: int = Field(default=1, ge=1, le=2304, description="How many.")
    material: Amounts = Field(
        default={}, max_length=9, description="Of craft and smelt: items used up. Empty: whatever is at hand."
    )
    tool: Name = Field(default="", description="The item in hand. Empty: the least that does it.")
    strategy: Strategy | None = Field(
        default=None, description="Of explore and mine: where to look. Null: where the object is known to be."
    )
    level: int | None = Field(default=None, ge=0, le=HIGHEST, description="Of dig_down and go_up: the height.")
    blueprint: Blueprint | None = Field(default=None, description="Of build: what.")

    @model_validator(mode="after")
    def _check(self) -> StructuredAction:
        if self.name not in ("dig_down", "go_up", "build") and not self.object:
            raise ValueError(f"{self.name} needs an object")
        if self.name == "dig_down" and self.level is None:
            raise ValueError("dig_down needs a level")
        if self.name == "build" and self.blueprint is None:
            raise ValueError("build needs a blueprint")
        return self

    def __str__(self) -> str:
        words: list[str] = [self.name]
        if self.count > 1:
            words.append(str(self.count))
        if self.object:
            words.append(self.object)
        if self.strategy:
            words.append("on the surface" if self.strategy == "surface" else "under ground")
        if self.level is not None:
            words.append(f"to height {self.level}")
        if self.material:
            words.append(f"from {in_words(self.material)}")
        if self.tool:
            words.append(f"with {self.tool}")
        return " ".join(words)


class PlayerStatus(BaseModel):
    """How a player is, as far as it can know.

    All that a planner may be told between actions; nothing that the player has not seen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inventory: dict[str, int] = Field(description="Items and how many.")
    held: str = Field(default="", description="The item in hand.")
    biome: str = Field(description="Where it stands.")
    height: int = Field(description="Of its feet.")
    is_underground: bool = Field(description="Whether there is rock overhead.")
    health: int = Field(ge=0, le=20)
    food: int = Field(ge=0, le=20)
    time_of_day: str = Field(default="", description="morning, noon, evening or night.")
    ticks_left: int = Field(ge=0, description="Until the episode ends: the steps of the papers.")
    seen: dict[str, int] = Field(
        default={}, description="Blocks and mobs that it remembers, and how many cells away the nearest is."
    )

    def __str__(self) -> str:
        return (
            f"Inventory: {in_words(self.inventory) or 'empty'}. Held: {self.held or 'nothing'}. Biome: {self.biome}. "
            f"Height: {self.height}, {'under ground' if self.is_underground else 'on the ground'}. "
            f"Health {self.health} of 20, food {self.food} of 20. Steps left: {self.ticks_left}."
        )


class ActionFeedback(BaseModel):
    """What became of an action."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: StructuredAction
    success: bool
    message: str = Field(description="What happened, or why it failed, in one or two sentences.")
    failure: FailureKind | None = Field(default=None, description="Why it failed; null: it did not.")
    lacking: dict[str, int] = Field(
        default={}, description="Items that were missing and how many; one of them is enough where it is a tool."
    )
    ticks: int = Field(ge=0, description="Of the episode's clock that it took.")
    status: PlayerStatus = Field(description="Afterwards.")

    def __str__(self) -> str:
        return f"{'Done' if self.success else 'Failed'}: {self.action}. {self.message} {self.status}"


class StructuredPlayer(Protocol):
    """Plays one environment of a world by structured actions.

    While it plays, nothing else steps that environment. It perceives what a player can see and remembers it.
    """

    @property
    def is_over(self) -> bool:
        """Whether the episode has ended: goal reached, died, or out of time. Begins anew with `World.reset`."""
        ...

    @property
    def has_succeeded(self) -> bool:
        """Whether the task's goal has been reached."""
        ...

    @property
    def ticks_left(self) -> int:
        """Until the episode ends."""
        ...

    def status(self) -> PlayerStatus:
        """How the player is now."""
        ...

    def describe(self) -> str:
        """The same, the goal, and what it has seen, in words for a language model."""
        ...

    def perform(
        self, action: StructuredAction, ticks: int | None = None, stop: Callable[[], bool] = lambda: False
    ) -> ActionFeedback:
        """Carries out an action to its end.

        Never raises for what a plan says: whatever is wrong with it is in the feedback.

        Args:
            action: what to do.
            ticks: at most so many; None: as long as the controller sees fit.
            stop: asked again and again while it runs; once it holds, the action ends with the failure "stopped", and
                the world is as after the last primitive action.
        """
        ...

    def snapshot(self) -> bytes:
        """The exact state of this environment, and what the player remembers."""
        ...

    def restore(self, data: bytes) -> None:
        """Goes back to what `snapshot` saw.

        Raises:
            ValueError: `data` is no snapshot of a player of such a world.
        """
        ...


How = Literal["mine", "hunt", "use", "craft", "smelt"]


class PlanStep(BaseModel):
    """One step of a plan about items: to come by more of one, in one way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: How = Field(description="What is done.")
    object: Name = Field(min_length=1, description="The item to come by, e.g. stone_pickaxe.")
    count: int = Field(default=1, ge=1, le=2304, description="How many more of it.")
    material: Amounts = Field(default={}, max_length=9, description="Items that are used up, fuel aside.")
    fuel: Amounts = Field(default={}, max_length=9, description="Of smelt: items that are burnt.")
    tool: Name = Field(default="", description="The item in hand; empty for any.")
    source: Name = Field(default="", description="The block or mob that it is done to; empty for none, or any.")

    def __str__(self) -> str:
        words = f"{self.how} {self.count} {self.object}"
        if self.material:
            words += f" from {in_words(self.material)}"
        if self.source:
            words += f" at {self.source}"
        if self.fuel:
            words += f" over {in_words(self.fuel)}"
        return words + (f" with {self.tool}" if self.tool else "")


class SubGoal(BaseModel):
    """A goal of Ghost in the Minecraft: an item to come by, and the goals that come before it.

    Iterating gives all goals of the tree in the order in which they are to be reached, this one last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: PlanStep
    info: str = Field(default="", description="Where and how, in words.")
    before: tuple[SubGoal, ...] = ()

    def goals(self) -> Iterator[SubGoal]:
        """All goals of the tree in the order in which they are to be reached, this one last."""
        for goal in self.before:
            yield from goal.goals()
        yield self


class PlanFault(BaseModel):
    """The first thing that is wrong with a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int = Field(ge=0, description="Which step, from 0; the number of steps: the goal is not reached by them.")
    kind: FailureKind
    why: str = Field(description="In words.")


class Knowledge(Protocol):
    """What can be known about a world's items without playing: recipes, and where things are."""

    @property
    def items(self) -> tuple[str, ...]:
        """All items that can be come by, the easiest first."""
        ...

    def nearest(self, name: str) -> str:
        """The known item, or older name of one, whose spelling is nearest; "" if none is near."""
        ...

    def named(self, name: str) -> tuple[str, ...]:
        """The items that a name stands for, e.g. "planks" for six; empty: there is none."""
        ...

    def recipe_text(self, item: str, budget: int = 200) -> str:
        """The ways to an item in words, the easiest first, cut after `budget` words.

        Raises:
            ValueError: there is no such item; the message gives the nearest.
        """
        ...

    def decompose(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str] = ()
    ) -> SubGoal | None:
        """The goals that lead to having `count` of an item, by the easiest way to everything; None: enough is at hand.

        Args:
            item: or an older name of several, e.g. "planks".
            count: at least 1.
            inventory: what is at hand.
            near: blocks that have been seen: of several kinds of trees, those are chosen.

        Raises:
            ValueError: there is no such item, or it can't be come by; the message says which.
        """
        ...

    def plan(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str] = ()
    ) -> tuple[PlanStep, ...]:
        """The same as steps in order, with trips for the same thing made once.

        Raises:
            ValueError: as `decompose`.
        """
        ...

    def check_plan(
        self, steps: Sequence[PlanStep], inventory: Mapping[str, int], goal: Mapping[str, int] | None = None
    ) -> PlanFault | None:
        """The first thing wrong with a plan, on an inventory without a world; None: it can be carried out.

        Args:
            steps: the plan.
            inventory: what is at hand before it.
            goal: what must be at hand after it; None: anything.
        """
        ...

    def actions(self, step: PlanStep, status: PlayerStatus) -> tuple[StructuredAction, ...]:
        """Structured actions that carry out a step for a player who is where `status` says."""
        ...


def in_words(items: Mapping[str, int]) -> str:
    """E.g. "3 oak_planks, 2 stick"."""
    return ", ".join(f"{count} {item}" for item, count in items.items())
