"""The folder of a transformers model: whether it is one, and what its answers depend on."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import lru_cache
from pathlib import Path

_READ = (".json", ".safetensors", ".jinja", ".txt", ".model")
"""Endings of the files that a model and its tokenizer are loaded from."""


def check_folder(folder: Path) -> None:
    """Finds what can be found wrong without loading the model.

    Raises:
        ValueError: a package is not installed, or the folder holds no model; the message says what to do.
    """
    missing = [name for name in ("transformers", "xgrammar") if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"backend 'local' needs {' and '.join(missing)}, not installed here: pip install 'palaestra[local]'"
        )
    if not folder.is_dir():
        raise ValueError(
            f"folder: there is no folder '{folder}'; give one that a transformers model was saved to "
            "(config.json, *.safetensors and the tokenizer's files)"
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file():
        raise ValueError(f"folder: '{folder}' holds no config.json, so it is no folder of a transformers model")
    if not weights:
        raise ValueError(
            f"folder: '{folder}' holds no *.safetensors; weights in other formats (.bin, .pt) are not loaded, because "
            "they can hold code: save the model anew as safetensors"
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ValueError(f"folder: '{folder}' holds no tokenizer; save the model's tokenizer into the same folder")
    _check_config(folder / "config.json")
    for path in weights:
        _check_weights(path)


def _check_config(path: Path) -> None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"folder: '{path}' is no configuration of a transformers model: {error!r}") from error
    if "auto_map" in config:
        raise ValueError(
            f"folder: the model in '{path.parent}' ({kind}) brings Python code of its own, which is never run; serve "
            "it with a server of your choice, and use backend: openai"
        )


def _check_weights(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise ValueError(f"folder: '{path}' is damaged or incomplete: {error}; copy it anew") from error


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that tell the model's weights and settings, wherever the folder lies.

    Reads all of it once in a process, about a second for a gigabyte.

    Raises:
        OSError: a file cannot be read.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in _READ and path.is_file())
    total = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        total.update(f"{path.name} {_digest(path, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return total.hexdigest()[:16]


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
