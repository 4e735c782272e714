"""Learned controllers: agents of a run's checkpoints that mine, approach or explore for a player."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from palaestra_agents.base import Agent
from palaestra_worlds.overworld.skills.goals import SKILLS, Skill

from palaestra import checkpoint
from palaestra.build import make_agent, make_world
from palaestra.kept import StudyError
from palaestra.run import Run, RunError, open_run
from palaestra.spec import SpecError
from palaestra.spec.models import ArmSpec


class AgentPolicy:
    """An agent as a controller of a player, see `palaestra_worlds.overworld.controllers.learned.Policy`.

    Args:
        agent: trained in a world of the skill.
        greedy: the likeliest action instead of a draw.
        seed: of the draws.
    """

    def __init__(self, agent: Agent, greedy: bool, seed: int = 0) -> None:
        self._agent = agent
        self._greedy = greedy
        self._state: torch.Tensor | None = None
        self._generator = torch.Generator(agent.device).manual_seed(seed)

    def begin(self) -> None:
        """A new attempt: a memory is emptied."""
        self._state = self._agent.initial_state(1)

    def choose(self, observations: Mapping[str, NDArray[Any]]) -> int:
        """The next action's number; observations are of one environment."""
        chosen = self._agent.act(dict(observations), self._state, greedy=self._greedy, generator=self._generator)
        self._state = chosen.state
        return int(chosen.actions[0])


@dataclass(frozen=True)
class Trained:
    """A checkpoint of a learned controller.

    Attributes:
        path: of the file.
        arm: that it is of.
        steps: that it learned for.
        agent: as it was then.
        digest: of the file, which a run that goes on may have removed by now.
    """

    path: Path
    arm: ArmSpec
    steps: int
    agent: Agent
    digest: str

    def policy(self, seed: int = 0) -> AgentPolicy:
        """It as a controller; acts as in evaluations, and draws by this seed."""
        return AgentPolicy(self.agent, self.arm.evaluation.greedy, seed)


def load_controller(path: Path, skill: Skill, settings: Mapping[str, Any]) -> Trained:
    """The controller in a run folder (of the arm that practises the skill, first seed), or in one checkpoint.

    Args:
        path: of either.
        skill: that it is to carry out.
        settings: of the world that it is to act in.

    Raises:
        StudyError: it is not there, is damaged, or learned in another world, another skill, or by other rules.
    """
    run, file = _found(path)
    if file is None:
        name = _arm_of(run, skill, path)
        seed = run.spec.seed_list[0]
        file = next(iter(checkpoint.list_checkpoints(run.checkpoint_folder(name, seed))), None)
        if file is None:
            raise StudyError(f"{path}: arm '{name}' has no checkpoint yet; train it: palaestra resume {run.folder}")
    try:
        data = file.read_bytes()
        header, state = checkpoint.from_bytes(data, str(file))
        arm = run.spec.arm(header.arm)
        checkpoint.check_header(header, str(file), world_id=arm.world.id, agent_kind=arm.agent.kind)
    except OSError as error:
        raise StudyError(f"controller of {skill}: {file} cannot be read: {error.strerror or error}") from error
    except (checkpoint.CheckpointError, SpecError) as error:
        raise StudyError(f"controller of {skill}: {error}") from error
    _check_world(file, arm, skill, settings)
    world = make_world(arm, 1)
    try:
        agent = make_agent(arm, world, header.seed)
        agent.load_state_dict(state["agent"])
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"controller of {skill}: {file} does not fit its agent: {error}") from error
    finally:
        world.close()
    return Trained(file, arm, header.step, agent, hashlib.sha256(data).hexdigest()[:16])


def skills_of(path: Path) -> dict[Skill, dict[str, Any]]:
    """The skills that a run's arms practise, and the settings of their worlds.

    Raises:
        StudyError: there is no such run, or it practises none.
    """
    run, _ = _found(path)
    worlds = [run.spec.arm(name).world.settings for name in run.spec.arm_names]
    found: dict[Skill, dict[str, Any]] = {
        skill: dict(one) for skill in SKILLS for one in worlds if one.get("skill") == skill
    }
    if not found:
        raise StudyError(f"{path}: no arm of this run practises a skill; train controllers: make overworld-controllers")
    return found


def _found(path: Path) -> tuple[Run, Path | None]:
    """The run that a path lies in, and the checkpoint if it is one."""
    where = path.expanduser()
    folder = next((one for one in (where, *where.absolute().parents) if (one / "spec.yaml").is_file()), None)
    if not where.exists() or folder is None:
        raise StudyError(f"{path}: there is no such run or checkpoint; train controllers: make overworld-controllers")
    try:
        run = open_run(folder)
    except (RunError, SpecError) as error:
        raise StudyError(f"{path}: {error}") from error
    if where.is_dir() and where != folder:
        file = next(iter(checkpoint.list_checkpoints(where)), None)
        if file is None:
            raise StudyError(f"{path}: there is no checkpoint in it; train it: palaestra resume {folder}")
        return run, file
    return run, None if where.is_dir() else where


def _arm_of(run: Run, skill: Skill, path: Path) -> str:
    for name in run.spec.arm_names:
        if run.spec.arm(name).world.settings.get("skill") == skill:
            return name
    raise StudyError(f"{path}: no arm of this run practises {skill}; it has {', '.join(run.spec.arm_names)}")


def _check_world(file: Path, arm: ArmSpec, skill: Skill, settings: Mapping[str, Any]) -> None:
    own = arm.world.settings
    for what, theirs, ours in (
        ("world", arm.world.id, "Overworld"),
        ("skill", own.get("skill", "none"), skill),
        ("rules", own.get("rules", "vanilla"), settings.get("rules", "vanilla")),
    ):
        if theirs != ours:
            raise StudyError(
                f"controller of {skill}: {file} learned with {what} {theirs}, not {ours}; give another checkpoint, or "
                f"train one: make overworld-controllers"
            )


def load_controllers(paths: Mapping[Skill, Path], settings: Mapping[str, Any]) -> dict[Skill, Trained]:
    """All controllers of a study, see `load_controller`."""
    return {skill: load_controller(path, skill, settings) for skill, path in paths.items()}


def controllers_identity(trained: Mapping[Skill, Trained]) -> dict[str, str]:
    """What tells games with these controllers from games with others: a digest of each checkpoint."""
    return {skill: one.digest for skill, one in sorted(trained.items())}
