"""Random network distillation (arXiv 1810.12894): novelty is how badly a network predicts a fixed random one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.groups import ALONE, Group
from palaestra_agents.intrinsic import IntrinsicConfig, IntrinsicReward, check_shapes
from palaestra_agents.layers import linear
from palaestra_agents.running import RunningMoments
from palaestra_agents.streams import go_on
from palaestra_agents.update import load_optimizer_state, optimizer_state

Width = Annotated[int, Field(ge=1, le=8192)]


class RNDConfig(IntrinsicConfig):
    """Random network distillation; defaults after the paper's section 3 where they do not depend on Atari."""

    changeable = IntrinsicConfig.changeable | {"learning_rate", "proportion", "epochs", "minibatch_size"}
    kind: Literal["rnd"] = "rnd"  # pyright: ignore[reportIncompatibleVariableOverride]
    embedding: Width = Field(default=64, description="Length of the vector that is predicted.")
    target_hidden: tuple[Width, ...] = Field(default=(128,), description="Hidden layers of the fixed random network.")
    target_bias: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Deviation of its hidden layers' random biases. Without any it bends at the inputs' mean alone, so "
        "that of a few numbers such as a pose what is far is soon predicted too.",
    )
    predictor_hidden: tuple[Width, ...] = Field(default=(128, 128), description="Hidden layers of the predictor.")
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Of the predictor.")
    proportion: float = Field(
        default=0.25, gt=0, le=1, description="Share of each rollout's observations that the predictor learns from."
    )
    epochs: int = Field(default=4, ge=1, le=1000)
    minibatch_size: int = Field(default=1024, ge=1)
    window: int | None = Field(
        default=None,
        ge=1,
        description="Steps over which the deviation is taken that rewards are divided by; null: all so far, as in the "
        "paper. There the predictor's first large errors make all later rewards small wherever it learns fast.",
    )
    clip: float = Field(default=5.0, gt=0, description="Bound on normalised observations.")


class RND(IntrinsicReward):
    """Target, predictor, and the running moments that observations and rewards are normalised by.

    Networks read the world's own features and the image's numbers as they are, normalised; never subgoal or mission.
    The paper starts the moments with a random agent's steps; here the first rollout, whose agent is still random, is
    taken in before its rewards are computed.
    """

    Config = RNDConfig
    shares = True

    def __init__(
        self,
        config: RNDConfig,
        encoder: ObservationEncoder,
        num_envs: int,
        device: torch.device,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        super().__init__(config, encoder, num_envs, device, seed, group)
        self.config: RNDConfig = config
        inputs = self.view.size
        weights = torch.Generator().manual_seed(seed)
        target = _mlp(inputs, config.target_hidden, config.embedding, weights, config.target_bias)
        self.target = target.to(device).requires_grad_(False)
        self.predictor = _mlp(inputs, config.predictor_hidden, config.embedding, weights).to(device)
        self.optimizer = torch.optim.Adam(self.predictor.parameters(), config.learning_rate, fused=True)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.observation_moments = RunningMoments(inputs, device, group=group)
        self.return_moments = RunningMoments(1, device, config.window, group)
        self.discounted = torch.zeros(self.share.count, device=device)

    def reward(self, reached: Encoded, ended: torch.Tensor) -> torch.Tensor:
        """Prediction errors divided by the running deviation of their discounted sums; float32 (T, N)."""
        raw = self.view.rows(reached.flatten())
        self.observation_moments.update(raw)
        errors = self.errors(reached.flatten()).view(ended.shape)
        sums = []
        for t in range(errors.shape[0]):
            self.discounted = self.discounted * self.config.gamma + errors[t]
            sums.append(self.discounted)
        self.return_moments.update(torch.stack(sums).flatten()[:, None])
        return errors / self.return_moments.deviation.clamp_min(1e-8)

    @torch.no_grad()
    def errors(self, observations: Encoded) -> torch.Tensor:
        """Mean squared prediction errors, not normalised: float32 (B,)."""
        inputs = self._normalised(observations)
        return (self.predictor(inputs) - self.target(inputs)).square().mean(dim=1)

    def learn(self, reached: Encoded) -> dict[str, float]:
        inputs = self._normalised(reached.flatten())
        total = inputs.shape[0] * self.group.size
        used = max(1, int(total * self.config.proportion))
        with torch.no_grad():
            targets = self.target(inputs)
        losses = []
        for _ in range(self.config.epochs):
            order = torch.randperm(total, generator=self.generator, device=inputs.device)[:used]
            for rows in order.split(self.config.minibatch_size):
                own = self.share.own(rows)
                errors = (self.predictor(inputs[own]) - targets[own]).square()
                loss = errors.sum() / (len(rows) * self.config.embedding)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.group.sum_gradients(self.predictor.parameters())
                self.optimizer.step()
                losses.append(loss.detach())
        return {"loss/rnd": float(self.group.sum_(torch.stack(losses)).mean())}

    def _normalised(self, observations: Encoded) -> torch.Tensor:
        moments = self.observation_moments
        centred = self.view.rows(observations) - moments.mean.float()
        return (centred / moments.deviation.clamp_min(1e-4)).clamp(-self.config.clip, self.config.clip)

    def state_dict(self) -> dict[str, Any]:
        return {
            "target": {name: part.clone() for name, part in self.target.state_dict().items()},
            "predictor": {name: part.clone() for name, part in self.predictor.state_dict().items()},
            "optimizer": optimizer_state(self.optimizer),
            "generator": self.generator.get_state(),
            "observations": self.observation_moments.state_dict(),
            "returns": self.return_moments.state_dict(),
            "discounted": self.group.gather(self.discounted, 0).clone(),
        }

    def check(self, state: dict[str, Any]) -> None:
        mine = self.state_dict()
        for part in ("target", "predictor"):
            check_shapes("rnd", mine[part], state.get(part, {}))
        check_shapes("rnd", {"discounted": mine["discounted"]}, {k: state[k] for k in ("discounted",) if k in state})
        check_shapes("rnd", _arrays(mine["observations"]), _arrays(state.get("observations", {})))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.target.load_state_dict(state["target"])
        self.predictor.load_state_dict(state["predictor"])
        load_optimizer_state(self.optimizer, state["optimizer"])
        go_on(self.generator, state["generator"])
        self.observation_moments.load_state_dict(state["observations"])
        self.return_moments.load_state_dict(state["returns"])
        self.discounted = state["discounted"][self.share.columns].to(self.discounted).clone()


def _arrays(moments: dict[str, Any]) -> dict[str, Any]:
    return {name: moments[name] for name in ("mean", "variance") if name in moments}


def _mlp(
    inputs: int, hidden: tuple[int, ...], outputs: int, generator: torch.Generator, bias: float = 0.0
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layer = linear(inputs, width, 2**0.5, generator)
        if bias:
            nn.init.normal_(layer.bias, 0.0, bias, generator=generator)
        layers += [layer, nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, linear(inputs, outputs, 2**0.5, generator))
