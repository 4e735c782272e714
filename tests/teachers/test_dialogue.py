"""A model is asked until its reply is usable, every attempt is kept, and nothing is asked twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from palaestra.testing.around import MemoryLedger
from palaestra_teachers.base import LessonRefused, Message, Sampling, TeacherUnavailable
from palaestra_teachers.dialogue import MAX_REPLY_QUOTED, Answer, Dialogue, Question
from palaestra_teachers.replies import parse_reply
from pydantic import BaseModel, Field

from .conftest import ModelThatSays


class Number(BaseModel):
    number: int = Field(ge=0, le=9)


QUESTION = Question(
    key="World/3",
    messages=(Message(role="system", content="Count."), Message(role="user", content="How many?")),
    schema=Number.model_json_schema(),
    sampling=Sampling(),
)
GOOD = '{"number": 4}'


def ask(model: Any, ledger: MemoryLedger, retries: int = 2, **changed: Any) -> Answer[Number]:
    question = Question(**(vars(QUESTION) | changed))
    return asyncio.run(Dialogue(model, ledger, retries).ask(question, lambda text: parse_reply(text, Number)))


def test_usable_reply_is_recorded_with_all_that_belongs_to_it(ledger: MemoryLedger) -> None:
    answer = ask(ModelThatSays(GOOD), ledger)
    [call] = ledger.calls
    assert (answer.value, answer.model, answer.attempts) == (Number(number=4), "prepared", 1)
    assert (call.lesson_key, call.messages, call.response_schema) == ("World/3", QUESTION.messages, QUESTION.schema)
    assert (call.reply, call.parsed, call.error_kind, call.retry) == (GOOD, {"number": 4}, None, 0)
    assert (call.request_hash, call.tokens_in, call.price) == (answer.request_hash, 7, 0.5)


def test_the_model_is_told_what_is_wrong_until_it_is_right(ledger: MemoryLedger) -> None:
    model = ModelThatSays('{"number": 40}', "four", GOOD)
    answer = ask(model, ledger)
    assert answer.attempts == 3
    assert [call.error_kind for call in ledger.calls] == ["out_of_bounds", "not_json", None]
    assert [call.parsed for call in ledger.calls] == [None, None, {"number": 4}]
    assert [call.retry for call in ledger.calls] == [0, 1, 2]
    assert {call.request_hash for call in ledger.calls} == {answer.request_hash}
    roles = [message.role for message in model.asked[2]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert model.asked[2][2].content == '{"number": 40}'
    assert "less than or equal to 9" in model.asked[2][3].content
    assert ledger.calls[2].messages == model.asked[2]


def test_a_model_that_does_not_learn_is_given_up(ledger: MemoryLedger) -> None:
    model = ModelThatSays("four")
    with pytest.raises(LessonRefused) as caught:
        ask(model, ledger, retries=2)
    assert (caught.value.kind, len(model.asked), len(ledger.calls)) == ("not_json", 3, 3)


def test_without_retries_it_is_asked_once(ledger: MemoryLedger) -> None:
    model = ModelThatSays("four", GOOD)
    with pytest.raises(LessonRefused):
        ask(model, ledger, retries=0)
    assert len(model.asked) == 1


def test_no_answer_is_final(ledger: MemoryLedger) -> None:
    model = ModelThatSays('{"no_answer": "nothing to count"}')
    with pytest.raises(LessonRefused, match="nothing to count"):
        ask(model, ledger)
    assert [call.error_kind for call in ledger.calls] == ["no_answer"]


@pytest.mark.parametrize("reply", ["", "x" * 100_000])
def test_empty_and_huge_replies_are_quoted_within_reason(ledger: MemoryLedger, reply: str) -> None:
    model = ModelThatSays(reply, GOOD)
    ask(model, ledger)
    assert 0 < len(model.asked[1][2].content) <= MAX_REPLY_QUOTED + 10
    assert ledger.calls[0].reply == reply


def test_unavailable_model_is_recorded_and_told(ledger: MemoryLedger) -> None:
    with pytest.raises(TeacherUnavailable):
        ask(ModelThatSays("four", None), ledger)
    assert [(call.error_kind, call.reply) for call in ledger.calls] == [("not_json", "four"), ("timeout", None)]


class SpentModel(ModelThatSays):
    async def complete(self, *args: Any, **keywords: Any) -> Any:
        raise TeacherUnavailable("budget", "all calls are spent")


def test_a_call_that_the_budget_forbids_is_kept_as_none(ledger: MemoryLedger) -> None:
    with pytest.raises(TeacherUnavailable):
        ask(SpentModel(GOOD), ledger)
    assert [(call.error_kind, call.origin) for call in ledger.calls] == [("budget", "none")]


# ---------------------------------------------------------------------------------------------- memory


def test_what_was_answered_is_not_asked_again(ledger: MemoryLedger) -> None:
    first = ask(ModelThatSays("four", GOOD), ledger)
    again = ModelThatSays("five")
    assert ask(again, ledger) == first
    assert again.asked == []
    call = ledger.calls[-1]
    assert (call.origin, call.parsed, call.reply) == ("cache", {"number": 4}, GOOD)
    assert (call.price, call.tokens_in, call.tokens_out, call.seconds) == (0.0, 0, 0, 0.0)


class SlowModel(ModelThatSays):
    """Lets the others have their turn before it answers."""

    async def complete(self, *args: Any, **keywords: Any) -> Any:
        completion = await super().complete(*args, **keywords)
        await asyncio.sleep(0)
        return completion


@pytest.mark.parametrize("loops", [1, 2])
def test_the_same_question_asked_by_many_at_once_is_asked_once(ledger: MemoryLedger, loops: int) -> None:
    model = SlowModel(GOOD)
    dialogue = Dialogue(model, ledger, retries=0)

    async def ask_all() -> list[Answer[Number]]:
        asking = (dialogue.ask(QUESTION, lambda text: parse_reply(text, Number)) for _ in range(5))
        return await asyncio.gather(*asking)

    for _ in range(loops):
        assert [answer.value for answer in asyncio.run(ask_all())] == [Number(number=4)] * 5
    assert len(model.asked) == 1


def test_what_was_refused_is_asked_again(ledger: MemoryLedger) -> None:
    with pytest.raises(LessonRefused):
        ask(ModelThatSays("four"), ledger)
    assert ask(ModelThatSays(GOOD), ledger).value == Number(number=4)


def test_a_remembered_reply_that_is_not_usable_any_more_is_asked_again(ledger: MemoryLedger) -> None:
    ask(ModelThatSays(GOOD), ledger)
    ledger.calls[0] = ledger.calls[0].model_copy(update={"reply": "damaged"})
    assert ask(ModelThatSays('{"number": 5}'), ledger).value == Number(number=5)


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": (*QUESTION.messages[:1], Message(role="user", content="How few?"))},
        {"messages": (Message(role="system", content="Count well."), *QUESTION.messages[1:])},
        {"schema": None},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(seed=1)},
    ],
)
def test_another_question_is_another_request(ledger: MemoryLedger, changed: dict[str, Any]) -> None:
    first = ask(ModelThatSays(GOOD), ledger)
    other = ModelThatSays('{"number": 5}')
    assert ask(other, ledger, **changed).request_hash != first.request_hash
    assert len(other.asked) == 1


def test_another_model_is_another_request(ledger: MemoryLedger) -> None:
    first = ask(ModelThatSays(GOOD), ledger)
    assert ask(ModelThatSays(GOOD, identity="another"), ledger).request_hash != first.request_hash


def test_patience_is_no_part_of_the_request(ledger: MemoryLedger) -> None:
    first = ask(ModelThatSays(GOOD), ledger)
    patient = ModelThatSays("unasked")
    answer = ask(patient, ledger, key="World/other", sampling=Sampling(timeout=5.0))
    assert (answer.request_hash, patient.asked) == (first.request_hash, [])
