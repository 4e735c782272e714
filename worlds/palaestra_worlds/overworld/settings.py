"""Settings of an Overworld."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Nature = Literal["core", "whole"]


class OverworldSettings(BaseModel):
    """Keyword settings of an Overworld; the same names in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Literal["vanilla", "easy"] = Field(
        default="vanilla",
        description="vanilla: the game's; easy: what Ghost in the Minecraft ran with: blocks break a hundred times as "
        "fast, and tables and furnaces work from the inventory.",
    )
    actions: Literal["diamond", "all"] = Field(
        default="diamond",
        description="diamond: moves, and what it takes to come by a diamond; all: moves, and every item placed, eaten, "
        "held, crafted and smelted.",
    )
    cells: Literal["kinds", "ids"] = Field(
        default="kinds",
        description="How the cube of cells says what is where: 22 kinds of blocks, or every block's own number; with "
        "ids, the 36 slots of the inventory are observed too.",
    )
    mobs: Literal["none", "passive", "all"] = Field(
        default="none",
        description="none: nobody else lives there; passive: cows, pigs, sheep and chickens; all: zombies, skeletons "
        "and spiders too, at night and in caves. They are observed as the part mobs, and what is hunted and made of it "
        "is measured and pays too.",
    )
    nature: Nature = Field(
        default="core",
        description="core: eight biomes as they lie in the game, and seven kinds of mobs; whole: a patch of each of "
        "thirteen biomes in every world, with all that grows there, with `mobs` the other kinds too, and what an item "
        "does when it is used: stripping wood, carving, hardening concrete, honey, eggs, bottles, maps, fishing.",
    )
    fluids: Literal["still", "flow"] = Field(
        default="still",
        description="still: water and lava stay where they are; flow: they run down and outwards by the game's rules "
        "when something beside them changes.",
    )
    homestead: bool = Field(
        default=False,
        description="Whether one can sleep in beds, keep things in chests, and till, sow and reap fields.",
    )
    picture: Literal["above", "first_person"] = Field(
        default="above",
        description="What pictures and films show: the blocks around the player from above, or what it has before its "
        "eyes.",
    )
    lidar: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="Rays from the eyes, evenly over the sphere, that are observed: how far each goes, and what it "
        "meets, mobs included; 0: none.",
    )
    skill: Literal["none", "mine", "approach", "explore"] = Field(
        default="none",
        description="none: the whole game; else short attempts at one skill that begin near a goal, which is observed, "
        "with observations, actions and dense rewards of their own, for learned controllers.",
    )
    episodes_here: int = Field(
        default=32,
        ge=1,
        le=1000,
        description="With a skill: attempts in one land, which stays as each of them left it, before another is made, "
        "which takes as long as several hundred steps. Levels of tasks are always made anew.",
    )
    max_steps: int = Field(
        default=12_000,
        ge=1,
        le=1_000_000,
        description="Ticks of the game's clock (20 a second) until truncation: the steps of the papers. Walking a "
        "block takes 5, a jump 7, smelting an item 200, all else 1.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: as many as pay for this num_envs."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )

    @model_validator(mode="after")
    def _suits_skill(self) -> Self:
        if self.skill == "none":
            return self
        plain = {"actions": "diamond", "cells": "kinds", "mobs": "none", "homestead": False, "lidar": 0}
        for name, value in plain.items():
            if getattr(self, name) != value:
                raise ValueError(f"with a skill, {name} stays {str(value).lower()}: it has observations of its own")
        return self
