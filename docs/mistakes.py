"""Writes errors.md: the likeliest mistakes, each made, with the message that it gives."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple
from unittest import mock

PAGE = Path(__file__).with_name("errors.md")
INTRODUCTION = """# Messages

Written by `make docs`, which makes each of these mistakes: do not edit. Every mistake in a spec is one line with file,
line and column, and what is allowed there; the exit code is 2 for bad input, 1 for what failed on the way, 130 after
Ctrl-C. `--debug` shows the traceback of any error. What works on your machine: `palaestra doctor`.
"""
SOUND = """\
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 16}
budget: {steps: 50_000}
"""
TAUGHT = SOUND + "teacher: {kind: subgoals, levels: 2, model: {%s}}\n"


POPULATION = """\
run: beacons/doorkey-quick
parameters: {agent.learning_rate: [0.001, 0.003]}
population: {members: 4, interval: 20_000}
"""


class Mistake(NamedTuple):
    """One mistake.

    Attributes:
        what: in words.
        shown: the part of the spec, or the command, that is wrong.
        spec: text of `my.yaml`.
        command: words after `palaestra`.
        unset: variables of the environment that shall not be there.
        variables: of the environment, such as those by which `torchrun` tells processes of one another.
    """

    what: str
    shown: str
    spec: str = SOUND
    command: tuple[str, ...] = ("run", "my.yaml")
    unset: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def added(what: str, line: str) -> Mistake:
    """A line at the end of a sound spec."""
    return Mistake(what, line, SOUND + line + "\n")


def alone(what: str, text: str) -> Mistake:
    """A whole spec."""
    return Mistake(what, text, text)


def divided(what: str, processes: int, *options: str) -> Mistake:
    """A sound spec, run by `torchrun`."""
    command = ("run", "my.yaml", *options)
    variables = (("RANK", "0"), ("WORLD_SIZE", str(processes)))
    shown = f"torchrun --nproc-per-node {processes} -m palaestra {' '.join(command)}"
    return Mistake(what, shown, command=command, variables=variables)


def exchanged(what: str, old: str, new: str) -> Mistake:
    """A sweep of a population in which one thing is another."""
    return Mistake(what, new, POPULATION.replace(old, new), ("sweep", "my.yaml"))


def typed(what: str, *command: str) -> Mistake:
    """A command beside a sound spec."""
    return Mistake(what, f"palaestra {' '.join(command)}", command=command)


GROUPS = {
    "A spec's text": [
        alone("A bracket that is not closed", "world: {id: MiniGrid-Empty-5x5-v0\nbudget: {steps: 5}\n"),
        alone("A tab for indentation", "world:\n\tid: MiniGrid-Empty-5x5-v0\n"),
        alone("A list where keys belong", "- world\n"),
        alone("The same key twice", SOUND + "budget: {steps: 5}\n"),
        alone("No world", "budget: {steps: 50_000}\n"),
        alone("No budget", "world: {id: MiniGrid-Empty-5x5-v0}\n"),
        added("A key that does not exist", "evalution: {every: 64}"),
        added("A number as text", "evaluation: {every: '64'}"),
        added("A fraction where whole numbers belong", "evaluation: {episodes: 2.5}"),
        added("`yes` for true", "evaluation: {greedy: yes}"),
        added("A value out of bounds", "agent: {learning_rate: 3}"),
        added("A word that is not among those allowed", "agent: {device: gpu}"),
        added("A spec to extend that is not there", "extends: _shared.yaml"),
    ],
    "Worlds": [
        alone("A world that does not exist", "world: {id: MiniGrid-Emty-5x5-v0}\nbudget: {steps: 5}\n"),
        alone("No id", "world: MiniGrid-Empty-5x5-v0\nbudget: {steps: 5}\n"),
        alone("A setting that it does not have", SOUND.replace("num_envs: 16", "observaton: full")),
        alone("A value that it cannot have", SOUND.replace("num_envs: 16", "agent_view_size: 4")),
        alone("No environments", SOUND.replace("16", "0")),
    ],
    "Agents": [
        added("An agent that does not exist", "agent: {kind: pp}"),
        added("A network that does not exist", "agent: {network: mpl}"),
        added("An intrinsic reward that does not exist", "agent: {intrinsic: rdn}"),
        added("A budget smaller than one iteration", "agent: {rollout_length: 10_000}"),
        added("Memory that does not fit the rollout", "agent: {memory: {kind: gru, steps: 3}}"),
    ],
    "Arms and seeds": [
        added("Arms as a list", "arms: [taught, alone]"),
        added("An arm's name with capitals", "arms: {Taught: {}}"),
        added("Seeds in an arm", "arms: {taught: {seeds: 2}}"),
        added("No seeds", "seeds: 0"),
    ],
    "Teachers and language models": [
        added("A teacher that does not exist", "teacher: {kind: subgoal}"),
        added("A teacher without its kind", "teacher: {levels: 100}"),
        added("A language model that does not exist", "teacher: {kind: subgoals, model: {backend: opnai}}"),
        added("A model's name forgotten", "teacher: {kind: subgoals, model: {backend: openai}}"),
        Mistake(
            "A key that is not in the environment",
            "model: {backend: openai, model: gpt-5-mini}",
            TAUGHT % "backend: openai, model: gpt-5-mini",
            unset=("OPENAI_API_KEY",),
        ),
        added(
            "The key itself in the file", "teacher: {kind: subgoals, model: {backend: openai, model: m, api_key: sk-1}}"
        ),
        Mistake(
            "A server that is not running",
            "base_url: http://127.0.0.1:9/v1",
            TAUGHT % "backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1', api_key_env: null, attempts: 1",
            ("ask", "my.yaml"),
        ),
        Mistake(
            "A folder of weights that is not there",
            "model: {backend: local, folder: weights}",
            TAUGHT % "backend: local, folder: weights",
            ("ask", "my.yaml"),
        ),
    ],
    "Commands": [
        typed("A file that is not there", "run", "mine.yaml"),
        typed("A change that is no key=value", "run", "my.yaml", "--set", "budget.steps"),
        typed("A change of a key that does not exist", "run", "my.yaml", "--set", "budget.stps=3"),
        typed("One seed and several", "run", "my.yaml", "--seed", "1", "--seeds", "3"),
        typed("An option that does not exist", "run", "my.yaml", "--seeed", "1"),
        typed("A command that does not exist", "train", "my.yaml"),
        typed("A run that is not there", "report", "runs/nothing"),
        typed("A spec for a run folder", "resume", "my.yaml"),
        typed("An arm that does not exist", "ask", "my.yaml", "--arm", "taught"),
    ],
    "Sweeps": [
        Mistake("A population without Ray", "palaestra sweep my.yaml", POPULATION, ("sweep", "my.yaml")),
        exchanged("A population of one", "members: 4", "members: 1"),
        exchanged("An interval that the budget does not hold", "interval: 20_000", "interval: 40_000"),
        exchanged("An interval between evaluations", "interval: 20_000", "interval: 15_000"),
        exchanged(
            "A population that changes networks", "agent.learning_rate: [0.001, 0.003]", "agent.memory: [null, gru]"
        ),
        exchanged("A parameter with one value", "[0.001, 0.003]", "[0.001]"),
    ],
    "Several processes": [
        divided("16 environments for 3 processes", 3),
        divided("torch.compile", 2, "--set", "agent.compile=true"),
        divided("Several trials at the same time as well", 2, "--jobs", "2"),
    ],
}


def message(mistake: Mistake) -> str:
    """Makes a mistake in an empty folder; what it says."""
    from palaestra.cli import main

    kept = {name: value for name, value in os.environ.items() if name not in mistake.unset}
    variables = kept | dict(mistake.variables)
    printed, said = io.StringIO(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        mock.patch.dict(os.environ, variables, clear=True),
        redirect_stdout(printed),
        redirect_stderr(said),
    ):
        Path("my.yaml").write_text(mistake.spec)
        with suppress(SystemExit):
            main(list(mistake.command))
    # A teacher that cannot be reached is an answer of `ask`, its last line.
    lines = (said.getvalue() or printed.getvalue()).splitlines()
    return lines[-1].removeprefix("palaestra: ").replace(folder, "...")


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, mistakes in GROUPS.items():
        parts.append(f"## {title}\n\n| Mistake | Written | What it says |\n| --- | --- | --- |")
        parts += [f"| {mistake.what} | `{cell(mistake.shown)}` | {cell(message(mistake))} |" for mistake in mistakes]
        parts.append("")
    return "\n".join(parts)


def cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("\n", " ⏎ ").replace("\t", "⇥ ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
