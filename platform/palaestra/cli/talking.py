"""`palaestra ask --world quadruped`: a conversation with a robot that moves meanwhile, and what is printed of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from palaestra.cli.errors import refusing
from palaestra.cli.output import console, plain_table
from palaestra.printing import printable

if TYPE_CHECKING:
    from palaestra.motions.conversation import Answered, Conversation, Moved
    from palaestra.motions.tasks import MotionStudy

SECONDS = 3.0
HINT = "Say what it should do, and correct it while it moves. Enter alone: how it is going. Ctrl-D ends."


def talk(
    study: MotionStudy, store: Path, said: Sequence[str] = (), seconds: float = SECONDS, film: Path | None = None
) -> None:
    """Has one conversation, typed in a terminal, read from a pipe line by line, or given.

    In a terminal the robot moves all the time; otherwise each line is followed for so many seconds before the next.

    Args:
        study: robot, teacher and planner.
        store: file that keeps the calls.
        said: instructions; without any they are read from standard input.
        seconds: of motion after each instruction, or until is told what was reached.
        film: where to write a film of the whole; its ending says the format.
    """
    import asyncio

    from palaestra_teachers.llm.build import build_model
    from palaestra_worlds.planning import PhysicsDiverged

    from palaestra.ledger import StoreLedger
    from palaestra.motions.conversation import Conversation
    from palaestra.store import Store
    from palaestra.watch import check_format

    if film is not None:
        check_format(film)
    with Store(store) as kept, refusing(ValueError):
        conversation = Conversation(study, build_model(study.teacher.model), StoreLedger(kept, "say"))
        try:
            asyncio.run(_talk(conversation, said, seconds))
        except KeyboardInterrupt:
            print()
        except PhysicsDiverged as error:
            print(f"The robot cannot go on: {error}")
        finally:
            _ended(conversation)
            conversation.close()
        if film is not None:
            _film(study, conversation, film)


async def _talk(conversation: Conversation, said: Sequence[str], seconds: float) -> None:
    from palaestra.motions.conversation import talk_in_turns, talk_live

    if said or not sys.stdin.isatty():
        lines = iter(said or sys.stdin)

        async def read() -> str | None:
            line = next(lines, None)
            return None if line is None else " ".join(line.split())

        await talk_in_turns(conversation, read, _tell, seconds)
    else:
        print(HINT)
        await talk_live(conversation, _typed, lambda news: _tell(news, typed=True), seconds)


async def _typed() -> str | None:
    """The next line that is typed into the terminal, which hands over whole lines; None at its end."""
    import asyncio

    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()
    loop.add_reader(sys.stdin, lambda: line.done() or line.set_result(sys.stdin.readline()))
    try:
        text = await line
    finally:
        loop.remove_reader(sys.stdin)
    return " ".join(text.split()) if text else None


def _tell(news: Answered | Moved, typed: bool = False) -> None:
    """Prints what is new; instructions that were typed stand there already."""
    from palaestra.motions.conversation import Moved

    if isinstance(news, Moved):
        _moved(news)
        return
    parts = [] if typed else [f"> {news.said}"]
    if news.lesson is None:
        parts.append(f"No program, the robot goes on as before: {news.why}")
    else:
        parts += [news.lesson.description, news.lesson.program.text()]
    print(printable("\n\n".join(text for text in parts if text)) + "\n", flush=True)


def _moved(news: Moved) -> None:
    if not news.reached:
        print("The robot stands, and waits for an instruction.")
        return
    after = f"after {news.seconds:.1f} s"
    table = plain_table("", "wanted", after, right=("wanted", after))
    for one in news.reached:
        # Adding nothing makes -0 a 0.
        table.add_row(one.measure, f"{one.target:.2f}", f"{round(one.achieved, 2) + 0.0:.2f}")
    console().print(table)


def _ended(conversation: Conversation) -> None:
    robot = conversation.robot
    if robot.seconds:
        print(f"{robot.seconds:.1f} s of motion in {robot.wall:.1f} s ({robot.seconds / robot.wall:.2f} x real time).")


def _film(study: MotionStudy, conversation: Conversation, path: Path) -> None:
    from palaestra.motions.films import NoFilms, write_film

    try:
        write_film(study, conversation.robot.recording, path)
        print(f"Written: {path}")
    except NoFilms as error:
        print(f"No film: {error}")
