"""What is measured in an Overworld."""

from __future__ import annotations

from palaestra_worlds.overworld.mob_kinds import MOBS, PASSIVE

OBJECTIVES: dict[str, tuple[str, ...]] = {
    "log": ("log", "log2"),
    "planks": ("planks",),
    "stick": ("stick",),
    "crafting_table": ("crafting_table",),
    "wooden_pickaxe": ("wooden_pickaxe",),
    "cobblestone": ("cobblestone",),
    "stone_pickaxe": ("stone_pickaxe",),
    "coal": ("coal", "charcoal"),
    "torch": ("torch",),
    "furnace": ("furnace",),
    "iron_ore": ("iron_ore",),
    "iron_ingot": ("iron_ingot",),
    "bucket": ("bucket",),
    "iron_pickaxe": ("iron_pickaxe",),
    "diamond": ("diamond",),
}
"""What is to be come by, and the names of what counts."""
GOAL_REACHED, GOAL_BIT = "goal", len(OBJECTIVES)
"""What the task asks for; comes after the others."""
FROM_MOBS: dict[str, tuple[str, ...]] = {
    "wool": ("wool",),
    "leather": ("leather",),
    "cooked_meat": ("cooked_beef", "cooked_porkchop", "cooked_mutton", "cooked_chicken"),
    "bed": ("bed",),
    "bread": ("bread",),
}
"""More of the same, where there are animals."""
FIRST_FROM_MOBS = GOAL_BIT + 1
FIRST_HUNTED = FIRST_FROM_MOBS + len(FROM_MOBS)
"""A bit for each kind of `MOBS`, in order: that one was killed."""
NUM_OBJECTIVES = FIRST_HUNTED + len(MOBS)


def objectives_of(mobs: str) -> tuple[str, ...]:
    """What is measured with this setting of `mobs`, by bit."""
    plain = (*OBJECTIVES, GOAL_REACHED)
    if mobs == "none":
        return plain
    hunted = PASSIVE if mobs == "passive" else MOBS
    return (*plain, *FROM_MOBS, *(f"hunt_{mob}" for mob in hunted))
