"""The networks of actor and critic: a body that reads observations, an optional memory, and linear heads."""

from __future__ import annotations

import torch
from torch import nn

from palaestra_agents.cells import CellLinear, convolution_patches, whole_image
from palaestra_agents.config import ConvolutionalConfig, GRUConfig, MLPConfig
from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.layers import ACTIVATIONS, convolution, linear
from palaestra_agents.memory import Memory


class FirstLayer(nn.Module):
    """A fully connected layer on everything that was encoded: image cells (one-hot), pixels, and dense features."""

    def __init__(self, encoder: ObservationEncoder, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = encoder.scale
        self.cells: CellLinear | None = None
        pixels = 0
        if encoder.image_shape is not None:
            columns, lines, channels = encoder.image_shape
            if encoder.one_hot:
                self.cells = CellLinear(whole_image(columns, lines), width, generator)
            else:
                pixels = columns * lines * channels
        self.pixels = pixels
        inputs = pixels + encoder.dense_size
        self.dense = linear(inputs, width, 2**0.5, generator) if inputs else None

    def forward(self, encoded: Encoded, rows: torch.Tensor) -> torch.Tensor:
        total = None
        if self.cells is not None:
            assert encoded.image is not None
            total = self.cells(encoded.image.flatten(1, 2), rows).flatten(1)
        if self.dense is not None:
            dense = encoded.dense[rows]
            if self.pixels:
                assert encoded.image is not None
                image = encoded.image[rows].flatten(1).float()
                dense = torch.cat([image / self.scale if self.scale != 1 else image, dense], dim=1)
            projected = self.dense(dense)
            total = projected if total is None else total + projected
        assert total is not None
        return total


class MLPBody(nn.Module):
    """Hidden layers; with `separate`, one tower for the actor and one for the critic, side by side.

    Attributes:
        size: length of the output.
    """

    def __init__(self, encoder: ObservationEncoder, config: MLPConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.towers = 2 if config.separate else 1
        self.size = self.towers * config.hidden[-1]
        self.first = FirstLayer(encoder, self.towers * config.hidden[0], generator)
        sizes = list(zip(config.hidden[:-1], config.hidden[1:], strict=True))
        self.layers = nn.ModuleList(
            nn.ModuleList(linear(a, b, 2**0.5, generator) for a, b in sizes) for _ in range(self.towers)
        )

    def forward(self, encoded: Encoded, rows: torch.Tensor) -> torch.Tensor:
        first = self.activation(self.first(encoded, rows))
        outputs = []
        for part, layers in zip(first.chunk(self.towers, dim=1), self.layers, strict=True):
            assert isinstance(layers, nn.ModuleList)
            for layer in layers:
                part = self.activation(layer(part))
            outputs.append(part)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)


class ConvolutionalBody(nn.Module):
    """Convolutions 3x3 of stride 2 and padding 1, then a hidden layer that also reads the dense features.

    Attributes:
        size: length of the output.
    """

    def __init__(self, encoder: ObservationEncoder, config: ConvolutionalConfig, generator: torch.Generator) -> None:
        super().__init__()
        if encoder.image_shape is None:
            raise ValueError("network 'convolutional' needs an image in the observation; use 'mlp'")
        self.activation = ACTIVATIONS[config.activation]
        self.scale = encoder.scale
        self.size = config.hidden
        width, height, channels = encoder.image_shape
        self.cells: CellLinear | None = None
        convolutions = list(config.channels)
        if encoder.one_hot:
            channels = convolutions.pop(0)
            self.cells = CellLinear(convolution_patches(width, height), channels, generator)
            width, height = (width + 1) // 2, (height + 1) // 2
            self.cells_shape = (width, height)
        self.layers = nn.ModuleList()
        for outputs in convolutions:
            self.layers.append(convolution(channels, outputs, generator))
            channels, width, height = outputs, (width + 1) // 2, (height + 1) // 2
        self.hidden = linear(channels * width * height + encoder.dense_size, config.hidden, 2**0.5, generator)

    def forward(self, encoded: Encoded, rows: torch.Tensor) -> torch.Tensor:
        assert encoded.image is not None
        if self.cells is not None:
            features = self.activation(self.cells(encoded.image.flatten(1, 2), rows))
            features = features.unflatten(1, self.cells_shape)
        else:
            features = encoded.image[rows].float()
            if self.scale != 1:
                features = features / self.scale
        features = features.permute(0, 3, 1, 2)  # channels last in memory, as convolutions on a CPU want it
        for layer in self.layers:
            features = self.activation(layer(features))
        features = features.permute(0, 2, 3, 1).flatten(1)
        return self.activation(self.hidden(torch.cat([features, encoded.dense[rows]], dim=1)))


class ActorCritic(nn.Module):
    """Action distribution and values of observations.

    Args:
        encoder: what observations look like.
        network: the body.
        memory: recurrence, or None.
        action_parameters: numbers that an action distribution is made of.
        value_heads: the task's own value first, then intrinsic ones.
        generator: draws the initial weights; on the CPU.
    """

    def __init__(
        self,
        encoder: ObservationEncoder,
        network: MLPConfig | ConvolutionalConfig,
        memory: GRUConfig | None,
        action_parameters: int,
        value_heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if isinstance(network, MLPConfig):
            self.body: MLPBody | ConvolutionalBody = MLPBody(encoder, network, generator)
        else:
            self.body = ConvolutionalBody(encoder, network, generator)
        self.memory = Memory(self.body.size, memory, generator) if memory is not None else None
        self.split = self.memory is None and isinstance(self.body, MLPBody) and self.body.towers == 2
        features = self.memory.size if self.memory is not None else self.body.size
        features = features // 2 if self.split else features
        self.actor = linear(features, action_parameters, 0.01, generator)
        self.critic = linear(features, value_heads, 1.0, generator)

    def heads(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for_actor, for_critic = features.chunk(2, dim=-1) if self.split else (features, features)
        return self.actor(for_actor), self.critic(for_critic)

    def forward(self, encoded: Encoded, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (B, A) and values (B, value heads) of the rows; without memory only."""
        return self.heads(self.body(encoded, rows))

    def step(
        self, encoded: Encoded, rows: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """One step: action parameters, values, and the recurrent state after it."""
        features = self.body(encoded, rows)
        if self.memory is not None:
            assert state is not None
            features = state = self.memory.step(features, state)
        return *self.heads(features), state

    def sequence(
        self, encoded: Encoded, rows: torch.Tensor, state: torch.Tensor, starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for T steps of B environments: `rows` int64 (T, B), `state` (B, size), `starts` bool (T, B).

        Returns (T * B, A) and (T * B, value heads), the first step's environments first.
        """
        assert self.memory is not None
        features = self.body(encoded, rows.flatten()).unflatten(0, tuple(rows.shape))
        return self.heads(self.memory.sequence(features, state, starts).flatten(0, 1))
