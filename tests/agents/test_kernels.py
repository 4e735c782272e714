"""Compiled loops against plain torch: same outputs, same gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from palaestra_agents.cells import (
    COLORS,
    STATES,
    TYPES,
    CellInputs,
    CellLinear,
    bounded_inputs,
    list_inputs,
    minigrid_inputs,
    whole_image,
)
from palaestra_agents.kernels import categorical, patch_linear, tanh
from palaestra_agents.layers import Convolution, convolution_patches
from torch.nn import functional

COLORED = (3, 4, 5, 6, 7)
WITH_STATE = (4, 10)
MINIGRID = minigrid_inputs()
FEATURES = MINIGRID.features


def draws(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def gradients(function: Callable[..., Any], *inputs: torch.Tensor) -> list[torch.Tensor]:
    """Outputs of a function, then its gradients with respect to each input, for fixed weights of the outputs."""
    leaves = [part.clone().requires_grad_() for part in inputs]
    outputs = function(*leaves)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum((part * draws(*part.shape, seed=9 + k)).sum() for k, part in enumerate(outputs))
    assert isinstance(total, torch.Tensor)
    total.backward()
    return [*(part.detach() for part in outputs), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def assert_same(ours: list[torch.Tensor], theirs: list[torch.Tensor], tolerance: float = 2e-5) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=1e-4)


def test_tanh() -> None:
    values = torch.cat([draws(500, 3).flatten(), draws(500, scale=20.0), torch.tensor([0.0, 1e-8, -30.0, 30.0])])
    assert_same(gradients(tanh, values), gradients(torch.tanh, values), 1e-6)


def test_tanh_of_columns_of_a_larger_tensor() -> None:
    values = draws(5, 8)
    assert_same(gradients(lambda x: tanh(x[:, 2:6]), values), gradients(lambda x: torch.tanh(x[:, 2:6]), values))


@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_categorical(scale: float) -> None:
    logits = draws(40, 7, scale=scale)
    actions = torch.arange(40) % 7

    def plain(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        distribution = torch.distributions.Categorical(logits=logits)
        return distribution.log_prob(actions), distribution.entropy()

    assert_same(gradients(lambda x: categorical(x, actions), logits), gradients(plain, logits), 1e-4)


@pytest.mark.parametrize(("width", "height"), [(7, 7), (4, 4), (2, 2), (1, 1), (5, 3), (13, 9)])
def test_patches_make_a_convolution(width: int, height: int) -> None:
    layer = Convolution(width, height, 6, 8, 2, torch.Generator().manual_seed(0))
    image = draws(10, width * height, 6)
    weight = layer.linear.weight.detach()

    def library(image: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        planes = image.transpose(1, 2).unflatten(2, (width, height))
        kernel = weight.unflatten(1, (3, 3, 6)).permute(0, 3, 1, 2)
        return functional.conv2d(planes, kernel, bias, stride=2, padding=1).flatten(2).transpose(1, 2)

    def ours(image: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return patch_linear(image, weight, bias, layer.patches)

    inputs = (image, weight, draws(8, seed=3))
    assert ours(*inputs).shape[1] == layer.size[0] * layer.size[1]
    assert_same(gradients(ours, *inputs), gradients(library, *inputs), 1e-4)


def test_bytes_are_read_as_numbers() -> None:
    patches = torch.from_numpy(convolution_patches(4, 4))
    image = torch.randint(256, (5, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    weight, bias = draws(8, 27), draws(8)
    torch.testing.assert_close(
        patch_linear(image, weight, bias, patches), patch_linear(image.float(), weight, bias, patches)
    )


def random_cells(number: int, cells: int, seed: int = 0) -> torch.Tensor:
    """uint8 (number, cells, 3) of every type, colour and state, and of some that MiniGrid has no name for."""
    random = np.random.default_rng(seed)
    columns = [random.integers(0, most + 2, (number, cells), dtype=np.uint8) for most in (TYPES, COLORS, STATES)]
    return torch.from_numpy(np.stack(columns, axis=2))


def plain_one_hot(cells: torch.Tensor) -> torch.Tensor:
    """float32 (B, cells, FEATURES), cell by cell as the module's docstring says."""
    hot = torch.zeros(*cells.shape[:2], FEATURES)
    for b, image in enumerate(cells.tolist()):
        for k, (kind, color, state) in enumerate(image):
            if 0 < kind < TYPES:
                hot[b, k, kind] = 1
            if kind in COLORED and color < COLORS:
                hot[b, k, TYPES + color] = 1
            if kind in WITH_STATE and state < STATES:
                hot[b, k, TYPES + COLORS + state] = 1
    return hot


