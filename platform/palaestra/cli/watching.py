"""`palaestra watch`: a trained agent at work, in the terminal or as a film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palaestra.cli.errors import CommandError, refusing
from palaestra.cli.output import console
from palaestra.cli.specs import find_trained

EXAMPLES = (
    "palaestra watch runs/beacons-main-1a2b3c4d",
    "palaestra watch beacons-main-1a2b3c4d --arm taught --level 1000003 --episodes 1",
    "palaestra watch beacons-main-1a2b3c4d --arm taught --output agent.mp4",
)


def watch(
    path: Annotated[Path, typer.Argument(metavar="FOLDER|CHECKPOINT", help="A run folder, or one checkpoint in it.")],
    arm: Annotated[str | None, typer.Option("--arm", help="Which arm. [dim]default: the first[/dim]")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Which seed. [dim]default: the first[/dim]")] = None,
    level: Annotated[
        int | None, typer.Option("--level", min=0, help="First level. [dim]default: the first held-out one[/dim]")
    ] = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, max=100, help="Levels, one after another.")] = 3,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a .gif, .webp or .mp4 instead.")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=60.0, help="Steps shown in a second.")] = 8.0,
    greedy: Annotated[
        bool | None, typer.Option("--greedy/--drawn", help="The likeliest actions, or drawn ones.", show_default=False)
    ] = None,
) -> None:
    """Watch a trained agent at work, in the terminal or as a film."""
    from palaestra.evaluation import FIRST_EVALUATION_LEVEL
    from palaestra.watch import Player, check_format, play_in_terminal, write_animation

    if output is not None:
        check_format(output)
        if not output.absolute().parent.is_dir():
            raise CommandError(f"{output} cannot be written: there is no folder {output.parent}")
    run, checkpoint_path = find_trained(path)
    if checkpoint_path is not None and arm is None:
        from palaestra.checkpoint import load

        arm = load(checkpoint_path)[0].arm
    first = FIRST_EVALUATION_LEVEL if level is None else level
    with refusing(ValueError):
        player = Player(run, arm or run.spec.arm_names[0], seed, checkpoint_path, greedy)
        try:
            films = [player.play(first + k) for k in range(episodes)]
        finally:
            player.close()
    print(f"Arm {player.arm.name}, seed {player.seed}, after {player.step:,} steps of learning, without its teacher")
    if output is None:
        play_in_terminal(films, console(), speed)
        return
    for film in films:
        print(film.caption)
    print(f"Written: {write_animation(films, output, speed)}")
