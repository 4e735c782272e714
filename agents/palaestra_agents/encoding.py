"""Turns a world's observations into what networks read: an image of bytes, and everything else as one float vector."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Space
from numpy.typing import NDArray

from palaestra_agents.base import AgentInterface
from palaestra_agents.cells import MOST, CellInputs, bounded_inputs, list_inputs, minigrid_inputs

MISSION_BUCKETS = 64
LARGEST_GRID = 31
CELLS_PER_UNIT = 8.0
OBJECT_CHANNELS = (11, 6, 4)
"""Object types, colours and states that MiniGrid encodes cells with."""

Encoding = Literal["auto", "one_hot", "raw", "pixels"]


class Encoded(NamedTuple):
    """Observations as networks read them; the leading dimensions are the caller's."""

    image: torch.Tensor | None
    """uint8 (..., width, height, channels); None where there is no image, or where it is read raw by an MLP."""
    dense: torch.Tensor
    """float32 (..., dense_size): first the world's own features, then the subgoal, then the mission."""
    inputs: torch.Tensor | None = None
    """int16 (..., 1 + the most there can be): the inputs that the image's cells switch on (`cells.list_inputs`); None
    where the image is not read as one-hot, and where the device is no CPU."""

    def rows(self, index: torch.Tensor | slice | int) -> Encoded:
        """Selects along the first dimension."""
        return Encoded(*(None if part is None else part[index] for part in self))  # pyright: ignore[reportArgumentType]

    def flatten(self) -> Encoded:
        """(T, N, ...) to (T * N, ...)."""
        return Encoded(*(None if part is None else part.flatten(0, 1) for part in self))  # pyright: ignore

    def clone(self) -> Encoded:
        return Encoded(*(None if part is None else part.clone() for part in self))  # pyright: ignore

    def write(self, index: Any, other: Encoded) -> None:
        """Overwrites what `index` selects."""
        for mine, theirs in zip(self, other, strict=True):
            if mine is not None and theirs is not None:
                mine[index] = theirs


