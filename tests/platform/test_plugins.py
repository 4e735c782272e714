"""Somebody else's package adds a world, a teacher, an agent and a language model; a broken one is named and skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..installing import install

TOYS = '''
"""A corridor of cells with a goal at its end; whoever teaches it says how long the corridor should be."""
from __future__ import annotations
import pickle
from typing import Any, ClassVar, Literal
import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from palaestra_agents.base import ActorOutput, AgentConfig
from palaestra_teachers.base import Completion, Frozen, Lesson, LessonSource
from palaestra_worlds.base import Task, World, WorldEntry
from pydantic import BaseModel, ConfigDict, Field

LONGEST = 12


class CorridorTask(Task):
    """How long the corridor is."""

    length: int = Field(default=8, ge=2, le=LONGEST)


class CorridorSettings(BaseModel):
    """Settings of the corridor."""

    model_config = ConfigDict(extra="forbid")
    max_steps: int = Field(default=20, ge=1, le=1000, description="Steps until truncation.")


class Corridor(World):
    """0 goes back, 1 goes forward; the goal is the last cell."""

    task_space = CorridorTask

    def __init__(self, id: str, num_envs: int, settings: CorridorSettings) -> None:
        self.id, self.num_envs, self.settings = id, num_envs, settings
        self.single_observation_space = gymnasium.spaces.Dict(
            {"position": gymnasium.spaces.Box(0, LONGEST, (2,), np.float32)}
        )
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.bank, self.pending = None, [None] * num_envs
        self.random = [np.random.default_rng(0) for _ in range(num_envs)]
        self.at, self.steps, self.length, self.row = (np.zeros(num_envs, np.int64) for _ in range(4))

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else list(seed)
            self.random = [np.random.default_rng(one) for one in seeds]
        for index in range(self.num_envs):
            self._begin(index)
        return self.observe(), {}

    def _begin(self, index: int) -> None:
        task, self.pending[index], row = self.pending[index], None, -1
        if task is None and self.bank:
            row = int(self.random[index].integers(len(self.bank)))
            task = self.bank[row]
        self.length[index] = task.length if task else 8
        self.at[index], self.steps[index], self.row[index] = 0, 0, row

    def observe(self):
        return {"position": np.stack([self.at, self.length], axis=1).astype(np.float32)}

    def step(self, actions):
        self.at = np.maximum(self.at + 2 * np.asarray(actions) - 1, 0)
        self.steps += 1
        done = self.at >= self.length - 1
        truncated = ~done & (self.steps >= self.settings.max_steps)
        ended = done | truncated
        infos: dict[str, Any] = {"lesson_reward": np.zeros(self.num_envs, np.float32)}
        if ended.any():
            infos |= {"_final_obs": ended, "final_obs": np.array([None] * self.num_envs, dtype=object)}
            infos["_episode"] = ended
            infos["episode"] = {
                "return": done.astype(np.float64),
                "length": self.steps.astype(np.int32),
                "success": done.copy(),
                "task": self.row.astype(np.int32),
                "lesson_progress": np.zeros(self.num_envs, np.int32),
            }
            before = self.observe()["position"]
            for index in np.flatnonzero(ended):
                infos["final_obs"][index] = {"position": before[index]}
                self._begin(index)
        return self.observe(), done.astype(np.float64), done, truncated, infos

    def draw_from(self, tasks, weights=None):
        self.bank = list(tasks) if tasks else None

    def assign(self, tasks):
        self.pending = list(tasks)

    def describe(self, index):
        return f"You are in cell {self.at[index]} of a corridor."

    def snapshot(self):
        return pickle.dumps((self.bank, self.pending, self.random, self.at, self.steps, self.length, self.row))

    def restore(self, data):
        self.bank, self.pending, self.random, self.at, self.steps, self.length, self.row = pickle.loads(data)

    def render_frame(self, index=0):
        return np.full((8, 8, 3), 20 * int(self.at[index]), np.uint8)


class Provider:
    prefix = "toy:"

    def entries(self):
        return (WorldEntry(id="toy:corridor", summary="a corridor"),)

    def settings(self):
        return CorridorSettings

    def make(self, id, num_envs, **settings):
        return Corridor(id, num_envs, CorridorSettings(**settings))

    def oracle(self, prompt, schema):
        return None

    def misread(self, prompt, answer, mistakes, random):
        return None


PROVIDER = Provider()


class Length(Lesson):
    """How long a corridor to train in."""

    kind: ClassVar[str] = "length"
    task: CorridorTask

    def tasks(self):
        return (self.task,)


class LengthConfig(Frozen):
    at_most: int = Field(default=6, ge=2, le=LONGEST)


class LengthTeacher:
    """Asks how long the corridor should be.

    A second paragraph, which lists need not show.
    """

    Config = LengthConfig

    def __init__(self, config, model, world, ledger):
        self.config, self.model = config, model

    async def propose(self, request):
        from palaestra_teachers.base import Message, Sampling

        reply = await self.model.complete([Message(role="user", content=request.description)], None, Sampling())
        length = min(int(reply.text), self.config.at_most)
        source = LessonSource(teacher="length", model=reply.model, request_hash="none")
        return Length(source=source, task=CorridorTask(level_seed=request.level_seed, length=length))

    def observe(self, feedback):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class ParrotConfig(Frozen):
    backend: Literal["parrot"] = "parrot"
    says: str = "5"


class Parrot:
    """Always says the same."""

    Config = ParrotConfig

    def __init__(self, config):
        self.config = config
        self.name = self.identity = f"parrot({config.says})"

    async def complete(self, messages, schema, settings):
        return Completion(text=self.config.says, model=self.name, backend="parrot")


class EagerConfig(AgentConfig):
    eagerness: float = Field(default=0.5, ge=0, le=1)


class Eager:
    """Goes forward ever more often."""

    Config = EagerConfig

    def __init__(self, config, interface, device=None, seed=0):
        self.device = torch.device("cpu")
        self.num_envs = interface.num_envs
        self.forward = torch.tensor(config.eagerness)
        self.generator = torch.Generator().manual_seed(seed)

    def initial_state(self, num_envs):
        return None

    def act(self, observations, state, *, greedy=False, generator=None):
        rows = len(observations["position"])
        draws = torch.rand(rows, generator=generator or self.generator)
        actions = (draws < self.forward).long()
        return ActorOutput(actions, torch.zeros(rows), torch.zeros(rows, 1))

    def train_iteration(self, world, progress, on_episodes=None):
        observations = world.observe()
        for _ in range(16):
            actions = self.act(observations, None, generator=self.generator).actions.numpy()
            observations, *_ = world.step(actions)
        self.forward = torch.clamp(self.forward + 0.1, max=1.0)
        return {"eager/forward": float(self.forward)}

    def state_dict(self):
        return {"forward": self.forward, "generator": self.generator.get_state()}

    def load_state_dict(self, state):
        self.forward = state["forward"]
        self.generator.set_state(state["generator"])
'''
ENTRY_POINTS = """
[palaestra.worlds]
toy = toys:PROVIDER
missing = toys:NO_SUCH_PROVIDER
half = toys:Parrot

