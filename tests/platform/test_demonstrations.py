"""Demonstrations: what a person does is kept key by key, can be done again, and be cloned."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from palaestra.evaluation import held_out_tasks, play
from palaestra.measured import MeasuredWorld
from palaestra.playing.game import Game
from palaestra.playing.recording import Recording
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO
from palaestra_worlds.base import World
from palaestra_worlds.demonstrations import Demonstrations, DemonstrationsError, Episode, replay

ID = "MiniGrid-Empty-5x5-v0"
TO_THE_GOAL = ("up", "up", "right", "up", "up")


def make(id: str = ID, num_envs: int = 1, settings: dict[str, Any] | None = None) -> World:
    return palaestra_worlds.make(id, num_envs, **settings or {})


def game(path: Path, world: World | None = None, by: str = "ann", seed: int = 0) -> Game:
    """A game into a file, as `palaestra play --record` begins it."""
    world = world or make()
    recording = Recording(Demonstrations(path, create=True), by, world, {}, None)
    return Game(world, recording.first_level(seed), recording=recording)


def episodes(path: Path) -> list[Episode]:
    file = Demonstrations(path)
    try:
        return file.episodes()
    finally:
        file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.demonstrations"


@pytest.fixture
def five(path: Path) -> Path:
    """Five episodes, each of which goes to the goal."""
    played = game(path)
    for key in 5 * TO_THE_GOAL:
        assert played.press(key)
    return path


def test_what_was_done_can_be_done_again(five: Path) -> None:
    done = [episode for episode in episodes(five) if episode.state == "ended"]
    assert [episode.seed for episode in done] == [0, 1, 2, 3, 4]
    assert {(episode.by, episode.world) for episode in done} == {("ann", ID)}
    again = list(replay(done, most=2))
    assert [replayed.episode.number for replayed in again] == [episode.number for episode in done]
    world = make()
    seen, _ = world.reset(seed=[3])
    for row, action in enumerate(done[3].actions):
        np.testing.assert_array_equal(again[3].observations["image"][row], seen["image"][0])
        seen, _, terminated, *_ = world.step(np.array([action]))
    assert terminated[0]


def test_an_episode_goes_on_where_it_was_stopped(path: Path) -> None:
    first = game(path)
    for key in TO_THE_GOAL[:3]:
        first.press(key)
    picture = first.view().picture
    # Nobody closed anything.
    second = game(path)
    np.testing.assert_array_equal(second.view().picture, picture)
    assert "step 3" in second.view().lines[0]
    for key in TO_THE_GOAL[3:]:
        second.press(key)
    assert [(episode.state, len(episode.actions)) for episode in episodes(path)] == [("ended", 5), ("playing", 0)]
    assert len(list(replay(episodes(path)[:1]))) == 1


def test_an_episode_whose_last_key_alone_was_kept_is_ended(path: Path) -> None:
    played = game(path)
    for key in TO_THE_GOAL[:4]:
        played.press(key)
    file = Demonstrations(path)
    file.add(1, 4, int(played.world.keys["up"][1]))
    file.close()
    assert "level 1, step 0" in game(path).view().lines[0]
    assert [episode.state for episode in episodes(path)] == ["ended", "playing"]


def test_another_level_leaves_an_episode_and_others_go_on_elsewhere(path: Path) -> None:
    played = game(path)
    for key in ("up", "n", "up"):
        played.press(key)
    assert [(episode.seed, episode.state) for episode in episodes(path)] == [(0, "left"), (1, "playing")]
    assert "level 2" in game(path, by="bob").view().lines[0]
    assert "level 1, step 1" in game(path).view().lines[0]
    assert "level 7" in game(path, by="eve", seed=7).view().lines[0]


def test_a_killed_program_loses_no_key(path: Path) -> None:
    command = [sys.executable, "-m", "palaestra", "play", ID, "--record", str(path), "--by", "ann"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("dd")
        process.stdin.flush()
        assert any("step 2" in line for line in iter(process.stdout.readline, ""))
        os.kill(process.pid, signal.SIGKILL)
    (episode,) = episodes(path)
    assert episode.actions.tolist() == [make().keys["d"][1]] * 2
    done = subprocess.run(command, input="q", capture_output=True, text=True, check=False)
    assert "step 2" in done.stdout, done.stderr
    refused = subprocess.run([*command, "--seed", "1000000"], input="", capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "kept for evaluations" in refused.stderr
    path.write_bytes(b"not a database at all" * 100)
    refused = subprocess.run(command, input="d", capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert str(path) in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_file_that_is_something_else_is_refused_by_name(path: Path, five: Path) -> None:
    with pytest.raises(DemonstrationsError, match=r"there is no file"):
        Demonstrations(path.with_name("none"))
    other = path.with_name("other.sqlite")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(DemonstrationsError, match=r"another program's"):
        Demonstrations(other)
    connection = sqlite3.connect(five, isolation_level=None)
    connection.execute("DELETE FROM actions WHERE episode = 2 AND step = 1")
    with pytest.raises(DemonstrationsError, match="steps are missing in episode 2"):
        episodes(five)
    connection.execute("UPDATE episodes SET settings = '[1' WHERE number = 1")
    with pytest.raises(DemonstrationsError, match="cannot be read"):
        episodes(five)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DemonstrationsError, match="format 99"):
        Demonstrations(five)


@given(place=st.integers(0, 20_000), bytes_=st.binary(min_size=1, max_size=64))
@example(place=3929, bytes_=b" ")
@settings(max_examples=40, deadline=None)
def test_damage_is_named_or_harmless(place: int, bytes_: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("damage") / "a"
    played = game(path)
    for key in TO_THE_GOAL:
        played.press(key)
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(bytes_)] = bytes_
    path.write_bytes(data)
    # A world's id or setting may be what is damaged: then the world's own error says so.
    with suppress(DemonstrationsError, ValueError):
        list(replay([episode for episode in episodes(path) if episode.state == "ended"]))


def test_rules_that_have_changed_are_noticed(five: Path) -> None:
    connection = sqlite3.connect(five, isolation_level=None)
    connection.execute("UPDATE actions SET action = 2 WHERE episode = 2 AND step = 2")
    connection.close()
    with pytest.raises(DemonstrationsError, match=r"episode 2 .* have changed"):
        list(replay(episodes(five)[:5]))


def test_an_ended_episode_without_actions_is_damaged(five: Path) -> None:
    connection = sqlite3.connect(five, isolation_level=None)
    connection.execute("DELETE FROM actions WHERE episode = 2")
    connection.close()
    with pytest.raises(DemonstrationsError, match="episode 2 has no actions"):
        list(replay(episodes(five)[:5]))


# ---------------------------------------------------------------------------------------------- cloning


def cloning_agent(world: World, demonstrations: Path, **cloning: Any) -> PPO:
    config = PPO.Config.model_validate(
        {
            "network": {"kind": "mlp", "hidden": (32,)},
            "rollout_length": 8,
            "learning_rate": 1e-2,
            "cloning": {"demonstrations": demonstrations, "epochs": 20, **cloning},
        }
    )
    return PPO(config, AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs))


def test_a_policy_learns_to_do_what_was_demonstrated(five: Path) -> None:
    world = MeasuredWorld(make(num_envs=4))
    world.reset(seed=0)
    agent = cloning_agent(world, five, kept_out=0.2)
    for _ in range(10):
        metrics = agent.train_iteration(world, 0.0)
    assert metrics["cloning/accuracy"] == 1.0
    assert metrics["cloning/accuracy_kept_out"] == 1.0
    assert metrics["cloning/steps"] == 4 * len(TO_THE_GOAL)
    assert world.steps == 10 * 8 * 4
    alone = make(num_envs=4)
    assert play(agent, alone, held_out_tasks(alone, 8), greedy=True).success == 1.0


def test_after_cloning_it_learns_from_rewards(five: Path) -> None:
    world = MeasuredWorld(make(num_envs=4))
    world.reset(seed=0)
    agent = cloning_agent(world, five, iterations=2)
    kinds = [agent.train_iteration(world, 0.0) for _ in range(3)]
    assert ["cloning/accuracy" in metrics for metrics in kinds] == [True, True, False]
    assert "loss/policy" in kinds[2]


def test_demonstrations_of_another_world_are_refused(five: Path) -> None:
    world = MeasuredWorld(make("MiniGrid-DoorKey-5x5-v0"))
    world.reset(seed=0)
    with pytest.raises(DemonstrationsError, match="MiniGrid-Empty"):
        cloning_agent(world, five).train_iteration(world, 0.0)
    with pytest.raises(DemonstrationsError, match=r"there is no file"):
        cloning_agent(world, five.with_name("none")).train_iteration(world, 0.0)


def test_settings_without_cloning_are_as_they_were() -> None:
    assert "cloning" not in PPO.Config().model_dump(mode="json")
