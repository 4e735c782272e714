"""What every registered world must hold, whatever its family. A new world is covered by being registered."""

from __future__ import annotations

import gymnasium
import numpy as np
import palaestra_worlds
import palaestra_worlds.gymnasium_ids
import pytest
from gymnasium.wrappers.vector import ClipReward, DictInfoToList, RecordEpisodeStatistics
from palaestra_worlds.registry import world_entries

# One id of each reference class: what they share is checked here, each id's exactness in tests/parity.
SERVED = {entry.summary: entry.id for entry in world_entries() if not entry.missing}


@pytest.fixture(params=sorted(SERVED.values()), scope="module")
def id(request: pytest.FixtureRequest) -> str:
    return request.param


def rollout(world, steps: int, seed: int = 3) -> list:
    """Everything that `steps` random steps return."""
    random = np.random.default_rng(seed)
    return [world.step(random.integers(0, world.single_action_space.n, world.num_envs)) for _ in range(steps)]


def assert_equal_steps(first: list, second: list) -> None:
    for one, other in zip(first, second, strict=True):
        for part_one, part_other in zip(one[:4], other[:4], strict=True):
            assert_equal_parts(part_one, part_other)
        assert one[4].keys() == other[4].keys()
        np.testing.assert_array_equal(one[4]["lesson_reward"], other[4]["lesson_reward"])


def assert_equal_parts(one, other) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal_parts(one[key], other[key])
    else:
        np.testing.assert_array_equal(one, other)


def test_spaces_hold_what_is_returned(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=3)
    observations, _ = world.reset(seed=0)
    assert observations in world.observation_space
    for observations, rewards, terminated, truncated, infos in rollout(world, 50):
        assert observations in world.observation_space
        assert rewards.shape == terminated.shape == truncated.shape == infos["lesson_reward"].shape == (3,)
        assert rewards.dtype == np.float64
        assert terminated.dtype == truncated.dtype == np.bool_
        assert np.all((rewards >= -1) & (rewards <= 1))


def test_same_seed_same_episodes_and_another_seed_another(id: str) -> None:
    def run(seed: int) -> list:
        world = palaestra_worlds.make(id, num_envs=3, max_steps=20)
        world.reset(seed=seed)
        return rollout(world, 60)

    first = run(7)
    assert_equal_steps(first, run(7))
    images = [step[0]["image"] for step in first]
    assert any((image != images[0]).any() for image in images), "observations never change"


def test_snapshot_goes_back_exactly_with_streams_and_tasks(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=3, max_steps=15)
    world.draw_from([world.task_space(level_seed=s) for s in (5, 6, 7)])
    world.reset(seed=1)
    rollout(world, 10)
    saved = world.snapshot()
    after = rollout(world, 40, seed=9)
    other = palaestra_worlds.make(id, num_envs=3, max_steps=15)
    other.restore(saved)
    assert_equal_steps(after, rollout(other, 40, seed=9))
    world.restore(saved)
    assert_equal_steps(after, rollout(world, 40, seed=9))


def test_observe_repeats_the_last_observation(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=2)
    world.reset(seed=1)
    last = rollout(world, 12)[-1][0]
    assert_equal_parts(last, world.observe())


def test_steps_share_no_memory_unless_asked_to(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=2)
    first, _ = world.reset(seed=0)
    kept = {key: np.copy(value) for key, value in first.items() if key != "mission"}
    rollout(world, 5)
    assert_equal_parts(kept, {key: value for key, value in first.items() if key != "mission"})
    shared = palaestra_worlds.make(id, num_envs=2, copy_observations=False)
    first, _ = shared.reset(seed=0)
    assert rollout(shared, 5)[-1][0]["image"] is first["image"]


def test_ends_are_reported_with_the_last_observation_and_the_episode(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=4, max_steps=10)
    world.reset(seed=0)
    lengths = np.zeros(4, dtype=int)
    returns = np.zeros(4)
    ended_once = False
    for _, rewards, terminated, truncated, infos in rollout(world, 35):
        lengths += 1
        returns += rewards
        ended = terminated | truncated
        assert ("_episode" in infos) == bool(ended.any())
        if not ended.any():
            continue
        ended_once = True
        np.testing.assert_array_equal(infos["_final_obs"], ended)
        np.testing.assert_array_equal(infos["episode"]["length"][ended], lengths[ended])
        np.testing.assert_allclose(infos["episode"]["return"][ended], returns[ended])
        for i, final in enumerate(infos["final_obs"]):
            assert (final is not None) == ended[i]
            assert final is None or final in world.single_observation_space
        lengths[ended] = 0
        returns[ended] = 0.0
    assert ended_once


def test_renders_and_describes(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=2)
    world.reset(seed=0)
    frame = world.render_frame(1)
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.std() > 0
    assert len(world.describe(1)) > 100
    assert world.describe(0) == world.describe(0)


def test_reachable_through_gymnasium(id: str) -> None:
    world = gymnasium.make_vec(f"palaestra/{id}", num_envs=2)
    observations, _ = world.reset(seed=0)
    same, _ = palaestra_worlds.make(id, num_envs=2).reset(seed=0)
    assert_equal_parts(observations, same)
    assert world.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.SAME_STEP


def test_gymnasiums_own_wrappers_take_it(id: str) -> None:
    """Wrappers that go through infos and final observations as gymnasium's vector environments give them."""
    world = palaestra_worlds.make(id, num_envs=3, max_steps=4)
    wrapped = DictInfoToList(ClipReward(RecordEpisodeStatistics(world, stats_key="statistics"), -1.0, 1.0))
    wrapped.reset(seed=0)
    ends = 0
    for _ in range(8):
        observations, _, _, truncated, infos = wrapped.step(np.ones(3, dtype=np.int64))
        assert observations in world.observation_space
        for info, cut in zip(infos, truncated, strict=True):
            assert ("final_obs" in info) == ("episode" in info) == ("statistics" in info)
            assert not cut or info["final_obs"] in world.single_observation_space
            assert info.get("episode", {}).get("length") == info.get("statistics", {}).get("l")
            ends += "episode" in info
    assert ends >= 6
