"""Settings of the teacher: what a user writes under `teacher:` with `kind: oni`."""

from __future__ import annotations

import re
from typing import Literal

from palaestra_teachers.base import Frozen, Onlooking
from palaestra_teachers.dialogue import DialogueConfig
from pydantic import Field, field_validator


class CaptionConfig(Frozen):
    """What of that which a world says about its state makes captions."""

    of: Literal["description", "status"] = Field(
        default="description",
        description="`World.describe`, which all worlds have, or `World.status`: shorter, and in some worlds empty.",
    )

    lines: tuple[str, ...] = Field(
        default=(), description="How lines begin that are looked at, e.g. ['- ', 'Agent:']; none: all of them."
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="Regular expressions; what one matches as a whole is no part of a caption."
    )
    distinct: int = Field(
        default=10_000, ge=2, le=1_000_000, description="Different captions that are asked about; later ones are not."
    )
    longest: int = Field(default=200, ge=1, le=2000, description="Characters after which a caption is cut.")

    @field_validator("ignore")
    @classmethod
    def _are_expressions(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return patterns


class NetworkConfig(Frozen):
    """The network behind `classifier` and `ranking`, which reads a caption's words."""

    features: int = Field(default=512, ge=8, le=65_536, description="Length of the vector that words are hashed into.")
    hidden: int = Field(default=64, ge=1, le=4096, description="Width of its hidden layer.")
    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    steps: int = Field(default=32, ge=1, le=10_000, description="Gradient steps per iteration.")
    minibatch_size: int = Field(default=256, ge=1, le=65_536, description="Answers per gradient step.")
    enough: float = Field(
        default=0.05, ge=0, description="Loss beyond that of the answers themselves at which it is trained no more."
    )
    memory: int = Field(default=20_000, ge=1, le=10_000_000, description="Newest answers that it is trained on.")


class OniConfig(DialogueConfig, Onlooking):
    """A language model's feedback on captions, as reward."""

    goal: str = Field(
        default="Solve the task that the world's name stands for.",
        min_length=1,
        max_length=2000,
        description="What the agent should achieve, as the model is told it.",
    )
    reward: Literal["hash", "classifier", "ranking"] = Field(
        default="hash",
        description="hash: 1 for captions that the model called helpful; classifier: 1 for captions that a network, "
        "trained on these answers, takes for helpful; ranking: how far above the mean a network scores a caption that "
        "was trained on which of two captions the model prefers.",
    )
    captions: CaptionConfig = CaptionConfig()
    network: NetworkConfig = NetworkConfig()
    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Of the classifier: probability from which a caption is helpful."
    )
    pairs: int = Field(default=8, ge=1, le=1000, description="Of the ranking: pairs asked about before each iteration.")
    most: float = Field(default=2.0, gt=0, le=100, description="Of the ranking: largest reward of a caption.")
    count_exponent: float = Field(
        default=3.0,
        ge=0,
        le=100,
        description="The n-th time in an episode, a caption pays 1 / n to this power of its reward; 0: always all.",
    )
    attempts: int = Field(default=2, ge=1, le=100, description="How often the same is asked if nothing comes of it.")
    label_prompt: str = Field(default="label", description="Name of a prompt, or path of a jinja2 file.")
    compare_prompt: str = Field(default="compare", description="Name of a prompt, or path of a jinja2 file.")

    def in_words(self) -> str:
        """What the teacher does, for reports."""
        return f"feedback on captions as reward ({self.reward})"

    def onlooking(self) -> Onlooking:
        return Onlooking(lag=self.lag, open=self.open)
