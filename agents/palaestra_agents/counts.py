"""Count-based bonus: an observation seen for the n-th time pays 1/sqrt(n), the baseline that MiniGrid papers quote.

Continuous observations are divided into bins first, and those of a bin count as one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.groups import ALONE, Group
from palaestra_agents.intrinsic import IntrinsicConfig, IntrinsicReward, check_shapes
from palaestra_agents.views import View

Keys = NDArray[np.uint64]
Bins = Annotated[int, Field(ge=1, le=100_000)]


class CountsConfig(IntrinsicConfig):
    """Bonus for rarely seen observations."""

    kind: Literal["counts"] = "counts"  # pyright: ignore[reportIncompatibleVariableOverride]
    coefficient: float = Field(default=0.05, ge=0, description="Weight of its advantage beside the task's (1).")
    bins: Bins | tuple[Bins, ...] | None = Field(
        default=None,
        description="Into how many bins each number is divided between its bounds (1: it does not count), one for all "
        "or one for each; null: every value counts by itself.",
    )
    within: Literal["lifetime", "episode"] = Field(
        default="lifetime", description="Where visits are counted: over all of training, or in the running episode."
    )


class Counts(IntrinsicReward):
    """Counts visits of observations (image and the world's own features; never subgoal or mission), by 64-bit hashes.

    Two different observations share a hash once in 2^64 / number seen^2 runs or so, and then share a count.

    Raises:
        ValueError: the bins do not fit the numbers, or these have no bounds.
    """

    Config = CountsConfig
    shares = True

    def __init__(
        self,
        config: CountsConfig,
        encoder: ObservationEncoder,
        num_envs: int,
        device: torch.device,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        super().__init__(config, encoder, num_envs, device, seed, group)
        self.config: CountsConfig = config
        self.device = device
        self.bins = None if config.bins is None else _bins(config.bins, self.view)
        size = 4 * (self.view.size - self.view.image_size) + self.view.image_size
        draws = np.random.Generator(np.random.PCG64(seed)).integers(2**64, size=size, dtype=np.uint64)
        self.multipliers: Keys = draws | np.uint64(1)
        self.keys: Keys = np.zeros(0, dtype=np.uint64)
        """Sorted hashes of everything counted."""
        self.counts: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.owners: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """Environment whose running episode the visits belong to; used within episodes only."""
        self.episodes: NDArray[np.int64] = np.zeros(num_envs, dtype=np.int64)
        """Number of the running episode of each environment."""

    def reward(self, reached: Encoded, ended: torch.Tensor) -> torch.Tensor:
        """1/sqrt(n) for the n-th visit, in the order of steps, then environments; float32 (T, N)."""
        # Every process counts the visits of all, so that the n-th is the same one however many there are.
        keys, ended = self._of_all(self.hash(reached.flatten()).reshape(ended.shape)), self.group.gather(ended, 1)
        owners = np.tile(np.arange(ended.shape[1]), ended.shape[0])
        if self.config.within == "lifetime":
            visits = self._count(keys, owners)
        else:
            visits = self._count_in_episodes(keys, owners, ended.cpu().numpy())
        bonus = (1.0 / np.sqrt(visits)).astype(np.float32).reshape(ended.shape)
        return torch.from_numpy(bonus[:, self.share.columns]).to(self.device)

    def _of_all(self, keys: Keys) -> Keys:
        """From (T, own environments) to (T * all environments,)."""
        return self.group.gather(torch.from_numpy(keys.view(np.int64)), 1).numpy().view(np.uint64).ravel()

    def hash(self, observations: Encoded) -> Keys:
        """uint64 (B,): sums of the observation's bytes times random odd numbers, then mixed."""
        image, numbers = self.view.split(observations)
        if self.bins is not None:
            numbers = self._binned(numbers)
        parts = [numbers.view(np.uint8)] if image is None else [numbers.view(np.uint8), image]
        data = np.concatenate([part.reshape(len(numbers), -1) for part in parts], axis=1)
        return _mix((data.astype(np.uint64) + np.uint64(1)) @ self.multipliers)

    def _binned(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Numbers of bins, (B, columns)."""
        assert self.bins is not None
        shares = (numbers - self.view.low) / (self.view.high - self.view.low)
        return np.clip(np.floor(shares * self.bins), 0, self.bins - 1).astype(np.float32)

    def _count(self, keys: Keys, owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each key has now been seen, this time included; int64 (B,)."""
        distinct, first, inverse, number = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        order = np.argsort(inverse, kind="stable")
        group_starts = np.cumsum(number) - number
        rank = np.empty(len(keys), dtype=np.int64)
        rank[order] = np.arange(len(keys)) - np.repeat(group_starts, number)
        place = np.searchsorted(self.keys, distinct)
        known = np.zeros(len(distinct), dtype=bool)
        inside = place < len(self.keys)
        known[inside] = self.keys[place[inside]] == distinct[inside]
        before = np.zeros(len(distinct), dtype=np.int64)
        before[known] = self.counts[place[known]]
        self.counts[place[known]] += number[known]
        new = ~known
        self.keys = np.insert(self.keys, place[new], distinct[new])
        self.counts = np.insert(self.counts, place[new], number[new])
        self.owners = np.insert(self.owners, place[new], owners[first[new]])
        return before[inverse] + rank + 1

    def _count_in_episodes(self, keys: Keys, owners: NDArray[np.int64], ended: NDArray[np.bool_]) -> NDArray[np.int64]:
        episodes = self.episodes + np.cumsum(ended, axis=0) - ended
        here = _mix(owners.astype(np.uint64) << np.uint64(40) ^ episodes.ravel().astype(np.uint64))
        visits = self._count(_mix(keys ^ here), owners)
        # Only the running episodes are counted on.
        current = self.episodes + ended.sum(axis=0)
        running = _mix(keys ^ here)[(episodes == current).ravel()]
        stay = np.isin(self.keys, running) | (current == self.episodes)[self.owners]
        self.keys, self.counts, self.owners = self.keys[stay], self.counts[stay], self.owners[stay]
        self.episodes = current
        return visits

    def state_dict(self) -> dict[str, Any]:
        return {
            "multipliers": self.multipliers.copy(),
            "keys": self.keys.copy(),
            "counts": self.counts.copy(),
            "owners": self.owners.copy(),
            "episodes": self.episodes.copy(),
        }

    def check(self, state: dict[str, Any]) -> None:
        fixed = ("multipliers", "episodes")
        mine = {name: getattr(self, name) for name in fixed}
        check_shapes("counts", mine, {name: state[name] for name in fixed if name in state})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.multipliers = np.array(state["multipliers"], dtype=np.uint64)
        self.keys = np.array(state["keys"], dtype=np.uint64)
        self.counts = np.array(state["counts"], dtype=np.int64)
        self.owners = np.array(state["owners"], dtype=np.int64)
        self.episodes = np.array(state["episodes"], dtype=np.int64)


def _bins(bins: int | tuple[int, ...], view: View) -> NDArray[np.float32]:
    """float32 (columns,)."""
    if view.image_size:
        raise ValueError("intrinsic.bins divides numbers, and an image has none; name parts without it in intrinsic.of")
    if isinstance(bins, tuple) and len(bins) != view.size:
        raise ValueError(f"intrinsic.bins has {len(bins)} entries for {view.size} numbers; give one for each, or one")
    spread = np.broadcast_to(np.asarray(bins, np.float32), view.size)
    unbounded = ~np.isfinite(view.low) | ~np.isfinite(view.high)
    if unbounded.any():
        raise ValueError(
            f"intrinsic.bins divides numbers between their bounds, and number {int(np.argmax(unbounded))} of what "
            "intrinsic.of names has none; name parts that are bounded"
        )
    return spread


def _mix(keys: Keys) -> Keys:
    """The finaliser of MurmurHash3, which spreads every bit over all others."""
    keys = (keys ^ (keys >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    keys = (keys ^ (keys >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return keys ^ (keys >> np.uint64(33))
