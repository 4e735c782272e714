"""A heap for compiled searches: `keys` and `heap` are arrays of the same length, the least key first."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable


@register_jitable
def _swap(scratch: Any, a: Any, b: Any) -> None:
    key, node = scratch.keys[a], scratch.heap[a]
    scratch.keys[a], scratch.heap[a] = scratch.keys[b], scratch.heap[b]
    scratch.keys[b], scratch.heap[b] = key, node


@register_jitable
def push(scratch: Any, size: Any, key: Any, node: Any) -> Any:
    """Adds a node; gives how many entries there are then. One that no longer fits is left out."""
    if size >= len(scratch.heap):
        return size
    scratch.keys[size], scratch.heap[size] = key, node
    at = size
    while at > 0 and scratch.keys[(at - 1) // 2] > scratch.keys[at]:
        _swap(scratch, at, (at - 1) // 2)
        at = (at - 1) // 2
    return size + 1


@register_jitable
def pop(scratch: Any, size: Any) -> Any:
    """Takes the least; gives its node. The heap has `size` - 1 entries afterwards."""
    node = scratch.heap[0]
    size -= 1
    scratch.keys[0], scratch.heap[0] = scratch.keys[size], scratch.heap[size]
    at = 0
    while True:
        least = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and scratch.keys[child] < scratch.keys[least]:
                least = child
        if least == at:
            return node
        _swap(scratch, at, least)
        at = least
