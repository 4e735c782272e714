"""The residual network: what it reads, what it refuses, and that PPO learns with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, Space
from palaestra_agents.base import AgentInterface
from palaestra_agents.config import ResidualConfig
from palaestra_agents.encoding import ObservationEncoder
from palaestra_agents.ppo import PPO
from palaestra_agents.residual import ResidualBody

PICTURE = Box(0, 255, (12, 16, 3), np.uint8)
SMALL = ResidualConfig(channels=(4, 8), blocks=1, hidden=(16,))


def encoder_of(parts: dict[str, Space[Any]], **settings: Any) -> ObservationEncoder:
    return ObservationEncoder(AgentInterface(Dict(parts), Discrete(3), 4), torch.device("cpu"), **settings)


def body_of(parts: dict[str, Space[Any]], config: ResidualConfig = SMALL) -> tuple[ResidualBody, ObservationEncoder]:
    encoder = encoder_of(parts, encoding="pixels")
    return ResidualBody(encoder, config, torch.Generator().manual_seed(0)), encoder


@pytest.mark.parametrize("normalise", [False, True])
def test_features_depend_on_the_picture_and_on_everything_else(normalise: bool) -> None:
    config = SMALL.model_copy(update={"normalise": normalise})
    body, encoder = body_of({"image": PICTURE, "vector": Box(0.0, 1.0, (5,), np.float32)}, config)
    image, vector = np.zeros((1, *PICTURE.shape), np.uint8), np.zeros((1, 5), np.float32)
    shown, felt = image.copy(), vector.copy()
    shown[0, 3, 4, 1] = 255
    felt[0, 2] = 1
    dark, bright, felt_dark = (
        body(encoder.encode({"image": i, "vector": v}), None)[0]
        for i, v in ((image, vector), (shown, vector), (image, felt))
    )
    assert dark.shape == (1, 16)
    assert not torch.equal(dark, bright)
    assert not torch.equal(dark, felt_dark)


def test_chosen_rows_give_what_all_rows_give() -> None:
    body, encoder = body_of({"image": PICTURE})
    encoded = encoder.encode({"image": np.random.default_rng(0).integers(0, 256, (5, *PICTURE.shape), np.uint8)})
    rows = torch.tensor([3, 1])
    torch.testing.assert_close(body(encoded, rows)[0], body(encoded, None)[0][rows])


def test_the_network_of_crafter_studies_has_their_size() -> None:
    config = ResidualConfig(channels=(64, 128, 128), hidden=(256, 1024), normalise=True)
    body, _ = body_of({"image": Box(0, 255, (64, 64, 3), np.uint8)}, config)
    assert [layer.in_features for layer in body.hidden] == [128 * 8 * 8, 256]  # pyright: ignore[reportAttributeAccessIssue]
    assert body.size == 1024


def test_a_stride_reads_fewer_places() -> None:
    body, _ = body_of({"image": Box(0, 255, (64, 64, 3), np.uint8)}, SMALL.model_copy(update={"first_stride": 2}))
    assert body.hidden[0].in_features == 8 * 8 * 8


@pytest.mark.parametrize(
    ("parts", "encoding"),
    [({"vector": Box(0.0, 1.0, (5,), np.float32)}, "auto"), ({"image": Box(0, 9, (7, 7, 3), np.uint8)}, "auto")],
)
def test_observations_without_a_picture_are_refused(parts: Any, encoding: Any) -> None:
    with pytest.raises(ValueError, match="'residual' reads pictures"):
        ResidualBody(encoder_of(parts, encoding=encoding), SMALL, torch.Generator())


def test_learns_which_part_of_a_picture_is_bright(toy_world: Any) -> None:
    world = _Pictures(toy_world(32))
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    config = PPO.Config(network=SMALL, encoding="pixels", rollout_length=16, minibatch_size=128, learning_rate=3e-3)
    agent = PPO(config, interface, seed=0)
    world.reset(seed=0)
    found = [agent.train_iteration(world, 0.0)["train/success"] for _ in range(15)]
    assert found[0] < 0.6
    assert found[-1] > 0.9


class _Pictures:
    """The toy world, its cue shown as a bright third of a picture."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.num_envs = inner.num_envs
        self.single_observation_space = PICTURE
        self.single_action_space = inner.single_action_space

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _drawn(self, observations: Any) -> Any:
        pictures = np.zeros((len(observations), *PICTURE.shape), np.uint8)
        for cue in range(3):
            pictures[observations[:, cue] > 0, :, 5 * cue : 5 * cue + 5] = 200
        return pictures

    def observe(self) -> Any:
        return self._drawn(self.inner.observe())

    def reset(self, **options: Any) -> Any:
        return self._drawn(self.inner.reset(**options)[0]), {}

    def step(self, actions: Any) -> Any:
        observations, rewards, terminated, truncated, infos = self.inner.step(actions)
        return self._drawn(observations), rewards, terminated, truncated, infos
