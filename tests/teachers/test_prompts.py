"""What Palaestra's own prompts ask for, answered by the scripted model."""

from __future__ import annotations

import asyncio
from typing import Any

import palaestra_worlds
from palaestra_teachers.base import LessonRequest
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.subgoals.teacher import SubgoalTeacher


def test_the_prompt_for_doorways_gets_the_doors_on_the_way_too(ledger: Any) -> None:
    world = palaestra_worlds.make("MiniGrid-KeyCorridorS6R3-v0", num_envs=1)
    world.reset(seed=[0])
    request = LessonRequest(world_id=world.id, level_seed=0, description=world.describe(0))

    def subgoals(prompt: str) -> list[tuple[int, int]]:
        config = SubgoalTeacher.Config(prompt=prompt)
        teacher = SubgoalTeacher(config, build_model({"backend": "scripted"}), world, ledger)
        [task] = asyncio.run(teacher.propose(request)).tasks()
        return [(subgoal["x"], subgoal["y"]) for subgoal in task.model_dump()["subgoals"]]

    few, many = subgoals("subgoals"), subgoals("doorways")
    assert len(many) > len(few)
    assert [cell for cell in many if cell in few] == few, "the others are all there, in their order"
