"""The compiled engine: threads change nothing, compiled code is found again, and arrays are shared with torch."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import palaestra_worlds
import pytest
import torch
from palaestra_worlds import compiled
from palaestra_worlds.minigrid.engine import advance_kernel, begin_kernel
from palaestra_worlds.minigrid.state import FORWARD, RIGHT
from palaestra_worlds.minigrid.tasks import MiniGridTask, PositionSubgoal


@pytest.mark.parametrize("id", ["MiniGrid-MultiRoom-N2-S4-v0", "MiniGrid-Dynamic-Obstacles-5x5-v0"])
def test_threads_change_nothing(id: str) -> None:
    """The kernels for threads, in pieces of unequal size, against the one for one thread; with tasks and many ends."""

    def run(pieces: int) -> tuple[list, bytes]:
        world = palaestra_worlds.make(id, num_envs=37, max_steps=9, threads=1, subgoals="position", subgoal_dropout=0.4)
        if pieces > 1:
            world._advance = world._advance_few = advance_kernel("partial", pieces)
            world._begin_in_threads = world._begin_in_one = begin_kernel(world._generate, pieces)
        state = world._first_states([4])[0]
        task = MiniGridTask(level_seed=4, subgoals=(PositionSubgoal(x=state.x, y=state.y),))
        world.draw_from([task, MiniGridTask(level_seed=5), MiniGridTask()])
        world.reset(seed=11)
        random = np.random.default_rng(0)
        return [world.step(random.integers(0, 3, 37)) for _ in range(40)], world.snapshot()

    (steps, end), (steps_on_threads, end_on_threads) = run(1), run(5)
    for one, other in zip(steps, steps_on_threads, strict=True):
        for part_one, part_other in zip(one[:4], other[:4], strict=True):
            np.testing.assert_equal(part_one, part_other)
        np.testing.assert_equal(one[4].get("episode"), other[4].get("episode"))
        np.testing.assert_equal(list(one[4].get("final_obs", ())), list(other[4].get("final_obs", ())))
        np.testing.assert_array_equal(one[4]["lesson_reward"], other[4]["lesson_reward"])
    assert any("episode" in step[4] for step in steps)
    assert any(step[4]["lesson_reward"].any() for step in steps)
    assert end == end_on_threads


def test_fewer_threads_for_fewer_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    from palaestra_worlds import compiled as module

    monkeypatch.setattr(module, "available_threads", lambda: 64)
    monkeypatch.setattr(module, "most_threads", lambda: 64)
    threads = {n: palaestra_worlds.make("MiniGrid-Empty-5x5-v0", n)._threads for n in (1, 64, 256, 4096, 100_000)}
    assert threads == {1: 1, 64: 1, 256: 2, 4096: 32, 100_000: 64}
    assert palaestra_worlds.make("MiniGrid-Empty-5x5-v0", 64, threads=2)._threads == 2


@pytest.mark.parametrize("observation", ["partial", "full", "symbolic"])
def test_torch_shares_the_arrays_of_observations(observation: str) -> None:
    world = palaestra_worlds.make("MiniGrid-Empty-5x5-v0", 3, copy_observations=False, observation=observation)
    observations, _ = world.reset(seed=0)
    image, direction = torch.from_numpy(observations["image"]), torch.from_numpy(observations["direction"])
    before = image.clone(), direction.clone()
    world.step(np.full(3, FORWARD))
    again = world.step(np.full(3, RIGHT))[0]
    assert image.data_ptr() == again["image"].ctypes.data
    assert not torch.equal(before[0], image)
    assert not torch.equal(before[1], direction)


def test_reset_mask_begins_episodes_only_where_it_holds() -> None:
    world = palaestra_worlds.make("MiniGrid-FourRooms-v0", 3)
    first, _ = world.reset(seed=0)
    mask = np.array([False, True, False])
    second, _ = world.reset(seed=[None, 0, None], options={"reset_mask": mask})
    np.testing.assert_array_equal(second["image"][[0, 2]], first["image"][[0, 2]])
    np.testing.assert_array_equal(second["image"][1], first["image"][0])
    with pytest.raises(ValueError, match="reset_mask"):
        world.reset(options={"reset_mask": np.zeros(3, dtype=bool)})


_TWO_KERNELS = """
import sys
from numba import prange
from palaestra_worlds.compiled import kernel, on_threads

def build(add):
    def fill(first, last, values):
        for i in range(first, last):
            values[i] = values[i] + add
    return fill

rows = None

def pieces(count, values):
    for piece in prange(count):
        rows(len(values) * piece // count, len(values) * (piece + 1) // count, values)

if __name__ == "__main__":
    import numpy as np
    misses = 0
    for add in (1, 10):
        values = np.zeros(5)
        single = kernel(build(add), f"add{add}")
        single(0, 5, values)
        several = on_threads(pieces, single, f"add{add}")
        several(2, values)
        assert values.tolist() == [2 * add] * 5, values
        misses += sum(single.stats.cache_misses.values()) + sum(several.stats.cache_misses.values())
    print(misses)
"""


def test_compiled_code_is_found_again_by_another_process(tmp_path: Path) -> None:
    script = tmp_path / "two_kernels.py"
    script.write_text(_TWO_KERNELS)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def misses() -> int:
        found = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
        )
        return int(found.stdout)

    assert [misses(), misses()] == [4, 0]


def test_cache_goes_to_a_temporary_folder_where_the_users_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = compiled._writable_folder("abc")
    assert folder.is_dir()
    assert folder.is_relative_to(tmp_path / f"palaestra-{os.getuid()}")
    assert compiled._writable_folder("abc") == folder
    monkeypatch.setattr(compiled, "_is_ours", lambda parent: False)
    assert compiled._writable_folder("abc") != folder


def test_a_new_process_uses_all_threads_it_may() -> None:
    code = "from palaestra_worlds.compiled import available_threads; print(available_threads())"
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "2"
