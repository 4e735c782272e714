"""Settings of the PPO agent: what a user writes under `agent:`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from palaestra_agents.base import AgentConfig
from palaestra_agents.intrinsic import IntrinsicConfig, parse_intrinsic


def _from_name(value: Any) -> Any:
    """`network: mlp` is short for `network: {kind: mlp}`."""
    return {"kind": value} if isinstance(value, str) else value


class MLPConfig(AgentConfig):
    """Fully connected layers on the flattened observation."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        default=(128, 64), min_length=1, description="Width of each hidden layer."
    )
    activation: Literal["tanh", "relu", "elu"] = "tanh"
    separate: bool = Field(default=True, description="Actor and critic have layers of their own (each of `hidden`).")
    normalise: bool = Field(
        default=False,
        description="Normalise each layer's outputs over their width before the activation (arXiv 1607.06450). Learns "
        "more from few steps in Crafter; on a CPU it leaves the path that is written out for speed.",
    )


class ConvolutionalConfig(AgentConfig):
    """Convolutions 3x3, then one hidden layer that also reads direction and subgoal.

    The defaults are the network of Words as Beacons (arXiv 2410.08632, appendix).
    """

    kind: Literal["convolutional"] = "convolutional"
    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(32, 32, 32), min_length=1, max_length=6, description="Output channels of each convolution."
    )
    strides: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        default=(2,), min_length=1, max_length=6, description="Of each convolution; the last is that of all further."
    )
    hidden: int = Field(default=256, ge=1, le=8192, description="Width of the layer after the convolutions.")
    activation: Literal["tanh", "relu", "elu"] = "relu"


class ResidualConfig(AgentConfig):
    """Residual convolutions on pictures, then hidden layers that also read everything else.

    The defaults are the network of IMPALA (arXiv 1802.01561). Studies of Crafter (arXiv 2307.03486, 2403.12014) use
    `channels: [64, 128, 128]`, `hidden: [256, 1024]` and `normalise: true`.
    """

    kind: Literal["residual"] = "residual"
    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(16, 32, 32), min_length=1, max_length=6, description="Of each stack, which halves the picture."
    )
    blocks: int = Field(default=2, ge=0, le=8, description="Residual blocks of two convolutions in each stack.")
    first_stride: int = Field(
        default=1, ge=1, le=8, description="Of the first convolution: 2 makes all that follows four times cheaper."
    )
    hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        default=(256,), min_length=1, description="Width of each hidden layer after the convolutions."
    )
    normalise: bool = Field(
        default=False,
        description="Normalise what each convolution of a block, and each hidden layer, reads (arXiv 1607.06450).",
    )


class GRUConfig(AgentConfig):
    """A gated recurrent unit between the network's body and its heads."""

    kind: Literal["gru"] = "gru"
    size: int = Field(default=128, ge=1, le=4096, description="Width of the recurrent state.")
    steps: int = Field(
        default=32, ge=1, description="Steps that gradients flow back through; a divisor of rollout_length."
    )


class ContinuousConfig(AgentConfig):
    """How continuous actions are drawn: from normal distributions, in units in which each action is in [-1, 1]."""

    bounds: Literal["clipped", "squashed"] = Field(
        default="clipped", description="Draws beyond the bounds are clipped, or all of them go through tanh."
    )
    deviation: Literal["free", "state"] = Field(
        default="free", description="The deviations are parameters of their own, or depend on what is seen."
    )
    initial_deviation: float = Field(default=0.6, gt=0, le=10)
    least_deviation: float = Field(default=0.02, gt=0, le=10)
    most_deviation: float = Field(default=2.0, gt=0, le=10)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.least_deviation <= self.initial_deviation <= self.most_deviation:
            raise ValueError(
                f"initial_deviation is {self.initial_deviation}; must lie between least_deviation and most_deviation, "
                f"{self.least_deviation} and {self.most_deviation}"
            )
        return self


class CloningConfig(AgentConfig):
    """Behavioural cloning: the policy learns to do what was demonstrated; its values learn nothing from that."""

    demonstrations: Path = Field(description="File that `palaestra play --record` wrote.")
    iterations: int | None = Field(
        default=None,
        ge=1,
        description="Iterations that clone, before the agent learns from rewards; null: all of them.",
    )
    epochs: int = Field(default=1, ge=1, le=1000, description="Passes over the demonstrations in each iteration.")
    kept_out: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the episodes, the last, that are measured and not learned from."
    )


Network = Annotated[
    Annotated[MLPConfig | ConvolutionalConfig | ResidualConfig, Field(discriminator="kind")],
    BeforeValidator(_from_name, str | dict),
]
Memory = Annotated[GRUConfig, BeforeValidator(_from_name, str | dict)]
Intrinsic = Annotated[SerializeAsAny[IntrinsicConfig], BeforeValidator(parse_intrinsic, str | dict)]


