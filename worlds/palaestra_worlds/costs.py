"""Costs in MuJoCo MPC's form: residuals, for each term a norm and a weight, summed.

A world says what residuals there are (`palaestra_worlds.planning`); planners minimise their cost, and a world that
pays rewards by them takes its negative. Everything is vectorised over leading dimensions (samples, time).

The norms are MuJoCo MPC's, with x a term's residual of n numbers and p, q the norm's parameters. Quadratic, L22 and L2
see its length |x|, the others add up its numbers xᵢ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SMALLEST = 1e-15


class Norm(ABC):
    """A function of a residual that is 0 at 0 (`Rectify` excepted) and grows with it."""

    @abstractmethod
    def value(self, x: Array) -> Array:
        """The norm of residuals (..., n): float64 (...)."""

    @abstractmethod
    def derivatives(self, x: Array) -> tuple[Array, Array]:
        """Gradient (..., n) and Hessian (..., n, n) at residuals (..., n)."""


class _Radial(Norm):
    """A norm f(s) of the squared length s = x·x."""

    @abstractmethod
    def _of_square(self, s: Array) -> tuple[Array, Array, Array]:
        """f, f' and f'' at s."""

    def value(self, x: Array) -> Array:
        return self._of_square(np.einsum("...i,...i->...", x, x))[0]

    def derivatives(self, x: Array) -> tuple[Array, Array]:
        _, first, second = self._of_square(np.einsum("...i,...i->...", x, x))
        outer = x[..., :, None] * x[..., None, :]
        hessian = 4 * second[..., None, None] * outer + 2 * first[..., None, None] * np.eye(x.shape[-1])
        return 2 * first[..., None] * x, hessian


class _Elementwise(Norm):
    """A norm Σ f(xᵢ)."""

    @abstractmethod
    def of_each(self, x: Array) -> Array:
        """f at each number."""

    @abstractmethod
    def _slopes(self, x: Array) -> tuple[Array, Array]:
        """f' and f'' at each number."""

    def value(self, x: Array) -> Array:
        return self.of_each(x).sum(axis=-1)

    def derivatives(self, x: Array) -> tuple[Array, Array]:
        first, second = self._slopes(x)
        return first, second[..., None] * np.eye(x.shape[-1])


@dataclass(frozen=True)
class Quadratic(_Radial):
    """½ |x|²"""

    def value(self, x: Array) -> Array:
        return 0.5 * np.einsum("...i,...i->...", x, x)

    def _of_square(self, s: Array) -> tuple[Array, Array, Array]:
        return 0.5 * s, np.full_like(s, 0.5), np.zeros_like(s)


@dataclass(frozen=True)
class L22(_Radial):
    """(|x|^q + p^q)^(1/q) - p"""

    p: float = 0.1
    q: float = 2.0

    def _of_square(self, s: Array) -> tuple[Array, Array, Array]:
        p, q = self.p, self.q
        s = np.maximum(s, _SMALLEST)
        inner = s ** (q / 2) + p**q
        root = inner ** (1 / q)
        first = 0.5 * root / inner * s ** (q / 2 - 1)
        second = first * ((q / 2 - 1) / s + 0.5 * (1 - q) * s ** (q / 2 - 1) / inner)
        return root - p, first, second


@dataclass(frozen=True)
class L2(_Radial):
    """√(|x|² + p²) - p"""

    p: float = 0.1

    def _of_square(self, s: Array) -> tuple[Array, Array, Array]:
        root = np.sqrt(s + self.p**2)
        safe = np.maximum(root, _SMALLEST)
        return root - self.p, 0.5 / safe, -0.25 / safe**3


@dataclass(frozen=True)
class Cosh(_Elementwise):
    """Σ p² (cosh(xᵢ/p) - 1)"""

    p: float = 0.1

    def of_each(self, x: Array) -> Array:
        return self.p**2 * (np.cosh(x / self.p) - 1)

    def _slopes(self, x: Array) -> tuple[Array, Array]:
        return self.p * np.sinh(x / self.p), np.cosh(x / self.p)


@dataclass(frozen=True)
class PowerLoss(_Elementwise):
    """Σ |xᵢ|^p with p ≥ 1"""

    p: float = 2.0

    def of_each(self, x: Array) -> Array:
        return np.abs(x) ** self.p

    def _slopes(self, x: Array) -> tuple[Array, Array]:
        size = np.maximum(np.abs(x), _SMALLEST)
        return np.sign(x) * self.p * size ** (self.p - 1), self.p * (self.p - 1) * size ** (self.p - 2)


@dataclass(frozen=True)
class SmoothAbs(_Elementwise):
    """Σ √(xᵢ² + p²) - p"""

    p: float = 0.1

    def of_each(self, x: Array) -> Array:
        return np.sqrt(x * x + self.p**2) - self.p

    def _slopes(self, x: Array) -> tuple[Array, Array]:
        root = np.maximum(np.sqrt(x * x + self.p**2), _SMALLEST)
        return x / root, self.p**2 / root**3