[palaestra.teachers]
length = toys:LengthTeacher
nowhere = no_such_package:Teacher

[palaestra.agents]
eager = toys:Eager
bare = toys:Provider

[palaestra.language_models]
parrot = toys:Parrot
explosive = explosive:Model
"""
SPEC = """
world: {id: "toy:corridor", num_envs: 4}
agent: {kind: eager, eagerness: 0.25}
teacher: {kind: length, levels: 6, at_most: 7, model: {backend: parrot, says: "9"}}
budget: {steps: 640}
evaluation: {every: 256, episodes: 4}
arms: {taught: {}, untaught: {teacher: null}}
"""
BROKEN = {
    "missing": "has no attribute 'NO_SUCH_PROVIDER'",
    "half": "is broken: it has no 'prefix'",
    "nowhere": "No module named 'no_such_package'",
    "bare": "is broken: it has no 'Config' and no 'initial_state'",
    "explosive": "RuntimeError: this package is broken",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the toys are installed."""
    folder = tmp_path_factory.mktemp("site")
    explosive = "raise RuntimeError('this package is broken')\n"
    install(folder, "toys", ENTRY_POINTS, {"toys.py": TOYS, "explosive.py": explosive}, version="1.5")
    return folder


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python where the toys are installed."""
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=site, check=False
    )


LIST = """
import json
from palaestra.plugins import installed
from palaestra.spec import RunSpec, SpecError, json_schema
found = installed()
kinds = {"worlds": found.worlds, "teachers": found.teachers, "agents": found.agents, "models": found.models}
def refused(text):
    try:
        RunSpec.from_yaml(text, "spec.yaml")
    except SpecError as error:
        return str(error)
