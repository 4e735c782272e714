"""Stable-Baselines3's PPO on the reference's MiniGrid, as its users set it up; needs the extra `bench`."""

# pyright: reportMissingImports=false
from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import Env
from gymnasium.wrappers import FlattenObservation
from minigrid.wrappers import ImgObsWrapper
from palaestra_agents.base import ActorOutput
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from torch import nn

if TYPE_CHECKING:
    from palaestra.bench.setting import Setting


class PaperFeatures(BaseFeaturesExtractor):
    """Three convolutions 3x3 of stride 2 with 32 channels, then 256 units (arXiv 2410.08632)."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space, features_dim=256)
        layers: list[nn.Module] = []
        channels, width, height = observation_space.shape
        for _ in range(3):
            layers += [nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU()]
            channels, width, height = 32, (width + 1) // 2, (height + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * width * height, 256), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.layers(observations)


class TimedSteps(VecEnvWrapper):
    """Sums up the seconds spent in steps."""

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.seconds = 0.0
        self._began = 0.0

    def reset(self) -> Any:
        return self.venv.reset()

    def step_async(self, actions: np.ndarray) -> None:
        self._began = time.perf_counter()
        self.venv.step_async(actions)

    def step_wait(self) -> Any:
        result = self.venv.step_wait()
        self.seconds += time.perf_counter() - self._began
        return result


def view(env: Env[Any, Any]) -> Env[Any, Any]:
    return ImgObsWrapper(env)  # pyright: ignore[reportArgumentType]


def flat_view(env: Env[Any, Any]) -> Env[Any, Any]:
    return FlattenObservation(view(env))


def make_sb3(id: str, setting: Setting, seed: int = 0) -> PPO:
    """Its learner with all defaults but what `setting` says; network "mlp" is its own default."""
    flat = setting.network == "mlp"
    env = make_vec_env(id, setting.num_envs, seed=seed, wrapper_class=flat_view if flat else view)
    kwargs = {"features_extractor_class": PaperFeatures, "net_arch": [], "normalize_images": False}
    return PPO(
        "MlpPolicy" if flat else "CnnPolicy",
        TimedSteps(env),
        learning_rate=setting.learning_rate,
        n_steps=setting.rollout_length,
        batch_size=setting.batch,
        n_epochs=setting.epochs,
        ent_coef=setting.entropy,
        policy_kwargs=None if flat else kwargs,
        seed=seed,
        device=setting.device,
    )


def one_iteration(model: PPO) -> Callable[[], None]:
    """Trains one rollout at each call."""
    steps = model.n_steps * model.n_envs
    return lambda: _learn(model, steps, None)


def _learn(model: PPO, steps: int, callback: BaseCallback | None) -> None:
    model.learn(steps, callback=callback, reset_num_timesteps=model.num_timesteps == 0)


def timed_iteration(model: PPO) -> Callable[[], tuple[int, dict[str, float]]]:
    """What `palaestra.bench.learner.Iteration` says."""
    steps = model.n_steps * model.n_envs
    env: Any = model.env
    while not isinstance(env, TimedSteps):
        env = env.venv
    marks = _Marks()

    def iterate() -> tuple[int, dict[str, float]]:
        env.seconds = 0.0
        _learn(model, steps, marks)
        ended = time.perf_counter()
        collecting = marks.learning_began - marks.collecting_began
        parts = {
            "step": env.seconds,
            "inference": collecting - env.seconds,
            "update": ended - marks.learning_began,
        }
        return steps, parts

    return iterate


class _Marks(BaseCallback):
    """Notes when collecting and learning began."""

    collecting_began = 0.0
    learning_began = 0.0

    def _on_rollout_start(self) -> None:
        self.collecting_began = time.perf_counter()

    def _on_rollout_end(self) -> None:
        self.learning_began = time.perf_counter()

    def _on_step(self) -> bool:
        return True


class Sb3Agent:
    """A model as `palaestra.evaluation.play` wants it; reads MiniGrid's image as the model was trained on it."""

    def __init__(self, model: PPO) -> None:
        self.model = model
        self.device = model.device

    def initial_state(self, num_envs: int) -> None:
        return None

    @torch.no_grad()
    def act(
        self,
        observations: dict[str, Any],
        state: torch.Tensor | None,
        *,
        greedy: bool = False,
        generator: torch.Generator | None = None,
    ) -> ActorOutput:
        image = observations["image"]
        flat = len(self.model.observation_space.shape or ()) == 1
        seen = image.reshape(len(image), -1) if flat else image.transpose(0, 3, 1, 2)
        inputs = torch.as_tensor(np.ascontiguousarray(seen), device=self.device)
        probabilities = self.model.policy.get_distribution(inputs).distribution.probs  # pyright: ignore
        drawn = torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
        actions = probabilities.argmax(dim=1) if greedy else drawn
        log_probs = probabilities.gather(1, actions[:, None]).squeeze(1).log()
        return ActorOutput(actions, log_probs, self.model.policy.predict_values(inputs))  # pyright: ignore
