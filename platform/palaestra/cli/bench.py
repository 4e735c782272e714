"""`palaestra bench`: measurements that users can repeat on their own machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from palaestra_worlds.overworld.skills.goals import Skill

    from palaestra.bench.results import BenchResults
    from palaestra.plans.controllers import Trained

app = typer.Typer(
    help="Measures speed beside what a user would pick instead, and exactness against the reference packages.",
    no_args_is_help=True,
)

DEFAULT_WORLD = "MiniGrid-DoorKey-8x8-v0"


def show(results: BenchResults, save: Sequence[Path], console: Console | None = None) -> None:
    """Prints every table of a measurement with its machine line, and writes it to files."""
    console = console or Console()
    for table in results.tables:
        shown = Table(title=table.title, title_justify="left", caption=table.note or None, caption_justify="left")
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    for line in results.notes:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(results.machine_line(), soft_wrap=True, highlight=False, markup=False)
    for path in save:
        results.save(path)
        console.print(f"saved to {path}", soft_wrap=True, highlight=False, markup=False)


def checked_saves(save: Sequence[Path]) -> Sequence[Path]:
    """Refuses a file name that nothing can be written to before hours are spent on measuring.

    Raises:
        typer.BadParameter: the suffix is neither .json nor .md, or the folder does not exist.
    """
    for path in save:
        if path.suffix not in (".json", ".md"):
            raise typer.BadParameter(f"{path}: results are written as .json or .md", param_hint="--save")
        if not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"{path}: there is no folder {path.absolute().parent}", param_hint="--save")
    return save


Rounds = Annotated[int, typer.Option(min=1, help="Turns of every contender; ratios are paired by round.")]
Seconds = Annotated[float, typer.Option(min=0.05, help="Seconds of one turn.")]
Save = Annotated[
    list[Path] | None,
    typer.Option(help="Also write figures, machine, versions and commit to FILE.json or FILE.md."),
]


@app.command(
    epilog="Examples: palaestra bench worlds · palaestra bench worlds --id Crafter --rounds 10 · "
    "palaestra bench worlds --save docs/results/worlds.md --save docs/results/worlds.json"
)
def worlds(
    id: Annotated[str, typer.Option(help="World to measure.")] = DEFAULT_WORLD,
    rounds: Rounds = 5,
    seconds: Seconds = 2.0,
    peers: Annotated[bool, typer.Option(help="Measure beside the peers; --no-peers: ours alone.")] = True,
    save: Save = None,
) -> None:
    """Steps per second beside minigrid, envpool, NAVIX and XLand-MiniGrid, of Crafter beside crafter and Craftax, of
    the Overworld beside what is reported of MineRL; what threads and resets cost."""
    from palaestra_worlds.registry import UnknownName

    from palaestra.bench.worlds import bench_worlds

    files = checked_saves(save or [])
    try:
        results = bench_worlds(id, rounds, seconds, peers)
    except UnknownName as error:
        raise typer.BadParameter(str(error), param_hint="--id") from error
    show(results, files)


@app.command(
    epilog="Examples: palaestra bench parity · palaestra bench parity --id Crafter --seeds 200 --steps 1000 · "
    "palaestra bench parity --minutes 600"
)
def parity(
    id: Annotated[
        list[str] | None, typer.Option(help="World to compare; repeatable. Default: Crafter and every MiniGrid id.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Environments of each id, seeded 0, 1, 2, ...")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each environment, over several episodes.")] = 300,
    minutes: Annotated[float, typer.Option(min=0.0, help="Go on with further seeds for so long; 0: one pass.")] = 0.0,
    save: Save = None,
) -> None:
    """Steps our worlds and the reference package side by side and stops at the first difference (exit code 1)."""
    from palaestra_worlds.registry import UnknownName
    from rich.progress import Progress

    from palaestra.bench.differences import ParityError
    from palaestra.bench.parity import bench_parity

    files = checked_saves(save or [])
    console = Console()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("comparing", total=None)

        def starting(name: str) -> None:
            progress.update(bar, description=f"comparing {name}")
            if not console.is_terminal:
                console.print(f"comparing {name}", soft_wrap=True)

        try:
            results = bench_parity(id, seeds, steps, minutes, starting)
        except (UnknownName, ValueError) as error:
            raise typer.BadParameter(str(error), param_hint="--id") from error
        except ParityError as error:
            progress.stop()
            console.print(f"different: {error}", style="bold red", soft_wrap=True, markup=False)
            raise typer.Exit(1) from error
    show(results, files, console)


@app.command(
    epilog="Examples: palaestra bench learner · palaestra bench learner --threads 1 --rounds 10 · "
    "palaestra bench learner --device cuda · palaestra bench learner --efficiency --save docs/results/learner.md"
)
def learner(
    id: Annotated[str, typer.Option(help="World to train in.")] = DEFAULT_WORLD,
    rounds: Rounds = 5,
    seconds: Seconds = 2.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of both learners. Default: their libraries' own choice.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="Of both learners: auto (a GPU where there is one), cpu or cuda. Worlds step on the CPU."),
    ] = "auto",
    efficiency: Annotated[
        bool, typer.Option("--efficiency", help="Also frames to a return of 0.9 over 5 seeds; takes minutes.")
    ] = False,
    defaults: Annotated[
        bool, typer.Option(help="Also against Stable-Baselines3's own epochs, batch and rollout; takes a minute.")
    ] = True,
    save: Save = None,
) -> None:
    """PPO training steps per second beside Stable-Baselines3, and where the time goes."""
    from palaestra_agents.ppo import choose_device
    from palaestra_worlds.registry import UnknownName

    from palaestra.bench.learner import MissingPeer, bench_learner

    files = checked_saves(save or [])
    console = Console()

    def tell(name: str, seed: int, frames: int | None) -> None:
        console.print(f"{name}, seed {seed}: {'not reached' if frames is None else f'{frames:,} frames'}")

    try:
        choose_device(device)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error
    try:
        results = bench_learner(id, rounds, seconds, threads, efficiency, tell, defaults, device)
    except UnknownName as error:
        raise typer.BadParameter(str(error), param_hint="--id") from error
    except MissingPeer as error:
        console.print(str(error), style="bold red", soft_wrap=True, markup=False)
        raise typer.Exit(1) from error
    show(results, files, console)


@app.command(
    epilog="Examples: palaestra bench mpc · palaestra bench mpc --planner mppi --planner ilqg --samples 64 · "
    "palaestra bench mpc --motion 0 --threads 1 · palaestra bench mpc --save docs/results/mpc.md"
)
def mpc(
    planner: Annotated[list[str] | None, typer.Option(help="Planner to measure; repeatable. Default: all.")] = None,
    robot: Annotated[list[str] | None, typer.Option(help="World of the robot; repeatable. Default: all.")] = None,
    samples: Annotated[list[int] | None, typer.Option(min=2, help="Rollouts of one iteration; repeatable.")] = None,
    rounds: Rounds = 5,
    seconds: Seconds = 1.0,
    motion: Annotated[
        float, typer.Option(min=0.0, help="Simulated seconds of one motion when costs are compared; 0: not compared.")
    ] = 3.0,
    seeds: Annotated[int, typer.Option(min=1, help="Motions of each planner.")] = 3,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of rollouts. Default: all processors.")] = None,
    save: Save = None,
) -> None:
    """Plans per second of the planners, what of that is MuJoCo's, and what cost they reach in equal time."""
    from rich.progress import Progress

    from palaestra.bench.mpc import MissingRobots, bench_mpc

    files = checked_saves(save or [])
    console = Console()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring", total=None)
        try:
            results = bench_mpc(
                planner or (),
                samples or (16, 64),
                rounds,
                seconds,
                motion,
                seeds,
                threads,
                lambda text: progress.update(bar, description=text),
                robot or (),
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--planner or --robot") from error
        except MissingRobots as error:
            progress.stop()
            console.print(str(error), style="bold red", soft_wrap=True, markup=False)
            raise typer.Exit(1) from error
    show(results, files, console)


@app.command(
    epilog="Examples: palaestra bench sac configs/agv/simple.yaml · palaestra bench sac agv/rooms --seeds 1 --minutes 5"
)
def sac(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="Whose world, budget and evaluation to use.")],
    arm: Annotated[str | None, typer.Option(help="Of which arm. [dim]default: the first[/dim]")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings, seeded 0, 1, 2, ...")] = 3,
    minutes: Annotated[float, typer.Option(min=0.01, help="Processor time of each training at most.")] = 10.0,
    save: Save = None,
) -> None:
    """Soft actor-critic of Stable-Baselines3 on a spec's world: an independent peer where actions are continuous."""
    from palaestra.bench.learner import MissingPeer, require_sb3
    from palaestra.cli.specs import find_spec
    from palaestra.spec import load_spec

    files = checked_saves(save or [])
    console = Console()
    try:
        require_sb3()
    except MissingPeer as error:
        console.print(str(error), style="bold red", soft_wrap=True, markup=False)
        raise typer.Exit(1) from error
    from palaestra.bench.sac import bench_sac

    loaded = load_spec(find_spec(spec))
    chosen = loaded.arm(arm or loaded.arm_names[0])
    try:
        results = bench_sac(chosen, loaded.name, range(seeds), minutes, lambda line: console.print(line, markup=False))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="SPEC") from error
    show(results, files, console)