class ObservationEncoder:
    """Reads one kind of observation.

    Attributes:
        image_shape: (width, height, channels) of `Encoded.image`, or None.
        cells: how the image's cells are read as one-hot; None where they are not.
        scale: what pixel values are divided by.
        dense_size: length of `Encoded.dense`.
        world_size: how many of these, from the first, are the world's own features (no subgoal, no mission).
        parts: where each of the world's own features is in `Encoded.dense`, and its space, by key.

    Raises:
        ValueError: the observation space has a part that cannot be read.
    """

    def __init__(
        self,
        interface: AgentInterface,
        device: torch.device,
        encoding: Encoding = "auto",
        mission: Literal["ignored", "hashed"] = "ignored",
        ignore: Sequence[str] = (),
        flatten_raw: bool = True,
    ) -> None:
        self.device = device
        self.image_key: str | None = None
        self.image_shape: tuple[int, int, int] | None = None
        self.cells: CellInputs | None = None
        self.scale = 1.0
        self.world_size = 0
        self._readers: list[tuple[str, _Reader]] = []
        space = interface.observation_space
        self._is_dict = isinstance(space, Dict)
        parts = dict(space.spaces) if isinstance(space, Dict) else {"": space}
        unknown = [key for key in ignore if key not in parts]
        if unknown:
            raise ValueError(f"'ignore' names {unknown[0]!r}, but observations have only {', '.join(map(repr, parts))}")
        for key, part in parts.items():
            if key in ignore or key in ("subgoal", "mission"):
                continue
            self._add_part(key, part, encoding, flatten_raw)
        self.parts: dict[str, tuple[slice, Space[Any]]] = {}
        for key, reader in self._readers:
            self.parts[key] = slice(self.world_size, self.world_size + reader.size), parts[key]
            self.world_size += reader.size
        if "subgoal" in parts and "subgoal" not in ignore:
            self._readers.append(("subgoal", _subgoal_reader(parts["subgoal"], interface.subgoal_embeddings, device)))
        if "mission" in parts and mission == "hashed" and "mission" not in ignore:
            self._readers.append(("mission", _Mission(device)))
        self.dense_size = sum(reader.size for _, reader in self._readers)
        if self.image_key is None and self.dense_size == 0:
            raise ValueError("the policy would see nothing: every part of the observation is ignored")

    def _add_part(self, key: str, part: Space[Any], encoding: Encoding, flatten_raw: bool) -> None:
        if isinstance(part, Discrete):
            self._readers.append((key, _OneHot(int(part.n), int(part.start), self.device)))
            return
        if not isinstance(part, Box | MultiBinary):
            raise ValueError(f"observation {key!r} is a {type(part).__name__}, which this agent cannot read")
        how = _image_encoding(part, encoding)
        if len(part.shape) == 3 and not (how == "raw" and flatten_raw):
            if self.image_key is not None:
                raise ValueError(f"observations have two images, {self.image_key!r} and {key!r}; ignore one of them")
            if part.dtype != np.uint8:
                raise ValueError(
                    f"image {key!r} has values of type {part.dtype}; give `encoding: raw` and `network: mlp`"
                )
            width, height, channels = part.shape
            self.image_key, self.image_shape = key, (width, height, channels)
            self.cells = _cell_inputs(key, part) if how == "one_hot" else None
            self.scale = 255.0 if how == "pixels" else 1.0
            return
        self._readers.append((key, _Flat(int(np.prod(part.shape)), self.device)))

    def allocate(self, *leading: int) -> Encoded:
        """Storage for observations with these leading dimensions."""
        image = inputs = None
        if self.image_shape is not None:
            image = torch.zeros(*leading, *self.image_shape, dtype=torch.uint8, device=self.device)
            if self.cells is not None and self.device.type == "cpu":
                inputs = torch.zeros(*leading, 1 + int(np.prod(self.image_shape)), dtype=torch.int16)
        return Encoded(image, torch.zeros(*leading, self.dense_size, device=self.device), inputs)

    def encode(self, observations: Any, out: Encoded | None = None) -> Encoded:
        """Encodes a batch of N observations as a world returns them: a dict of arrays, or one array for a Box space."""
        parts = observations if self._is_dict else {"": observations}
        if out is None:
            out = self.allocate(len(next(iter(parts.values()))))
        if out.image is not None and self.image_key is not None:
            out.image.copy_(_tensor(parts[self.image_key]))
            if out.inputs is not None and self.cells is not None:
                list_inputs(out.image.flatten(1, 2), self.cells, out.inputs)
        start = 0
        for key, reader in self._readers:
            reader.read(parts[key], out.dense[:, start : start + reader.size])
            start += reader.size
        return out

    def select(self, observations: Any, rows: NDArray[np.int64]) -> Any:
        """The same observations, of these environments only."""
        if not self._is_dict:
            return observations[rows]
        return {
            key: tuple(part[i] for i in rows) if isinstance(part, tuple | list) else part[rows]
            for key, part in observations.items()
            if key == self.image_key or any(key == name for name, _ in self._readers)
        }


def final_observations(infos: dict[str, Any], rows: NDArray[np.int64], encoder: ObservationEncoder) -> Encoded:
    """The last observations of the episodes that ended in these environments.

    Worlds whose `infos["final_obs"]` offers `.batch` (arrays over all environments) are read without a loop.
    """
    final = infos["final_obs"]
    batch = getattr(final, "batch", None)
    if batch is not None:
        return encoder.encode(encoder.select(batch, rows))
    chosen = [final[i] for i in rows]
    if isinstance(chosen[0], dict):
        keys = chosen[0]
        stacked = {k: tuple(o[k] for o in chosen) if k == "mission" else np.stack([o[k] for o in chosen]) for k in keys}
        return encoder.encode(stacked)
    return encoder.encode(np.stack(chosen))


def _image_encoding(part: Box | MultiBinary, encoding: Encoding) -> str:
    if encoding != "auto" or len(part.shape) != 3:
        return encoding
    if part.dtype != np.uint8:
        return "raw"
    width, height, channels = part.shape
    if max(width, height) > LARGEST_GRID:
        return "pixels"
    return "one_hot" if channels == 3 or _most(part) is not None else "pixels"


def _most(part: Box | MultiBinary) -> tuple[int, ...] | None:
    """The largest number of each channel, where they are small enough to be kinds of things."""
    if not isinstance(part, Box):
        return None
    most = part.high.reshape(-1, part.shape[-1]).max(axis=0)
    return tuple(int(m) for m in most) if most.max() <= MOST else None


