"""Other libraries' environments as worlds do what they do there, from the first step to the last of each episode."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import palaestra_worlds
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from palaestra_worlds import adapters
from palaestra_worlds.base import Task
from palaestra_worlds.registry import UnknownName, world_entries, world_provider

STATE = "state"


class Pictures(gymnasium.Env[Any, Any]):
    """Four frames of a picture, with a success that it tells of in its second step."""

    observation_space = Box(0, 255, (4, 40, 50), np.uint8)
    action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._seen(), 1.0, self.steps == 2, False, {"is_success": bool(action)}

    def _seen(self) -> Any:
        return np.arange(4 * 40 * 50, dtype=np.int64).reshape(4, 40, 50).astype(np.uint8) + np.uint8(self.steps)


class Uncertain(Pictures):
    """One whose chance is not gymnasium's."""

    def _seen(self) -> Any:
        return np.random.default_rng().integers(0, 255, (4, 40, 50), np.uint8)


class Nested(Pictures):
    """One whose observations no world can have."""

    observation_space = Dict({"deep": Tuple([Discrete(2)])})


@pytest.fixture(autouse=True)
def registered() -> None:
    for kind in (Pictures, Uncertain, Nested):
        if f"palaestra-test/{kind.__name__}-v0" not in gymnasium.registry:
            gymnasium.register(f"palaestra-test/{kind.__name__}-v0", kind, disable_env_checker=True)


