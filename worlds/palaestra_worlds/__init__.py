"""Batched worlds for reinforcement learning, exact against their reference packages."""

from palaestra_worlds.base import Task, TaskError, World, WorldEntry, WorldProvider
from palaestra_worlds.registry import make

__all__ = ["Task", "TaskError", "World", "WorldEntry", "WorldProvider", "make"]
