"""Plays DEPS' tasks with the scripted planner, and writes results/overworld-tasks.md. No language model takes part.

Every game is one line of a file as soon as it is over: stopped and started anew, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import palaestra_worlds
from palaestra.statistics import wilson
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.overworld.scripted import play
from palaestra_worlds.overworld.task_lists import ItemTask, deps_tasks
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask
from palaestra_worlds.overworld.technology import game_tree

PAGE = Path(__file__).with_name("results") / "overworld-tasks.md"
DEPS = {"MT1": 79.8, "MT2": 79.5, "MT3": 62.4, "MT4": 53.3, "MT5": 29.2, "MT6": 13.8, "MT7": 12.6, "MT8": 0.6}
"""Success in percent that DEPS reports (arXiv 2302.01560), by a language model and learned controllers."""
PERFECT = {"MT1": 100, "MT2": 90, "MT3": 80, "MT4": 56, "MT5": 65, "MT6": 57, "MT7": 70, "MT8": 50}
"""Likewise in its text world, where every action works."""
PAPERS = {
    "Ghost in the Minecraft": (100, 100, 100, 95, 67.5),
    "VPT": (100, 100, 100, 85, 20),
    "DEPS": (90, 80, 73.3, 10, 0.6),
    "DreamerV3": (None, 50, 3, 0.01, 0.01),
}
"""Games in percent that reached each of STAGES: arXiv 2305.17144, with easier rules; 2206.11795; 2302.01560;
2301.04104."""
STAGES = ("crafting_table", "wooden_pickaxe", "stone_pickaxe", "iron_pickaxe", "diamond")
INTRODUCTION = """# Overworld: DEPS' tasks by a scripted planner

A **scripted planner that knows all recipes** (`overworld/scripted.py`: it decomposes the goal, carries the plan out by
structured actions, plans anew after each failure; **no language model**) plays DEPS' tasks, as many worlds for each
task as the table says, each with its own seed, from plains with an empty inventory, within the paper's limits of
steps, under **{rules}** rules, in worlds with `mobs: {mobs}`. Controllers see by rays and remember what they saw; none
reads a hidden block. Without mobs, tasks that need animals are left out. What a language model adds or loses is
measured against this.

`{command}`; commit {commit}; {machine}. In brackets: 95 % interval (Wilson).

| Group | Tasks | Games | Success | DEPS (paper) | its planner, every action works (paper) | Steps, median | Seconds |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def needs_animals(task: ItemTask) -> bool:
    """Whether the easiest plan hunts, or takes something from an animal."""
    rules = game_tree().rules
    steps = OverworldKnowledge().plan(goal_of(task), task.count, task.inventory)
    return any(step.how == "hunt" or step.source in rules.mobs for step in steps)


def goal_of(task: ItemTask) -> str:
    """The item that ends the game: the task's object, or the easiest of what counts where that is something else."""
    named = OverworldKnowledge().named(task.object)
    return task.object if set(named) == set(task.counts) else game_tree().easiest(task.counts)


@cache
def world_of(steps: int, rules: str, mobs: str) -> Any:
    """One environment."""
    return palaestra_worlds.make("Overworld", num_envs=1, rules=rules, mobs=mobs, max_steps=steps)


def game(task: ItemTask, seed: int, rules: str, mobs: str) -> dict[str, Any]:
    """Plays one game; its line."""
    world, item = world_of(task.steps, rules, mobs), goal_of(task)
    goal = ItemStack(item=item, count=task.count)
    world.assign([OverworldTask(biome=task.biome, goal=goal, level_seed=seed)])
    world.reset(seed=0)
    began = time.process_time()
    played = play(world.player(0), world.knowledge(), item, task.count)
    had: dict[str, int] = {}
    ticks = 0
    for feedback in played.feedback:
        ticks += feedback.ticks
        for name in STAGES:
            if feedback.status.inventory.get(name) and name not in had:
                had[name] = ticks
    last = "" if played.success or not played.feedback else str(played.feedback[-1])[:300]
    return {
        "task": task.object,
        "group": task.group,
        "seed": seed,
        "rules": rules,
        "mobs": mobs,
        "success": played.success,
        "ticks": played.ticks,
        "plans": played.plans,
        "actions": len(played.feedback),
        "stages": had,
        "seconds": round(time.process_time() - began, 2),
        "last": last,
    }