class PPOConfig(AgentConfig):
    """Proximal policy optimisation (arXiv 1707.06347) with generalised advantage estimation (arXiv 1506.02438)."""

    changeable = frozenset(
        (
            "epochs",
            "minibatch_size",
            "learning_rate",
            "gamma",
            "gae_lambda",
            "clip",
            "value_clip",
            "entropy",
            "value_coefficient",
            "max_grad_norm",
            "target_kl",
            "least_deviation",
            "lesson_coefficient",
        )
    )
    network: Network = Field(default=MLPConfig(), description="Body of actor and critic.")
    memory: Memory | None = Field(default=None, description="Recurrence; none: the policy sees the last frame only.")
    continuous: ContinuousConfig = Field(
        default=ContinuousConfig(), description="How actions are drawn that are numbers; discrete ones do not use it."
    )
    intrinsic: Intrinsic | None = Field(default=None, description="Reward for novelty that the agent gives itself.")
    cloning: CloningConfig | None = Field(
        default=None,
        # Without it settings are as they were before there was any, so that older runs can be resumed.
        exclude_if=lambda value: value is None,
        description="Behavioural cloning from demonstrations, instead of learning from rewards or before it.",
    )
    encoding: Literal["auto", "one_hot", "raw", "pixels"] = Field(
        default="auto",
        description="How images are read. one_hot: as a grid of cells whose numbers are kinds of things, such as "
        "MiniGrid's type, colour and state; raw: the numbers as they are; pixels: divided by 255; auto: one_hot for "
        "uint8 images with sides up to 31 that have 3 channels or no number beyond 15, pixels for other uint8 images, "
        "raw for the rest.",
    )
    mission: Literal["ignored", "hashed"] = Field(
        default="ignored", description="hashed: the mission's words, hashed into 64 counts, are an input."
    )
    ignore: tuple[str, ...] = Field(default=(), description="Keys of the observation that the policy does not see.")
    rollout_length: int = Field(default=128, ge=1, le=1_000_000, description="Steps of each environment per iteration.")
    epochs: int = Field(default=4, ge=1, le=1000, description="Passes over each rollout.")
    minibatch_size: int = Field(
        default=1024, ge=1, description="Steps per gradient step, rounded so that all minibatches are about equal."
    )
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    anneal: bool = Field(default=False, description="Lower the learning rate linearly to 0 over the step budget.")
    adam_epsilon: float = Field(default=1e-5, gt=0)
    gamma: float = Field(default=0.99, ge=0, le=1, description="Discount per step.")
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    clip: float = Field(default=0.2, gt=0, description="Bound on the change of the probability ratio.")
    value_clip: float | None = Field(
        default=None, gt=0, description="Bound on the change of the value; none: no bound."
    )
    entropy: float = Field(default=0.01, ge=0, description="Weight of the entropy bonus.")
    value_coefficient: float = Field(default=0.5, ge=0)
    critic_gain: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="Gain of the value heads' initial weights. 0: every value is 0 until a reward is met; otherwise, "
        "where rewards are rare, the noise of an untrained critic is all that drives the policy at first.",
    )
    max_grad_norm: float = Field(default=0.5, gt=0)
    target_kl: float | None = Field(
        default=None, gt=0, description="Stop an iteration's updates when the policy moved 1.5 times this far."
    )
    normalise_advantages: bool = Field(default=True, description="To mean 0 and deviation 1 in each minibatch.")
    least_deviation: float = Field(
        default=0.01,
        ge=0,
        description="Advantages are divided by no less than this: where nothing is at stake, as in a solved task or "
        "one whose reward was never found, noise is not blown up to size 1 (which makes solved policies collapse).",
    )
    lesson_coefficient: float = Field(
        default=0.2, ge=0, description="Weight of the teacher's bonus in the reward (alpha of arXiv 2410.08632)."
    )
    compile: bool = Field(
        default=False,
        description="torch.compile the update. On a CPU it replaces our own kernels and is several times slower "
        "(measured: 5,800 instead of 20,000 steps/s).",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: CUDA where there is one.")

    @model_validator(mode="after")
    def _whole_sequences(self) -> Self:
        if self.memory is not None and self.rollout_length % min(self.memory.steps, self.rollout_length):
            raise ValueError(f"memory.steps ({self.memory.steps}) must divide rollout_length ({self.rollout_length})")
        if self.memory is not None and self.cloning is not None:
            raise ValueError("a policy with memory cannot be cloned yet; leave out memory or cloning")
        return self
