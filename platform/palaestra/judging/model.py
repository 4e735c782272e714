"""A language model as a judge: it reads what two agents did, in the world's words, and says who did the task better."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

from jinja2 import Environment, StrictUndefined
from palaestra_teachers.base import LanguageModel, Ledger, LessonRefused, Message, Sampling, TeacherUnavailable
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.replies import parse_reply
from pydantic import BaseModel, ConfigDict, Field

from palaestra.judging.answers import Answer, Answers, Choice
from palaestra.judging.clips import Contest, Pair, Told

RETRIES = 2
_CHOICES: dict[str, Choice] = {"first": "left", "second": "right", "neither": "equal"}


class Verdict(BaseModel):
    """What a model replies."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=1000, description="In a sentence or two.")
    better: Literal["first", "second", "neither"]


async def judge_all(contest: Contest, model: LanguageModel, ledger: Ledger, name: str, answers: Answers) -> list[str]:
    """Has a model answer about every pair that it has not answered about; each answer is kept at once.

    Args:
        contest: what is asked.
        model: answers.
        ledger: keeps every call; what was asked once is not asked again.
        name: of the judge, in the answers.
        answers: where they are kept.

    Returns:
        why some pairs have no answer: its replies could not be used, or there was none.
    """
    judge = ModelJudge(model, ledger, contest.task)
    schedule = contest.schedule
    dropped: dict[Pair, str] = {}
    while (pair := schedule.next(name, answers.all(), dropped)) is not None:
        key = f"level {pair.level}: {pair.left}, {pair.right}"
        left, right = (contest.clips[who, pair.level].told for who in (pair.left, pair.right))
        try:
            choice = await judge.compare(key, left, right)
        except (LessonRefused, TeacherUnavailable) as error:
            dropped[pair] = f"{key}: {error.kind}: {error}"
            continue
        answers.add(Answer(name, pair.level, pair.left, pair.right, choice))
    return list(dropped.values())


class ModelJudge:
    """Asks a model about pairs.

    Args:
        model: any language model that Palaestra has.
        ledger: every call is kept there; what was asked once is not asked again.
        task: what the agents were to do, in words.
    """

    def __init__(self, model: LanguageModel, ledger: Ledger, task: str) -> None:
        self._dialogue = Dialogue(model, ledger, RETRIES)
        self._task = task
        environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        prompt = files("palaestra.judging").joinpath("templates/question.j2").read_text(encoding="utf-8")
        self._prompt = environment.from_string(prompt)

    async def compare(self, key: str, left: Told, right: Told) -> Choice:
        """Who did the task better; the left one is told first.

        Args:
            key: of the pair, in the ledger.
            left, right: what happened in each.

        Raises:
            LessonRefused: no reply was usable.
            TeacherUnavailable: there was no reply.
        """
        text = self._prompt.render(task=self._task, first=left, second=right)
        question = Question(
            key, (Message(role="user", content=text),), Verdict.model_json_schema(), Sampling(max_tokens=512)
        )
        answer = await self._dialogue.ask(question, lambda reply: parse_reply(reply, Verdict))
        return _CHOICES[answer.value.better]