def read_games(path: Path) -> list[dict[str, Any]]:
    """The games of a file; what was not written to its end is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def play_missing(path: Path, groups: tuple[str, ...], seeds: int, rules: str, mobs: str) -> None:
    """Plays the games that the file does not have yet; of every task the first seeds first."""
    done = {(row["task"], row["seed"]) for row in read_games(path) if is_of(row, rules, mobs)}
    listed = [task for group in groups for task in deps_tasks().of_group(group)]
    tasks = [task for task in listed if mobs != "none" or not needs_animals(task)]
    waiting = [(task, seed) for seed in range(seeds) for task in tasks if (task.object, seed) not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = "".join(json.dumps(row) + "\n" for row in read_games(path))
    with path.open("w", encoding="utf-8") as file:
        file.write(kept)
        for number, (task, seed) in enumerate(waiting, 1):
            row = game(task, seed, rules, mobs)
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
            words = "done" if row["success"] else "failed"
            print(
                f"{number} of {len(waiting)}: {task.group} {task.object}, world {seed}: {words} in {row['ticks']} steps"
            )


def is_of(row: dict[str, Any], rules: str, mobs: str) -> bool:
    """Whether a game was played by these rules and with these mobs."""
    return (row["rules"], row.get("mobs", "none")) == (rules, mobs)


def interval(good: int, games: int) -> str:
    """Wilson's 95 % interval in percent."""
    found = wilson(good, games)
    return f"{100 * found.low:.0f} to {100 * found.high:.0f}"


def lines_of(rows: list[dict[str, Any]], groups: tuple[str, ...]) -> Iterator[str]:
    """Of the table, one for each group."""
    for group in groups:
        games = [row for row in rows if row["group"] == group]
        if not games:
            continue
        good = sum(row["success"] for row in games)
        ticks = [row["ticks"] for row in games if row["success"]]
        yield (
            f"| {group} {deps_tasks().groups[group].title} | {len({row['task'] for row in games})} | {len(games)} | "
            f"{100 * good / len(games):.1f} % ({interval(good, len(games))}) | {DEPS[group]} % | {PERFECT[group]} % | "
            f"{statistics.median(ticks) if ticks else 0:.0f} | {statistics.mean(row['seconds'] for row in games):.1f} |"
        )


def stage_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How far the games for a diamond came."""
    games = [row for row in rows if row["task"] == "diamond"]
    if not games:
        return
    yield f"\nHow far the {len(games)} games for a diamond came, and after how many steps (median):\n"
    yield f"| Stage | Games | Steps | {' | '.join(f'{name} (paper)' for name in PAPERS)} |"
    yield "| --- | ---: | ---: |" + " ---: |" * len(PAPERS)
    for number, stage in enumerate(STAGES):
        ticks = [row["stages"][stage] for row in games if stage in row["stages"]]
        theirs = ("" if figures[number] is None else f"{figures[number]} %" for figures in PAPERS.values())
        steps = f"{statistics.median(ticks) if ticks else 0:.0f}"
        yield f"| {stage} | {100 * len(ticks) / len(games):.0f} % | {steps} | {' | '.join(theirs)} |"


def failure_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The games that failed, by task."""
    failed = [row for row in rows if not row["success"]]
    if not failed:
        return
    yield "\nGames that failed, and what their last action said:\n"
    for task in dict.fromkeys(row["task"] for row in failed):
        own = [row for row in failed if row["task"] == task]
        worlds = ", ".join(str(row["seed"]) for row in own)
        played = sum(row["task"] == task for row in rows)
        last = own[0]["last"].split(" Inventory:")[0]
        yield f"- {own[0]['group']} {task}: {len(own)} of {played} (worlds {worlds}); in the first: {last}"


def page(rows: list[dict[str, Any]], command: str, rules: str, mobs: str) -> str:
    """The whole page."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = f"{os.cpu_count()} cores ({platform.machine()}), shared with other work while it ran"
    commit = found.stdout.strip() or "unknown"
    head = INTRODUCTION.format(rules=rules, mobs=mobs, command=command, commit=commit, machine=machine)
    groups = tuple(deps_tasks().groups)
    own = [row for row in rows if is_of(row, rules, mobs)]
    return head + "\n".join(lines_of(own, groups)) + "\n" + "\n".join([*stage_lines(own), *failure_lines(own)]) + "\n"


def main() -> None:
    """Plays what is missing, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--games", type=Path, default=Path("runs/overworld-oracle.jsonl"), help="one line for each game"
    )
    parser.add_argument("--groups", nargs="+", default=list(deps_tasks().groups), choices=list(deps_tasks().groups))
    parser.add_argument("--seeds", type=int, default=20, help="worlds for each task")
    parser.add_argument("--rules", default="vanilla", choices=["vanilla", "easy"])
    parser.add_argument("--mobs", default="none", choices=["none", "passive", "all"])
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args()
    play_missing(chosen.games, tuple(chosen.groups), chosen.seeds, chosen.rules, chosen.mobs)
    groups = "" if chosen.groups == list(deps_tasks().groups) else f" --groups {' '.join(chosen.groups)}"
    settings = f"--seeds {chosen.seeds} --rules {chosen.rules} --mobs {chosen.mobs}"
    command = f"python docs/overworld_oracle.py{groups} {settings}"
    chosen.page.write_text(page(read_games(chosen.games), command, chosen.rules, chosen.mobs), encoding="utf-8")
    print(f"Written: {chosen.page}")


if __name__ == "__main__":
    main()
