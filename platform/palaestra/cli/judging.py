"""`palaestra judge`: people compare agents by two clips at a time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import CommandError, refusing
from palaestra.cli.models import model_of
from palaestra.cli.output import console, login, plain_table
from palaestra.cli.servers import ended_by_signals
from palaestra.cli.specs import find_run

if TYPE_CHECKING:
    from palaestra_teachers.base import LanguageModel

    from palaestra.judging.answers import Answers
    from palaestra.judging.clips import Contest, Contestant
    from palaestra.run import Run

EXAMPLES = (
    "palaestra judge runs/beacons-main-1a2b3c4d",
    "palaestra judge runs/house-1a2b3c4d runs/house-5e6f7a8b --arm taught --levels 5",
    "palaestra judge runs/beacons-main-1a2b3c4d --judge maria --answers house.sqlite",
    "palaestra judge runs/beacons-main-1a2b3c4d --backend openai --set model=gpt-5-mini --answers house.sqlite",
    "palaestra judge runs/house-1a2b3c4d --answers house.sqlite --keep house.demonstrations",
    "palaestra judge --ranking --answers house.sqlite",
)


def judge(
    folders: Annotated[list[Path] | None, typer.Argument(metavar="RUN...", help="Run folders.")] = None,
    arms: Annotated[list[str] | None, typer.Option("--arm", help="Only this arm. Repeatable.")] = None,
    levels: Annotated[int, typer.Option("--levels", min=1, max=100, help="Held-out levels that all play.")] = 3,
    task: Annotated[
        str | None,
        typer.Option(
            "--task", help="What they were to do, in words. [dim]default: what the world, or the run, says[/dim]"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--judge", metavar="NAME", help="Who answers. [dim]default: your login[/dim]")
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", help="A language model answers, of this backend (see `list models`).")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the backend. Repeatable.")
    ] = None,
    path: Annotated[Path, typer.Option("--answers", metavar="FILE", help="Where answers are kept.")] = Path(
        "judgements.sqlite"
    ),
    kept: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="Play levels of training, and keep them with the answers for a reward model to learn from.",
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0: any that is free.")] = 0,
    only_ranking: Annotated[bool, typer.Option("--ranking", help="Show what the answers say, and end.")] = False,
) -> None:
    """Compare agents two clips at a time, on a page in the browser, and rank them.

    The page listens on this machine only, and its address has a token. Clips show neither names nor scores. Each answer
    is kept at once; a later call with the same file goes on, and other judges can use it too. Ctrl-C shows the ranking.
    """
    from palaestra.judging.answers import Answers, AnswersError

    if only_ranking and not path.is_file():
        raise CommandError(f"there is no file {path}; --answers names the one that judges answered into")
    if settings and backend is None:
        raise CommandError("--set is a setting of a language model; name its backend with --backend")
    with refusing(AnswersError):
        answers = Answers(path)
    with closing(answers):
        if not only_ranking:
            if not folders:
                raise CommandError("name the runs whose agents are to be compared; see palaestra judge --help")
            model = None if backend is None else model_of(backend, settings or ())
            with refusing(ValueError):
                runs = [find_run(folder) for folder in folders]
                contest = contest_of(runs, arms or [], levels, task, is_kept=kept is not None)
            if model is None:
                _serve(contest, name or login(), answers, port)
            else:
                _ask(contest, model, name or model.name, answers)
            if kept is not None:
                _keep(contest, runs, arms or [], answers, kept)
        _show(answers)


def _keep(contest: Contest, runs: list[Run], arms: list[str], answers: Answers, path: Path) -> None:
    from palaestra.judging.clips import contestants
    from palaestra.judging.keeping import keep

    with refusing(ValueError):
        added = keep(contest, contestants(runs, arms), answers.all(), path)
    print(f"{added} comparison{'s' * (added != 1)} kept in {path}, for a reward model to learn from.")


def contest_of(runs: list[Run], arms: list[str], levels: int, task: str | None, is_kept: bool = False) -> Contest:
    """Everybody's clips; see `palaestra.judging.clips.contestants` for what is refused."""
    from palaestra.evaluation import FIRST_EVALUATION_LEVEL
    from palaestra.judging.clips import Contest, contestants, play
    from palaestra.judging.keeping import FIRST_KEPT_LEVEL

    first = FIRST_KEPT_LEVEL if is_kept else FIRST_EVALUATION_LEVEL

    compared = contestants(runs, arms)
    clips = {}
    for contestant in compared:
        print(f"Playing {levels} level{'s' * (levels > 1)}: {contestant.name}", flush=True)
        clips |= {(contestant.name, clip.level): clip for clip in play(contestant, levels, first)}
    spec = compared[0].run.spec
    told = _instruction(compared[0]) or spec.description or f"The task of {spec.name}."
    return Contest(task or told, clips)


def _instruction(contestant: Contestant) -> str:
    """What its world says is to be done, in words."""
    from palaestra.build import make_world

    world = make_world(contestant.run.spec.arm(contestant.arm), 1)
    world.close()
    return world.instruction


def _serve(contest: Contest, name: str, answers: Answers, port: int) -> None:
    """People answer on the page, until they end it."""
    from palaestra.judging.server import JudgeServer

    try:
        server = JudgeServer(contest, answers, name, port)
    except OSError as error:
        raise CommandError(f"cannot listen at port {port}: {error.strerror or error}; try another --port") from error
    with server, ended_by_signals(server):
        print(f"\nOpen {server.url}\nYou answer as '{name}', into {answers.path}. Ctrl-C ends it.", flush=True)
        server.serve_forever(poll_interval=0.1)
    print()


def _ask(contest: Contest, model: LanguageModel, name: str, answers: Answers) -> None:
    """A model answers all that it has not answered; Ctrl-C ends it, and what it answered is kept."""
    import asyncio

    from palaestra.judging.model import judge_all
    from palaestra.ledger import StoreLedger
    from palaestra.store import Store

    calls = answers.path.with_suffix(".calls.sqlite")
    print(f"Asking '{name}'; calls are kept in {calls}. Ctrl-C ends it.", flush=True)
    with Store(calls) as store:
        try:
            dropped = asyncio.run(judge_all(contest, model, StoreLedger(store, name), name, answers))
        except KeyboardInterrupt:
            print("Stopped; all answers up to here are kept.")
            return
    for why in dropped:
        print(f"No answer: {why}")


def _show(answers: Answers) -> None:
    from palaestra.judging.ranking import agreements, ranking

    given = answers.all()
    if not given:
        print("No answers yet.")
        return
    table = plain_table("agent", "compared", "won", "chance to win")
    for rank in ranking(given):
        chance = rank.chance
        table.add_row(
            rank.name,
            f"{rank.compared}",
            f"{rank.won:g}",
            f"{chance.value:.2f} ({chance.low:.2f} to {chance.high:.2f})",
        )
    console().print(table)
    judges = len({answer.judge for answer in given})
    print(f"{len(given)} answers by {judges} judge{'s' * (judges > 1)}, in {answers.path}")
    for agreement in agreements(given):
        one, other = agreement.judges
        print(f"{one} and {other} agree on {agreement.same:.0%} of {agreement.pairs} pairs")
