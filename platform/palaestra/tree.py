"""State as nested dicts and lists, to JSON plus tensors and back; nothing that is read can run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

# In the JSON, a number, string, boolean or null stands for itself; everything else is {mark: content}.
_DICT, _LIST, _TUPLE, _FLOAT, _INT = "dict", "list", "tuple", "float", "int"
_TENSOR, _ARRAY, _BYTES, _SCALAR = "tensor", "array", "bytes", "scalar"

LARGEST_PLAIN_INT = 2**53
"""Beyond it, integers are written as text, since JSON readers elsewhere would round them."""


def encode(value: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """A JSON-able tree, and the tensors that it names.

    Takes nested dicts (keys: strings, integers or booleans), lists, tuples, tensors, NumPy arrays and scalars of
    numbers, bytes, integers of any size, floats (also not finite), strings, booleans and None.

    Raises:
        TypeError: something else is in it; the message says where.
    """
    tensors: dict[str, torch.Tensor] = {}
    return _encode(value, "state", tensors), tensors


def decode(tree: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """What `encode` was given.

    Raises:
        ValueError: the tree is not one of `encode`'s.
    """
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if not isinstance(tree, dict) or len(tree) != 1:
        raise ValueError(f"the state's tree has an entry that is none: {str(tree)[:80]}")
    ((mark, content),) = tree.items()
    if mark == _DICT:
        return {decode(key, {}): decode(item, tensors) for key, item in content}
    if mark == _LIST:
        return [decode(item, tensors) for item in content]
    if mark == _TUPLE:
        return tuple(decode(item, tensors) for item in content)
    if mark == _FLOAT:
        return float(content)
    if mark == _INT:
        return int(content, 16)
    if content not in tensors:
        raise ValueError(f"the state's tree names '{content}', which is not among its tensors")
    tensor = tensors[content]
    if mark == _TENSOR:
        return tensor
    if mark == _ARRAY:
        return tensor.numpy()
    if mark == _SCALAR:
        return tensor.numpy()[()]
    if mark == _BYTES:
        return tensor.numpy().tobytes()
    raise ValueError(f"the state's tree has an entry of the unknown kind '{mark}'")


def _encode(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if abs(value) <= LARGEST_PLAIN_INT else {_INT: hex(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {_FLOAT: str(value)}
    if isinstance(value, dict):
        for key in value:
            if type(key) not in (str, int, bool):
                raise TypeError(f"{path} has a key of type {type(key).__name__}; only text and integers can be kept")
        return {
            _DICT: [[_encode(key, path, {}), _encode(item, f"{path}.{key}", tensors)] for key, item in value.items()]
        }
    if type(value) in (list, tuple):
        items = [_encode(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
        return {_LIST if type(value) is list else _TUPLE: items}
    mark, tensor = _as_tensor(value, path)
    name = path.encode("ascii", "backslashreplace").decode()
    while name in tensors:
        name += "'"
    tensors[name] = tensor
    return {mark: name}


def _as_tensor(value: Any, path: str) -> tuple[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.is_quantized:
            raise TypeError(f"{path} is a tensor of layout {value.layout}; only dense ones can be kept")
        # A copy, since tensors that share memory cannot be written.
        return _TENSOR, value.detach().cpu().contiguous().clone()
    if isinstance(value, bytes | bytearray | memoryview):
        return _BYTES, torch.from_numpy(np.frombuffer(bytes(value), dtype=np.uint8).copy())
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise TypeError(f"{path} is an array of dtype {value.dtype}; only numbers and booleans can be kept")
        mark = _ARRAY if isinstance(value, np.ndarray) else _SCALAR
        plain = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        return mark, torch.from_numpy(plain)
    raise TypeError(f"{path} is a {type(value).__name__}; it cannot be kept in a checkpoint")
