"""A world's whole state as bytes: a zip of plain arrays and JSON, nothing that could run."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.minigrid.state import NUM_SETTINGS

FORMAT = 1


def pack_snapshot(
    identity: dict[str, Any],
    groups: dict[str, NamedTuple],
    running_return: NDArray[np.float64],
    missions: list[str],
) -> bytes:
    """Everything that the next steps depend on, with what world it belongs to."""
    arrays = {f"{group}/{name}": array for group, values in groups.items() for name, array in values._asdict().items()}
    header = json.dumps({"format": FORMAT, "identity": identity, "missions": missions})
    stream = io.BytesIO()
    np.savez(
        stream,
        allow_pickle=False,
        **{**arrays, "running_return": running_return, "header": np.frombuffer(header.encode(), dtype=np.uint8)},
    )
    return stream.getvalue()


def unpack_snapshot(
    data: bytes, identity: dict[str, Any]
) -> tuple[dict[str, dict[str, NDArray[Any]]], NDArray[np.float64], list[str]]:
    """What `pack_snapshot` packed: arrays by group and name, running returns, missions.

    Raises:
        ValueError: the bytes are no snapshot, or one of another world.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop("header").tobytes())
        running_return = arrays.pop("running_return")
        found, version, missions = header["identity"], header["format"], header["missions"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"these bytes are no snapshot of a MiniGrid world: {error}") from error
    if version != FORMAT:
        raise ValueError(f"the snapshot has format {version}, this version reads format {FORMAT}")
    if found != json.loads(json.dumps(identity)):
        raise ValueError(f"the snapshot is of another world: {found} instead of {identity}")
    groups: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        group, _, field = name.partition("/")
        if field != "scratch":
            groups.setdefault(group, {})[field] = array
    for table in (groups["bank"], groups["table"]):
        # Older snapshots are of tasks that set nothing in their level.
        table.setdefault("settings", np.zeros((len(table["counts"]), NUM_SETTINGS), dtype=np.int32))
    return groups, running_return, missions
