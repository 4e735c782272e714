"""Checkpoints give back exactly what was saved, or a named error; nothing in them can run."""

from __future__ import annotations

import json
import math
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from palaestra import checkpoint, tree
from palaestra.checkpoint import CheckpointError, CheckpointHeader
from palaestra.store import StoreError

HEADER = CheckpointHeader(
    world_id="Corridor", agent_kind="ppo", arm="taught", seed=3, iteration=7, step=700, config_hash="abc"
)


def state() -> dict[str, Any]:
    layer = torch.nn.Linear(5, 4)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(2, 5)).sum().backward()
    optimizer.step()
    return {
        "layer": layer.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": torch.Generator().manual_seed(1).get_state(),
        "stream": np.random.default_rng(5).bit_generator.state,
        "world": random.Random(1).randbytes(500),
        "counts": np.arange(6, dtype=np.uint64).reshape(2, 3),
        "position": {"steps": 700, "held": None, "rate": 0.1, "solved": False},
    }


def same(a: Any, b: Any) -> bool:
    """Equal in type, shape and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and same(a.numpy(), b.numpy())
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b or (a != a and b != b)


numbers = st.integers() | st.integers(-(2**200), 2**200) | st.floats() | st.booleans() | st.none() | st.text()
arrays = st.builds(
    lambda shape, kind, seed: np.random.default_rng(seed).integers(0, 2, shape).astype(kind),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(["bool", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8"]),
    st.integers(0, 9),
)
trees = st.recursive(
    numbers | st.binary() | arrays | arrays.map(torch.from_numpy) | st.floats(width=32).map(np.float32),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=trees)
def test_every_tree_comes_back_the_same(value: Any) -> None:
    _, loaded = checkpoint.from_bytes(checkpoint.to_bytes(HEADER, {"value": value}), "it")
    assert same(loaded["value"], value)


def test_optimizers_generators_and_streams_come_back_the_same() -> None:
    torch.manual_seed(0)
    original = state()
    header, loaded = checkpoint.from_bytes(checkpoint.to_bytes(HEADER, original), "it")
    assert header == HEADER
    assert same(json.loads(json.dumps(loaded["stream"])), original["stream"])
    assert same(loaded, {**original, "layer": dict(original["layer"])})


def test_tensors_that_share_memory_are_kept_apart() -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    _, loaded = checkpoint.from_bytes(checkpoint.to_bytes(HEADER, {"a": weight, "b": weight.t()}), "it")
    loaded["a"][0, 0] = 9.0
    assert loaded["b"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


@pytest.mark.parametrize("value", [object(), {1.5: 2}, np.array([None]), np.array(["text"]), {"a": [set()]}, math])
def test_what_cannot_be_kept_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(TypeError, match=r"state\.outer"):
        tree.encode({"outer": value})


def test_any_bit_flip_is_an_error_or_harmless(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = checkpoint.to_bytes(HEADER, state())
    expected = checkpoint.from_bytes(data, "it")
    chance = random.Random(20)
    # All of the header's bits would take long; its positions are drawn more often than others.
    places = [chance.randrange(200) for _ in range(300)] + [chance.randrange(len(data)) for _ in range(700)]
    detected = 0
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            header, loaded = checkpoint.from_bytes(bytes(damaged), "file")
        except CheckpointError:
            detected += 1
        else:
            assert header == expected[0]
            assert same(loaded, expected[1])
    assert detected > 0.9 * len(places)


def test_any_truncation_is_an_error() -> None:
    data = checkpoint.to_bytes(HEADER, state())
    chance = random.Random(21)
    for length in [*range(64), *(chance.randrange(len(data)) for _ in range(200)), len(data) - 1]:
        with pytest.raises(CheckpointError, match="file is"):
            checkpoint.from_bytes(data[:length], "file")


@given(st.binary(max_size=300))
def test_any_other_file_is_an_error(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="file is"):
        checkpoint.from_bytes(data, "file")


def craft(structure: Any, header: Any = None) -> bytes:
    """A file with a right checksum whose content is another's invention."""
    metadata = {"header": json.dumps(header or HEADER.model_dump()), "tree": json.dumps(structure)}
    metadata["sha256"] = checkpoint._digest(metadata["header"], metadata["tree"], {})
    return safetensors.torch.save({}, metadata=metadata)


@pytest.mark.parametrize(
    "structure",
    [
        {"dict": 5},
        {"dict": [["a"]]},
        {"dict": [[{"list": []}, 1]]},
        {"tensor": "missing"},
        {"tensor": ["unhashable"]},
        {"surprise": "x"},
        {"int": "zz"},
        {"float": []},
        [1, 2],
        "no dict",
    ],
)
def test_crafted_trees_are_errors(structure: Any) -> None:
    with pytest.raises(CheckpointError, match="file is no checkpoint"):
        checkpoint.from_bytes(craft(structure), "file")


