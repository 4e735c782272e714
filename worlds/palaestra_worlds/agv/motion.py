"""How a vehicle follows its actions: unicycle or differential drive, with limits of speed and acceleration."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable


@jitable
def _towards(now: Any, wanted: Any, most: Any) -> Any:
    return min(max(wanted, now - most), now + most)


@jitable
def new_velocity(rules: Any, speed: Any, turning: Any, first: Any, second: Any) -> Any:
    """Linear and angular velocity during the next step.

    Args:
        rules: the limits.
        speed, turning: velocities in the last step.
        first, second: the action, each from -1 to 1: of a unicycle forwards and turning, of a differential drive the
            left and the right wheel.
    """
    if rules.track > 0.0:
        return _by_wheels(rules, speed, turning, first, second)
    if rules.by_acceleration:
        speed += first * rules.acceleration * rules.dt
        turning += second * rules.turn_acceleration * rules.dt
    else:
        wanted = first * (rules.max_speed if first > 0.0 else rules.reverse_speed)
        speed = _towards(speed, wanted, rules.acceleration * rules.dt)
        turning = _towards(turning, second * rules.turn_rate, rules.turn_acceleration * rules.dt)
    return (
        min(max(speed, -rules.reverse_speed), rules.max_speed),
        min(max(turning, -rules.turn_rate), rules.turn_rate),
    )


@jitable
def _by_wheels(rules: Any, speed: Any, turning: Any, first: Any, second: Any) -> Any:
    """The heading turns towards the y axis, downwards in a drawing: to the right, which the left wheel drives."""
    left, right = speed + 0.5 * rules.track * turning, speed - 0.5 * rules.track * turning
    most = rules.acceleration * rules.dt
    if rules.by_acceleration:
        left, right = left + first * most, right + second * most
    else:
        left = _towards(left, first * rules.max_speed, most)
        right = _towards(right, second * rules.max_speed, most)
    left = min(max(left, -rules.max_speed), rules.max_speed)
    right = min(max(right, -rules.max_speed), rules.max_speed)
    speed, turning = 0.5 * (left + right), (left - right) / rules.track
    return (
        min(max(speed, -rules.reverse_speed), rules.max_speed),
        min(max(turning, -rules.turn_rate), rules.turn_rate),
    )
