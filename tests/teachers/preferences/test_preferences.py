"""Reward learned from comparisons: by a scripted judge, who knows a reward that the learner is never given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from palaestra.judging.scripted import judge_by
from palaestra.measured import MeasuredWorld
from palaestra.testing import MemoryLedger
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO
from palaestra_teachers.base import Onlooker
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.preferences.config import PreferencesConfig
from palaestra_teachers.preferences.ensemble import Ensemble, Pairs
from palaestra_teachers.preferences.features import Features, Reader
from palaestra_teachers.preferences.teacher import PreferenceTeacher
from palaestra_worlds.demonstrations import Comparison, Demonstrations, DemonstrationsError

sys.path.insert(0, str(Path(__file__).parents[3] / "docs"))
from preferences_study import ID, goal_in_sight, record_random_play  # pyright: ignore  (a study's script)

EPISODES, COMPARISONS = 48, 160


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of episodes that a scripted judge has compared."""
    path = tmp_path_factory.mktemp("preferences") / "compared.demonstrations"
    scores = record_random_play(path, EPISODES)
    file = Demonstrations(path)
    judge_by(file, scores, COMPARISONS)
    file.close()
    return path


def make_teacher(path: Path | None, world: Any, **config: Any) -> PreferenceTeacher:
    settings = PreferencesConfig(comparisons=path, moments=40, hidden=32, **config)
    return PreferenceTeacher(settings, build_model({"backend": "scripted"}), world, MemoryLedger())


@pytest.fixture(scope="module")
def taught(compared: Path) -> PreferenceTeacher:
    world = palaestra_worlds.make(ID, 1)
    world.reset(seed=0)
    teacher = make_teacher(compared, world, members=3, passes=10)
    teacher.begin(world, 0)
    return teacher


class Unpaid(MeasuredWorld):
    """A world whose own reward the learner does not get."""

    def step(self, actions: Any) -> Any:
        observations, rewards, *rest = super().step(actions)
        return observations, np.zeros_like(rewards), *rest


def make_agent(world: Any) -> PPO:
    config = PPO.Config.model_validate(
        {
            "network": {"kind": "mlp", "hidden": (64,)},
            "rollout_length": 64,
            "minibatch_size": 256,
            "lesson_coefficient": 1.0,
            "intrinsic": {"kind": "rnd", "coefficient": 0.1},
        }
    )
    return PPO(config, AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs))


def measure(agent: PPO) -> float:
    """Share of the steps of new episodes that have the goal in sight."""
    world = palaestra_worlds.make(ID, 32)
    observations, _ = world.reset(seed=10_000)
    generator = torch.Generator().manual_seed(0)
    sights = []
    for _ in range(100):
        actions = agent.act(observations, None, generator=generator).actions.numpy()
        observations = world.step(actions)[0]
        sights.append(goal_in_sight(observations).mean())
    return float(np.mean(sights))


def test_an_agent_does_what_is_preferred_without_ever_being_paid_for_it(taught: PreferenceTeacher) -> None:
    assert isinstance(taught, Onlooker)
    assert taught.metrics()["preferences/accuracy_kept_out"] > 0.75
    world = Unpaid(palaestra_worlds.make(ID, 16))
    world.reset(seed=0)
    taught.begin(world.inner, 0)
    world.onlooker = taught
    agent = make_agent(world)
    chance = measure(agent)
    for _ in range(30):
        agent.train_iteration(world, 0.0)
    after = measure(agent)
    assert chance < 0.6
    assert after > 0.9


def test_what_was_learned_is_kept_and_needs_no_file(taught: PreferenceTeacher) -> None:
    world = palaestra_worlds.make(ID, 4)
    observations, infos = world.reset(seed=3)
    other = make_teacher(Path("gone"), world, members=3)
    other.load_state_dict(taught.state_dict())
    other.begin(world, 1)
    ended = np.zeros(4, np.bool_)
    paid = taught.see(observations, infos, ended)
    np.testing.assert_array_equal(other.see(observations, infos, ended), paid)
    assert paid.dtype == np.float32


def test_the_last_thing_seen_is_what_an_end_is_paid_by(taught: PreferenceTeacher) -> None:
    world = palaestra_worlds.make(ID, 1)
    world.reset(seed=0)
    infos: dict[str, Any] = {}
    random = np.random.default_rng(1)
    while "episode" not in infos or not infos["episode"]["success"][0]:
        observations, _, terminated, truncated, infos = world.step(random.integers(3, size=1))
    ended = terminated | truncated
    final = {key: np.asarray(part)[None] for key, part in infos["final_obs"][0].items() if key != "mission"}
    paid = taught.see(observations, infos, ended)
    np.testing.assert_allclose(paid, taught.see(final, {}, np.zeros(1, np.bool_)))
    assert paid[0] != taught.see(observations, {}, np.zeros(1, np.bool_))[0]


