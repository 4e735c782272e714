"""`palaestra eval`: plays held-out levels with trained agents, without their teachers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palaestra.cli.errors import CommandError, refusing
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import find_trained

if TYPE_CHECKING:
    from palaestra_worlds.base import World

    from palaestra.checkpoint import CheckpointHeader
    from palaestra.evaluation import Evaluation
    from palaestra.run import Run

EXAMPLES = (
    "palaestra eval runs/beacons-main-1a2b3c4d",
    "palaestra eval beacons-main-1a2b3c4d --arm taught --seed 0 --episodes 1000",
    "palaestra eval beacons-main-1a2b3c4d --arm taught --world MiniGrid-KeyCorridorS3R2-v0",
    "palaestra eval agv-generated-1a2b3c4d --arm floors-100 --training-levels",
)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class _Found:
    """A checkpoint that was loaded."""

    header: CheckpointHeader
    state: dict[str, Any]


def evaluate(
    path: Annotated[Path, typer.Argument(metavar="FOLDER|CHECKPOINT", help="A run folder, or one checkpoint in it.")],
    arm: Annotated[str | None, typer.Option("--arm", help="Only this arm.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Only this seed.")] = None,
    episodes: Annotated[
        int | None, typer.Option("--episodes", min=1, max=1_000_000, help="Levels. [dim]default: as in the spec[/dim]")
    ] = None,
    world: Annotated[str | None, typer.Option("--world", metavar="ID", help="Play in another world.")] = None,
    training_levels: Annotated[
        bool, typer.Option("--training-levels", help="Levels that it trained on, in turns, to see the gap.")
    ] = False,
    greedy: Annotated[
        bool | None, typer.Option("--greedy/--drawn", help="The likeliest actions, or drawn ones.", show_default=False)
    ] = None,
) -> None:
    """Play held-out levels with trained agents, without their teachers."""
    run, checkpoint_path = find_trained(path)
    if checkpoint_path and (arm is not None or seed is not None):
        raise CommandError("a checkpoint is of one arm and one seed; leave out --arm and --seed")
    found = _one(run, checkpoint_path) if checkpoint_path else _newest(run, arm, seed)
    played = [(trained, _play(run, trained, world, episodes, greedy, training_levels)) for trained in found]
    measured = tuple(dict.fromkeys(name for _, result in played for name in result.numbers))
    right = ("steps learned", "success", "return", "length", *measured, "episodes")
    table = plain_table("arm", "seed", *right[:2], "95 % interval", *right[2:], right=("seed", *right))
    results: dict[str, list[float]] = {}
    for trained, result in played:
        low, high = _interval(result)
        table.add_row(
            trained.header.arm,
            str(trained.header.seed),
            f"{trained.header.step:,}",
            f"{result.success:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{result.return_mean:.3f}",
            f"{result.length_mean:.1f}",
            *(f"{result.numbers[name].mean():.3f}" for name in measured),
            f"{result.episodes:,}",
        )
        results.setdefault(trained.header.arm, []).append(result.success)
    out = console()
    out.print(f"World: {world or ', '.join(dict.fromkeys(trained.header.world_id for trained in found))}")
    out.print(table)
    for line in _over_seeds(results):
        out.print(line)
    levels = "Levels of training, in turns" if training_levels else "Held-out levels"
    out.print(f"{levels}, no teacher. Intervals: Wilson over episodes; over seeds: bootstrap.", style="dim")


def _one(run: Run, path: Path) -> list[_Found]:
    from palaestra import checkpoint

    header, state = checkpoint.load(path)
    settings = run.spec.arm(header.arm)
    checkpoint.check_header(header, str(path), world_id=settings.world.id, agent_kind=settings.agent.kind)
    return [_Found(header, state)]


def _newest(run: Run, arm: str | None, seed: int | None) -> list[_Found]:
    """The newest checkpoints of all trials, or of those of an arm or a seed."""
    from palaestra import checkpoint

    arms = run.spec.arm_names if arm is None else [run.spec.arm(arm).name]
    if seed is not None and seed not in run.spec.seed_list:
        raise CommandError(f"the run has no seed {seed}; it has: {', '.join(map(str, run.spec.seed_list))}")
    found, problems = [], []
    for name in arms:
        for number in run.spec.seed_list if seed is None else [seed]:
            loaded = checkpoint.load_newest(run.checkpoint_folder(name, number), arm=name, seed=number)
            problems += loaded.problems
            if loaded.header is not None and loaded.state is not None:
                found.append(_Found(loaded.header, loaded.state))
    if not found:
        why = problems[0] if problems else f"run it first: palaestra resume {run.folder}"
        raise CommandError(f"{run.folder} has no checkpoint that can be used; {why}")
    for problem in problems:
        typer.echo(f"palaestra: passed over: {problem}", err=True)
    return found


def _play(
    run: Run,
    trained: _Found,
    world_id: str | None,
    episodes: int | None,
    greedy: bool | None,
    training_levels: bool,
) -> Evaluation:
    from palaestra.build import make_agent, make_world
    from palaestra.checkpoint import CheckpointError
    from palaestra.evaluation import held_out_tasks, num_envs_for, play, training_tasks
    from palaestra.worker import torch_threads

    arm = run.spec.arm(trained.header.arm)
    episodes = episodes or arm.evaluation.episodes
    levels = arm.levels if training_levels else None
    if training_levels and levels is None:
        raise CommandError(
            f"arm '{arm.name}' has no levels of training to go back to: it had a new one in every episode; choose "
            "others with --arm"
        )
    with refusing(ValueError):
        own = make_world(arm, 1)
        agent = make_agent(arm, own, trained.header.seed)
    try:
        agent.load_state_dict(trained.state["agent"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint of arm '{arm.name}' with seed {trained.header.seed} does not fit its agent: {error}"
        ) from error
    if world_id is not None:
        arm = arm.model_copy(update={"world": arm.world.model_copy(update={"id": world_id})})
    with refusing(ValueError):
        world = make_world(arm, num_envs_for(episodes))
    try:
        if world_id is not None:
            _check_alike(own, world)
        with torch_threads(run.spec.threads):
            tasks = held_out_tasks(world, episodes) if levels is None else training_tasks(world, levels, episodes)
            return play(agent, world, tasks, greedy=arm.evaluation.greedy if greedy is None else greedy)
    finally:
        own.close()
        world.close()


def _check_alike(own: World, other: World) -> None:
    """Raises CommandError unless what an agent sees and does has the same form in both worlds."""
    from gymnasium import spaces

    def form(space: Any) -> Any:
        if isinstance(space, spaces.Dict):
            return {key: form(part) for key, part in space.spaces.items()}
        # What a mission says differs from world to world; it is text in all of them.
        return "text" if isinstance(space, spaces.Text) else space

    pairs = (
        ("sees", form(own.single_observation_space), form(other.single_observation_space)),
        ("can do", own.single_action_space, other.single_action_space),
    )
    for what, ours, theirs in pairs:
        if ours != theirs:
            raise CommandError(f"what an agent {what} in {other.id} is {theirs}, but it was trained with {ours}")


def _interval(result: Evaluation) -> tuple[float, float]:
    """Of the probability of success, over episodes."""
    from scipy.stats import binomtest

    interval = binomtest(int(result.successes.sum()), result.episodes).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _over_seeds(results: Mapping[str, Sequence[float]]) -> list[str]:
    from palaestra.statistics import bootstrap

    lines = []
    for arm, successes in results.items():
        if len(successes) > 1:
            mean = bootstrap(successes)
            lines.append(
                f"{arm}: mean success {mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f}) over {len(successes)} seeds"
            )
    return lines
