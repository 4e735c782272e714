"""Which part of what is seen an intrinsic reward looks at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray

from palaestra_agents.encoding import Encoded, ObservationEncoder


class View:
    """Some of the world's own observations, as numbers in a row; never subgoal or mission.

    Args:
        encoder: says where each part of an observation is.
        keys: of the parts that are looked at; none: all.

    Attributes:
        size: length of the rows.
        low, high: float32 (size,), bounds of the numbers; infinite where the world gives none.

    Raises:
        ValueError: a key is of no part that the agent sees.
    """

    def __init__(self, encoder: ObservationEncoder, keys: Sequence[str] = ()) -> None:
        known = [*encoder.parts, *([encoder.image_key] if encoder.image_key is not None else [])]
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise ValueError(f"intrinsic.of names {unknown[0]!r}, but what the agent sees is {', '.join(known)}")
        self.image_size = 0
        if encoder.image_shape is not None and (not keys or encoder.image_key in keys):
            self.image_size = int(np.prod(encoder.image_shape))
        chosen = [part for key, part in encoder.parts.items() if not keys or key in keys]
        columns = [column for part, _ in chosen for column in range(part.start, part.stop)]
        whole = columns == list(range(len(columns)))
        self._columns = slice(0, len(columns)) if whole else torch.tensor(columns, device=encoder.device)
        self.size = self.image_size + len(columns)
        low, high = [np.zeros(self.image_size)], [np.full(self.image_size, 255.0)]
        for part, space in chosen:
            count = part.stop - part.start
            low.append(space.low.ravel() if isinstance(space, Box) else np.zeros(count))
            high.append(space.high.ravel() if isinstance(space, Box) else np.ones(count))
        self.low, self.high = (np.concatenate(bound).astype(np.float32) for bound in (low, high))

    def split(self, observations: Encoded) -> tuple[NDArray[np.uint8] | None, NDArray[np.float32]]:
        """The image, uint8 (B, image_size), None where it is not looked at; and everything else, float32 (B, rest)."""
        numbers = np.ascontiguousarray(observations.dense[:, self._columns].cpu().numpy())
        if observations.image is None or not self.image_size:
            return None, numbers
        return observations.image.flatten(1).cpu().numpy(), numbers

    def rows(self, observations: Encoded) -> torch.Tensor:
        """float32 (B, size): the image's numbers as they are first, then everything else."""
        numbers = observations.dense[:, self._columns]
        if observations.image is None or not self.image_size:
            return numbers
        return torch.cat([observations.image.flatten(1).float(), numbers], dim=1)