@app.command(
    epilog="Examples: palaestra bench driver configs/agv/rooms.yaml · "
    "palaestra bench driver configs/agv/simple.yaml --world AGV-MuJoCo · "
    "palaestra bench driver configs/agv/simple.yaml --vehicles 4"
)
def driver(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="Whose AGV world to drive in.")],
    arm: Annotated[str | None, typer.Option(help="Of which arm. [dim]default: the first[/dim]")] = None,
    world: Annotated[str | None, typer.Option(metavar="ID", help="Drive in another world.")] = None,
    episodes: Annotated[int, typer.Option(min=1, max=10_000, help="Held-out levels.")] = 128,
    vehicles: Annotated[
        int | None, typer.Option(min=1, max=16, help="On each floor. [dim]default: as in the spec[/dim]")
    ] = None,
    save: Save = None,
) -> None:
    """The oracle's driver on a spec's AGV floors: an upper bound. Several vehicles also planned together."""
    from palaestra.bench.agv_driver import bench_driver
    from palaestra.cli.specs import find_spec
    from palaestra.spec import load_spec

    files = checked_saves(save or [])
    loaded = load_spec(find_spec(spec))
    chosen = loaded.arm(arm or loaded.arm_names[0])
    try:
        results = bench_driver(chosen, loaded.name, world, episodes, vehicles)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="SPEC") from error
    show(results, files)


