"""A compiled world's whole state as bytes: a zip of plain arrays and JSON, nothing that could run."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1


def pack_arrays(identity: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Everything that the next steps depend on, with what world it belongs to."""
    header = json.dumps({"format": FORMAT, "identity": identity})
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, header=np.frombuffer(header.encode(), dtype=np.uint8), **arrays)
    return stream.getvalue()


def unpack_arrays(data: bytes, identity: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """What `pack_arrays` packed.

    Raises:
        ValueError: the bytes are no snapshot, or one of another world.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop("header").tobytes())
        found, version = header["identity"], header["format"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"these bytes are no snapshot of a world: {error}") from error
    if version != FORMAT:
        raise ValueError(f"the snapshot has format {version}, this version reads format {FORMAT}")
    if found != json.loads(json.dumps(identity)):
        raise ValueError(f"the snapshot is of another world: {found} instead of {identity}")
    return arrays
