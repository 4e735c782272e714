"""A live conversation with a robot: corrections change the program that runs, and the dialogue is kept."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from palaestra.ledger import StoreLedger
from palaestra.motions.conversation import Answered, Conversation, Moved, Tell, talk_in_turns, talk_live
from palaestra.motions.tasks import load_study
from palaestra.store import Store
from palaestra_teachers.llm.build import build_model

from .conftest import Result

STUDY = """
name: small
planner: {kind: predictive_sampling, samples: 2, horizon: 0.02, threads: 1}
tasks: {stand: {turns: [{say: Stand.}], success: {checks: [{measure: up, least: 0.5}]}}}
"""
News = Answered | Moved


@pytest.fixture
def conversation(tmp_path: Path) -> Iterator[Conversation]:
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    study = load_study(tmp_path / "small.yaml")
    with Store(tmp_path / "run.sqlite") as store:
        conversation = Conversation(study, build_model(study.teacher.model), StoreLedger(store, "teacher"))
        yield conversation
        conversation.close()


def lift(news: News, foot: str = "front_left") -> float:
    assert isinstance(news, Answered)
    assert news.lesson is not None, news.why
    return news.lesson.motions[-1].task.feet[foot].lift_height  # type: ignore[attr-defined]


def in_turns(conversation: Conversation, lines: Sequence[str], seconds: float = 0.1) -> list[News]:
    left, news = iter(lines), list[News]()

    async def listen() -> str | None:
        return next(left, None)

    asyncio.run(talk_in_turns(conversation, listen, news.append, seconds))
    return news


def test_a_correction_changes_what_runs_and_keeps_the_rest(conversation: Conversation) -> None:
    first, _, second, moved = in_turns(conversation, ["Lift your front left paw.", "Lift the left paw higher."])
    assert lift(second) > lift(first) + 0.05
    assert conversation.robot.task.feet["front_left"].lift_height == lift(second)
    assert isinstance(moved, Moved)
    assert next(one.target for one in moved.reached if one.measure == "foot_height.front_left") == lift(second)
    assert conversation.robot.seconds == pytest.approx(0.2)


def test_now_faster_is_about_what_was_said_before(conversation: Conversation) -> None:
    in_turns(conversation, ["Lift your front left paw.", "In addition spin.", "Now faster."])
    assert conversation.robot.task.torso.turning_speed > 4.0
    assert "front_left" in conversation.robot.task.feet


def test_what_is_not_understood_changes_nothing_and_is_no_turn(conversation: Conversation) -> None:
    news = in_turns(conversation, ["Lift your front left paw.", "Sing!", "higher"])
    assert [type(one) for one in news] == [Answered, Moved, Answered, Answered, Moved]
    refused = news[2]
    assert isinstance(refused, Answered)
    assert refused.lesson is None
    assert "knows no phrase in 'Sing!'" in refused.why
    assert lift(news[3]) > lift(news[0])


def test_before_the_first_instruction_the_robot_stands_and_waits(conversation: Conversation) -> None:
    assert in_turns(conversation, [""]) == [Moved(0.0, [])]
    assert conversation.robot.seconds == 0.0


def test_live_the_robot_moves_while_it_listens_and_while_the_teacher_thinks(conversation: Conversation) -> None:
    news = list[News]()
    said = iter([(0.0, "Lift your front left paw."), (0.5, "higher"), (0.8, ""), (0.9, None)])

    async def listen() -> str | None:
        moment, text = next(said)
        while conversation.robot.seconds < moment:
            await asyncio.sleep(0)
        return text

    tell: Tell = news.append
    asyncio.run(talk_live(conversation, listen, tell, 0.2))
    kinds = [type(one) for one in news]
    assert kinds[0] is Answered
    assert kinds.count(Answered) == 2
    corrected = kinds.index(Answered, 1)
    # Told once after 0.2 s of each program, and when asked.
    assert corrected == 2
    assert 0.2 <= news[1].seconds < 0.4  # type: ignore[union-attr]
    assert len(news) - corrected >= 2
    assert lift(news[corrected]) > lift(news[0])
    assert conversation.robot.seconds >= 0.9


def test_the_command_reads_what_is_piped_in(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Lift your front left paw.\n\x1b[31mSing\nhigher\n\n"))
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    film = tmp_path / "talk.gif"
    shown = cli("ask", "--world", tmp_path / "small.yaml", "--seconds", 0.1, "--film", film)
    assert shown.code == 0, shown.err
    assert "> Lift your front left paw.\n" in shown.out
    assert "The front left foot is 0.18 m above the floor." in shown.out
    assert "No program, the robot goes on as before: the scripted teacher knows no phrase" in shown.out
    assert "\x1b[31m" not in shown.out
    assert shown.out.count("after 0.1 s") == 3
    assert film.read_bytes().startswith(b"GIF8")


def test_the_command_wants_a_spec_or_a_robot(cli: Callable[..., Result]) -> None:
    assert "give a SPEC to ask about" in cli("ask").error
    assert "no study of that name; there are " in cli("ask", "--world", "unicorn").error
