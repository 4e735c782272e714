"""A linear layer over one-hot cells of a grid that never builds the one-hot vectors.

A cell is a few small numbers, one in each channel of an image: MiniGrid's type, colour and state, or Crafter's material
and what stands there. Seen as one-hot a cell has some twenty inputs, of which only those that say something are kept:
nothing (0) is no input, nor is the colour of a wall, which is always grey. For each image the inputs that are 1 are
listed once; on the CPU a compiled loop adds up the rows of the weight that they select, which is many times faster than
the product with a one-hot matrix. On other devices the matrix is built and multiplied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from palaestra_agents.kernels import jit

TYPES, COLORS, STATES = 11, 6, 4
"""What MiniGrid's cells are made of."""
MOST = 15
"""The largest number in a cell."""

_UNSEEN = 0
_COLORED = (3, 4, 5, 6, 7)
"""Floor, door, key, ball and box come in several colours."""
_WITH_STATE = (4, 10)
"""A door's state, and the agent's direction."""


class CellInputs(NamedTuple):
    """Which inputs of a layer a cell switches on."""

    table: np.ndarray
    """int8 (channels, 16, 16): for a channel, the number in the first channel and the channel's own, the input (-1:
    none)."""
    features: int
    """Inputs per cell."""


def minigrid_inputs() -> CellInputs:
    """Of cells (type, colour, state)."""
    table = np.full((3, 16, 16), -1, dtype=np.int8)
    for kind in range(TYPES):
        if kind != _UNSEEN:
            table[0, kind, kind] = kind
        if kind in _COLORED:
            table[1, kind, :COLORS] = TYPES + np.arange(COLORS)
        if kind in _WITH_STATE:
            table[2, kind, :STATES] = TYPES + COLORS + np.arange(STATES)
    return CellInputs(table, TYPES + COLORS + STATES)


def bounded_inputs(most: tuple[int, ...]) -> CellInputs:
    """Of cells whose channels hold the numbers from 0 (nothing) to these: one for each other number of each channel."""
    table = np.full((len(most), 16, 16), -1, dtype=np.int8)
    start = 0
    for channel, largest in enumerate(most):
        table[channel, :, 1 : largest + 1] = start + np.arange(largest)
        start += largest
    return CellInputs(table, start)


@jit
def _list_inputs(cells: Any, table: Any, features: int, out: Any) -> None:
    channels = table.shape[0]
    for b in range(cells.shape[0]):
        found = 0
        for k in range(cells.shape[1]):
            first = cells[b, k, 0] & 15
            for channel in range(channels):
                used = table[channel, first, cells[b, k, channel] & 15]
                if used >= 0:
                    found += 1
                    out[b, found] = k * features + used
        out[b, 0] = found


def list_inputs(cells: torch.Tensor, inputs: CellInputs, out: torch.Tensor) -> None:
    """Lists the inputs that are 1, on the CPU.

    Args:
        cells: uint8 (B, cells, channels).
        inputs: what cells switch on.
        out: int16 (B, 1 + cells * channels): how many they are, then cell * features + input of each.
    """
    _list_inputs(cells.numpy(), inputs.table, inputs.features, out.numpy())


@jit
def _sum_rows(lists: Any, rows: Any, weight: Any, out: Any) -> None:
    """out[b] += the sum of the weight's rows that rows[b] lists."""
    width = weight.shape[1]
    for b in range(rows.shape[0]):
        listed = lists[rows[b]]
        number = listed[0]
        total = out[b]
        j = 1
        while j + 3 <= number:
            one, two, three, four = (
                weight[listed[j]],
                weight[listed[j + 1]],
                weight[listed[j + 2]],
                weight[listed[j + 3]],
            )
            for d in range(width):
                total[d] += (one[d] + two[d]) + (three[d] + four[d])
            j += 4
        while j <= number:
            one = weight[listed[j]]
            for d in range(width):
                total[d] += one[d]
            j += 1


@jit
def _add_to_rows(lists: Any, rows: Any, gradient: Any, out: Any) -> None:
    """The transpose of `_sum_rows`: adds gradient[b] to the rows that rows[b] lists."""
    width = out.shape[1]
    for b in range(rows.shape[0]):
        listed = lists[rows[b]]
        total = gradient[b]
        for j in range(1, listed[0] + 1):
            row = out[listed[j]]
            for d in range(width):
                row[d] += total[d]


@jit
def _sum_windows(lists: Any, rows: Any, starts: Any, uses: Any, weight: Any, out: Any) -> None:
    """out[b, o] += the weight's row, for the windows o (and rows) that use an input that rows[b] lists."""
    width = weight.shape[1]
    for b in range(rows.shape[0]):
        listed = lists[rows[b]]
        image = out[b]
        for j in range(1, listed[0] + 1):
            for use in range(starts[listed[j]], starts[listed[j] + 1]):
                total = image[uses[use, 0]]
                row = weight[uses[use, 1]]
                for d in range(width):
                    total[d] += row[d]


@jit
def _add_to_windows(lists: Any, rows: Any, starts: Any, uses: Any, gradient: Any, out: Any) -> None:
    """The transpose of `_sum_windows`."""
    width = out.shape[1]
    for b in range(rows.shape[0]):
        listed = lists[rows[b]]
        image = gradient[b]
        for j in range(1, listed[0] + 1):
            for use in range(starts[listed[j]], starts[listed[j] + 1]):
                total = image[uses[use, 0]]
                row = out[uses[use, 1]]
                for d in range(width):
                    row[d] += total[d]


