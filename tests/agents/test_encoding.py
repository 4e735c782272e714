"""What networks read of a world's observations."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, Space, Text, Tuple
from palaestra_agents.base import AgentInterface
from palaestra_agents.config import ConvolutionalConfig
from palaestra_agents.encoding import MISSION_BUCKETS, ObservationEncoder, final_observations, hashed_words
from palaestra_agents.ppo import PPO

CPU = torch.device("cpu")
VIEW = Box(0, 255, (7, 7, 3), np.uint8)


def make(parts: Any, embeddings: Any = None, **settings: Any) -> ObservationEncoder:
    space = parts if isinstance(parts, Space) else Dict(parts)
    return ObservationEncoder(AgentInterface(space, Discrete(2), 2, embeddings), CPU, **settings)


def dense(encoder: ObservationEncoder, **parts: Any) -> list[list[float]]:
    return encoder.encode(parts).dense.tolist()


def test_direction_is_one_hot() -> None:
    encoder = make({"direction": Discrete(4)})
    assert dense(encoder, direction=np.array([2, 0])) == [[0, 0, 1, 0], [1, 0, 0, 0]]


def test_positions_are_scaled_and_signed() -> None:
    encoder = make({"subgoal": Box(-100, 100, (2,), np.int16)})
    found = dense(encoder, subgoal=np.array([[4, -8], [0, 1]], dtype=np.int16))
    assert found == [[0.5, -1.0, 1.0, -1.0], [0.0, 0.125, 0.0, 1.0]]


def test_object_subgoals_are_one_hot_and_no_subgoal_is_zeros() -> None:
    encoder = make({"subgoal": Box(-1, 10, (3,), np.int8)})
    (key, none) = dense(encoder, subgoal=np.array([[5, 4, 2], [-1, -1, -1]], dtype=np.int8))
    assert [k for k, value in enumerate(key) if value] == [5, 11 + 4, 11 + 6 + 2]
    assert sum(key) == 3
    assert none == [0.0] * 21


def test_language_subgoals_are_rows_of_the_embeddings_and_no_subgoal_is_zeros() -> None:
    phrases = np.array([[0.25, -1.0], [3.0, 4.0]], dtype=np.float32)
    encoder = make({"subgoal": Box(-1, 1, (1,), np.int32)}, phrases)
    assert dense(encoder, subgoal=np.array([[1], [-1]], dtype=np.int32)) == [[3.0, 4.0], [0.0, 0.0]]
    assert dense(encoder, subgoal=np.array([[0], [0]], dtype=np.int32)) == [[0.25, -1.0], [0.25, -1.0]]


def test_language_subgoals_without_embeddings_are_refused() -> None:
    with pytest.raises(ValueError, match="embeddings"):
        make({"subgoal": Box(-1, 1, (1,), np.int32)})


def test_the_worlds_own_features_come_first() -> None:
    encoder = make({"subgoal": Box(-9, 9, (2,), np.int8), "direction": Discrete(4)})
    assert (encoder.world_size, encoder.dense_size) == (4, 8)
    (row,) = dense(encoder, subgoal=np.array([[8, 0]], dtype=np.int8), direction=np.array([1]))
    assert row == [0, 1, 0, 0, 1, 0, 1, 0]


def test_missions_are_ignored_unless_asked_for() -> None:
    parts = {"direction": Discrete(4), "mission": Text(50)}
    assert make(parts).dense_size == 4
    assert make(parts, mission="hashed").dense_size == 4 + MISSION_BUCKETS


def test_missions_are_counts_of_hashed_words() -> None:
    encoder = make({"mission": Text(50)}, mission="hashed")
    first, second = ("get the red key", "get the blue key"), ("get the blue key", "get the red key")
    found = encoder.encode({"mission": first}).dense
    assert torch.equal(found[0], hashed_words("get the red key"))
    assert torch.equal(encoder.encode({"mission": second}).dense, found.flip(0))
    assert torch.equal(encoder.encode({"mission": first}).dense, found)
    assert found.sum(dim=1).tolist() == [4, 4]


def test_words_are_hashed_alike_whatever_their_case_order_and_commas() -> None:
    assert torch.equal(hashed_words("Open the door, then stop"), hashed_words("stop then open the door"))
    assert not torch.equal(hashed_words("open the red door"), hashed_words("open the blue door"))


def test_images_are_kept_as_bytes() -> None:
    encoder = make({"image": VIEW})
    image = np.random.default_rng(0).integers(0, 11, (2, 7, 7, 3), dtype=np.uint8)
    encoded = encoder.encode({"image": image})
    assert encoder.cells is not None
    assert encoder.image_shape == (7, 7, 3)
    assert encoded.image is not None
    assert np.array_equal(encoded.image.numpy(), image)


@pytest.mark.parametrize(
    ("space", "encoding", "one_hot", "scale"),
    [
        (VIEW, "auto", True, 1.0),
        (Box(0, 12, (9, 7, 2), np.uint8), "auto", True, 1.0),
        (Box(0, 255, (64, 64, 3), np.uint8), "auto", False, 255.0),
        (Box(0, 255, (7, 7, 3), np.uint8), "pixels", False, 255.0),
    ],
)
def test_how_images_are_read(space: Box, encoding: Any, one_hot: bool, scale: float) -> None:
    encoder = make({"image": space}, encoding=encoding)
    assert (encoder.cells is not None, encoder.scale) == (one_hot, scale)


def test_raw_images_are_flattened_numbers() -> None:
    encoder = make({"image": VIEW}, encoding="raw")
    image = np.arange(2 * 147, dtype=np.uint8).reshape(2, 7, 7, 3)
    assert np.array_equal(encoder.encode({"image": image}).dense.numpy(), image.reshape(2, 147))


def test_a_box_is_read_without_a_dict() -> None:
    encoder = make(Box(-1.0, 1.0, (2, 2), np.float32))
    assert encoder.encode(np.array([[[1, 2], [3, 4]]], dtype=np.float32)).dense.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("parts", "settings", "says"),
    [
        ({"image": VIEW}, {"ignore": ("imge",)}, "'imge', but observations have only 'image'"),
        ({"image": VIEW}, {"ignore": ("image",)}, "see nothing"),
        ({"image": VIEW, "map": VIEW}, {}, "two images, 'image' and 'map'"),
        ({"pair": Tuple([Discrete(2)])}, {}, "'pair' is a Tuple"),
        ({"image": Box(0.0, 1.0, (7, 7, 3), np.float32)}, {"flatten_raw": False}, "float32; give `encoding: raw`"),
    ],
)
def test_what_cannot_be_read_is_named(parts: Any, settings: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(parts, **settings)


def test_convolutions_need_an_image() -> None:
    interface = AgentInterface(Box(0.0, 1.0, (3,), np.float32), Discrete(2), 2)
    with pytest.raises(ValueError, match="needs an image"):
        PPO(PPO.Config(network=ConvolutionalConfig()), interface)


def test_last_observations_are_read_alike_from_a_batch_and_one_by_one() -> None:
    world = palaestra_worlds.make("MiniGrid-Empty-5x5-v0", num_envs=6, max_steps=3)
    world.reset(seed=0)
    encoder = ObservationEncoder(
        AgentInterface(world.single_observation_space, world.single_action_space, 6), CPU, mission="hashed"
    )
    infos: dict[str, Any] = {}
    for _ in range(3):
        *_, infos = world.step(np.array([0, 1, 0, 1, 2, 2]))
    rows = np.array([1, 4, 5])
    batched = final_observations(infos, rows, encoder)
    singly = final_observations({"final_obs": [infos["final_obs"][i] for i in range(6)]}, rows, encoder)
    assert batched.image is not None
    assert singly.image is not None
    assert torch.equal(batched.image, singly.image)
    assert torch.equal(batched.dense, singly.dense)
