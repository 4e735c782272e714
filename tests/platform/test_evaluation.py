"""An evaluation plays each level exactly once, the same each time, and changes neither agent nor training."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from palaestra import tree
from palaestra.evaluation import FIRST_EVALUATION_LEVEL, Evaluation, held_out_tasks, num_envs_for, play
from palaestra.measured import LessonCounts, MeasuredWorld
from palaestra.visits import COLUMNS, ROWS, Visits
from palaestra_agents.base import ActorOutput, AgentInterface
from palaestra_agents.config import GRUConfig
from palaestra_agents.ppo import PPO
from palaestra_worlds.base import World

WORLD = "MiniGrid-Empty-Random-5x5-v0"


class Forward:
    """Walks ahead, turns right before the wall, remembers how many steps it has lived; counts what it is asked."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.asked = 0
        self.lives: list[int] = []

    def initial_state(self, num_envs: int) -> torch.Tensor:
        return torch.zeros(num_envs, 1)

    def act(self, observations: Any, state: torch.Tensor, *, greedy: bool, generator: torch.Generator) -> ActorOutput:
        ahead = observations["image"][:, 3, 5, 0]
        assert len(observations["mission"]) == len(ahead) == len(state)
        self.asked += len(ahead)
        self.lives.extend(int(age) for age in state[:, 0] if age == 0)
        actions = torch.from_numpy(np.where(ahead == 2, 1, 2))
        return ActorOutput(actions, torch.zeros(len(ahead)), torch.zeros(len(ahead), 1), state + 1)


def forward() -> Any:
    return Forward()


def make(num_envs: int, **settings: Any) -> World:
    return palaestra_worlds.make(WORLD, num_envs, **settings)


def small_ppo(world: World, **config: Any) -> Any:
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    return PPO(PPO.Config(rollout_length=16, minibatch_size=64, **config), interface, seed=0)


def equal(a: Evaluation, b: Evaluation) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("returns", "lengths", "successes"))


def one_by_one(tasks: list[Any]) -> Evaluation:
    """The same episodes, each in a world of its own."""
    parts = [play(forward(), make(1), [task]) for task in tasks]
    return Evaluation(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("returns", "lengths", "successes")))


@pytest.mark.parametrize("num_envs", [1, 4, 7])
def test_each_level_is_played_once_however_many_environments_there_are(num_envs: int) -> None:
    world, agent = make(num_envs), forward()
    tasks = held_out_tasks(world, 13)
    result = play(agent, world, tasks)
    assert [task.level_seed for task in tasks] == [FIRST_EVALUATION_LEVEL + k for k in range(13)]
    assert equal(result, one_by_one(tasks))
    assert agent.asked == result.lengths.sum()
    assert len(agent.lives) == 13
    assert len(set(result.lengths.tolist())) > 2


def test_what_was_played_before_does_not_matter() -> None:
    world = make(4)
    first = play(forward(), world, held_out_tasks(world, 10))
    play(forward(), world, [world.task_space(level_seed=seed) for seed in range(9)])
    assert equal(first, play(forward(), world, held_out_tasks(world, 10)))


def test_numbers_are_over_episodes() -> None:
    result = Evaluation(np.array([1.0, 0.0, 0.5]), np.array([1, 2, 6], np.int32), np.array([True, False, True]))
    assert result.success == pytest.approx(2 / 3)
    assert (result.return_mean, result.length_mean, result.episodes) == (0.5, 3.0, 3)
    assert result.return_std == pytest.approx(np.sqrt(1 / 6))


def test_too_few_tasks_are_refused() -> None:
    world = make(4)
    with pytest.raises(ValueError, match="3 tasks are too few for 4 environments"):
        play(forward(), world, held_out_tasks(world, 3))
    assert [num_envs_for(n) for n in (1, 256, 300)] == [1, 256, 256]


@pytest.mark.parametrize("config", [{}, {"memory": GRUConfig(size=16)}, {"network": "convolutional"}])
def test_evaluating_changes_neither_the_agent_nor_its_training(config: dict[str, Any]) -> None:
    torch.set_num_threads(1)

    def trained(evaluate: bool) -> tuple[dict[str, Any], list[Evaluation]]:
        world = make(4)
        world.reset(seed=0)
        agent = small_ppo(world, **config)
        evaluation_world = make(9)
        results = []
        for _ in range(3):
            agent.train_iteration(world, 0.0)
            if evaluate:
                results += [play(agent, evaluation_world, held_out_tasks(world, 20)) for _ in range(2)]
        return agent.state_dict(), results

    (plain, _), (evaluated, results) = trained(False), trained(True)
    assert all(equal(results[k], results[k + 1]) for k in (0, 2, 4))
    for a, b in zip(*(tree.encode(state)[1].values() for state in (plain, evaluated)), strict=True):
        assert torch.equal(a, b)
    assert tree.encode(plain)[0] == tree.encode(evaluated)[0]


