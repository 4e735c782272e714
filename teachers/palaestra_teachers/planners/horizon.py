"""The trained selector of DEPS (arXiv 2302.01560, section 3.3): how many steps a goal will take, from what is seen.

The paper's predictor reads pictures; this one reads a step of a plan, and what a player knows (`PlayerStatus`).
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from palaestra_worlds.structured import How, PlanStep, PlayerStatus
from safetensors import SafetensorError
from torch import nn

VERSION = 1
"""Of what the network reads and of its shape: weights of another version are refused."""
HOWS: tuple[How, ...] = ("mine", "hunt", "use", "craft", "smelt")
TIERS = ("wooden", "stone", "iron", "diamond", "golden")
TIMES = ("morning", "noon", "evening", "night")
BUCKETS = 48
"""That the names of objects and of biomes are hashed into."""
FAR = 64.0
FEATURES = len(HOWS) + len(TIERS) + len(TIMES) + 2 * BUCKETS + 10
HIDDEN = 64


class HorizonError(ValueError):
    """Weights of a selector cannot be used; the message says which, why, and what to do."""


def features(step: PlanStep, status: PlayerStatus) -> NDArray[np.float32]:
    """What the network reads: (FEATURES,), each about 0 to 1."""
    name = step.source or step.object
    far = status.seen.get(name)
    words = [float(step.how == how) for how in HOWS]
    words += [float(step.tool.startswith(tier)) for tier in TIERS]
    words += [float(status.time_of_day == time) for time in TIMES]
    for text in (name, status.biome):
        buckets = [0.0] * BUCKETS
        buckets[zlib.crc32(text.encode()) % BUCKETS] = 1.0
        words += buckets
    words += [
        float(far is not None),
        0.0 if far is None else math.log1p(far) / math.log1p(FAR),
        0.0 if far is None else min(1.0, far / FAR),
        math.log1p(step.count) / 5.0,
        status.height / 64.0,
        float(status.is_underground),
        status.health / 20.0,
        status.food / 20.0,
        float(not step.tool or status.inventory.get(step.tool, 0) > 0),
        math.log1p(len(status.seen)) / 5.0,
    ]
    return np.array(words, np.float32)


class Horizon(nn.Module):
    """Predicts log(1 + ticks) of a step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(B, FEATURES) to (B,)."""
        return self.layers(rows).squeeze(-1)

    @torch.inference_mode()
    def ticks(self, step: PlanStep, status: PlayerStatus) -> float:
        """Ticks of the clock until the step is done."""
        return math.expm1(float(self(torch.from_numpy(features(step, status))[None])))


def train_horizon(
    rows: NDArray[np.float32], ticks: NDArray[np.float64], seed: int = 0, epochs: int = 300, decay: float = 1e-2
) -> Horizon:
    """A network fitted to what steps took; the same data and seed give the same network.

    Args:
        rows: (samples, FEATURES).
        ticks: (samples,), 0 or more.
        seed: of the first weights and the order of samples.
        epochs: passes over the data.
        decay: of weights, for there are few samples.

    Raises:
        ValueError: there are no samples.
    """
    if not len(rows):
        raise ValueError("there is nothing to learn from: no step was done")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Horizon()
    inputs, targets = torch.from_numpy(rows), torch.from_numpy(np.log1p(ticks)).float()
    last = network.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.constant_(last.bias, float(targets.mean()))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=decay)
    for _ in range(epochs):
        for chosen in torch.randperm(len(inputs), generator=generator).split(64):
            optimizer.zero_grad()
            # Few games go very wrong: absolute errors keep them from ruling.
            nn.functional.huber_loss(network(inputs[chosen]), targets[chosen]).backward()
            optimizer.step()
    return network


def horizon_bytes(network: Horizon, world_id: str) -> bytes:
    """The content of a file of weights."""
    tensors = {name: part.contiguous() for name, part in network.state_dict().items()}
    header = {"version": VERSION, "world": world_id}
    # In one entry: safetensors writes several in no fixed order, and the same network is to give the same bytes.
    return safetensors.torch.save(
        tensors, metadata={"horizon": json.dumps(header | {"sha256": _digest(header, tensors)})}
    )


def load_horizon(path: Path, world_id: str) -> Horizon:
    """The network whose weights lie in a file.

    Raises:
        HorizonError: there is none, it is damaged, or of another version or world.
    """
    again = "train it: palaestra selector"
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise HorizonError(f"{path}: the selector's weights cannot be read ({error.strerror}); {again}") from error
    try:
        length = int.from_bytes(data[:8], "little")
        metadata: dict[str, Any] = json.loads(data[8 : 8 + length])["__metadata__"]
        header: dict[str, Any] = json.loads(metadata["horizon"])
        told = header.pop("sha256", None)
        tensors = safetensors.torch.load(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError, OverflowError) as error:
        raise HorizonError(f"{path} is damaged, or holds no weights of a selector; {again}") from error
    if header.get("version") != VERSION:
        raise HorizonError(f"{path} is of version {header.get('version')} of the selector, not {VERSION}; {again}")
    if header.get("world") != world_id:
        raise HorizonError(f"{path} is of {header.get('world')}, not {world_id}; {again}")
    network = Horizon()
    if told != _digest(header, tensors):
        raise HorizonError(f"{path} is damaged: its checksum does not match its content; {again}")
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise HorizonError(f"{path} does not fit the selector's network; {again}") from error
    return network


def estimator(path: Path, world_id: str) -> Callable[[PlanStep, PlayerStatus], float]:
    """How far steps are from done by the weights in a file, see `load_horizon`."""
    return load_horizon(path, world_id).ticks


def rank_correlation(told: Sequence[float], took: Sequence[float]) -> float | None:
    """Kendall's tau-b of what was foretold and what it took; None where either says nothing."""
    from scipy.stats import kendalltau

    if len(set(told)) < 2 or len(set(took)) < 2:
        return None
    found: Any = kendalltau(told, took)
    return float(found.statistic)


def _digest(header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
