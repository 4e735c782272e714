"""What is read out of a store is what was recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from palaestra.asking import teacher_hash
from palaestra.ledger import StoreLedger
from palaestra.results import (
    CallTotals,
    Reached,
    curve,
    read_calls,
    read_events,
    read_lessons,
    read_reached,
    read_times,
    read_trials,
    subgoal_shares,
)
from palaestra.run import Run
from palaestra_teachers.base import CallRecord, Message

Recording = Callable[..., None]


def call(**changes: object) -> CallRecord:
    values = {
        "time": 1.0,
        "lesson_key": "level/1",
        "request_hash": "a",
        "backend": "openai",
        "model": "some-model",
        "messages": (Message(role="user", content="?"),),
        "reply": "{}",
        "parsed": {},
        "tokens_in": 100,
        "tokens_out": 10,
        "seconds": 0.5,
        "price": 0.01,
    }
    return CallRecord.model_validate(values | changes)


def test_trials_come_with_their_evaluations_by_mode(whole_run: Run) -> None:
    with whole_run.open_store(read_only=True) as store:
        taught = read_trials(store)[0]
    assert taught.row.name == "taught-seed0"
    assert taught.series("alone", "success") == ([0, 10_000, 20_000, 30_000, 40_000], [0.0, 0.5, 0.8, 1.0, 1.0])
    assert taught.series("taught", "success")[1] == [0.0, 0.9, 1.0, 1.0, 1.0]
    assert taught.series("alone", "return_mean")[1] == pytest.approx([0.0, 0.45, 0.72, 0.9, 0.9])
    assert taught.series("other", "success") == ([], [])


def test_a_curve_ends_where_the_slowest_seed_is_and_a_solved_one_keeps_its_end(
    empty_run: Run, record: Recording
) -> None:
    with empty_run.open_store() as store:
        record(store, "ppo", 0, (0.0, 1.0), status="done")
        record(store, "ppo", 1, (0.0, 0.2, 0.4, 0.6), status="running")
        record(store, "ppo", 2, (0.0, 0.1, 0.2), status="interrupted")
        trials = [trial for trial in read_trials(store) if trial.row.arm == "ppo"]
    found = curve(trials, "alone", "success")
    assert found is not None
    assert found.steps.tolist() == [0, 10_000, 20_000]
    assert found.values.tolist() == [[0.0, 1.0, 1.0], [0.0, 0.2, 0.4], [0.0, 0.1, 0.2]]
    assert [len(steps) for steps, _ in found.lines] == [2, 4, 3]


def test_a_failed_seed_has_a_line_but_no_part_in_the_mean(empty_run: Run, record: Recording) -> None:
    with empty_run.open_store() as store:
        record(store, "ppo", 0, (0.0, 0.5, 1.0))
        record(store, "ppo", 1, (0.0, 0.1), status="failed")
        trials = [trial for trial in read_trials(store) if trial.row.arm == "ppo"]
    found = curve(trials, "alone", "success")
    assert found is not None
    assert found.values.tolist() == [[0.0, 0.5, 1.0]]
    assert len(found.lines) == 2
    assert curve(trials[2:], "alone", "success") is None


def test_lessons_say_why_a_level_has_none(whole_run: Run) -> None:
    with whole_run.open_store(read_only=True) as store:
        lessons = read_lessons(store, teacher_hash(whole_run.spec.arm("taught")))
    assert [lesson.level_seed for lesson in lessons] == list(range(8))
    assert [lesson.kept for lesson in lessons] == [True] * 7 + [False]
    assert (lessons[7].failure, lessons[7].tasks) == ("timeout", ())
    assert len(lessons[0].tasks[0]["subgoals"]) == 3


def test_how_far_subgoals_were_reached_is_summed_over_trials(whole_run: Run) -> None:
    with whole_run.open_store(read_only=True) as store:
        trials = [row.id for row in store.trials() if row.arm == "taught"]
        reached = read_reached(store, trials)
        one = read_reached(store, trials[:1])
        nothing = read_reached(store, [])
    assert reached[2] == Reached(2, episodes=30, successes=15, subgoals=3, at_least=(30, 27, 27, 0))
    assert reached[2].shares == (0.9, 0.9, 0.0)
    assert one[2].at_least == (10, 9, 9, 0)
    assert nothing == {}


def test_the_share_of_a_subgoal_is_over_the_levels_that_have_it() -> None:
    levels = [Reached(0, 10, 5, 1, (10, 8)), Reached(1, 30, 5, 2, (30, 12, 6))]
    assert [(share.levels, share.share) for share in subgoal_shares(levels)] == [(2, 0.5), (1, 0.2)]
    assert subgoal_shares([]) == []


def test_calls_are_counted_by_origin_and_failure(empty_run: Run) -> None:
    with empty_run.open_store() as store:
        ledger = StoreLedger(store, "teacher")
        ledger.record(call())
        ledger.record(call(retry=1, parsed=None, error_kind="not_json", error="?"))
        ledger.record(call(origin="cache", tokens_in=None, tokens_out=None, price=None, seconds=9.0))
        silent = {"model": "other", "reply": None, "parsed": None, "tokens_in": None, "tokens_out": None, "price": None}
        ledger.record(call(**silent, error_kind="timeout", seconds=2.0))
        ledger.record(call(**silent, error_kind="budget", origin="none"))
        found = read_calls(store, "teacher")
    one = {
        "calls": 2,
        "reused": {"cache": 1},
        "retries": 1,
        "failures": {"not_json": 1},
        "tokens_in": 200,
        "tokens_out": 20,
        "seconds": 1.0,
        "price": 0.02,
        "priced": 0.02,
    }
    assert dict(found.by_model)["some-model"] == CallTotals(**one)
    other = dict(found.by_model)["other"]
    assert (other.calls, other.failures, other.unpriced) == (1, {"timeout": 1, "budget": 1}, 0)
    assert (found.calls, found.seconds, found.price) == (3, 3.0, 0.02)
    assert found.failures == {"not_json": 1, "timeout": 1, "budget": 1}
    assert found.models == ("other", "some-model")


@pytest.mark.parametrize("field", ["tokens_in", "tokens_out", "price"])
def test_one_live_call_of_unknown_cost_makes_the_sum_unknown(empty_run: Run, field: str) -> None:
    with empty_run.open_store() as store:
        ledger = StoreLedger(store, "teacher")
        ledger.record(call())
        ledger.record(call(**{field: None}))
        found = read_calls(store, "teacher")
    assert getattr(found, field) is None
    assert (found.priced, found.unpriced) == ((0.01, 1) if field == "price" else (0.02, 0))


def test_no_calls_cost_nothing_that_is_known(empty_run: Run) -> None:
    with empty_run.open_store(read_only=True) as store:
        found = read_calls(store, "teacher")
    assert (found.calls, found.price, found.tokens_in) == (0, None, None)


def test_events_are_counted_by_kind_with_the_last_message(empty_run: Run) -> None:
    with empty_run.open_store() as store:
        for kind, message in (("timeout", "one"), ("not_json", "two"), ("timeout", "three")):
            store.event(kind, message)
        assert [(event.kind, event.count, event.last) for event in read_events(store)] == [
            ("timeout", 2, "three"),
            ("not_json", 1, "two"),
        ]


def test_times_are_summed_and_the_speed_is_a_median(whole_run: Run) -> None:
    with whole_run.open_store(read_only=True) as store:
        times = read_times(store)[store.trial("ppo", 0).id]
    assert times.seconds == {"step": 5.0, "act": 10.0, "learn": 25.0, "iteration": 42.5, "evaluation": 7.5}
    assert times.steps_per_second == 1002.0


def test_numbers_that_were_not_finite_are_missing(empty_run: Run) -> None:
    from palaestra.evaluation import Evaluation
    from palaestra.recorder import TrialRecorder

    with empty_run.open_store() as store:
        trial = store.trial("ppo", 0).id
        recorder = TrialRecorder(store, trial)
        recorder.metrics(1, 100, {"speed/steps_per_second": float("inf")})
        recorder.evaluation(1, 100, "alone", Evaluation(np.array([np.nan]), np.ones(1, np.int32), np.ones(1, bool)))
        recorder.commit(100, 1.0)
        assert read_times(store) == {}
        found = next(result for result in read_trials(store) if result.row.id == trial)
    assert found.series("alone", "return_mean") == ([], [])
    assert found.series("alone", "success") == ([100], [1.0])
