"""One trial in several processes: the first leads, the others do to their shares what it does to its own.

The leader alone has the run folder, asks teachers, evaluates and reports. What it tells the others is plain data.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from palaestra_agents.base import ActorOutput, Agent, AgentConfig, EpisodeListener
from palaestra_agents.groups import ALONE, Group, GroupError
from palaestra_worlds.base import Task, World
from palaestra_worlds.registry import AGENTS

from palaestra import tree
from palaestra.build import make_agent, make_world
from palaestra.measured import MeasuredWorld
from palaestra.spec import RunSpec, SpecError
from palaestra.worker import stop_on_signals, torch_threads

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

ALIKE = ("trial", "reset", "draw", "load", "restore")
"""Orders that a process carries out alone: what fails in one of them fails in the leader too, or is told later."""


class Leader:
    """Process 0 of a group; alone, it has nobody to tell anything.

    Attributes:
        group: the processes.
        stop: is set when one of the others was told to stop.
    """

    def __init__(self, group: Group = ALONE) -> None:
        self.group = group
        self.stop = threading.Event()
        self._waited_for = False

    def check(self, spec: RunSpec) -> None:
        """Refuses what the processes cannot share, before anything is built.

        Raises:
            SpecError: an arm's environments, teacher or agent cannot be shared.
        """
        for name in spec.arm_names:
            arm = spec.arm(name)
            try:
                self.group.share(arm.world.num_envs)
            except GroupError as error:
                raise SpecError(f"arm '{name}': {error}") from error
            if arm.teacher is not None and arm.teacher.onlooking is not None:
                raise SpecError(
                    f"arm '{name}' cannot learn in {self.group.size} processes: teacher '{arm.teacher.kind}' looks on, "
                    "and would see the environments of one of them alone; run it without torchrun"
                )
            why_alone = getattr(AGENTS.load(arm.agent.kind), "why_alone", None)
            if why_alone is None:
                why = f"agent '{arm.agent.kind}' does not say that several processes can share it"
            else:
                why = why_alone(arm.agent.config)
            if why:
                raise SpecError(
                    f"arm '{name}' cannot learn in {self.group.size} processes: {why}, or run it without torchrun"
                )

    def build(self, spec: RunSpec, arm: ArmSpec, seed: int) -> tuple[MeasuredWorld, Agent]:
        """World and agent of a trial, of which the others now have their shares.

        Raises:
            ValueError: they cannot be built.
        """
        if self.group.size == 1:
            world = MeasuredWorld(make_world(arm), arm.budget.steps)
            return world, make_agent(arm, world, seed)
        self.tell("trial", spec=spec.to_yaml(), arm=arm.name, seed=seed)
        share = self.group.share(arm.world.num_envs)
        world = LedWorld(make_world(arm, share.count), arm.budget.steps, self)
        return world, LedAgent(make_agent(arm, world, seed, self.group), self)

    def tell(self, do: str, **what: Any) -> None:
        """Has the others do something."""
        self._waited_for = True
        self.group.broadcast(pack({"do": do, **what}))
        self._waited_for = False

    def end(self) -> None:
        """Lets the others go from `follow`; those that still wait for something of this process notice when it ends."""
        if self.group.joined and not self._waited_for:
            self.tell("end")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Inside, processes wait for one another: an error of the leader alone would leave the others waiting.

        Raises:
            GroupError: instead of errors that the others have not met too.
        """
        self._waited_for = True
        try:
            yield
        except GroupError:
            raise
        except FloatingPointError:
            self._waited_for = False
            raise
        except Exception as error:
            raise GroupError(
                f"process 0 failed while the others waited for it: {type(error).__name__}: {error}"
            ) from error
        self._waited_for = False


class LedWorld(MeasuredWorld):
    """The leader's share of a world. What is done to it as a whole is done to all shares, and it counts for all.

    Args:
        inner: has the share's environments.
        budget: steps over which visits are told apart.
        leader: tells the others.
    """

    def __init__(self, inner: World, budget: int, leader: Leader) -> None:
        super().__init__(inner, budget, leader.group.size)
        self._leader = leader

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """`seed` has one for each environment of all shares."""
        assert isinstance(seed, Sequence)
        self._leader.tell("reset", seed=list(seed))
        return super().reset(seed=seed[: self.num_envs], options=options)

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        plain = None if tasks is None else [task.model_dump(mode="json") for task in tasks]
        self._leader.tell("draw", tasks=plain, weights=weights)
        super().draw_from(tasks, weights)

    def snapshot(self) -> bytes:
        """Of all shares."""
        self._leader.tell("snapshot")
        with self._leader.together():
            return pack(self._leader.group.collect(super().snapshot()))

    def restore(self, data: bytes) -> None:
        snapshots = unpack(data)
        self._leader.tell("restore", snapshots=snapshots)
        super().restore(snapshots[0])
        self._leader.tell("restarted")
        with self._leader.together():
            counts = self._leader.group.collect(pack(self.restarted_everywhere))
            self.restarted_everywhere = sum(map(unpack, counts))


