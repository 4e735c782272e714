"""Checkpoints: the whole state of a trial in one safetensors file, written atomically, checked when read.

The file's own metadata hold the header and the tree of everything that is no tensor, and a digest over it all.
Nothing in a checkpoint is executed when it is loaded, wherever it comes from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError

from palaestra import tree
from palaestra.store import StoreError

FORMAT = 1
KEPT = 2
"""Checkpoints kept in a folder: the newest, and one before it in case the newest is damaged."""

_NAME = re.compile(r"iteration-(\d{9})\.safetensors")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used; the message names the file, what is wrong with it, and what to do."""


class CheckpointHeader(BaseModel):
    """What a checkpoint is of."""

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    world_id: str
    agent_kind: str
    arm: str
    seed: int
    iteration: int
    step: int
    config_hash: str
    """Of the arm's resolved settings."""


@dataclass
class Loaded:
    """What `load_newest` found.

    Attributes:
        header, state, path: None where no checkpoint could be used.
        problems: one sentence for each newer checkpoint that was passed over.
    """

    header: CheckpointHeader | None = None
    state: dict[str, Any] | None = None
    path: Path | None = None
    problems: list[str] = field(default_factory=list)


def path_of(folder: Path, iteration: int) -> Path:
    return Path(folder) / f"iteration-{iteration:09d}.safetensors"


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a trial's folder, the newest first."""
    if not Path(folder).is_dir():
        return []
    return sorted((path for path in Path(folder).iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file that, whatever happens meanwhile, is afterwards either the old one or the new one, whole.

    Raises:
        OSError: it could not be written; the old file stands, and no other is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def save(folder: Path, header: CheckpointHeader, state: dict[str, Any]) -> Path:
    """Writes a checkpoint and removes those that are not needed any more.

    Raises:
        StoreError: it could not be written; the earlier ones stand.
        TypeError: the state holds what cannot be kept.
    """
    data = to_bytes(header, state)
    path = path_of(folder, header.iteration)
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        for old in list_checkpoints(folder)[KEPT:]:
            old.unlink(missing_ok=True)
        for partial in folder.glob(".*.partial"):
            partial.unlink(missing_ok=True)
    return path


@contextmanager
def writing(path: Path, then: str = "resume the run: it goes on from the checkpoint before") -> Iterator[None]:
    """Raises StoreError, with what to do, where something inside cannot be written."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror or error}; make room on the disk (or raise the file size "
            f"limit, or make its folder writable), then {then}"
        ) from error


def take_over(source: Path, folder: Path, header: CheckpointHeader) -> CheckpointHeader:
    """Puts another trial's checkpoint in the place of a trial's own, as if it had been the taker's all along.

    This is the one way for a checkpoint to be used by an arm, a seed or settings that it was not made by; whoever calls
    it vouches that the taker's settings fit the state (same networks, same world). Loading stays as strict as ever.

    Args:
        source: path of the other's checkpoint.
        folder: of the taker's checkpoints; its others are removed once the new one is whole on the disk.
        header: of the taker; iteration and step are the other's.

    Returns:
        The header that the checkpoint has now.

    Raises:
        CheckpointError: the other's cannot be used, or is of another world or kind of agent.
        StoreError: it could not be written; the taker's own checkpoints stand.
    """
    theirs, state = load(source)
    check_header(theirs, str(source), world_id=header.world_id, agent_kind=header.agent_kind)
    taken = header.model_copy(update={"iteration": theirs.iteration, "step": theirs.step})
    path = path_of(folder, taken.iteration)
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, to_bytes(taken, state))
        for other in list_checkpoints(folder):
            if other != path:
                other.unlink(missing_ok=True)
    return taken


def to_bytes(header: CheckpointHeader, state: dict[str, Any]) -> bytes:
    """The content of a checkpoint file.

    Raises:
        TypeError: the state holds what cannot be kept.
    """
    structure, tensors = tree.encode(state)
    metadata = {"header": header.model_dump_json(), "tree": json.dumps(structure, allow_nan=False)}
    metadata["sha256"] = _digest(metadata["header"], metadata["tree"], tensors)
    return safetensors.torch.save(tensors, metadata=metadata)


def from_bytes(data: bytes, name: str) -> tuple[CheckpointHeader, dict[str, Any]]:
    """Header and state of a checkpoint file's content; `name` is for messages.

    Raises:
        CheckpointError: it is damaged, or no checkpoint, or one of a newer format.
    """
    metadata = _metadata(data, name)
    header_text, tree_text = metadata["header"], metadata["tree"]
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise _damaged(name, f"its tensors cannot be read ({error})") from error
    if _digest(header_text, tree_text, tensors) != metadata["sha256"]:
        raise _damaged(name, "its checksum does not match its content")
    try:
        raw = json.loads(header_text)
        if isinstance(raw, dict) and isinstance(raw.get("format"), int) and raw["format"] > FORMAT:
            raise CheckpointError(
                f"{name} has checkpoint format {raw['format']}; this Palaestra reads up to {FORMAT}: update Palaestra"
            )
        header = CheckpointHeader.model_validate(raw)
        state = tree.decode(json.loads(tree_text), tensors)
    except (ValueError, TypeError, RecursionError, ValidationError) as error:
        raise CheckpointError(f"{name} is no checkpoint of Palaestra: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{name} is no checkpoint of Palaestra: its state is a {type(state).__name__}")
    return header, state


def load(path: Path) -> tuple[CheckpointHeader, dict[str, Any]]:
    """Header and state of a checkpoint.

    Raises:
        CheckpointError: there is no such file, or it cannot be used.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    return from_bytes(data, str(path))


def load_newest(folder: Path, **expected: Any) -> Loaded:
    """The newest checkpoint of a folder that can be used; damaged ones are passed over and told.

    Args:
        folder: of one trial.
        expected: values that fields of the header must have.

    Raises:
        CheckpointError: a checkpoint is whole, but of something else than expected.
    """
    found = Loaded()
    for path in list_checkpoints(folder):
        try:
            header, state = load(path)
        except CheckpointError as error:
            found.problems.append(str(error))
            continue
        check_header(header, str(path), **expected)
        found.header, found.state, found.path = header, state, path
        return found
    return found


def check_header(header: CheckpointHeader, name: str, **expected: Any) -> None:
    """Raises CheckpointError unless the header's fields have the expected values."""
    words = {"world_id": "world", "agent_kind": "agent", "config_hash": "settings", "arm": "arm", "seed": "seed"}
    for key, value in expected.items():
        actual = getattr(header, key)
        if actual != value:
            raise CheckpointError(
                f"{name} is of {words.get(key, key)} {actual}, not {value}; use it with what it was made by, or remove "
                f"it to start anew"
            )


def _metadata(data: bytes, name: str) -> dict[str, str]:
    """The metadata of a safetensors file: 8 bytes of length, then JSON of that length, then the tensors."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise _damaged(name, "it is cut off" if data else "it is empty")
    try:
        parsed = json.loads(data[8 : 8 + length])
        metadata = parsed["__metadata__"]
        found = {key: metadata[key] for key in ("header", "tree", "sha256")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(name, "its header cannot be read, or it is no checkpoint of Palaestra") from error
    if not all(isinstance(value, str) for value in found.values()):
        raise _damaged(name, "its header is malformed")
    return found


def _digest(header: str, structure: str, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for text in (header, structure):
        digest.update(f"{len(text)}:".encode())
        digest.update(text.encode("utf-8", "surrogatepass"))
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{len(name)}:{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode("utf-8", "surrogatepass"))
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()


def _damaged(name: str, what: str) -> CheckpointError:
    return CheckpointError(
        f"{name} is damaged: {what}; remove it, and resuming the run goes on from the checkpoint before"
    )
