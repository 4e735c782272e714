"""Pictures of robots without a screen, and what is said where there is no way to draw them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.robots import rendering
from palaestra_worlds.robots.quadruped_model import quadruped_model


def test_pictures_show_what_moved() -> None:
    world = palaestra_worlds.make("Quadruped", num_envs=2, fidelity="planning")
    world.reset(seed=0)
    before = world.render_frame(0)
    assert before.shape == (rendering.HEIGHT, rendering.WIDTH, 3)
    assert before.dtype == np.uint8
    # A software renderer may round the first picture's colours otherwise.
    np.testing.assert_allclose(before.astype(int), world.render_frame(0).astype(int), atol=2)
    for _ in range(20):
        world.step(np.array([world.actions(world.rest_control), np.ones(12)]))
    crouched, other = world.render_frame(0), world.render_frame(1)
    assert np.abs(crouched.astype(int) - before).max() > 50
    assert np.abs(other.astype(int) - crouched).max() > 50
    world.close()


def test_where_nothing_can_draw_the_system_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "BACKENDS", ("no_such_backend",))
    world = palaestra_worlds.make("Quadruped", num_envs=1, fidelity="planning")
    world.reset(seed=0)
    with pytest.raises(rendering.RenderingUnavailable, match=r"no_such_backend: .*libegl1.*libosmesa6"):
        world.render_frame(0)
    # Everything else goes on.
    assert world.step(np.zeros((1, 12)))[1][0] > 0


def test_where_there_is_no_egl_osmesa_is_not_kept_from_drawing() -> None:
    """In a process of its own, in which no library of EGL can be loaded."""
    code = """
import ctypes
class NoEGL(ctypes.CDLL):
    def __init__(self, name, *arguments, **keywords):
        if "EGL" in str(name):
            raise OSError(f"no {name}")
        super().__init__(name, *arguments, **keywords)
ctypes.CDLL = ctypes.cdll._dlltype = NoEGL
import palaestra_worlds
from palaestra_worlds.robots.rendering import RenderingUnavailable
world = palaestra_worlds.make("Quadruped", num_envs=1, fidelity="planning")
world.reset(seed=0)
try:
    print("drawn", world.render_frame(0).std() > 0)
except RenderingUnavailable as error:
    print(error)
"""
    # Pictures of other tests have set it in this process.
    free = {name: value for name, value in os.environ.items() if name != "PYOPENGL_PLATFORM"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=free)
    assert "PYOPENGL_PLATFORM" not in done.stdout
    assert done.stdout == "drawn True\n" or "libosmesa6" in done.stdout


def test_drawing_leaves_the_model_and_the_state_as_they_are() -> None:
    model = quadruped_model("planning")
    size = model.vis.global_.offwidth
    world = palaestra_worlds.make("Quadruped", num_envs=1, fidelity="planning")
    world.reset(seed=0)
    state = world.snapshot()
    world.render_frame(0)
    assert world.snapshot() == state
    assert quadruped_model("planning").vis.global_.offwidth == size


def test_torch_optimizes_after_a_picture() -> None:
    """In a process of its own, because it would die: Mesa's and Triton's LLVM do not get on in any order."""
    code = """
import palaestra_worlds
world = palaestra_worlds.make("Quadruped", num_envs=1, fidelity="planning")
world.reset(seed=0)
world.render_frame(0)
import torch
weight = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.Adam([weight])
weight.square().sum().backward()
optimizer.step()
import torch._dynamo
world.render_frame(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
