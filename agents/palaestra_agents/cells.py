"""A linear layer over one-hot MiniGrid cells that never builds the one-hot vectors.

A cell is (type, colour, state); seen as one-hot it has 21 inputs, of which at most three are 1, and of those only what
says something is kept: a wall is always grey, so its colour is no input. On the CPU a compiled loop adds up the rows
of the weight that the active inputs select, which is several times faster than the product with a one-hot matrix;
on other devices the matrix is built and multiplied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from palaestra_agents.kernels import jit

TYPES, COLORS, STATES = 11, 6, 4
FEATURES = TYPES + COLORS + STATES
"""Inputs per cell."""

_UNSEEN = 0
_COLORED = (3, 4, 5, 6, 7)
"""Floor, door, key, ball and box come in several colours."""
_WITH_STATE = (4, 10)
"""A door's state, and the agent's direction."""


def _active_inputs() -> np.ndarray:
    """int8 (3, 16, 16): for a channel, the cell's type and the channel's value, the input that is 1 (-1: none)."""
    table = np.full((3, 16, 16), -1, dtype=np.int8)
    for kind in range(TYPES):
        if kind != _UNSEEN:
            table[0, kind, kind] = kind
        if kind in _COLORED:
            table[1, kind, :COLORS] = TYPES + np.arange(COLORS)
        if kind in _WITH_STATE:
            table[2, kind, :STATES] = TYPES + COLORS + np.arange(STATES)
    return table


ACTIVE_INPUTS = _active_inputs()


@jit
def _sum_rows(cells: Any, rows: Any, patches: Any, active: Any, weight: Any, out: Any) -> None:
    """out[b, o] += sum of weight[k * FEATURES + input] over the cells k of patch o and their active inputs."""
    num_patches, patch_size = patches.shape
    width = weight.shape[1]
    for b in range(rows.shape[0]):
        image = cells[rows[b]]
        for o in range(num_patches):
            total = out[b, o]
            for k in range(patch_size):
                cell = patches[o, k]
                if cell < 0 or image[cell, 0] == 0:
                    continue
                for channel in range(3):
                    used = active[channel, image[cell, 0] & 15, image[cell, channel] & 15]
                    if used >= 0:
                        row = weight[k * FEATURES + used]
                        for d in range(width):
                            total[d] += row[d]


@jit
def _add_to_rows(cells: Any, rows: Any, patches: Any, active: Any, gradient: Any, out: Any) -> None:
    """The transpose of `_sum_rows`: out[k * FEATURES + input] += gradient[b, o]."""
    num_patches, patch_size = patches.shape
    width = out.shape[1]
    for b in range(rows.shape[0]):
        image = cells[rows[b]]
        for o in range(num_patches):
            total = gradient[b, o]
            for k in range(patch_size):
                cell = patches[o, k]
                if cell < 0 or image[cell, 0] == 0:
                    continue
                for channel in range(3):
                    used = active[channel, image[cell, 0] & 15, image[cell, channel] & 15]
                    if used >= 0:
                        row = out[k * FEATURES + used]
                        for d in range(width):
                            row[d] += total[d]


def add_cells(
    cells: torch.Tensor, rows: torch.Tensor, patches: torch.Tensor, weight: torch.Tensor, out: torch.Tensor
) -> None:
    """Adds to out (B, num_patches, width) what the weights make of the cells; see `CellLinear`. On the CPU."""
    _sum_rows(cells.numpy(), rows.numpy(), patches.numpy(), ACTIVE_INPUTS, weight.detach().numpy(), out.numpy())


def spread_over_cells(
    cells: torch.Tensor, rows: torch.Tensor, patches: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor
) -> None:
    """Adds to out, of the weight's shape, its gradient for `add_cells`' outputs."""
    _add_to_rows(cells.numpy(), rows.numpy(), patches.numpy(), ACTIVE_INPUTS, gradient.numpy(), out.numpy())


class _SparseLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: torch.Tensor) -> torch.Tensor:
        weight, bias, cells, rows, patches = inputs
        # A copy even for one row and one patch, where `contiguous` would give the bias itself.
        out = bias.expand(rows.shape[0], patches.shape[0], -1).clone(memory_format=torch.contiguous_format)
        add_cells(cells, rows, patches, weight, out)
        ctx.save_for_backward(weight, cells, rows, patches)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        weight, cells, rows, patches = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        out = torch.zeros_like(weight)
        spread_over_cells(cells, rows, patches, gradient, out)
        return out, gradient.sum(dim=(0, 1)), None, None, None


class CellLinear(nn.Module):
    """`Linear(one-hot of the cells of each patch)`, for patches of an image's cells.

    Args:
        patches: int (num_patches, patch_size): the cells of each patch as indices into the flattened image; -1 lies
            outside the image and contributes nothing.
        width: outputs per patch.
        generator: draws the initial weights.
    """

    def __init__(self, patches: np.ndarray, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.patches: torch.Tensor
        self.active: torch.Tensor
        patch_size = patches.shape[1]
        self.register_buffer("patches", torch.from_numpy(patches.astype(np.int64)), persistent=False)
        self.register_buffer("active", torch.from_numpy(ACTIVE_INPUTS.astype(np.int64)), persistent=False)
        # Each cell has about one active input, so outputs start with a variance of about 2 (as with gain sqrt(2)).
        weight = torch.randn(patch_size * FEATURES, width, generator=generator) * (2.0 / patch_size) ** 0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, cells: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs for some images of a batch.

        Args:
            cells: uint8 (M, cells, 3), contiguous.
            rows: int64 (B,): which of the M images; None: all of them.

        Returns:
            float32 (B, num_patches, width).
        """
        if cells.device.type == "cpu" and not torch.compiler.is_compiling():
            rows = torch.arange(len(cells)) if rows is None else rows
            out = _SparseLinear.apply(self.weight, self.bias, cells, rows, self.patches)
            assert isinstance(out, torch.Tensor)
            return out
        return self.one_hot(cells if rows is None else cells[rows]) @ self.weight + self.bias

    def one_hot(self, cells: torch.Tensor) -> torch.Tensor:
        """float32 (B, num_patches, patch_size * FEATURES): the inputs that the weight multiplies."""
        values = (cells & 15).long()
        channel = torch.arange(3, device=cells.device)
        used = self.active[channel, values[..., :1], values] + 1  # 0: none
        hot = torch.zeros(*cells.shape[:2], FEATURES + 1, device=cells.device)
        hot.scatter_(2, used, 1.0)
        hot = hot[..., 1:]
        outside = torch.zeros_like(hot[:, :1])
        patches = torch.cat([hot, outside], dim=1)[:, self.patches]
        return patches.flatten(2)


def whole_image(width: int, height: int) -> np.ndarray:
    """One patch of all cells: what a fully connected layer reads."""
    return np.arange(width * height)[None, :]
