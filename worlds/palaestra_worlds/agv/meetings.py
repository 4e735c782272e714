"""Several vehicles on one floor: how near they are to what moves, and when they meet each other."""

from __future__ import annotations

import math
from typing import Any

from palaestra_worlds.agv.geometry import (
    CONTACT,
    MOST_ADVANCES,
    TOUCH,
    along_arc,
    gap_between,
    gap_to_obstacle,
    gap_to_walls,
)
from palaestra_worlds.agv.state import NUM_OBSTACLES, PLACED
from palaestra_worlds.compiled import inlined, jitable


@inlined
def clearance(levels: Any, i: Any, rules: Any, time: Any, reach: Any) -> Any:
    """Metres between the vehicle and whatever is nearest to it; `reach` if that is farther away."""
    x, y, heading = levels.pose[i, 0], levels.pose[i, 1], levels.pose[i, 2]
    radius, length, width = rules.radius, rules.half_length, rules.half_width
    nearest = gap_to_walls(levels.cells[i], rules.cell, radius, length, width, x, y, heading, reach)
    for k in range(levels.status[i, NUM_OBSTACLES]):
        nearest = min(nearest, gap_to_obstacle(levels, i, rules, k, time, x, y, heading))
    return _gap_to_others(levels.pose, levels.status, i, rules, nearest, rules.sharing)


@jitable
def _gap_to_others(pose: Any, status: Any, i: Any, rules: Any, reach: Any, sharing: Any) -> Any:
    """Metres between a vehicle and the nearest of the others on its floor; `reach` if that is farther away."""
    if sharing is None:
        return reach
    radius, length, width = rules.radius, rules.half_length, rules.half_width
    lead = i - i % rules.vehicles
    for k in range(lead, lead + rules.vehicles):
        if k != i and status[k, PLACED] == 1:
            at_x, at_y, at_heading = pose[k, 0], pose[k, 1], pose[k, 2]
            gap = gap_between(radius, length, width, pose[i, 0], pose[i, 1], pose[i, 2], at_x, at_y, at_heading)
            reach = min(reach, gap)
    return reach


@jitable
def meet(pose: Any, velocity: Any, seconds: Any, touched: Any, rules: Any, lead: Any, sharing: Any) -> None:
    """Finds which vehicles of a floor touch each other in a step, and stops them there.

    Conservative advancement of all of them at once, as in `first_contact`.

    Args:
        pose, velocity: of all vehicles, (N, 3) and (N, 2); the floor's are the rows from `lead` on.
        seconds: (N,) how long each follows its velocity; cut where it touches another one.
        touched: (N,) int8, set to 2 there.
        rules: footprint and time.
        lead: the first vehicle's row.
        sharing: as in `Rules`.
    """
    if sharing is None:
        return
    radius, length, width = rules.radius, rules.half_length, rules.half_width
    time = 0.0
    for _ in range(MOST_ADVANCES):
        advance = rules.dt - time
        for i in range(lead, lead + rules.vehicles - 1):
            speed, turning = velocity[i, 0], velocity[i, 1]
            x, y, heading = along_arc(pose[i, 0], pose[i, 1], pose[i, 2], speed, turning, min(time, seconds[i]))
            fast = _swiftness(speed, turning, rules) if time < seconds[i] else 0.0
            for k in range(i + 1, lead + rules.vehicles):
                faster = fast + (_swiftness(velocity[k, 0], velocity[k, 1], rules) if time < seconds[k] else 0.0)
                # In what is left of the step they come no nearer than this.
                away = math.hypot(pose[k, 0] - pose[i, 0], pose[k, 1] - pose[i, 1]) - 2.0 * radius
                if away - abs(speed) * seconds[i] - abs(velocity[k, 0]) * seconds[k] > TOUCH or faster == 0.0:
                    continue
                at_x, at_y, at_heading = along_arc(
                    pose[k, 0], pose[k, 1], pose[k, 2], velocity[k, 0], velocity[k, 1], min(time, seconds[k])
                )
                gap = gap_between(radius, length, width, x, y, heading, at_x, at_y, at_heading)
                if gap <= TOUCH:
                    touched[i] = touched[k] = 2
                    seconds[i], seconds[k] = min(seconds[i], time), min(seconds[k], time)
                    fast = 0.0
                else:
                    advance = min(advance, (gap - CONTACT) / faster)
        if advance >= rules.dt - time:
            return
        time += advance


@jitable
def _swiftness(speed: Any, turning: Any, rules: Any) -> Any:
    """No point of the footprint is faster."""
    return abs(speed) + (abs(turning) * rules.radius if rules.half_length > 0.0 else 0.0)
