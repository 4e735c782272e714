"""Actor and critic of convolutions on one-hot cells, forward and backward written out: the paper's network, on the CPU.

Computes what `ActorCritic` computes. Small images are mostly border: of the 36 places that four windows of 3x3 over
4x4 cells have, 11 lie outside. The flattened image holds the places of a window in few runs that are consecutive in
the window's weights as well, so windows are multiplied run by run where they lie: nothing is gathered, nothing spread,
and no place outside the image is multiplied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from palaestra_agents.cells import CellLinear
from palaestra_agents.fused import ACTIVATIONS, BufferPool, Buffers, Layer, apply_fused, layer_reader


class Run(NamedTuple):
    """Part of a window: columns of the layer's outputs, of its inputs, and of its weights."""

    outputs: slice
    inputs: slice
    weights: slice


def window_runs(patches: np.ndarray, inputs: int, outputs: int) -> list[list[Run]]:
    """The runs of each window.

    Args:
        patches: int (windows, places): cells of the flattened image; -1 lies outside.
        inputs: channels of a cell.
        outputs: channels of a window.
    """
    found = []
    for window, cells in enumerate(patches):
        inside = np.flatnonzero(cells >= 0)
        breaks = np.flatnonzero((np.diff(inside) != 1) | (np.diff(cells[inside]) != 1)) + 1
        found.append(
            [
                Run(
                    slice(window * outputs, (window + 1) * outputs),
                    slice(int(cells[places[0]]) * inputs, (int(cells[places[-1]]) + 1) * inputs),
                    slice(int(places[0]) * inputs, (int(places[-1]) + 1) * inputs),
                )
                for places in np.split(inside, breaks)
            ]
        )
    return found