# ------------------------------------------------------------------------------------------------ gymnasium


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_it_is_gymnasiums_own_vector_step_for_step(name: str) -> None:
    settings = {} if name != "Pendulum-v1" else {"max_steps": 7}
    world = palaestra_worlds.make(f"gymnasium:{name}", num_envs=3, **settings)
    limit = {"max_episode_steps": 7} if settings else {}
    reference = SyncVectorEnv([lambda: gymnasium.make(name, **limit)] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    np.testing.assert_array_equal(world.reset(seed=4)[0][STATE], reference.reset(seed=4)[0])
    reference.action_space.seed(0)
    ends = 0
    for _ in range(120):
        actions = reference.action_space.sample()
        mine, theirs = world.step(actions), reference.step(actions)
        np.testing.assert_array_equal(mine[0][STATE], theirs[0])
        for one, other in zip(mine[1:4], theirs[1:4], strict=True):
            np.testing.assert_array_equal(one, other)
        for i in np.flatnonzero(mine[2] | mine[3]):
            ends += 1
            np.testing.assert_array_equal(mine[4]["final_obs"][i][STATE], theirs[4]["final_obs"][i])
    assert ends > 3


def test_an_environments_own_stream_waits_while_it_is_in_a_level() -> None:
    def episodes(*levels: int | None) -> list[Any]:
        world = palaestra_worlds.make("gymnasium:CartPole-v1", num_envs=1)
        world.reset(seed=3)
        begun = []
        for level in levels:
            world.assign([None if level is None else Task(level_seed=level)])
            begun.append(world.reset()[0][STATE][0])
        return begun

    second, third = episodes(None, None)
    own, level, after = episodes(None, 8, None)
    np.testing.assert_array_equal(own, second)
    np.testing.assert_array_equal(after, third)
    assert not np.array_equal(level, third)


def test_one_that_chance_moves_otherwise_begins_a_new_episode_and_says_so() -> None:
    world = palaestra_worlds.make("gymnasium:palaestra-test/Uncertain-v0", num_envs=2)
    world.reset(seed=0)
    world.step(np.array([0, 1]))
    world.restore(world.snapshot())
    assert world.restarted == (0, 1)
    calm = palaestra_worlds.make("gymnasium:palaestra-test/Pictures-v0", num_envs=2)
    calm.reset(seed=0)
    calm.step(np.array([0, 1]))
    calm.restore(calm.snapshot())
    assert calm.restarted == ()


def test_pictures_have_their_channels_last_and_success_is_what_is_told() -> None:
    world = palaestra_worlds.make("gymnasium:palaestra-test/Pictures-v0", num_envs=2)
    observed, _ = world.reset(seed=0)
    assert observed[STATE].shape == (2, 40, 50, 4)
    np.testing.assert_array_equal(observed[STATE][0], np.moveaxis(Pictures.reset(Pictures())[0], 0, -1))
    assert world.render_frame(0).shape == (40, 50, 3)
    world.step(np.array([0, 1]))
    *_, infos = world.step(np.array([0, 1]))
    assert infos["episode"]["success"].tolist() == [False, True]
    strict = palaestra_worlds.make("gymnasium:palaestra-test/Pictures-v0", num_envs=2, success_return=2.5)
    strict.reset(seed=0)
    strict.step(np.array([0, 1]))
    assert strict.step(np.array([0, 1]))[4]["episode"]["success"].tolist() == [False, False]


def test_success_is_the_threshold_that_an_environment_is_registered_with() -> None:
    world = palaestra_worlds.make("gymnasium:FrozenLake-v1", num_envs=1, options={"is_slippery": False})
    world.reset(seed=0)
    for action in (1, 1, 2, 1, 2, 2):  # around the holes to the goal
        *_, infos = world.step(np.array([action]))
    assert infos["episode"]["success"].tolist() == [True]


# ------------------------------------------------------------------------------------------------ envpool


def pole(state: Any) -> gymnasium.Env[Any, Any]:
    """gymnasium's own CartPole in a state."""
    reference = gymnasium.make("CartPole-v1").unwrapped
    reference.reset(seed=0)
    reference.state = np.asarray(state, np.float64)  # pyright: ignore[reportAttributeAccessIssue]
    return reference


def test_envpools_cart_pole_moves_as_gymnasiums_and_no_step_of_it_is_lost_at_ends() -> None:
    pytest.importorskip("envpool")
    world = palaestra_worlds.make("envpool:CartPole-v1", num_envs=4)
    observed, _ = world.reset(seed=11)
    references = [pole(state) for state in observed[STATE]]
    world.action_space.seed(1)
    ends = 0
    for _ in range(150):
        actions = world.action_space.sample()
        observed, rewards, terminated, truncated, infos = world.step(actions)
        for i, reference in enumerate(references):
            expected, reward, ended, _, _ = reference.step(int(actions[i]))
            assert (terminated[i], truncated[i], rewards[i]) == (ended, False, reward)
            seen = infos["final_obs"][i][STATE] if ended else observed[STATE][i]
            np.testing.assert_allclose(seen, expected, atol=1e-4)
            if ended:
                ends += 1
                # The first state of the next episode: what is done now moves it, and is not swallowed by a reset.
                assert np.abs(observed[STATE][i]).max() <= 0.05
                references[i] = pole(observed[STATE][i])
    assert ends >= 8


def test_envpools_time_limit_truncates_and_gives_the_last_observation() -> None:
    pytest.importorskip("envpool")
    world = palaestra_worlds.make("envpool:Pendulum-v1", num_envs=2, max_steps=5)
    first, _ = world.reset(seed=0)
    lengths = []
    for step in range(1, 16):
        observed, _, terminated, truncated, infos = world.step(np.zeros((2, 1), np.float32))
        assert not terminated.any()
        assert truncated.tolist() == [step % 5 == 0] * 2
        if truncated.any():
            lengths += infos["episode"]["length"].tolist()
            final = np.stack([one[STATE] for one in infos["final_obs"]])
            assert not np.array_equal(final, observed[STATE])
    assert lengths == [5] * 6
    assert first in world.observation_space


def test_levels_of_envpool_do_not_disturb_an_environments_own_stream() -> None:
    pytest.importorskip("envpool")

    def begun(*levels: int | None) -> list[Any]:
        world = palaestra_worlds.make("envpool:CartPole-v1", num_envs=2)
        found = [world.reset(seed=3)[0][STATE][1]]
        for level in levels:
            world.assign([None, None if level is None else Task(level_seed=level)])
            found.append(world.reset()[0][STATE][1])
        return found

    first, second, third = begun(None, None)
    assert not np.array_equal(second, third)
    _, own, level, after = begun(None, 2**62, None)
    np.testing.assert_array_equal(own, second)
    np.testing.assert_array_equal(after, third)
    np.testing.assert_array_equal(level, begun(2**62)[1])
    np.testing.assert_array_equal(begun(4)[1], first)  # level s is what seed s begins with


def test_envpool_cannot_be_saved_and_says_which_episodes_are_new() -> None:
    pytest.importorskip("envpool")
    world = palaestra_worlds.make("envpool:CartPole-v1", num_envs=3)
    world.draw_from([Task(level_seed=5)])
    world.reset(seed=0)
    for _ in range(4):
        world.step(np.array([1, 0, 1]))
    world.restore(world.snapshot())
    assert world.restarted == (0, 1, 2)
    level = palaestra_worlds.make("envpool:CartPole-v1", num_envs=1).reset(seed=5)[0][STATE][0]
    np.testing.assert_array_equal(world.observe()[STATE], [level] * 3)
    assert "step 0, return so far 0." in world.describe(0)


def test_envpools_robots_are_shown_as_numbers_where_its_own_drawing_would_end_the_process() -> None:
    pytest.importorskip("envpool")
    drawn = palaestra_worlds.make("envpool:CartPole-v1", num_envs=2)
    drawn.reset(seed=0)
    assert drawn.render_frame(1).shape == (400, 600, 3)
    robot = palaestra_worlds.make("envpool:HalfCheetah-v5", num_envs=2)
    robot.reset(seed=0)
    before = robot.render_frame(1)
    robot.step(robot.action_space.sample())
    assert not np.array_equal(robot.render_frame(1), before)


# ------------------------------------------------------------------------------------------------ what is wrong


def test_without_envpool_its_worlds_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    entry = next(entry for entry in world_entries() if entry.id == "envpool:Ant-v5")
    assert world_provider("envpool:Ant-v5").entries()[0].missing == adapters.INSTALL_ENVPOOL
    assert entry.licences
    with pytest.raises(ValueError, match=r"envpool:Hopper-v4 needs the package envpool: pip install 'palaestra\[envp"):
        palaestra_worlds.make("envpool:Hopper-v4")


@pytest.mark.parametrize(
    ("id", "settings", "message"),
    [
        ("gymnasium:CartPoll-v1", {}, "gymnasium cannot make CartPoll-v1"),
        ("gymnasium:CartPole-v1", {"options": {"colour": 3}}, "gymnasium cannot make CartPole-v1: .*colour"),
        ("gymnasium:palaestra-test/Nested-v0", {}, "observation 'deep' is a Tuple, which a world cannot have"),
        ("envpool:CartPoll-v1", {}, "envpool has no environment 'CartPoll-v1'; did you mean 'CartPole-v"),
        ("envpool:CartPole-v1", {"options": {"seed": 3}}, "'seed' is set by Palaestra"),
        ("envpool:CartPole-v1", {"options": {"colour": 3}}, "envpool cannot make CartPole-v1: .*colour"),
        ("envpool:CartPole-v1", {"max_steps": 0}, "setting max_steps of envpool:CartPole-v1"),
    ],
)
def test_what_cannot_be_made_is_named(id: str, settings: dict[str, Any], message: str) -> None:
    if id.startswith("envpool:"):
        pytest.importorskip("envpool")
    with pytest.raises(ValueError, match=message):
        palaestra_worlds.make(id, **settings)


def test_actions_that_do_not_fit_are_named() -> None:
    world = palaestra_worlds.make("gymnasium:CartPole-v1", num_envs=2)
    with pytest.raises(ValueError, match="call reset before step"):
        world.step(np.array([0, 1]))
    world.reset(seed=0)
    for actions, message in (([0, 2], "must lie in 0..1"), ([0.5, 1.0], "float64"), ([0], "shape")):
        with pytest.raises(ValueError, match=message):
            world.step(np.array(actions))
    with pytest.raises(UnknownName, match="unknown world 'gym:CartPole-v1'"):
        palaestra_worlds.make("gym:CartPole-v1")
