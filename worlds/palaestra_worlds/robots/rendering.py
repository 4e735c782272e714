"""Draws robots without a screen, by EGL or OSMesa, whichever there is."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 480, 360
_PLATFORM = "PYOPENGL_PLATFORM"
BACKENDS = ("egl", "osmesa")
"""Ways to draw without a screen, the first that works is used."""
HOW = (
    "install one of them, e.g. `apt-get install libegl1` (EGL, also without a GPU) or `apt-get install libosmesa6` "
    "(OSMesa)"
)


class RenderingUnavailable(RuntimeError):
    """Neither EGL nor OSMesa can be used here; the message says which system package brings them."""


def _context(width: int, height: int) -> Any:
    # Mesa and Triton, which torch imports when it first optimizes, bring an LLVM each: the process dies if Triton's is
    # loaded second.
    if find_spec("triton") is not None:
        import_module("triton._C.libtriton")
    reasons: dict[str, str] = {}
    chosen = os.environ.get(_PLATFORM)
    # EGL twice: MuJoCo keeps its display for good, and envpool may have closed it; then a new one is opened.
    for backend in (BACKENDS[0], *BACKENDS):
        try:
            context = import_module(f"mujoco.{backend}").GLContext(width, height)
            context.make_current()
            return context
        except Exception as error:
            if not _is_about_libraries(error):
                raise
            reasons[backend] = f"{backend}: {str(error).partition(chr(10))[0]}"
            _forget_opengl(chosen)
    raise RenderingUnavailable(f"robots cannot be drawn here ({'; '.join(reasons.values())}): {HOW}")


def _is_about_libraries(error: Exception) -> bool:
    """Libraries that are not there show as any of these, by way of PyOpenGL, whose own errors have no common base."""
    expected = isinstance(error, ImportError | AttributeError | RuntimeError | OSError)
    return expected or type(error).__module__.startswith("OpenGL")


def _forget_opengl(chosen: str | None) -> None:
    """Undoes what an attempt has set: PyOpenGL is for one platform, once and for all, from its first import on.

    Args:
        chosen: the platform that the user has set; None where there is none.
    """
    if chosen is None:
        os.environ.pop(_PLATFORM, None)
    for name in list(sys.modules):
        if name.partition(".")[0] == "OpenGL" or name.startswith(("mujoco.egl", "mujoco.osmesa")):
            del sys.modules[name]


class Picture:
    """Draws states of one model; what that takes is set up when the first is drawn."""

    def __init__(self, model: mujoco.MjModel, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._model = model
        self._size = (width, height)
        self._context: Any = None
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        self._camera.trackbodyid = 1
        self._camera.distance, self._camera.azimuth, self._camera.elevation = 1.8, 130.0, -20.0

    def look_at(self, point: tuple[float, float, float], distance: float, azimuth: float) -> None:
        """Looks at a fixed point from so far, in metres and degrees, instead of following the robot."""
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._camera.lookat[:] = point
        self._camera.distance, self._camera.azimuth = distance, azimuth

    def draw(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """uint8 (height, width, 3).

        Raises:
            RenderingUnavailable: neither EGL nor OSMesa can be used here.
        """
        self._set_up()
        mujoco.mj_forward(self._model, data)
        self._context.make_current()
        width, height = self._size
        view = mujoco.MjrRect(0, 0, width, height)
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, data, self._option, None, self._camera, everything, self._scene)
        mujoco.mjr_render(view, self._scene, self._resources)
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, view, self._resources)
        return np.ascontiguousarray(pixels[::-1])

    def _set_up(self) -> None:
        if self._context is not None:
            return
        width, height = self._size
        self._context = _context(width, height)
        self._scene = mujoco.MjvScene(self._model, maxgeom=2000)
        # Shadows by a software renderer are speckled, and another way each time; reflections take as long as the rest.
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._option = mujoco.MjvOption()
        self._resources = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._resources)

    def close(self) -> None:
        """Gives the drawing context back."""
        if self._context is not None:
            self._resources.free()
            self._context.free()
            self._context = None