def test_greedy_and_sampled_evaluations_differ_only_in_the_choice() -> None:
    world = make(4)
    world.reset(seed=0)
    agent = small_ppo(world)
    tasks = held_out_tasks(world, 12)
    sampled, greedy = play(agent, world, tasks), play(agent, world, tasks, greedy=True)
    assert not equal(sampled, greedy)
    assert equal(greedy, play(agent, world, tasks, greedy=True))


# ---------------------------------------------------------------------------------------------- training episodes


def test_training_episodes_are_measured_as_the_world_reports_them() -> None:
    world = MeasuredWorld(make(6))
    tasks = [world.task_space(level_seed=seed) for seed in range(5)]
    world.draw_from(tasks)
    world.reset(seed=3)
    chance = np.random.default_rng(0)
    returns, lengths, by_row = [], [], np.zeros(5, dtype=np.int64)
    for _ in range(400):
        _, _, _, _, infos = world.step(chance.integers(0, 3, 6))
        for i in np.flatnonzero(infos.get("_episode", [])):
            returns.append(infos["episode"]["return"][i])
            lengths.append(infos["episode"]["length"][i])
            by_row[infos["episode"]["task"][i]] += 1
    metrics = world.take_metrics()
    assert len(returns) > 20
    assert metrics["train/episodes"] == len(returns)
    assert metrics["train/episode_return"] == pytest.approx(np.mean(returns))
    assert metrics["train/episode_length"] == pytest.approx(np.mean(lengths))
    assert metrics["train/success"] == pytest.approx(np.mean(np.array(returns) > 0))
    assert world.steps == 2400
    assert world.lesson_counts.episodes.tolist() == by_row.tolist()
    assert world.take_metrics() == {"train/episodes": 0.0}


def test_lesson_counts_are_cumulative_from_the_top() -> None:
    counts = LessonCounts.empty(2)
    counts.add(np.array([1, 1, 1]), np.array([True, False, True]), np.array([3, 0, 3]))
    counts.add(np.array([4]), np.array([False]), np.array([1]))
    assert counts.episodes.tolist() == [0, 3, 0, 0, 1]
    assert counts.successes.tolist() == [0, 2, 0, 0, 0]
    assert counts.reached_at_least(1) == [3, 2, 2, 2]
    assert counts.reached_at_least(4) == [1, 1, 0, 0]
    copy = LessonCounts.empty(0)
    copy.load_state_dict(counts.state_dict())
    assert copy.reached_at_least(1) == [3, 2, 2, 2]


class Halved(MeasuredWorld):
    """Says of each episode how long half of it is, and that all stand a quarter right and three quarters down."""

    def __init__(self, inner: World) -> None:
        super().__init__(inner)
        self.episode_numbers = ("half",)

    def step(self, actions: Any) -> Any:
        *rest, infos = super().step(actions)
        if "episode" in infos:
            infos["episode"]["half"] = infos["episode"]["length"] / 2
        return *rest, infos

    def places(self) -> Any:
        return np.tile([0.25, 0.75], (self.num_envs, 1))


def test_numbers_that_a_world_measures_are_kept_by_episode() -> None:
    world = Halved(make(4))
    result = play(forward(), world, held_out_tasks(world, 13))
    assert result.numbers.keys() == {"half"}
    np.testing.assert_array_equal(result.numbers["half"], result.lengths / 2)
    assert play(forward(), make(4), held_out_tasks(world, 4)).numbers == {}


def test_visits_are_counted_where_they_were_and_by_tenths_of_the_budget() -> None:
    world = MeasuredWorld(Halved(make(4)), budget=40)
    world.reset(seed=0)
    for _ in range(10):
        world.step(np.zeros(4, np.int64))
    assert world.visits is not None
    counts = Visits.of(world.visits.state_dict()).counts
    assert counts.sum(axis=(1, 2)).tolist() == [4] * 10
    assert counts[:, ROWS * 3 // 4, COLUMNS // 4].sum() == 40
    plain = MeasuredWorld(make(4))
    plain.reset(seed=0)
    plain.step(np.zeros(4, np.int64))
    assert plain.visits is None


def test_places_outside_of_the_picture_count_for_its_edge() -> None:
    visits = Visits()
    visits.add(np.array([[-0.1, 2.0], [1.0, 1.0]]), progress=0.0)
    assert visits.counts[0, ROWS - 1, 0] == visits.counts[0, ROWS - 1, COLUMNS - 1] == 1
