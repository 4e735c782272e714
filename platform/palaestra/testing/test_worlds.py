"""What a world must hold, whatever it is about: `python -m palaestra.testing --world ID`."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import ClipReward, DictInfoToList, RecordEpisodeStatistics
from palaestra_worlds.base import Task, TaskError, World
from pydantic import ValidationError

from palaestra.testing.cases import ENVIRONMENTS, WorldCase
from palaestra.testing.examples import edges
from palaestra.testing.rollouts import (
    are_equal,
    assert_equal,
    assert_equal_steps,
    assert_finite,
    part_of,
    rollout,
    until_ended,
)

METHODS = ("reset", "step", "observe", "draw_from", "assign", "describe", "snapshot", "restore", "render_frame")


def test_it_has_everything_that_a_world_has(world_case: WorldCase) -> None:
    world = world_case.make()
    assert isinstance(world, World), f"{type(world).__name__} must be a subclass of palaestra_worlds.base.World"
    inherited = [name for name in METHODS if getattr(type(world), name) is getattr(World, name)]
    assert not inherited, f"{type(world).__name__} must implement {', '.join(inherited)}"
    assert world.id == world_case.id, "`id` must be the id that the world was made with"
    assert world.num_envs == ENVIRONMENTS, "`num_envs` must be what make() was given"
    assert isinstance(world.task_space, type), "`task_space` must be a class"
    assert issubclass(world.task_space, Task), "`task_space` must be a subclass of palaestra_worlds.base.Task"
    assert world.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP, (
        'metadata["autoreset_mode"] must be gymnasium.vector.AutoresetMode.SAME_STEP'
    )


def test_a_setting_that_it_does_not_have_is_refused(world_case: WorldCase) -> None:
    with pytest.raises(ValueError, match="no_such_setting"):
        world_case.make(no_such_setting=1)


def test_spaces_hold_what_is_returned(world_case: WorldCase) -> None:
    world = world_case.make()
    least, greatest = world.reward_range
    observations, _ = world.reset(seed=0)
    assert observations in world.observation_space, "what reset returns is not in observation_space"
    for observations, rewards, terminated, truncated, infos in rollout(world, 50):
        assert observations in world.observation_space, "what step returns is not in observation_space"
        assert_finite(observations)
        for name, array, dtype in (
            ("rewards", rewards, np.float64),
            ("terminated", terminated, np.bool_),
            ("truncated", truncated, np.bool_),
            ('infos["lesson_reward"]', infos["lesson_reward"], np.float32),
        ):
            assert (array.shape, array.dtype) == ((ENVIRONMENTS,), dtype), (
                f"{name} must be {dtype.__name__} (num_envs,)"
            )
        assert np.isfinite(rewards).all(), "a reward is not finite"
        assert rewards.min() >= least, f"a reward of {rewards.min()} is below reward_range {world.reward_range}"
        assert rewards.max() <= greatest, f"a reward of {rewards.max()} is above reward_range {world.reward_range}"


def test_same_seed_same_episodes_and_something_happens_in_them(world_case: WorldCase) -> None:
    def run() -> list[Any]:
        world = world_case.make_short()
        world.reset(seed=7)
        return rollout(world, 60)

    first = run()
    assert_equal_steps(first, run(), "the same seed and the same actions gave something else")
    assert not all(are_equal(step[0], first[0][0]) for step in first), "observations never change"


def test_environment_i_begins_with_seed_plus_i(world_case: WorldCase) -> None:
    together, _ = world_case.make().reset(seed=5)
    listed, _ = world_case.make().reset(seed=[5, 6, 7])
    assert_equal(together, listed, "reset(seed=5) must be reset(seed=[5, 6, 7])")
    alone, _ = world_case.make(num_envs=1).reset(seed=7)
    assert_equal(part_of(together, 2), part_of(alone, 0), "environment 2 of reset(seed=5) must begin as reset(seed=7)")


def test_a_mask_resets_only_where_it_holds(world_case: WorldCase) -> None:
    world = world_case.make()
    world.reset(seed=0)
    before = copy.deepcopy(rollout(world, 5)[-1][0])
    after, _ = world.reset(options={"reset_mask": np.array([False, True, False])})
    for i in (0, 2):
        assert_equal(part_of(before, i), part_of(after, i), f"environment {i} was not to be reset")


def test_snapshot_goes_back_exactly_with_streams_and_tasks(world_case: WorldCase) -> None:
    world = world_case.make_short()
    world.draw_from([world.task_space(level_seed=s) for s in (5, 6, 7)])
    world.reset(seed=1)
    rollout(world, 10)
    saved = world.snapshot()
    assert isinstance(saved, bytes), "snapshot() must give bytes"
    described = world.describe(0)
    after = rollout(world, 40, seed=9)
    other = world_case.make_short()
    other.restore(saved)
    world_goes_on = "a restored new world went on differently"
    if other.restarted:
        # The world says that it cannot be saved amid an episode: then what it begins anew is the same each time.
        assert set(other.restarted) <= set(range(ENVIRONMENTS)), "`restarted` must be rows of environments"
        after, world_goes_on = rollout(other, 40, seed=9), "a second restore began other episodes"
    else:
        assert other.describe(0) == described, "describe() says something else after restore()"
        assert_equal_steps(after, rollout(other, 40, seed=9), world_goes_on)
    world.restore(saved)
    assert_equal_steps(after, rollout(world, 40, seed=9), world_goes_on)
    rows = [step[-1]["episode"]["task"][step[-1]["_episode"]] for step in after if "episode" in step[-1]]
    assert all((row >= 0).all() for row in rows), "the tasks that were drawn from are not there after restore()"


def test_what_is_no_snapshot_of_it_is_refused(world_case: WorldCase) -> None:
    world, other = world_case.make(), world_case.make(num_envs=2)
    other.reset(seed=0)
    for data in (b"", b"this is no snapshot", other.snapshot()):
        with pytest.raises(ValueError, match=r"\w"):
            world.restore(data)


def test_observe_repeats_the_last_observation(world_case: WorldCase) -> None:
    world = world_case.make()
    world.reset(seed=1)
    last = rollout(world, 12)[-1][0]
    assert_equal(last, world.observe(), "observe() must give the last step's observations")


def test_steps_share_no_memory(world_case: WorldCase) -> None:
    world = world_case.make()
    first, _ = world.reset(seed=0)
    kept = copy.deepcopy(first)
    steps = rollout(world, 3)
    copies = copy.deepcopy([step[:4] for step in steps])
    rollout(world, 5)
    assert_equal(first, kept, "later steps changed what reset had returned: return copies")
    for step, kept in zip(steps, copies, strict=True):
        assert_equal(step[:4], kept, "later steps changed what an earlier one had returned: return copies")


def test_ends_are_reported_with_the_last_observation_and_the_episode(world_case: WorldCase) -> None:
    world = world_case.make_short()
    world.reset(seed=0)
    lengths, returns = np.zeros(ENVIRONMENTS, dtype=int), np.zeros(ENVIRONMENTS)
    for observations, rewards, terminated, truncated, infos in until_ended(world, ends=4):
        lengths += 1
        returns += rewards
        ended = terminated | truncated
        assert ("_episode" in infos) == bool(ended.any()), 'infos has "_episode" in steps in which an episode ends'
        if not ended.any():
            continue
        episode = infos["episode"]
        np.testing.assert_array_equal(infos["_final_obs"], ended, 'infos["_final_obs"] must be terminated | truncated')
        np.testing.assert_array_equal(infos["_episode"], ended, 'infos["_episode"] must be terminated | truncated')
        np.testing.assert_array_equal(episode["length"][ended], lengths[ended], 'infos["episode"]["length"] is wrong')
        np.testing.assert_allclose(episode["return"][ended], returns[ended], err_msg='infos["episode"]["return"]')
        for key in ("success", "task", "lesson_progress"):
            assert episode[key].shape == (ENVIRONMENTS,), f'infos["episode"]["{key}"] must be of shape (num_envs,)'
        for i, final in enumerate(infos["final_obs"]):
            assert (final is not None) == ended[i], f'infos["final_obs"][{i}] must be None unless {i} ended'
            assert final is None or final in world.single_observation_space, "final_obs is not in the single space"
        assert_equal(observations, world.observe(), "the step that ends an episode returns the next one's observation")
        lengths[ended], returns[ended] = 0, 0.0


def test_tasks_are_drawn_by_weight_and_reported(world_case: WorldCase) -> None:
    world = world_case.make_short()
    tasks = [world.task_space(level_seed=seed) for seed in (5, 6)]
    world.draw_from(tasks, np.array([0.0, 1.0]))
    observations, _ = world.reset(seed=1)
    expected, _ = world_case.make_short().reset(seed=[6] * ENVIRONMENTS)
    assert_equal(observations, expected, "after draw_from, a task with level_seed=6 must give the level of seed 6")
    for *_, terminated, truncated, infos in until_ended(world, ends=2):
        drawn = infos["episode"]["task"][terminated | truncated] if "episode" in infos else np.ones(0)
        assert (drawn == 1).all(), 'infos["episode"]["task"] must be 1, the row of the only task with a weight'
    world.draw_from(None)
    world.reset()
    for *_, terminated, truncated, infos in until_ended(world, ends=2):
        drawn = infos["episode"]["task"][terminated | truncated] if "episode" in infos else -np.ones(0)
        assert (drawn == -1).all(), 'after draw_from(None), infos["episode"]["task"] must be -1'


def test_an_assigned_task_is_for_the_next_episode_only(world_case: WorldCase) -> None:
    world = world_case.make_short()
    world.reset(seed=1)
    world.assign([world.task_space(level_seed=5), None, world.task_space(level_seed=6)])
    observations, _ = world.reset()
    for i, seed in ((0, 5), (2, 6)):
        expected, _ = world_case.make_short(num_envs=1).reset(seed=[seed])
        assert_equal(part_of(observations, i), part_of(expected, 0), f"environment {i} must be in its assigned level")
    episodes = np.zeros(ENVIRONMENTS, dtype=int)
    for *_, terminated, truncated, infos in until_ended(world, ends=3 * ENVIRONMENTS):
        for i in np.flatnonzero(terminated | truncated):
            has_task = infos["episode"]["task"][i] >= 0
            assert has_task == (episodes[i] == 0 and i != 1), f"environment {i}, episode {episodes[i]}: wrong task row"
            episodes[i] += 1


def test_tasks_that_do_not_fit_are_refused_and_change_nothing(world_case: WorldCase) -> None:
    world, untouched = world_case.make_short(), world_case.make_short()
    task = world.task_space(level_seed=1)
    for one in (world, untouched):
        one.draw_from([task])
        one.reset(seed=0)
    with pytest.raises(TaskError, match=r"\w"):
        world.draw_from([])
    with pytest.raises(TaskError, match=r"\w"):
        world.draw_from([task], np.ones(2))
    with pytest.raises(TaskError, match=r"\w"):
        world.assign([task] * (ENVIRONMENTS + 1))
    assert_equal_steps(rollout(world, 40), rollout(untouched, 40), "a refused task changed what comes next")


def test_every_task_that_can_be_written_is_carried_out_or_refused_by_name(world_case: WorldCase) -> None:
    world = world_case.make(num_envs=1)
    carried_out, refusals = 0, []
    for fields in edges(world.task_space.model_json_schema()):
        try:
            task = world.task_space.model_validate({**fields, "level_seed": 3})
        except ValidationError:
            continue
        try:
            world.draw_from([task])
        except TaskError as error:
            refusals.append((str(error), fields))
            continue
        observations, _ = world.reset(seed=0)
        assert observations in world.observation_space, f"with the task {fields}"
        rollout(world, 2)
        carried_out += 1
    assert carried_out, f"no task at all can be carried out: {refusals}"
    assert all(message for message, _ in refusals), f"a TaskError does not say what is wrong: {refusals}"


def test_what_a_teacher_may_set_is_described(world_case: WorldCase) -> None:
    schema = world_case.make(num_envs=1).task_space.model_json_schema()
    for model in (schema, *schema.get("$defs", {}).values()):
        for name, entry in model.get("properties", {}).items():
            assert entry.get("description") or "const" in entry, (
                f"{model.get('title')}.{name} needs Field(description=...): it is all that a language model is told"
            )


def test_renders_and_describes(world_case: WorldCase) -> None:
    world = world_case.make()
    world.reset(seed=0)
    frame = world.render_frame(1)
    assert frame.dtype == np.uint8, "render_frame() must give uint8"
    assert frame.ndim == 3, "render_frame() must give (height, width, 3)"
    assert frame.shape[2] == 3, "render_frame() must give (height, width, 3)"
    assert frame.std() > 0, "the picture is of one colour"
    assert world.describe(1).strip(), "describe() says nothing"
    assert world.describe(1) == world.describe(1), "describe() of the same state must say the same"


def test_it_says_where_agents_are_and_what_it_measures(world_case: WorldCase) -> None:
    world = world_case.make_short()
    world.reset(seed=0)
    world.action_space.seed(0)
    for _ in range(20):
        infos = world.step(world.action_space.sample())[-1]
        places = world.places()
        if places is not None:
            assert places.shape == (world.num_envs, 2), "places() must give an x and a y for each environment"
            assert ((places >= 0) & (places <= 1)).all(), "places() must be shares of the picture, from 0 to 1"
        for name in world.episode_numbers if "episode" in infos else ():
            assert len(infos["episode"][name]) == world.num_envs, f"infos['episode'] must have {name!r}, an array"


def test_a_prompt_about_something_else_is_left_to_others(world_case: WorldCase) -> None:
    """The scripted and the noisy model ask every provider in turn."""
    from palaestra_worlds.base import Mistakes

    prompt = "What is the capital of France?"
    assert world_case.provider.oracle(prompt, None) is None, "oracle() must be None when no level of its own is there"
    misread = world_case.provider.misread(prompt, {"capital": "Paris"}, Mistakes(), np.random.default_rng(0))
    assert misread is None, "misread() must be None when no level of its own is in the prompt"


def test_gymnasium_makes_it_and_its_own_wrappers_take_it(world_case: WorldCase) -> None:
    from palaestra_worlds.gymnasium_ids import gymnasium_id  # registers the ids

    registered = gymnasium.make_vec(gymnasium_id(world_case.id), num_envs=ENVIRONMENTS, **world_case.settings)
    assert_equal(registered.reset(seed=0)[0], world_case.make().reset(seed=0)[0])
    world = world_case.make_short()
    wrapped = DictInfoToList(ClipReward(RecordEpisodeStatistics(world, stats_key="statistics"), -1.0, 1.0))
    wrapped.reset(seed=0)
    wrapped.action_space.seed(0)
    for _ in range(20):
        observations, _, terminated, truncated, infos = wrapped.step(wrapped.action_space.sample())
        assert observations in world.observation_space
        for info, ended in zip(infos, terminated | truncated, strict=True):
            assert ("final_obs" in info) == ("episode" in info) == ("statistics" in info) == ended
            assert info.get("episode", {}).get("length") == info.get("statistics", {}).get("l")