class ConvolutionRuns:
    """A convolution on flattened images.

    Args:
        layer: its weights (outputs, places * inputs).
        patches: its windows, see `window_runs`.
    """

    def __init__(self, layer: Layer, patches: torch.Tensor) -> None:
        self.layer = layer
        outputs, columns = layer.weight.shape
        self.windows = window_runs(patches.numpy(), columns // patches.shape[1], outputs)
        self.width = outputs * len(self.windows)

    def forward(self, inputs: torch.Tensor, out: torch.Tensor) -> None:
        """From (B, cells * inputs) to (B, windows * outputs)."""
        weight = self.layer.weight.t()
        for first, *others in self.windows:
            window = out[:, first.outputs]
            torch.addmm(self.layer.bias, inputs[:, first.inputs], weight[first.weights], out=window)
            for run in others:
                window.addmm_(inputs[:, run.inputs], weight[run.weights])

    def backward(
        self, inputs: torch.Tensor, gradient: torch.Tensor, flat: torch.Tensor, to_inputs: torch.Tensor
    ) -> None:
        """Writes the weights' gradients into `flat`, and that of the inputs."""
        layer = self.layer
        to_weight = flat[layer.weight_slice].zero_().view(layer.weight.shape)
        to_inputs.zero_()
        for runs in self.windows:
            window = gradient[:, runs[0].outputs]
            for run in runs:
                to_weight[:, run.weights].addmm_(window.t(), inputs[:, run.inputs])
                to_inputs[:, run.inputs].addmm_(window, layer.weight[:, run.weights])
        torch.sum(gradient.view(-1, len(layer.bias)), 0, out=flat[layer.bias_slice])


class _Kept(NamedTuple):
    """What the gradient needs of the forward pass."""

    inputs: torch.Tensor
    rows: torch.Tensor
    images: list[torch.Tensor]
    """Outputs of the convolutions, flattened; the last is part of `joined`."""
    joined: torch.Tensor
    """What the hidden layer reads: the last image and the dense features."""
    hidden: torch.Tensor
    buffers: Buffers


class FusedConvolutional:
    """Reads the weights of an `ActorCritic` whose parameters were flattened.

    Args:
        policy: one that `suits`.
        flat: its parameters in one tensor.
    """

    def __init__(self, policy: Any, flat: nn.Parameter) -> None:
        layer = layer_reader(policy)
        body = policy.body
        self.flat = flat
        self.activate, self.slope_ = ACTIVATIONS[body.activation]
        self.cells = layer(body.cells)
        self.windows = body.cells.windows
        self.convolutions = [ConvolutionRuns(layer(module.linear), module.patches) for module in body.layers]
        self.hidden = layer(body.hidden)
        self.actor, self.critic = layer(policy.actor), layer(policy.critic)
        self.widths = [self.windows.number * len(self.cells.bias), *(c.width for c in self.convolutions)]
        self.pool = BufferPool()

    @staticmethod
    def suits(policy: Any) -> bool:
        """Whether `policy` is of this form, without memory and on the CPU."""
        body = policy.body
        return (
            policy.memory is None
            and isinstance(getattr(body, "cells", None), CellLinear)
            and body.activation in ACTIVATIONS
            and policy.actor.weight.device.type == "cpu"
        )

    def __call__(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (B, A) and values (B, value heads) of some rows (B,), or of all."""
        return apply_fused(self, encoded, rows)

    def forward(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, _Kept]:
        """Action parameters, values, and what `gradient` needs."""
        inputs = encoded.inputs
        rows = torch.arange(len(inputs)) if rows is None else rows
        buffers = self.pool.take(len(rows))
        joined = buffers.get("joined", self.hidden.weight.shape[1])
        images = [buffers.get(f"image {k}", width) for k, width in enumerate(self.widths[:-1])]
        images.append(joined[:, : self.widths[-1]])
        windows = images[0].view(len(rows), self.windows.number, -1)
        windows.copy_(self.cells.bias)
        self.windows.add(inputs, rows, self.cells.weight, windows)
        self.activate(images[0])
        for k, convolution in enumerate(self.convolutions):
            convolution.forward(images[k], images[k + 1])
            self.activate(images[k + 1])
        torch.index_select(encoded.dense, 0, rows, out=joined[:, self.widths[-1] :])
        hidden = buffers.get("hidden", len(self.hidden.bias))
        self.activate(torch.addmm(self.hidden.bias, joined, self.hidden.weight.t(), out=hidden))
        kept = _Kept(inputs, rows, images, joined, hidden, buffers)
        return self.actor.forward(hidden), self.critic.forward(hidden), kept

    def gradient(self, kept: _Kept, to_parameters: torch.Tensor, to_values: torch.Tensor, flat: torch.Tensor) -> None:
        """Writes the gradient of the flat parameter."""
        self.actor.backward(kept.hidden, to_parameters, flat)
        self.critic.backward(kept.hidden, to_values, flat)
        above = torch.mm(to_parameters, self.actor.weight, out=kept.buffers.get("to hidden", kept.hidden.shape[1]))
        above.addmm_(to_values, self.critic.weight)
        above = self._hidden_gradient(kept, self.slope_(kept.hidden, above), flat)
        for k in range(len(self.convolutions) - 1, -1, -1):
            below = kept.buffers.get(f"to image {k}", self.widths[k])
            self.convolutions[k].backward(kept.images[k], self.slope_(kept.images[k + 1], above), flat, below)
            above = below
        windows = self.slope_(kept.images[0], above).view(len(above), self.windows.number, -1)
        torch.sum(windows.flatten(0, 1), 0, out=flat[self.cells.bias_slice])
        to_cells = flat[self.cells.weight_slice].zero_().view(self.cells.weight.shape)
        self.windows.spread(kept.inputs, kept.rows, windows, to_cells)
        self.pool.give_back(kept.buffers)

    def _hidden_gradient(self, kept: _Kept, gradient: torch.Tensor, flat: torch.Tensor) -> torch.Tensor:
        """Writes the hidden layer's gradient into `flat`; returns that of the last image."""
        # This way round the product is faster, though it is then copied.
        flat[self.hidden.weight_slice].view(self.hidden.weight.shape).copy_((kept.joined.t() @ gradient).t())
        torch.sum(gradient, 0, out=flat[self.hidden.bias_slice])
        last = kept.buffers.get("to last image", self.widths[-1])
        return torch.mm(gradient, self.hidden.weight[:, : self.widths[-1]], out=last)