@dataclass(frozen=True)
class SmoothAbs2(_Elementwise):
    """Σ (|xᵢ|^q + p^q)^(1/q) - p"""

    p: float = 0.1
    q: float = 2.0

    def of_each(self, x: Array) -> Array:
        return (np.abs(x) ** self.q + self.p**self.q) ** (1 / self.q) - self.p

    def _slopes(self, x: Array) -> tuple[Array, Array]:
        size = np.maximum(np.abs(x), _SMALLEST)
        inner = size**self.q + self.p**self.q
        common = inner ** (1 / self.q - 1) * size ** (self.q - 2)
        return common * x, common * (self.q - 1) * self.p**self.q / inner


@dataclass(frozen=True)
class Rectify(_Elementwise):
    """Σ p log(1 + exp(xᵢ/p)), the soft form of max(xᵢ, 0)

    As MuJoCo MPC's documentation has it; its code leaves the factor p out of the value, not out of the gradient.
    """

    p: float = 0.1

    def of_each(self, x: Array) -> Array:
        return self.p * np.logaddexp(0.0, x / self.p)

    def _slopes(self, x: Array) -> tuple[Array, Array]:
        share = np.exp(-np.logaddexp(0.0, -x / self.p))
        return share, share * (1 - share) / self.p


@dataclass(frozen=True)
class Term:
    """One term of a cost.

    Attributes:
        name: what is measured, for messages and reports.
        size: how many numbers its residual has.
        norm: what they come to.
        weight: from 0 on.
    """

    name: str
    size: int
    norm: Norm
    weight: float


def columns(terms: Sequence[Term]) -> list[slice]:
    """Where each term's residual is in the last axis of all residuals."""
    ends = np.cumsum([term.size for term in terms]).tolist()
    return [slice(end - term.size, end) for end, term in zip(ends, terms, strict=True)]


def term_costs(terms: Sequence[Term], residuals: Array) -> Array:
    """What each term adds: float64 (..., terms) for residuals (..., sum of sizes), weights included."""
    found = [term.weight * term.norm.value(residuals[..., at]) for term, at in zip(terms, columns(terms), strict=True)]
    return np.stack(found, axis=-1)


def total_cost(terms: Sequence[Term], residuals: Array) -> Array:
    """The cost: float64 (...) for residuals (..., sum of sizes)."""
    total = np.zeros(residuals.shape[:-1])
    for group in _groups(tuple(terms)):
        total += group.cost(residuals[..., group.columns])
    return total


class _Group(NamedTuple):
    """Terms of one kind of norm, computed at once: many calls for a few numbers each take longer than the numbers."""

    norm: Norm
    """Of elementwise norms, with parameters (columns,)."""
    columns: slice | NDArray[np.int64]
    weights: Array
    """(columns,); of a radial norm one for all."""

    def cost(self, x: Array) -> Array:
        """(...) of residuals (..., columns)."""
        if isinstance(self.norm, _Elementwise):
            return self.norm.of_each(x) @ self.weights
        return self.weights * self.norm.value(x)


@lru_cache(maxsize=256)
def _groups(terms: tuple[Term, ...]) -> tuple[_Group, ...]:
    found: list[_Group] = []
    elementwise: dict[type[Any], list[tuple[Term, slice]]] = {}
    for term, at in zip(terms, columns(terms), strict=True):
        if term.weight and isinstance(term.norm, _Elementwise):
            elementwise.setdefault(type(term.norm), []).append((term, at))
        elif term.weight:
            found.append(_Group(term.norm, at, np.array(term.weight)))
    for kind, members in elementwise.items():
        sizes = [term.size for term, _ in members]
        parameters = {
            field.name: np.repeat([getattr(term.norm, field.name) for term, _ in members], sizes)
            for field in fields(kind)
        }
        places = np.concatenate([np.arange(at.start, at.stop) for _, at in members])
        if np.ptp(places) + 1 == len(places):
            places = slice(int(places[0]), int(places[-1]) + 1)
        found.append(_Group(kind(**parameters), places, np.repeat([term.weight for term, _ in members], sizes)))
    return tuple(found)


def cost_derivatives(terms: Sequence[Term], residuals: Array) -> tuple[Array, Array]:
    """Gradient (..., R) and Hessian (..., R, R) of the cost with respect to residuals (..., R)."""
    size = residuals.shape[-1]
    gradient = np.zeros(residuals.shape)
    hessian = np.zeros((*residuals.shape, size))
    for term, at in zip(terms, columns(terms), strict=True):
        first, second = term.norm.derivatives(residuals[..., at])
        gradient[..., at] = term.weight * first
        hessian[..., at, at] = term.weight * second
    return gradient, hessian
