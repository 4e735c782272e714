"""What is measured in an Overworld."""

from __future__ import annotations

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
"""The last objective: what the task asks for."""
