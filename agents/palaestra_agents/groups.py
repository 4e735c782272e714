"""Processes that learn together, each from its own share of the environments; one that is alone shares with nobody.

All of them do the same in the same order, and what they compute from numbers of all of them is the same in each.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

LONGEST_WAIT = timedelta(hours=24)
"""What one may wait for another, who evaluates or asks a teacher meanwhile. A process that ends is noticed at once."""


class GroupError(RuntimeError):
    """Processes cannot learn together, or one of them is gone; the message says what to do."""


@dataclass(frozen=True)
class Share:
    """The environments that one process steps, out of a batch that all step together.

    Attributes:
        first: number of the first of them.
        count: how many, in a row.
        total: how many all processes have.
    """

    first: int
    count: int
    total: int

    @property
    def columns(self) -> slice:
        return slice(self.first, self.first + self.count)

    def own(self, rows: torch.Tensor) -> torch.Tensor:
        """The numbers that rows of the whole batch have in this share's, those of others left out.

        Args:
            rows: int64 (B,); row t * total + i belongs to environment i.

        Returns:
            int64 (up to B,), in the same order; row t * count + i - first for each row of this share.
        """
        if self.count == self.total:
            return rows
        row, environment = rows // self.total, rows % self.total - self.first
        mine = (environment >= 0) & (environment < self.count)
        return row[mine] * self.count + environment[mine]


class Group:
    """This process among those that learn together.

    Args:
        rank: its number.
        size: how many there are; 1: everything that is shared is its own.
        local_rank: its number on its machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self.joined = False

    def join(self) -> None:
        """Meets the others, if it has not yet. Tensors on CPUs go by gloo from then on, those on GPUs by NCCL.

        Raises:
            GroupError: the processes do not find one another.
        """
        if self.size > 1 and not self.joined:
            both = torch.cuda.is_available() and distributed.is_nccl_available()
            with _peers():
                store, rank, size = next(rendezvous("env://", timeout=LONGEST_WAIT))
                distributed.init_process_group(
                    "cpu:gloo,cuda:nccl" if both else "gloo",
                    store=PrefixStore(f"start {_starts()}", store),
                    rank=rank,
                    world_size=size,
                    timeout=LONGEST_WAIT,
                )
            self.joined = True

    def share(self, total: int) -> Share:
        """This process's part of so many environments.

        Raises:
            GroupError: they cannot be divided evenly.
        """
        if total % self.size:
            below, above = total // self.size * self.size, -(-total // self.size) * self.size
            nearest = f"{below:,} or {above:,}" if below else f"{above:,}"
            raise GroupError(
                f"world.num_envs is {total:,}, which {self.size} processes cannot share evenly; make it {nearest}"
            )
        count = total // self.size
        return Share(self.rank * count, count, total)

    def sum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """Adds up, in place, the tensors of this shape of all processes."""
        if self.size > 1:
            with _peers():
                distributed.all_reduce(tensor)
        return tensor

    def mean(self, tensor: torch.Tensor) -> torch.Tensor:
        """The mean over processes."""
        return tensor if self.size == 1 else self.sum_(tensor.clone()) / self.size

    def sum_gradients(self, parameters: Iterator[torch.nn.Parameter]) -> None:
        """Adds up the gradients of all processes, in one message."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        sums = self.sum_(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, sums.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def gather(self, tensor: torch.Tensor, dim: int) -> torch.Tensor:
        """The tensors of this shape of all processes side by side along a dimension, in the order of their ranks."""
        if self.size == 1:
            return tensor
        mine = tensor.contiguous()
        # Not every backend sends truth values.
        plain = mine.view(torch.uint8) if mine.dtype == torch.bool else mine
        parts = [torch.empty_like(plain) for _ in range(self.size)]
        with _peers():
            distributed.all_gather(parts, plain)
        return torch.cat(parts, dim=dim).view(tensor.dtype)

    def broadcast(self, data: bytes = b"") -> bytes:
        """What process 0 gives, for all; from the others `data` is not looked at."""
        if self.size == 1:
            return data
        length = torch.tensor([len(data)])
        with _peers():
            distributed.broadcast(length, 0)
            buffer = _to_tensor(data) if self.rank == 0 else torch.empty(int(length), dtype=torch.uint8)
            distributed.broadcast(buffer, 0)
        return _to_bytes(buffer)

    def collect(self, data: bytes) -> list[bytes]:
        """What each process gives, in the order of their ranks, for process 0; for the others an empty list."""
        if self.rank > 0:
            with _peers():
                distributed.send(torch.tensor([len(data)]), 0)
                distributed.send(_to_tensor(data), 0)
            return []
        return [data, *(self._receive(rank) for rank in range(1, self.size))]

    def _receive(self, rank: int) -> bytes:
        length = torch.zeros(1, dtype=torch.int64)
        with _peers():
            distributed.recv(length, rank)
            buffer = torch.empty(int(length), dtype=torch.uint8)
            distributed.recv(buffer, rank)
        return _to_bytes(buffer)

    def leave(self) -> None:
        """Ends the connections to the others."""
        if self.joined:
            distributed.destroy_process_group()


ALONE = Group()


def started_group(environment: Mapping[str, str] = os.environ) -> Group:
    """The group that `torchrun` started this process in (it says so in RANK, WORLD_SIZE and LOCAL_RANK), or `ALONE`.

    Its processes have not met yet, see `Group.join`.
    """
    size = int(environment.get("WORLD_SIZE", "1"))
    if "RANK" not in environment or size == 1:
        return ALONE
    return Group(int(environment["RANK"]), size, int(environment.get("LOCAL_RANK", "0")))


def end_process(code: int = 0) -> NoReturn:
    """Ends this process, which has left its group, without what libraries do when a program ends.

    Threads of theirs that still run then abort it now and then (seen in one of some twenty runs: "terminate called
    without an active exception"), and `torchrun` takes that for a failure.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _starts() -> str:
    """How often `torchrun` has started the processes of this machine anew, if they are all there are."""
    # On one machine they find in its store what those before them left; on several each counts its own restarts.
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") if os.environ.get("GROUP_WORLD_SIZE") == "1" else "0"


@contextmanager
def _peers() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
        raise GroupError(
            f"process {rank} of {size} has lost another one, which ended by itself or is out of reach; start all again "
            "with --resume to go on from the last checkpoint"
        ) from error


def _to_tensor(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)


def _to_bytes(buffer: torch.Tensor) -> bytes:
    return buffer.numpy().tobytes()
