"""What a family of MiniGrid levels is: a compiled level generator, a rule of its own, and its missions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# What a family's `step` adds to MiniGrid's own (rules.py), and what its generator leaves for it in `status`:
# PICK_UP_TARGET    an object of identity TARGET
# UNLOCK            TARGET_X, TARGET_Y: the door
# DYNAMIC_OBSTACLES REGISTER_A: how many obstacles; OBSTACLES...: where they are
# FETCH             REGISTER_A, REGISTER_B: type and colour to fetch
# GO_TO             TARGET_X, TARGET_Y: what to stand beside
# MEMORY            TARGET_X, TARGET_Y: cell of success; REGISTER_A, REGISTER_B: cell of failure
# PUT_NEAR          TARGET_X, TARGET_Y: cell to put it near; REGISTER_A, REGISTER_B: type and colour of what to move
# RED_BLUE_DOORS    TARGET_X, TARGET_Y: the red door; REGISTER_A, REGISTER_B: the blue one
# HEIST             REGISTER_A: 0; it becomes a bit mask of the objectives that were reached
(
    RULE_NONE,
    RULE_PICK_UP_TARGET,
    RULE_UNLOCK,
    RULE_DYNAMIC_OBSTACLES,
    RULE_FETCH,
    RULE_GO_TO,
    RULE_MEMORY,
    RULE_PUT_NEAR,
    RULE_RED_BLUE_DOORS,
    RULE_HEIST,
) = range(10)


@dataclass(frozen=True)
class Family:
    """One environment class of the reference; a module under families/ keeps its own in FAMILIES by the class's name.

    Attributes:
        generate: `generate(levels, i, parameters)`, register_jitable: what the reference's `_gen_grid` does to
            environment i, with the same random numbers. It starts from cells that hold anything, and sets all cells,
            X, Y, DIRECTION, MISSION and the target columns of `status`; the engine sets STEP, and CARRYING to 0 before.
        parameters: from an instance of the reference class (unwrapped, as its registration makes it), the integers
            that `generate` needs besides width and height.
        missions: from the same instance, all mission texts; `status[i, MISSION]` is a row of it.
        rule: one of RULE_*.
    """

    generate: Callable[..., None]
    parameters: Callable[[Any], Sequence[int]]
    missions: Callable[[Any], Sequence[str]]
    rule: int = RULE_NONE