def _cell_inputs(key: str, part: Box | MultiBinary) -> CellInputs:
    most = _most(part)
    if most is None and part.shape[-1] != 3:
        raise ValueError(
            f"image {key!r} cannot be read as one-hot cells: it has {part.shape[-1]} channels with numbers beyond "
            f"{MOST}; use `encoding: raw` or `pixels`"
        )
    inputs = minigrid_inputs() if most is None else bounded_inputs(most)
    if part.shape[0] * part.shape[1] * inputs.features > np.iinfo(np.int16).max:
        raise ValueError(f"image {key!r} has too many cells to be read as one-hot; use `encoding: raw` or `pixels`")
    return inputs


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


class _Reader:
    """Writes one part of the observation into its columns of the dense vector."""

    size: int

    def read(self, part: Any, out: torch.Tensor) -> None:
        raise NotImplementedError


class _Flat(_Reader):
    """Numbers as they are."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.size = size

    def read(self, part: Any, out: torch.Tensor) -> None:
        out.copy_(_tensor(part).reshape(out.shape))


class _OneHot(_Reader):
    """A number in a fixed range."""

    def __init__(self, size: int, start: int, device: torch.device) -> None:
        self.size = size
        self.start = start
        self.table = torch.eye(size, device=device)

    def read(self, part: Any, out: torch.Tensor) -> None:
        index = _tensor(part).to(self.table.device, torch.int64).reshape(-1)
        out.copy_(self.table[index - self.start])


class _Position(_Reader):
    """Distances in cells, scaled, and their signs."""

    def __init__(self, size: int) -> None:
        self.axes = size
        self.size = 2 * size

    def read(self, part: Any, out: torch.Tensor) -> None:
        distances = _tensor(part).to(out.device, torch.float32).reshape(out.shape[0], self.axes)
        out[:, : self.axes] = distances / CELLS_PER_UNIT
        out[:, self.axes :] = distances.sign()


class _Rows(_Reader):
    """Rows of tables, side by side, one for each column of the part; -1 gives zeros."""

    def __init__(self, tables: Sequence[torch.Tensor], device: torch.device) -> None:
        self.tables = [torch.cat([torch.zeros_like(t[:1]), t]).to(device) for t in tables]
        self.size = sum(t.shape[1] for t in self.tables)

    def read(self, part: Any, out: torch.Tensor) -> None:
        index = _tensor(part).to(out.device, torch.int64).reshape(out.shape[0], -1) + 1
        start = 0
        for column, table in enumerate(self.tables):
            out[:, start : start + table.shape[1]] = table[index[:, column]]
            start += table.shape[1]


class _Mission(_Reader):
    """Counts of a text's words, hashed into buckets; each distinct text is hashed once."""

    size = MISSION_BUCKETS

    def __init__(self, device: torch.device) -> None:
        self.known: dict[str, int] = {}
        self.table = torch.zeros(0, self.size, device=device)
        self.last: Any = None
        self.index = torch.zeros(0, dtype=torch.int64, device=device)

    def read(self, part: Any, out: torch.Tensor) -> None:
        if part is not self.last:  # worlds hand out the same tuple until an episode begins
            for text in set(part) - self.known.keys():
                self.known[text] = len(self.known)
                self.table = torch.cat([self.table, hashed_words(text).to(self.table)[None]])
            self.index = torch.tensor([self.known[text] for text in part], device=self.table.device)
            self.last = part if isinstance(part, tuple) else None
        out.copy_(self.table[self.index])


def hashed_words(text: str) -> torch.Tensor:
    """float32 (MISSION_BUCKETS,): how many of the text's words fall into each bucket (CRC-32 of the word)."""
    counts = torch.zeros(MISSION_BUCKETS)
    for word in text.lower().replace(",", " ").split():
        counts[zlib.crc32(word.encode()) % MISSION_BUCKETS] += 1
    return counts


def _subgoal_reader(space: Space[Any], embeddings: NDArray[np.float32] | None, device: torch.device) -> _Reader:
    if embeddings is not None:
        return _Rows([torch.from_numpy(np.asarray(embeddings, dtype=np.float32))], device)
    if not isinstance(space, Box):
        raise ValueError(f"subgoals are a {type(space).__name__}, which this agent cannot read")
    if space.dtype.kind == "f":  # pyright: ignore[reportOptionalMemberAccess]
        return _Flat(int(np.prod(space.shape)), device)
    if space.shape == (1,):
        raise ValueError("subgoals are given in language, but no embeddings of the phrases (subgoal_embeddings)")
    if space.shape == (3,):
        return _Rows([torch.eye(n) for n in OBJECT_CHANNELS], device)
    return _Position(int(np.prod(space.shape)))
