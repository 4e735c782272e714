"""The networks of actor and critic: a body that reads observations, an optional memory, and linear heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from palaestra_agents.cells import CellLinear, whole_image
from palaestra_agents.config import ConvolutionalConfig, GRUConfig, MLPConfig, ResidualConfig
from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.fused import FusedMLP
from palaestra_agents.fused_convolution import FusedConvolutional
from palaestra_agents.layers import ACTIVATIONS, Convolution, convolution_patches, convolution_size, linear, take
from palaestra_agents.memory import Memory
from palaestra_agents.residual import ResidualBody


def flat_cells(image: torch.Tensor | None) -> torch.Tensor:
    """(N, width, height, channels) to (N, width * height, channels)."""
    assert image is not None
    return image.flatten(1, 2)


Features = tuple[torch.Tensor, torch.Tensor]
"""For the actor and for the critic; the same tensor where they share."""


class FirstLayer(nn.Module):
    """A fully connected layer on everything that was encoded: image cells (one-hot), pixels, and dense features."""

    def __init__(self, encoder: ObservationEncoder, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = encoder.scale
        self.cells: CellLinear | None = None
        self.pixels = 0
        if encoder.image_shape is not None:
            columns, lines, channels = encoder.image_shape
            if encoder.cells is not None:
                self.cells = CellLinear(whole_image(columns, lines), encoder.cells, width, generator)
            else:
                self.pixels = columns * lines * channels
        inputs = self.pixels + encoder.dense_size
        self.dense = linear(inputs, width, 2**0.5, generator) if inputs else None

    def forward(self, encoded: Encoded, rows: torch.Tensor | None) -> torch.Tensor:
        total = None
        if self.cells is not None:
            total = self.cells(flat_cells(encoded.image), encoded.inputs, rows).flatten(1)
        if self.dense is not None:
            dense = take(encoded.dense, rows)
            if self.pixels:
                image = take(flat_cells(encoded.image), rows).flatten(1).float()
                dense = torch.cat([image / self.scale if self.scale != 1 else image, dense], dim=1)
            projected = self.dense(dense)
            total = projected if total is None else total + projected
        assert total is not None
        return total


class MLPBody(nn.Module):
    """Hidden layers; with `separate`, one tower for the actor and one for the critic.

    Attributes:
        size: length of each output.
        separate: the outputs for actor and critic differ.
        normalise: layers are normalised.
    """

    def __init__(self, encoder: ObservationEncoder, config: MLPConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.separate = config.separate
        self.normalise = config.normalise
        self.towers = 2 if config.separate else 1
        self.size = config.hidden[-1]
        self.first = FirstLayer(encoder, self.towers * config.hidden[0], generator)
        sizes = list(zip(config.hidden[:-1], config.hidden[1:], strict=True))
        self.layers = nn.ModuleList(
            nn.ModuleList(linear(a, b, 2**0.5, generator) for a, b in sizes) for _ in range(self.towers)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(width) if config.normalise else nn.Identity() for width in config.hidden)
            for _ in range(self.towers)
        )

    def forward(self, encoded: Encoded, rows: torch.Tensor | None) -> Features:
        outputs = []
        firsts = self.first(encoded, rows).chunk(self.towers, dim=1)
        for part, layers, norms in zip(firsts, self.layers, self.norms, strict=True):
            assert isinstance(layers, nn.ModuleList)
            assert isinstance(norms, nn.ModuleList)
            part = self.activation(norms[0](part))
            for layer, norm in zip(layers, list(norms)[1:], strict=True):
                part = self.activation(norm(layer(part)))
            outputs.append(part)
        return outputs[0], outputs[-1]


class ConvolutionalBody(nn.Module):
    """Convolutions 3x3 of padding 1, then a hidden layer that also reads the dense features.

    Attributes:
        size: length of the output, which actor and critic share.
        separate: False.

    Raises:
        ValueError: observations have no image.
    """

    def __init__(self, encoder: ObservationEncoder, config: ConvolutionalConfig, generator: torch.Generator) -> None:
        super().__init__()
        if encoder.image_shape is None:
            raise ValueError("network 'convolutional' needs an image in the observation; use 'mlp'")
        self.activation = ACTIVATIONS[config.activation]
        self.scale = encoder.scale
        self.size = config.hidden
        self.separate = False
        width, height, channels = encoder.image_shape
        self.cells: CellLinear | None = None
        self.layers = nn.ModuleList()
        for k, outputs in enumerate(config.channels):
            stride = config.strides[min(k, len(config.strides) - 1)]
            if k == 0 and encoder.cells is not None:
                patches = convolution_patches(width, height, stride)
                self.cells = CellLinear(patches, encoder.cells, outputs, generator)
            else:
                self.layers.append(Convolution(width, height, channels, outputs, stride, generator))
            channels, (width, height) = outputs, convolution_size(width, height, stride)
        self.hidden = linear(channels * width * height + encoder.dense_size, config.hidden, 2**0.5, generator)

    def forward(self, encoded: Encoded, rows: torch.Tensor | None) -> Features:
        cells = flat_cells(encoded.image)
        if self.cells is not None:
            features = self.activation(self.cells(cells, encoded.inputs, rows))
        else:
            features = take(cells, rows)
            features = features / self.scale if self.scale != 1 else features
        for layer in self.layers:
            features = self.activation(layer(features))
        features = torch.cat([features.flatten(1), take(encoded.dense, rows)], dim=1)
        features = self.activation(self.hidden(features))
        return features, features


class ActorCritic(nn.Module):
    """Action distribution and values of observations.

    Args:
        encoder: what observations look like.
        network: the body.
        memory: recurrence, or None.
        action_parameters: numbers that an action distribution is made of.
        free_parameters: first values of the last of these, which do not depend on what is seen.
        value_heads: the task's own value first, then intrinsic ones.
        generator: draws the initial weights; on the CPU.
        critic_gain: of the value heads' initial weights.
    """

    def __init__(
        self,
        encoder: ObservationEncoder,
        network: MLPConfig | ConvolutionalConfig | ResidualConfig,
        memory: GRUConfig | None,
        action_parameters: int,
        value_heads: int,
        generator: torch.Generator,
        free_parameters: Sequence[float] = (),
        critic_gain: float = 1.0,
    ) -> None:
        super().__init__()
        if isinstance(network, MLPConfig):
            self.body: MLPBody | ConvolutionalBody | ResidualBody = MLPBody(encoder, network, generator)
        elif isinstance(network, ConvolutionalConfig):
            self.body = ConvolutionalBody(encoder, network, generator)
        else:
            self.body = ResidualBody(encoder, network, generator)
        features = self.body.size
        self.memory: Memory | None = None
        if memory is not None:
            self.memory = Memory(features * (2 if self.body.separate else 1), memory, generator)
            features = memory.size
        self.actor = linear(features, action_parameters - len(free_parameters), 0.01, generator)
        self.critic = linear(features, value_heads, critic_gain, generator)
        self.free = nn.Parameter(torch.tensor(tuple(free_parameters))) if free_parameters else None
        self.fused: FusedMLP | FusedConvolutional | None = None

    def fuse(self, flat: nn.Parameter) -> None:
        """From now on computes the faster way, where there is one; `flat` are its parameters in one tensor."""
        forms = [form for form in (FusedMLP, FusedConvolutional) if self.free is None and form.suits(self)]
        self.fused = forms[0](self, flat) if forms else None

    def forward(self, encoded: Encoded, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (B, A) and values (B, value heads) of some rows (B,), or of all; without memory only."""
        if self.fused is not None:
            return self.fused(encoded, rows)
        for_actor, for_critic = self.body(encoded, rows)
        return self._action_parameters(for_actor), self.critic(for_critic)

    def actor_parameters(self, encoded: Encoded, rows: torch.Tensor) -> torch.Tensor:
        """Action parameters (B, A) of some rows (B,), with gradients; without memory only."""
        return self._action_parameters(self.body(encoded, rows)[0])

    def step(
        self, encoded: Encoded, rows: torch.Tensor | None, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """One step: action parameters, values, and the recurrent state after it."""
        if self.memory is None:
            return *self(encoded, rows), None
        assert state is not None
        state = self.memory.step(self._joined(encoded, rows), state)
        return self._action_parameters(state), self.critic(state), state

    def sequence(
        self, encoded: Encoded, rows: torch.Tensor, state: torch.Tensor, starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for T steps of B environments: `rows` int64 (T, B), `state` (B, size), `starts` bool (T, B).

        Returns (T * B, A) and (T * B, value heads), the first step's environments first.
        """
        assert self.memory is not None
        features = self._joined(encoded, rows.flatten()).unflatten(0, tuple(rows.shape))
        states = self.memory.sequence(features, state, starts).flatten(0, 1)
        return self._action_parameters(states), self.critic(states)

    def _action_parameters(self, features: torch.Tensor) -> torch.Tensor:
        """Action parameters (B, A)."""
        found = self.actor(features)
        return found if self.free is None else torch.cat([found, self.free.expand(len(found), -1)], dim=1)

    def _joined(self, encoded: Encoded, rows: torch.Tensor | None) -> torch.Tensor:
        for_actor, for_critic = self.body(encoded, rows)
        return torch.cat([for_actor, for_critic], dim=1) if self.body.separate else for_actor