def test_a_tree_nested_without_end_is_an_error() -> None:
    depth = 200_000
    metadata = {"header": HEADER.model_dump_json(), "tree": '{"list":[' * depth + "]}" * depth}
    metadata["sha256"] = checkpoint._digest(metadata["header"], metadata["tree"], {})
    with pytest.raises(CheckpointError):
        checkpoint.from_bytes(safetensors.torch.save({}, metadata=metadata), "file")


def test_other_peoples_files_are_named_as_such(tmp_path: Path) -> None:
    foreign = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"weight": torch.ones(2)}, foreign)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged: .*no checkpoint of Palaestra"):
        checkpoint.load(foreign)
    with pytest.raises(CheckpointError, match="format 99; this Palaestra reads up to 1: update Palaestra"):
        checkpoint.from_bytes(craft({"dict": []}, {**HEADER.model_dump(), "format": 99}), "file")
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        checkpoint.load(tmp_path / "missing.safetensors")


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def test_a_pickle_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = checkpoint.path_of(tmp_path, 1)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    assert not Path("exploded").exists()


def save(folder: Path, iteration: int) -> Path:
    return checkpoint.save(folder, HEADER.model_copy(update={"iteration": iteration}), {"iteration": iteration})


def test_the_last_two_are_kept_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    paths = [save(tmp_path, iteration) for iteration in (1, 2, 10)]
    assert checkpoint.list_checkpoints(tmp_path) == [paths[2], paths[1]]
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    found = checkpoint.load_newest(tmp_path, world_id="Corridor")
    assert found.state == {"iteration": 2}
    assert found.path == paths[1]
    assert len(found.problems) == 1
    assert str(paths[2]) in found.problems[0]


def test_without_a_usable_one_there_is_no_state(tmp_path: Path) -> None:
    assert checkpoint.load_newest(tmp_path / "missing").state is None
    save(tmp_path, 1).write_bytes(b"")
    found = checkpoint.load_newest(tmp_path)
    assert found.state is None
    assert "it is empty" in found.problems[0]


def test_one_of_another_world_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    with pytest.raises(CheckpointError, match="is of world Corridor, not DoorKey") as caught:
        checkpoint.load_newest(tmp_path, world_id="DoorKey")
    assert str(path) in str(caught.value)


FULL_DISK = """
import resource, sys
from pathlib import Path
import torch
from palaestra import checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
header = checkpoint.CheckpointHeader(
    world_id="w", agent_kind="a", arm="x", seed=0, iteration=2, step=0, config_hash="h")
try:
    checkpoint.save(Path(sys.argv[1]), header, {"weights": torch.ones(100_000)})
except checkpoint.StoreError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, 1)
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "iteration-000000002.safetensors could not be written: File too large; make room" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["iteration-000000001.safetensors"]
    assert checkpoint.load_newest(tmp_path).state == {"iteration": 1}


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be written"):
        save(tmp_path / "file" / "checkpoints", 1)


def test_a_checkpoint_is_taken_over_under_the_takers_name_and_only_so(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    source = checkpoint.save(theirs, HEADER, state())
    taker = HEADER.model_copy(update={"seed": 4, "config_hash": "def", "iteration": 0, "step": 0})
    for iteration in (6, 8, 9):
        checkpoint.save(ours, taker.model_copy(update={"iteration": iteration, "step": 100 * iteration}), state())
    with pytest.raises(CheckpointError, match="is of settings abc, not def"):
        checkpoint.load_newest(theirs, config_hash="def")
    taken = checkpoint.take_over(source, ours, taker)
    assert taken == taker.model_copy(update={"iteration": 7, "step": 700})
    found = checkpoint.load_newest(ours, seed=4, config_hash="def")
    assert found.header == taken
    assert same(found.state, checkpoint.load(source)[1])
    assert checkpoint.list_checkpoints(ours) == [found.path]
    assert checkpoint.load_newest(theirs, seed=3, config_hash="abc").header == HEADER


def test_what_cannot_be_taken_over_leaves_the_takers_own(tmp_path: Path) -> None:
    own = checkpoint.save(tmp_path / "ours", HEADER, state())
    source = checkpoint.save(tmp_path / "theirs", HEADER.model_copy(update={"world_id": "Maze"}), state())
    with pytest.raises(CheckpointError, match="is of world Maze, not Corridor"):
        checkpoint.take_over(source, tmp_path / "ours", HEADER)
    source.write_bytes(source.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.take_over(source, tmp_path / "ours", HEADER)
    assert checkpoint.list_checkpoints(tmp_path / "ours") == [own]
    assert checkpoint.load(own)[0] == HEADER
