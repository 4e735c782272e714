"""Models are found, licensed as listed, and named when something is wrong with them."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.registry import world_entries
from palaestra_worlds.robots import menagerie
from palaestra_worlds.robots.menagerie import BARKOUR, LEAP, PANDA, ROBOTIQ, ModelError, RobotsMissing


@pytest.mark.parametrize("robot", [BARKOUR, PANDA, LEAP, ROBOTIQ], ids=lambda robot: robot.folder)
def test_a_robots_licence_file_says_what_is_listed(robot: menagerie.Robot) -> None:
    text = (menagerie.robot_folder(robot) / "LICENSE").read_text(encoding="utf-8")
    assert robot.phrase in text


def test_listed_worlds_name_the_licences_of_their_robots() -> None:
    entry = next(entry for entry in world_entries() if entry.id == "Quadruped")
    assert any("Apache-2.0" in line and "Barkour" in line for line in entry.licences)
    assert entry.missing == ""


def test_without_the_extra_everything_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(menagerie, "PACKAGE", "a_package_that_is_not_there")
    entry = next(entry for entry in palaestra_worlds.robots.PROVIDER.entries() if entry.id == "Quadruped")
    assert entry.missing == "pip install 'palaestra[robots]'"
    with pytest.raises(ValueError, match=r"Quadruped cannot be served here; .*pip install 'palaestra\[robots\]'"):
        palaestra_worlds.make("Quadruped", num_envs=1)
    with pytest.raises(RobotsMissing, match=r"Barkour vB needs MuJoCo and its Menagerie: pip install"):
        menagerie.robot_folder(BARKOUR)


def test_files_that_are_missing_or_no_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no robot model .*nothing\.xml"):
        menagerie.load_spec(tmp_path / "nothing.xml")
    broken = tmp_path / "broken.xml"
    broken.write_text("<mujoco><worldbody><body><geom size=''/></body></worldbody>", encoding="utf-8")
    with pytest.raises(ModelError, match=r"broken\.xml cannot be read"):
        menagerie.load_spec(broken)


def test_models_that_do_not_compile_are_named_with_the_reason() -> None:
    spec = mujoco.MjSpec()
    spec.worldbody.add_body(name="ghost").add_freejoint()
    with pytest.raises(ModelError, match=r"the model 'ghosts' does not compile: .*mass and inertia"):
        menagerie.compile_model(spec, "ghosts")


def test_physics_that_diverges_ends_the_episode_as_failed_and_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = palaestra_worlds.make("Quadruped", num_envs=2, max_steps=50)
    world.reset(seed=0)
    good = world.step(np.zeros((2, 12)))[0]["state"]
    world.set_state(1, qvel=np.full(18, 1e9))
    observations, rewards, terminated, truncated, infos = world.step(np.zeros((2, 12)))
    np.testing.assert_array_equal(terminated, [False, True])
    np.testing.assert_array_equal(infos["diverged"], [False, True])
    assert not truncated.any()
    assert rewards[1] == 0.0
    assert not infos["episode"]["success"][1]
    # The last observation that made sense, and a new episode that does.
    np.testing.assert_array_equal(infos["final_obs"][1]["state"], good[1])
    assert np.isfinite(observations["state"]).all()
    assert world.step(np.zeros((2, 12)))[1].min() > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"control_period": 0.003}, "must be a multiple of the simulation model's step of 0.002"),
        ({"control_period": 0.005, "fidelity": "planning"}, "must be a multiple of the planning model's step"),
        ({"max_steps": 0}, "setting max_steps of Quadruped"),
        ({"fidelity": "exact"}, "setting fidelity of Quadruped"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        palaestra_worlds.make("Quadruped", num_envs=1, **settings)


@pytest.mark.parametrize("actions", [np.zeros((1, 12)), np.zeros(12), np.full((2, 12), np.nan), np.zeros((2, 11))])
def test_actions_that_do_not_fit_are_named(actions: np.ndarray) -> None:
    world = palaestra_worlds.make("Quadruped", num_envs=2)
    world.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions must be finite numbers of shape \(2, 12\)"):
        world.step(actions)