class LedAgent:
    """The leader's agent, which learns together with those of the others."""

    Config: ClassVar[type[AgentConfig]] = AgentConfig

    def __init__(self, agent: Agent, leader: Leader) -> None:
        self._agent = agent
        self._leader = leader
        self.device = agent.device

    def initial_state(self, num_envs: int) -> torch.Tensor | None:
        return self._agent.initial_state(num_envs)

    def act(
        self,
        observations: dict[str, Any],
        state: torch.Tensor | None,
        *,
        greedy: bool = False,
        generator: torch.Generator | None = None,
    ) -> ActorOutput:
        return self._agent.act(observations, state, greedy=greedy, generator=generator)

    def train_iteration(
        self, world: MeasuredWorld, progress: float, on_episodes: EpisodeListener | None = None
    ) -> dict[str, float]:
        self._leader.tell("iterate", progress=progress, steps=world.steps)
        with self._leader.together():
            metrics = self._agent.train_iteration(world, progress, on_episodes)
            for data in self._leader.group.collect(b"")[1:]:
                found = unpack(data)
                world.take_over(found["counts"])
                if found["stop"]:
                    self._leader.stop.set()
        return metrics

    def state_dict(self) -> dict[str, Any]:
        self._leader.tell("state")
        with self._leader.together():
            return self._agent.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._leader.tell("load", state=state)
        self._agent.load_state_dict(state)


# ---------------------------------------------------------------------------------------------- the others


def follow(group: Group) -> None:
    """What the other processes do: whatever the leader tells them, until it lets them go.

    SIGINT and SIGTERM are passed on to the leader, who saves after the iteration.

    Raises:
        GroupError: the leader or another process is gone, or this one failed where the leader did not.
    """
    group.join()
    with stop_on_signals() as stop:
        follower = _Follower(group, stop)
        while (order := unpack(group.broadcast()))["do"] != "end":
            follower.obey(order)


class _Follower:
    """One of the processes that do not lead, and its share of the trial that is going on."""

    def __init__(self, group: Group, stop: threading.Event) -> None:
        self._group = group
        self._stop = stop
        self._world: MeasuredWorld | None = None
        self._agent: Agent | None = None
        self._spec: RunSpec | None = None
        self._threads = 1
        self._failure: Exception | None = None

    def obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "trial":
            self._failure, self._spec = None, RunSpec.from_yaml(order["spec"], "spec.yaml")
            self._threads = self._spec.threads
        if self._failure is not None:
            why = f"{type(self._failure).__name__}: {self._failure}"
            raise GroupError(f"process {self._group.rank} failed where process 0 did not: {why}") from self._failure
        try:
            with torch_threads(self._threads):
                self._carry_out(order)
        except GroupError:
            raise
        except Exception as error:
            # The leader, to whom the same has happened, gives this trial up and goes on with the next.
            if order["do"] not in ALIKE and not isinstance(error, FloatingPointError):
                raise GroupError(f"process {self._group.rank} failed: {type(error).__name__}: {error}") from error
            self._failure = error

    def _carry_out(self, order: dict[str, Any]) -> None:
        if order["do"] == "trial":
            self._build(order["arm"], order["seed"])
            return
        world, agent, group = self._world, self._agent, self._group
        assert world is not None
        assert agent is not None
        match order["do"]:
            case "reset":
                first = group.rank * world.num_envs
                world.reset(seed=order["seed"][first : first + world.num_envs])
            case "draw":
                tasks = order["tasks"]
                world.draw_from(tasks and [world.task_space.model_validate(task) for task in tasks], order["weights"])
            case "iterate":
                world.steps = order["steps"]
                agent.train_iteration(world, order["progress"])
                group.collect(pack({"counts": world.hand_over(), "stop": self._stop.is_set()}))
            case "state":
                agent.state_dict()
            case "load":
                agent.load_state_dict(order["state"])
            case "snapshot":
                group.collect(world.snapshot())
            case "restore":
                world.restore(order["snapshots"][group.rank])
            case "restarted":
                group.collect(pack(world.restarted_everywhere))

    def _build(self, name: str, seed: int) -> None:
        if self._world is not None:
            self._world.close()
        self._world = self._agent = None
        assert self._spec is not None
        arm = self._spec.arm(name)
        share = self._group.share(arm.world.num_envs)
        self._world = MeasuredWorld(make_world(arm, share.count), arm.budget.steps, self._group.size)
        self._agent = make_agent(arm, self._world, seed, self._group)


# ---------------------------------------------------------------------------------------------- plain data


def pack(value: Any) -> bytes:
    """What `tree.encode` takes, as bytes: the length of the JSON, the JSON, the tensors."""
    structure, tensors = tree.encode(value)
    text = json.dumps(structure, allow_nan=False).encode()
    return len(text).to_bytes(8, "little") + text + safetensors.torch.save(tensors)


def unpack(data: bytes) -> Any:
    """What `pack` was given."""
    end = 8 + int.from_bytes(data[:8], "little")
    return tree.decode(json.loads(data[8:end]), safetensors.torch.load(data[end:]))
