"""What can be measured of the robot dog's motion, and what a task wants of it."""

from __future__ import annotations

import math

from palaestra_worlds.programs import Target
from palaestra_worlds.robots.quadruped_model import FEET
from palaestra_worlds.robots.quadruped_pose import Pose
from palaestra_worlds.robots.quadruped_task import QuadrupedTask


def measures_of(pose: Pose) -> dict[str, float]:
    """Of one robot: metres, radians, m/s, and of `up` and `nose_up` the sine above the floor (1: straight up)."""
    pitch, roll = float(pose.pitch), float(pose.roll)
    found = {
        "height": float(pose.height),
        "pitch": pitch,
        "roll": roll,
        "x": float(pose.location[0]),
        "y": float(pose.location[1]),
        "heading": float(pose.heading),
        "forward_speed": float(pose.velocity[0]),
        "left_speed": float(pose.velocity[1]),
        "turning_speed": float(pose.turning_speed),
        "turning_rate": abs(float(pose.turning_speed)),
        "up": math.cos(pitch) * math.cos(roll),
        "nose_up": math.sin(pitch),
    }
    for foot, (forward, left, height) in zip(FEET, pose.feet.tolist(), strict=True):
        found[f"foot_height.{foot}"] = height
        found[f"foot_forward.{foot}"] = forward
        found[f"foot_left.{foot}"] = left
    return found


def targets_of(task: QuadrupedTask) -> tuple[Target, ...]:
    """What the task asks for, as far as it is measured: torso, lifted feet, and how high stepping feet rise."""
    torso = task.torso
    upright = abs(torso.pitch) > math.radians(60)
    found = [
        Target("height", torso.height),
        Target("pitch", torso.pitch),
        # Roll means nothing when the nose points up.
        *([] if upright else [Target("roll", torso.roll, turns=True)]),
    ]
    if torso.location is not None:
        found += [Target("x", torso.location[0]), Target("y", torso.location[1])]
    if torso.velocity is not None:
        found += [Target("forward_speed", torso.velocity[0]), Target("left_speed", torso.velocity[1])]
    if torso.heading is not None:
        found.append(Target("heading", torso.heading, turns=True))
    if torso.turning_speed is not None:
        found.append(Target("turning_speed", torso.turning_speed))
    for foot in FEET:
        place, step = task.feet.get(foot), task.stepping.get(foot)
        base = (place.lift_height or 0.0) if place else 0.0
        if step is not None:
            found.append(Target(f"foot_height.{foot}", base + step.swing_up_down, "highest"))
        elif place is not None and place.lift_height is not None:
            found.append(Target(f"foot_height.{foot}", place.lift_height))
    return tuple(found)
