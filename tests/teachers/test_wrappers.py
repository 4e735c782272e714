"""Wrappers of language models: what they choose, what they keep, what they spend."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from palaestra.testing.around import MemoryLedger
from palaestra_teachers.base import CallRecord, Completion, LessonRefused, Message, Sampling, TeacherUnavailable
from palaestra_teachers.dialogue import Answer, Dialogue, Question
from palaestra_teachers.llm.budget import BudgetModel, Limits, MemoryMeter
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.cache import CacheConfig, CacheModel
from palaestra_teachers.llm.noisy import NoisyConfig, NoisyModel
from palaestra_teachers.llm.prices import Price, PricedModel, price_of
from palaestra_teachers.llm.route import RouteConfig, RouteModel
from palaestra_teachers.llm.vote import VoteConfig, VoteModel
from palaestra_teachers.replies import parse_reply
from pydantic import BaseModel, Field

from .conftest import ModelThatSays


class Number(BaseModel):
    number: int = Field(ge=0, le=9)


MESSAGES = (Message(role="user", content="How many?"),)
QUESTION = Question("World/3", MESSAGES, Number.model_json_schema(), Sampling())
FOUR, FIVE, WRONG = '{"number": 4}', '{"number": 5}', '{"number": 40}'


class Named(ModelThatSays):
    """A model of another name, which notes the seeds that it is asked with."""

    def __init__(self, name: str, *replies: str | None) -> None:
        super().__init__(*replies, identity=name)
        self.name = name
        self.seeds: list[int | None] = []

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        self.seeds.append(settings.seed)
        return (await super().complete(messages, schema, settings)).model_copy(update={"model": self.name})


def ask(model: Any, ledger: MemoryLedger, retries: int = 0, question: Question = QUESTION) -> Answer[Number]:
    return asyncio.run(Dialogue(model, ledger, retries).ask(question, lambda text: parse_reply(text, Number)))


def route(*models: Any) -> RouteModel:
    return RouteModel(RouteConfig(models=({"backend": "scripted"},)), models)


def vote(inner: Any, n: int) -> VoteModel:
    return VoteModel(VoteConfig(inner={"backend": "scripted"}, n=n), inner)


def kept(ledger: MemoryLedger) -> list[tuple[str, str | None, bool]]:
    """Model, failure, and whether it was chosen, of every call."""
    return [(call.model, call.error_kind, call.chosen) for call in ledger.calls]


# ---------------------------------------------------------------------------------------------- route


def test_the_stronger_model_is_asked_only_when_the_cheap_one_is_of_no_use(ledger: MemoryLedger) -> None:
    cheap, strong = Named("cheap", FOUR, WRONG), Named("strong", FIVE)
    assert ask(route(cheap, strong), ledger).value.number == 4
    other = Question("World/4", (Message(role="user", content="And now?"),), QUESTION.schema, Sampling())
    answer = ask(route(cheap, strong), ledger, question=other)
    assert (answer.value.number, answer.model, answer.attempts) == (5, "strong", 1)
    assert kept(ledger) == [("cheap", None, True), ("cheap", "out_of_bounds", False), ("strong", None, True)]
    assert [call.part for call in ledger.calls] == [0, 0, 1]
    assert len({call.request_hash for call in ledger.calls[1:]}) == 1


def test_a_silent_model_is_passed_over(ledger: MemoryLedger) -> None:
    assert ask(route(Named("cheap", None), Named("strong", FIVE)), ledger).model == "strong"
    assert kept(ledger) == [("cheap", "timeout", False), ("strong", None, True)]


def test_when_no_model_is_of_use_the_last_reply_is_objected_to(ledger: MemoryLedger) -> None:
    cheap, strong = Named("cheap", "hm", FOUR), Named("strong", WRONG)
    assert ask(route(cheap, strong), ledger, retries=1).attempts == 2
    assert cheap.asked[1][-2].content == WRONG
    with pytest.raises(TeacherUnavailable):
        ask(route(Named("a", None), Named("b", None)), MemoryLedger())
    silent = MemoryLedger()
    with pytest.raises(LessonRefused):
        ask(route(Named("a", "hm"), Named("b", None)), silent)
    assert kept(silent) == [("a", "not_json", True), ("b", "timeout", False)]


# ---------------------------------------------------------------------------------------------- vote


def test_the_majority_of_usable_replies_counts_however_they_are_written(ledger: MemoryLedger) -> None:
    model = Named("m", FIVE, WRONG, FOUR, "Sure: " + FOUR, "hm")
    assert ask(vote(model, 5), ledger).value.number == 4
    assert sorted(kind or "" for _, kind, _ in kept(ledger)) == ["", "", "", "not_json", "out_of_bounds"]
    [chosen] = [call for call in ledger.calls if call.chosen]
    assert chosen.reply == FOUR
    assert len(set(model.seeds)) == 5


@pytest.mark.parametrize(("replies", "number"), [((FIVE, FOUR), 5), ((WRONG, FOUR, FIVE), 4), ((None, FIVE), 5)])
def test_of_equally_many_the_first_counts(ledger: MemoryLedger, replies: tuple[str | None, ...], number: int) -> None:
    assert ask(vote(Named("m", *replies), len(replies)), ledger).value.number == number
    assert len(ledger.calls) == len(replies)


def test_a_vote_without_a_usable_reply_is_refused_or_unavailable(ledger: MemoryLedger) -> None:
    with pytest.raises(LessonRefused) as refused:
        ask(vote(Named("m", WRONG, "hm"), 2), ledger)
    assert refused.value.kind == "out_of_bounds"
    with pytest.raises(TeacherUnavailable):
        ask(vote(Named("m", None), 3), MemoryLedger())


def test_an_answer_that_was_voted_is_remembered(ledger: MemoryLedger) -> None:
    ask(vote(Named("m", FOUR, FIVE, FOUR), 3), ledger)
    again = Named("m", WRONG)
    assert ask(vote(again, 3), ledger).value.number == 4
    assert again.asked == []


def test_wrappers_compose(ledger: MemoryLedger) -> None:
    cheap, strong = Named("cheap", WRONG), Named("strong", FIVE, FOUR, FOUR)
    noisy = NoisyModel(NoisyConfig(), route(vote(cheap, 2), vote(strong, 3)))
    assert ask(noisy, ledger).value.number == 4
    assert len(ledger.calls) == 5
    assert [call.chosen for call in ledger.calls].count(True) == 1


def test_without_a_judge_any_object_is_usable_and_all_calls_are_summed() -> None:
    completion = asyncio.run(route(Named("a", "hm"), Named("b", FOUR)).complete(MESSAGES, {}, Sampling()))
    assert (completion.text, completion.tokens_in, completion.price) == (FOUR, 14, 1.0)


# ---------------------------------------------------------------------------------------------- cache


def test_usable_replies_are_kept_for_other_runs(ledger: MemoryLedger, tmp_path: Path) -> None:
    config = CacheConfig(inner={"backend": "scripted"}, folder=tmp_path / "answers")
    model = Named("m", WRONG, FOUR)
    assert ask(CacheModel(config, model), ledger, retries=1).value.number == 4
    # What was refused is asked again, what was usable is not.
    again, other = Named("m", WRONG), MemoryLedger()
    assert ask(CacheModel(config, again), other, retries=1).value.number == 4
    assert len(again.asked) == 1
    assert [(call.origin, call.price, call.tokens_in) for call in other.calls] == [("live", 0.5, 7), ("cache", 0.0, 0)]
    elsewhere = Named("another", FIVE)
    assert ask(CacheModel(config, elsewhere), MemoryLedger()).value.number == 5


def test_votes_over_a_cache_stay_different(tmp_path: Path) -> None:
    config = CacheConfig(inner={"backend": "scripted"}, folder=tmp_path)
    model = Named("m", FIVE, FOUR, FOUR)
    for _ in range(2):
        assert ask(vote(CacheModel(config, model), 3), MemoryLedger()).value.number == 4
    assert len(model.asked) == 3


# ---------------------------------------------------------------------------------------------- budget and prices


class Costly(ModelThatSays):
    """A reply costs what it is told."""

    def __init__(self, **cost: Any) -> None:
        super().__init__(FOUR)
        self.cost = cost

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        completion = await super().complete(messages, schema, settings)
        return completion.model_copy(update={"tokens_in": 60, "tokens_out": 40, "price": 0.5} | self.cost)


def calls_until_refused(model: Any) -> tuple[int, str]:
    done: list[Completion] = []

    async def call_on() -> None:
        while len(done) < 100:
            done.append(await model.complete(MESSAGES, None, Sampling()))

    with pytest.raises(TeacherUnavailable) as caught:
        asyncio.run(call_on())
    assert caught.value.kind == "budget"
    return len(done), str(caught.value)


@pytest.mark.parametrize(
    ("limits", "calls", "told"),
    [
        ({"calls": 3}, 3, "the budget of 3 calls"),
        ({"tokens": 250}, 3, "250 tokens is spent (300 so far)"),
        ({"cost": 1.0}, 2, "$1 is spent ($1.0000 so far)"),
        ({"cost": 0.0}, 0, "$0 is spent"),
        ({"seconds": 0.0}, 0, "0 seconds of calls is spent"),
        ({"calls": 5, "tokens": 100}, 1, "100 tokens"),
    ],
)
def test_a_limit_ends_the_calls_and_is_named(limits: dict[str, Any], calls: int, told: str) -> None:
    model = Costly()
    number, reason = calls_until_refused(BudgetModel(Limits(**limits), model))
    assert (number, len(model.asked)) == (calls, calls)
    assert told in reason


@pytest.mark.parametrize(
    ("limits", "cost", "told"),
    [
        ({"cost": 5.0}, {"price": None}, "the price of 1 call is unknown"),
        ({"tokens": 500}, {"tokens_out": None}, "does not say how many"),
    ],
)
def test_what_is_unknown_is_not_counted_as_nothing(limits: dict[str, Any], cost: dict[str, Any], told: str) -> None:
    number, reason = calls_until_refused(BudgetModel(Limits(**limits), Costly(**cost)))
    assert number == 1
    assert "cannot be kept" in reason
    assert told in reason


def test_calls_without_a_reply_take_time_and_count() -> None:
    meter = MemoryMeter()
    model = BudgetModel(Limits(calls=2), ModelThatSays(None), meter)
    for kind in ("timeout", "timeout", "budget"):
        with pytest.raises(TeacherUnavailable) as caught:
            asyncio.run(model.complete(MESSAGES, None, Sampling()))
        assert caught.value.kind == kind
    assert (meter.spent.calls, meter.spent.cost, meter.spent.unpriced) == (2, 0.0, 0)
    assert meter.spent.seconds > 0


def test_a_budget_counts_every_call_of_the_wrappers_inside(ledger: MemoryLedger) -> None:
    scripted = {"backend": "scripted"}
    settings = {"backend": "budget", "calls": 4, "inner": {"backend": "vote", "n": 3, "inner": scripted}}
    model = build_model({"backend": "route", "models": [settings, scripted]})
    for level in range(3):
        question = Question(f"World/{level}", (Message(role="user", content=str(level)),), None, Sampling())
        with pytest.raises(LessonRefused):
            ask(model, ledger, question=question)
    counted = [call for call in ledger.calls if call.origin == "live"]
    refused = [call for call in ledger.calls if call.origin == "none"]
    assert (len(counted), len(refused)) == (4 + 3, 5)
    assert {call.error_kind for call in refused} == {"budget"}


def test_budgets_and_caches_do_not_change_what_a_request_is(tmp_path: Path) -> None:
    plain = build_model({"backend": "scripted"})
    cache = {"backend": "cache", "folder": str(tmp_path), "inner": {"backend": "scripted"}}
    assert build_model({"backend": "budget", "inner": cache}).identity == plain.identity
    assert vote(plain, 2).identity != vote(plain, 3).identity != plain.identity
    assert route(plain, vote(plain, 2)).identity != route(vote(plain, 2), plain).identity


PRICES = {name: Price(input=number, output=0) for number, name in enumerate(["big", "big*", "big-new-*", "*"])}


@pytest.mark.parametrize(("model", "found"), [("big", 0), ("big-old", 1), ("big-new-1", 2), ("small", 3)])
def test_the_most_special_price_counts(model: str, found: int) -> None:
    price = price_of(PRICES, model)
    assert price is not None
    assert price.input == found
    assert price_of({"big*": PRICES["big"]}, "small") is None


def test_a_table_prices_what_the_model_does_not() -> None:
    def priced(model: Any, name: str) -> float | None:
        prices = {name: Price(input=1.0, output=10.0)}
        return asyncio.run(PricedModel(model, prices).complete(MESSAGES, None, Sampling())).price

    assert priced(Costly(price=None), "prep*") == pytest.approx((60 + 400) / 1e6)
    assert priced(Costly(price=None), "other") is None
    assert priced(Costly(price=None, tokens_in=None), "*") is None
    assert priced(Costly(), "*") == 0.5


def test_records_of_older_versions_can_be_read() -> None:
    old = CallRecord.model_validate(
        {"time": 1.0, "lesson_key": "a/1", "request_hash": "b", "backend": "openai", "model": "m", "messages": ()}
    )
    assert (old.chosen, old.part, old.sampling, old.identity) == (True, 0, None, "")