@app.command(
    epilog="Examples: palaestra bench controllers runs/overworld-controllers-1a2b3c4d · "
    "palaestra bench controllers runs/overworld-controllers-1a2b3c4d --starts 100 --save controllers.md"
)
def controllers(
    run: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of the run that learned them.")],
    skills: Annotated[str | None, typer.Option(help="Which, commas between. [dim]default: all trained[/dim]")] = None,
    starts: Annotated[int, typer.Option(min=1, max=10_000, help="Held-out starts of each goal.")] = 50,
    save: Save = None,
) -> None:
    """Learned controllers of an Overworld beside the scripted ones, from the same held-out starts."""
    from palaestra.bench.controllers import bench_controllers
    from palaestra.cli.errors import refusing
    from palaestra.cli.studies import names_in
    from palaestra.kept import StudyError
    from palaestra.plans.controllers import load_controller, skills_of

    files = checked_saves(save or [])
    console = Console()
    with refusing(StudyError):
        known = skills_of(run)
        chosen: Collection[str] = names_in(skills, known, "skill") or known
        trained: dict[Skill, Trained] = {
            skill: load_controller(run, skill, known[skill]) for skill in known if skill in chosen
        }
    show(bench_controllers(trained, starts, lambda line: console.print(line, markup=False)), files, console)