NUMBERS = (1, 40, 700)
"""Images in a batch: few and many take different ways through the compiled code."""


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("width", [8, 33])
def test_cells_fully_connected(number: int, width: int) -> None:
    cells = random_cells(number, 49)
    layer = CellLinear(whole_image(7, 7), MINIGRID, width, torch.Generator().manual_seed(0))
    hot = plain_one_hot(cells).flatten(1)
    ours = gradients(lambda w, b: _outputs(layer, w, b, cells).flatten(1), layer.weight.detach(), draws(width))
    theirs = gradients(lambda w, b: hot @ w + b, layer.weight.detach(), draws(width))
    assert_same(ours, theirs, 1e-3)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("columns", "lines"), [(7, 7), (5, 8)])
def test_cells_convolution(number: int, columns: int, lines: int) -> None:
    cells = random_cells(number, columns * lines)
    layer = CellLinear(convolution_patches(columns, lines), MINIGRID, 16, torch.Generator().manual_seed(0))
    planes = plain_one_hot(cells).transpose(1, 2).unflatten(2, (columns, lines))

    def library(weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        kernel = weight.unflatten(0, (3, 3, FEATURES)).permute(3, 2, 0, 1)
        return functional.conv2d(planes, kernel, bias, stride=2, padding=1).flatten(2).transpose(1, 2)

    ours = gradients(lambda w, b: _outputs(layer, w, b, cells), layer.weight.detach(), draws(16))
    assert_same(ours, gradients(library, layer.weight.detach(), draws(16)), 1e-3)


def listed(cells: torch.Tensor, inputs: CellInputs = MINIGRID) -> torch.Tensor:
    out = torch.zeros(len(cells), 1 + cells[0].numel(), dtype=torch.int16)
    list_inputs(cells, inputs, out)
    return out


def _outputs(layer: CellLinear, weight: torch.Tensor, bias: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    outputs = torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (cells, listed(cells)))
    assert isinstance(outputs, torch.Tensor)
    return outputs


@pytest.mark.parametrize("number", NUMBERS)
def test_cells_of_some_rows(number: int) -> None:
    cells = random_cells(50, 49)
    layer = CellLinear(whole_image(7, 7), MINIGRID, 16, torch.Generator().manual_seed(0))
    rows = torch.randint(50, (number,), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(layer(cells, listed(cells), rows), layer(cells)[rows], atol=1e-5, rtol=1e-4)


def test_the_matrix_that_other_devices_multiply_is_one_hot() -> None:
    cells = random_cells(20, 49)
    layer = CellLinear(whole_image(7, 7), MINIGRID, 16, torch.Generator().manual_seed(0))
    assert torch.equal(layer.one_hot(cells).flatten(1), plain_one_hot(cells).flatten(1))


def test_numbers_within_bounds_are_inputs_of_their_own_but_for_nothing() -> None:
    cells = torch.tensor([[[2, 0], [0, 3]], [[0, 0], [1, 1]]], dtype=torch.uint8)
    inputs = bounded_inputs((2, 3))
    layer = CellLinear(whole_image(1, 2), inputs, 4, torch.Generator().manual_seed(0))
    assert inputs.features == 5
    assert layer.one_hot(cells).flatten(1).tolist() == [[0, 1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1, 0, 1, 0, 0]]
    torch.testing.assert_close(layer(cells, listed(cells, inputs)), layer(cells))