print(json.dumps({
    "names": {kind: [plugin.name for plugin in plugins] for kind, plugins in kinds.items()},
    "toys": [[p.name, p.package, p.version] for plugins in kinds.values() for p in plugins if p.package == "toys"],
    "summary": next(p.summary for p in found.teachers if p.name == "length"),
    "ids": [entry.id for worlds in found.worlds for entry in worlds.entries],
    "broken": {plugin.name: [plugin.package, plugin.reason] for plugin in found.broken},
    "schema": json_schema(),
    "errors": [refused(text) for text in [
        "world: {id: 'toy:corridor'}\\nbudget: {steps: 9}\\nteacher: {kind: nowhere}",
        "world: {id: 'toy:corridor'}\\nbudget: {steps: 90}\\nagent: {kind: bare}",
        "world: {id: 'toy:corridor', length: 3}\\nbudget: {steps: 90}",
        "world: {id: toy-corridor}\\nbudget: {steps: 90}",
    ]],
}))
"""


def test_what_others_add_is_listed_and_what_is_broken_is_named(site: Path) -> None:
    done = python(site, "-c", LIST)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["toys"] == [
        ["toy", "toys", "1.5"],
        ["length", "toys", "1.5"],
        ["eager", "toys", "1.5"],
        ["parrot", "toys", "1.5"],
    ]
    assert found["summary"] == "Asks how long the corridor should be."
    assert set(found["names"]["agents"]) == {"eager", "ppo"}
    assert {"toy:corridor", "MiniGrid-DoorKey-5x5-v0"} <= set(found["ids"])
    assert found["broken"].keys() == BROKEN.keys()
    for name, (package, reason) in found["broken"].items():
        assert package == "toys"
        assert BROKEN[name] in reason
        assert f"'{name}' of package 'toys'" in reason
    definitions = found["schema"]["$defs"]
    kinds = {one["properties"]["kind"]["const"] for one in definitions["teacher"]["anyOf"][0]["anyOf"]}
    assert {"length", "subgoals"} <= kinds
    toy = next(one for one in definitions["world"]["anyOf"] if "toy:corridor" in str(one))
    assert toy["properties"]["max_steps"]["maximum"] == 1000
    nowhere, bare, length, unknown = found["errors"]
    assert nowhere.startswith("spec.yaml:3:17: teacher.kind: teacher 'nowhere' of package 'toys'")
    assert bare.startswith("spec.yaml:3:15: agent.kind: agent 'bare' of package 'toys' (toys:Provider in ")
    assert length.startswith("spec.yaml:1:29: world.length: unknown key")
    assert unknown.startswith("spec.yaml:1:13: world.id: unknown world 'toy-corridor'; did you mean 'toy:corridor'?")
    assert "skipped: world 'missing' of package 'toys'" in unknown


RUN = """
import json, sys
from pathlib import Path
from palaestra.run import open_run, start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute
def main():
    spec = RunSpec.from_yaml(Path("spec.yaml").read_text(), "spec.yaml")
    assert RunSpec.from_yaml(spec.to_yaml(), "again.yaml") == spec
    run = start_run(spec, Path("runs"))
    execution = execute(run, jobs=int(sys.argv[1]))
    with run.open_store(read_only=True) as store:
        print(json.dumps({
            "trials": [[trial.arm, trial.status, trial.steps, trial.message] for trial in execution.trials],
            "lessons": store.query("SELECT level_seed, kind, model, state FROM lessons ORDER BY level_seed"),
            "success": store.query("SELECT success FROM evaluations WHERE mode = 'alone' ORDER BY trial, step"),
            "forward": store.query("SELECT max(value) FROM metrics WHERE name = 'eager/forward'"),
            "played": store.query("SELECT count(*) FROM lesson_progress"),
            "events": store.query("SELECT kind, message FROM events"),
        }))
if __name__ == "__main__":
    main()
"""


def test_a_run_of_nothing_but_other_peoples_parts(site: Path) -> None:
    (site / "spec.yaml").write_text(SPEC)
    (site / "run.py").write_text(RUN)
    done = python(site, "run.py", "2")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["events"] == []
    assert found["trials"] == [["taught", "done", 640, ""], ["untaught", "done", 640, ""]]
    assert found["lessons"] == [[seed, "length", "parrot(9)", "kept"] for seed in range(6)]
    assert found["forward"] == [[1.0]]
    assert found["played"] == [[6]]
    assert found["success"][-1] == [1.0]