# ---------------------------------------------------------------------------------------------- bad input


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Demonstrations]:
    made = Demonstrations(tmp_path / "some.demonstrations", create=True)
    yield made
    made.close()


def begin(path: Path) -> None:
    world = palaestra_worlds.make(ID, 1)
    world.reset(seed=0)
    make_teacher(path, world).begin(world, 0)


def test_files_that_nothing_can_be_learned_from_are_refused_by_name(file: Demonstrations) -> None:
    with pytest.raises(DemonstrationsError, match=r"there is no file"):
        begin(file.path.with_name("none"))
    with pytest.raises(DemonstrationsError, match=r"no comparisons"):
        begin(file.path)
    file.compare([Comparison("ann", 1, 2, 1.0)])
    with pytest.raises(DemonstrationsError, match=r"compares episode 1, which it does not have"):
        begin(file.path)
    other = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", 1)
    for seed in (0, 1):
        number = file.begin("ann", other, {}, None, seed)
        file.add_all(number, [0])
        file.end(number, "x")
    with pytest.raises(DemonstrationsError, match=r"MiniGrid-DoorKey"):
        begin(file.path)
    file.compare([Comparison("ann", 1, 2, 7.0)])
    with pytest.raises(DemonstrationsError, match=r"prefers neither"):
        begin(file.path)


def test_without_a_file_nothing_is_paid() -> None:
    world = palaestra_worlds.make(ID, 2)
    observations, infos = world.reset(seed=0)
    teacher = make_teacher(None, world)
    teacher.begin(world, 0)
    assert teacher.see(observations, infos, np.zeros(2, np.bool_)).tolist() == [0.0, 0.0]


# ---------------------------------------------------------------------------------------------- ensembles


def number_features(values: list[float]) -> Features:
    return Features(torch.zeros(len(values), 0, dtype=torch.int64), torch.tensor(values)[:, None])


def line_ensemble(aggregation: Any, **config: Any) -> Ensemble:
    """Members that have learned that more is better, from a few numbers between 0 and 1."""
    from gymnasium.spaces import Box

    reader = Reader(Box(0.0, 1.0, (1,), np.float32))
    settings = PreferencesConfig(aggregation=aggregation, passes=60, kept_out=0.0, learning_rate=1e-2, **config)
    ensemble = Ensemble(reader, settings, 0)
    values = torch.linspace(0, 1, 8)
    pairs = torch.tensor([(a, b) for a in range(8) for b in range(8) if a != b])
    better = (values[pairs[:, 0]] > values[pairs[:, 1]]).float()
    ensemble.learn(Pairs(number_features(values.tolist()), torch.arange(8), pairs, better))
    return ensemble


def test_rewards_follow_what_was_preferred() -> None:
    worth = line_ensemble("mean").reward(number_features([0.0, 0.5, 1.0]))
    assert worth[0] < worth[1] < worth[2]


@pytest.mark.parametrize("aggregation", ["minimum", "uncertainty"])
def test_where_members_disagree_less_is_paid(aggregation: str) -> None:
    careful, mean = line_ensemble(aggregation, penalty=2.0), line_ensemble("mean")
    near, far = number_features([0.5]), number_features([-30.0])
    assert careful.reward(near) <= mean.reward(near)
    loss_near, loss_far = (mean.reward(at) - careful.reward(at) for at in (near, far))
    assert loss_far > loss_near


def test_a_single_member_is_its_own_aggregate() -> None:
    seen = number_features([0.2, 0.9])
    rewards = [line_ensemble(kind, members=1).reward(seen) for kind in ("minimum", "uncertainty", "mean")]
    assert torch.equal(rewards[0], rewards[1])
    assert torch.equal(rewards[0], rewards[2])


def test_a_scripted_judge_errs_as_often_as_it_is_told(file: Demonstrations) -> None:
    scores = {number: float(number // 2) for number in range(1, 9)}
    right = judge_by(file, scores, 200)
    assert file.comparisons() == right
    for one in right:
        assert one.better == 0.5 + 0.5 * np.sign(scores[one.one] - scores[one.other])
    wrong = judge_by(file, scores, 400, seed=1, mistakes=0.25)
    decided = [one for one in wrong if scores[one.one] != scores[one.other]]
    share = np.mean([one.better != (scores[one.one] > scores[one.other]) for one in decided])
    assert 0.15 < share < 0.35
