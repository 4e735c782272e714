"""Writes docs/matrix.md: which lessons, worlds and agents go together, as the checks of specs say it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from palaestra.motions.tasks import load_study as load_motions
from palaestra.plans.tasks import load_study as load_plans
from palaestra.spec import RunSpec, SpecError
from palaestra_worlds import luanti

PAGE = Path(__file__).parent / "matrix.md"
WORLDS = {
    "MiniGrid": "MiniGrid-Empty-5x5-v0",
    "Heist": "Heist",
    "Crafter": "Crafter",
    "AGV": "AGV",
    "Overworld": "Overworld",
    "Quadruped": "Quadruped",
    "Manipulator": "Manipulator",
    "envpool": "envpool:CartPole-v1",
    "gymnasium": "gymnasium:CartPole-v1",
    "Luanti": "Luanti",
}
AGENTS = {
    "PPO": "",
    "PPO + RND": "intrinsic: rnd, ",
    "PPO + counts": "intrinsic: counts, ",
    "PPO, recurrent": "memory: gru, ",
}
LESSONS = {
    "none": "",
    "subgoals": "teacher: {kind: subgoals, levels: 4}\n",
    "environments": (
        "teacher: {kind: environments, environments: 2, cycles: 1, "
        "steps_in_environments: 128, steps_in_original: 128}\n"
    ),
}
"""Those that somebody learns from; the teacher is the scripted one."""
MOTION = """\
name: matrix
world: {id: "%s"}
tasks:
  still: {turns: [{say: "Stand still.", seconds: 0.5}], success: {hold: 0.1, checks: [{measure: up, least: -1}]}}
"""
PLAN = """\
name: matrix
world: {id: "%s"}
planners: {deps: {kind: deps}}
"""
INTRODUCTION = """\
# What goes with what

Lessons, worlds and agents are chosen in three sections of a YAML file, each without regard to the others. What makes no
sense is refused, with the reason, before anything is compiled. This page is made by `docs/matrix.py`, which asks those
checks; each cell that says *run* is also run by a test for a few hundred steps (`tests/platform/test_matrix.py`; in
worlds that take long to compile it is marked slow).

Any of these cells is this file, with another world, another lesson or another agent in its place:

```yaml
%s```
"""
COMMANDS = """\
*run*: `palaestra run`, with PPO, PPO and RND, PPO and counts, or PPO with a memory. *motions*: `palaestra motions` and
`palaestra ask`, where planners (model-predictive control) carry reward programs out. *plan*: `palaestra plan`, where
controllers carry plans out. `envpool` and `gymnasium` stand for all ids of these libraries. A plug-in's worlds,
teachers and agents go through the same checks.

In the worlds of robots PPO also learns from a reward program without a teacher: `world.program` (*none* there)."""


def spec_text(world: str, lesson: str = "none", agent: str = "PPO") -> str:
    """A small run: 256 steps in 4 environments."""
    return (
        f"world: {{id: '{WORLDS[world]}', num_envs: 4}}\n"
        f"agent: {{{AGENTS[agent]}rollout_length: 32, minibatch_size: 64}}\n"
        f"{LESSONS[lesson]}"
        "budget: {steps: 256}\n"
        "evaluation: {every: 256, episodes: 2}\n"
    )


def refusal(world: str, lesson: str) -> str:
    """Why a lesson and a world do not go together; "" where they do."""
    try:
        if lesson in LESSONS:
            for agent in AGENTS:
                RunSpec.from_yaml(spec_text(world, lesson, agent), "my.yaml")
        else:
            with TemporaryDirectory() as folder:
                path = Path(folder, "my.yaml")
                path.write_text((MOTION if lesson == "reward programs" else PLAN) % WORLDS[world])
                (load_motions if lesson == "reward programs" else load_plans)(path)
    except SpecError as error:
        return str(error).split(": ", 2)[-1]
    return ""


def page() -> str:
    """The whole page: what can go together, whether or not it is installed here."""
    with patch.object(luanti, "missing", return_value=""):
        return _page()


def _page() -> str:
    columns = {"none": "run", "subgoals": "run", "environments": "run", "reward programs": "motions", "plans": "plan"}
    rows, reasons = [], list[str]()
    for world in WORLDS:
        cells = [world]
        for lesson, command in columns.items():
            why = refusal(world, lesson).replace(WORLDS[world], "it")
            if why and why not in reasons:
                reasons.append(why)
            cells.append(f"no ({reasons.index(why) + 1})" if why else command)
        rows.append(f"| {' | '.join(cells)} |")
    head = f"| World | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}"
    listed = "\n".join(f"{number}. {why}" for number, why in enumerate(reasons, 1))
    example = spec_text("MiniGrid", "subgoals", "PPO + RND")
    return "\n".join(
        [
            INTRODUCTION % example,
            head,
            *rows,
            "",
            COMMANDS,
            "",
            "What the refusals say (*it* is the world):",
            "",
            listed,
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