class Windows:
    """Patches of an image's cells that all share one weight.

    Args:
        patches: int (num_patches, patch_size): the cells of each patch as indices into the flattened image; -1 lies
            outside of the image and contributes nothing.
        features: inputs per cell.
    """

    def __init__(self, patches: np.ndarray, features: int) -> None:
        self.number, self.size = patches.shape
        self.whole = self.number == 1 and bool((patches[0] == np.arange(self.size)).all())
        """One patch is all of the image, in order: the input's own number is that of the weight's row."""
        cells = int(patches.max()) + 1
        of_cell: list[list[tuple[int, int]]] = [[] for _ in range(cells)]
        for patch, members in enumerate(patches):
            for place, cell in enumerate(members):
                if cell >= 0:
                    of_cell[cell].append((patch, place))
        uses = [
            [(patch, place * features + used) for patch, place in of_cell[cell]]
            for cell in range(cells)
            for used in range(features)
        ]
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in uses])]).astype(np.int32)
        self.uses = np.array([use for part in uses for use in part], dtype=np.int32).reshape(-1, 2)

    def add(self, lists: torch.Tensor, rows: torch.Tensor, weight: torch.Tensor, out: torch.Tensor) -> None:
        """Adds to out (B, num_patches, width) what the weights make of the listed inputs of some rows (B,)."""
        if self.whole:
            _sum_rows(lists.numpy(), rows.numpy(), weight.detach().numpy(), out.numpy()[:, 0])
            return
        _sum_windows(lists.numpy(), rows.numpy(), self.starts, self.uses, weight.detach().numpy(), out.numpy())

    def spread(self, lists: torch.Tensor, rows: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor) -> None:
        """Adds to out, of the weight's shape, its gradient for `add`'s outputs."""
        if self.whole:
            _add_to_rows(lists.numpy(), rows.numpy(), gradient.numpy()[:, 0], out.numpy())
            return
        _add_to_windows(lists.numpy(), rows.numpy(), self.starts, self.uses, gradient.numpy(), out.numpy())


class _SparseLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> torch.Tensor:
        weight, bias, lists, rows, windows = inputs
        # A copy even for one row and one patch, where `contiguous` would give the bias itself.
        out = bias.expand(rows.shape[0], windows.number, -1).clone(memory_format=torch.contiguous_format)
        windows.add(lists, rows, weight, out)
        ctx.windows = windows
        ctx.save_for_backward(weight, lists, rows)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        weight, lists, rows = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        out = torch.zeros_like(weight)
        ctx.windows.spread(lists, rows, gradient, out)
        return out, gradient.sum(dim=(0, 1)), None, None, None


class CellLinear(nn.Module):
    """`Linear(one-hot of the cells of each patch)`, for patches of an image's cells.

    Args:
        patches: see `Windows`.
        inputs: what cells switch on.
        width: outputs per patch.
        generator: draws the initial weights.
    """

    def __init__(self, patches: np.ndarray, inputs: CellInputs, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.patches: torch.Tensor
        self.table: torch.Tensor
        self.features = inputs.features
        self.windows = Windows(patches, inputs.features)
        self.register_buffer("patches", torch.from_numpy(patches.astype(np.int64)), persistent=False)
        self.register_buffer("table", torch.from_numpy(inputs.table.astype(np.int64)), persistent=False)
        # Each cell has about one active input, so outputs start with a variance of about 2 (as with gain sqrt(2)).
        patch_size = patches.shape[1]
        weight = torch.randn(patch_size * inputs.features, width, generator=generator) * (2.0 / patch_size) ** 0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(
        self, cells: torch.Tensor, lists: torch.Tensor | None = None, rows: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Outputs for some images of a batch.

        Args:
            cells: uint8 (M, cells, channels), contiguous.
            lists: int16 (M, ...): their inputs, see `list_inputs`; None: the one-hot matrix is built.
            rows: int64 (B,): which of the M images; None: all of them.

        Returns:
            float32 (B, num_patches, width).
        """
        if lists is not None and not torch.compiler.is_compiling():
            rows = torch.arange(len(cells)) if rows is None else rows
            out = _SparseLinear.apply(self.weight, self.bias, lists, rows, self.windows)
            assert isinstance(out, torch.Tensor)
            return out
        return self.one_hot(cells if rows is None else cells[rows]) @ self.weight + self.bias

    def one_hot(self, cells: torch.Tensor) -> torch.Tensor:
        """float32 (B, num_patches, patch_size * features): the inputs that the weight multiplies."""
        values = (cells & MOST).long()
        channel = torch.arange(cells.shape[2], device=cells.device)
        used = self.table[channel, values[..., :1], values] + 1  # 0: none
        hot = torch.zeros(*cells.shape[:2], self.features + 1, device=cells.device)
        hot.scatter_(2, used, 1.0)
        hot = hot[..., 1:]
        outside = torch.zeros_like(hot[:, :1])
        patches = torch.cat([hot, outside], dim=1)[:, self.patches]
        return patches.flatten(2)


def whole_image(width: int, height: int) -> np.ndarray:
    """One patch of all cells: what a fully connected layer reads."""
    return np.arange(width * height)[None, :]
