"""Robots in MuJoCo. The simulator is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.robots.menagerie import BARKOUR, PANDA, ROBOTIQ, Robot, licences, missing
from palaestra_worlds.robots.settings import RobotSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.robots.answers import Understanding
    from palaestra_worlds.robots.world import RobotWorld

_ROBOTS: dict[str, tuple[str, tuple[Robot, ...]]] = {
    "Manipulator": ("a robot arm with a gripper over a table", (PANDA, ROBOTIQ)),
    "Quadruped": ("a robot dog on a flat floor", (BARKOUR,)),
}


class RobotProvider:
    """The worlds `Quadruped` and `Manipulator`."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        return tuple(
            WorldEntry(id=id, summary=summary, missing=missing(), licences=licences(robots))
            for id, (summary, robots) in _ROBOTS.items()
        )

    def settings(self) -> type[RobotSettings]:
        return RobotSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> RobotWorld:
        if missing():
            raise ValueError(f"{id} cannot be served here; what is missing: {missing()}")
        checked = checked_settings(RobotSettings, id, settings)

        if id == "Manipulator":
            from palaestra_worlds.robots.manipulator import Manipulator

            return Manipulator(id, num_envs, checked)
        from palaestra_worlds.robots.quadruped import Quadruped

        return Quadruped(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """Of a prompt for a motion what somebody wrote by hand for it; see answers.py."""
        answers = (understanding.answer(prompt) for understanding in _understandings())
        return next((answer for answer in answers if answer is not None), None)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        about = next((understanding for understanding in _understandings() if understanding.is_about(prompt)), None)
        return None if about is None else about.misread(prompt, answer, mistakes, random)


def _understandings() -> tuple[Understanding, ...]:
    from palaestra_worlds.robots import manipulator_answers, quadruped_answers

    return (quadruped_answers.UNDERSTANDING, manipulator_answers.UNDERSTANDING)


PROVIDER = RobotProvider()
