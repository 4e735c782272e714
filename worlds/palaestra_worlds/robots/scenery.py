"""What all scenes of robots look like."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco


def add_sky(spec: mujoco.MjSpec) -> None:
    """A bright sky, and the sun."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.75, 0.85, 0.95),
        rgb2=(1, 1, 1),
        width=64,
        height=384,
    )
    spec.worldbody.add_light(
        pos=(0, 0, 3), dir=(0.2, 0.3, -1), type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, castshadow=True
    )
