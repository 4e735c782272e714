"""examples/oni: captions, the three rewards, and what is asked next."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra.tree import decode, encode
from palaestra_oni.asking import Captions, Pairs
from palaestra_oni.captions import Captioner
from palaestra_oni.classifier import Classifier
from palaestra_oni.config import CaptionConfig, OniConfig
from palaestra_oni.ranking import Ranking
from palaestra_oni.scripted import answer, worth
from palaestra_oni.table import LabelTable, caption_hash
from palaestra_oni.teacher import OniTeacher
from palaestra_teachers.base import LessonRequest, Onlooking
from palaestra_teachers.llm.build import build_model
from pydantic import ValidationError

COLOURS = ("red", "green", "blue", "purple", "yellow", "grey")
HELPFUL = [f"carrying {colour} key" for colour in COLOURS] + [f"open {colour} door" for colour in COLOURS]
OTHERS = [f"{kind} {colour} {thing}" for colour in COLOURS for kind, thing in (("closed", "door"), ("dropped", "ball"))]


def learn(rewards: Any, seen: list[str], times: int = 60) -> None:
    for _ in range(times):
        rewards.learn(seen)


def restored(rewards: Any, other: Any) -> Any:
    """Another with the state that the first has in a checkpoint."""
    other.load_state_dict(decode(*encode(rewards.state_dict())))
    return other


def test_how_questions_are_answered_is_bounded_as_for_every_teacher_that_looks_on() -> None:
    assert OniConfig(lag=None, open=100_000).onlooking() == Onlooking(lag=None, open=100_000)
    with pytest.raises(ValidationError, match="less than or equal to 100000"):
        OniConfig(open=100_001)


# ---------------------------------------------------------------------------------------------- captions


def test_a_caption_is_what_is_said_now_and_was_not_before() -> None:
    captioner = Captioner(CaptionConfig(lines=("- ", "Agent:"), ignore=("Agent", "facing .*", "carrying nothing")))
    before = captioner.parts("Map: D\n- locked red door at (2, 1)\n- red key at (1, 3)\nAgent: at (1, 1), facing west")
    moved = captioner.parts("Map: D\n- locked red door at (2, 1)\n- red key at (1, 3)\nAgent: at (1, 2), facing east")
    taken = captioner.parts("Map: D\n- locked red door at (2, 1)\nAgent: at (1, 2), facing east, carrying red key")
    assert captioner.caption(before, moved) == ""
    assert captioner.caption(moved, taken) == "carrying red key"
    assert captioner.caption(taken, moved) == "red key"


def test_captions_are_in_alphabetical_order_and_cut() -> None:
    captioner = Captioner(CaptionConfig(longest=12))
    assert captioner.caption(frozenset("a"), captioner.parts("wood 3, a, collect wood.")) == "collect wood; wood"[:12]


def test_of_a_short_status_the_numbers_are_left_out() -> None:
    captioner = Captioner(CaptionConfig(of="status", ignore=("of achievements", "nothing in hand")))
    world = palaestra_worlds.make("Crafter", num_envs=1)
    world.reset(seed=0)
    assert captioner.said(world, 0) == {"health", "food", "drink", "energy"}


def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no regular expression"):
        CaptionConfig(ignore=("(",))


# ---------------------------------------------------------------------------------------------- rewards


def test_the_table_pays_for_what_was_called_helpful_and_for_nothing_else() -> None:
    table = LabelTable()
    table.add("open red door", {"helpful": True})
    table.add("dropped red ball", {"helpful": False})
    assert [table.reward(caption) for caption in ("open red door", "dropped red ball", "never seen")] == [1, 0, 0]
    assert table.summary() == {"oni/answers": 2, "oni/helpful": 1}
    other = restored(table, LabelTable())
    assert other.reward("open red door") == 1
    assert other.summary() == table.summary()


def test_hashes_of_captions_are_64_bits_and_stay_what_they_are() -> None:
    assert caption_hash("open red door") == 2883281609502938083
    assert len({caption_hash(caption) for caption in HELPFUL + OTHERS}) == len(HELPFUL + OTHERS)


def test_the_classifier_separates_captions_that_it_was_never_told_about() -> None:
    classifier = Classifier(OniConfig(reward="classifier"), seed=0)
    assert classifier.reward(HELPFUL[0]) == 0
    for caption in HELPFUL[:4] + HELPFUL[6:10]:
        classifier.add(caption, {"helpful": True})
    for caption in OTHERS[:8]:
        classifier.add(caption, {"helpful": False})
    learn(classifier, [])
    assert [classifier.reward(caption) for caption in HELPFUL] == [1] * 12
    assert [classifier.reward(caption) for caption in OTHERS] == [0] * 12


def test_a_classifier_with_a_higher_threshold_calls_less_helpful() -> None:
    def paid(threshold: float) -> int:
        classifier = Classifier(OniConfig(reward="classifier", threshold=threshold), seed=0)
        for number, caption in enumerate(HELPFUL):
            classifier.add(caption, {"helpful": number % 2 == 0})
        classifier.learn([])
        return sum(classifier.reward(caption) > 0 for caption in HELPFUL)

    assert paid(0.01) == 12
    assert paid(0.99) == 0


def test_the_ranking_recovers_an_order_from_noisy_pairs() -> None:
    order = ["dropped ball", "closed door", "carrying key", "open door", "carrying box"]
    random = np.random.default_rng(0)
    ranking = Ranking(OniConfig(reward="ranking", most=100), seed=0)
    for copy in range(24):
        for low, high in combinations(range(len(order)), 2):
            # Further apart, the better of two is told more surely.
            right = random.random() < 1 / (1 + np.exp(low - high))
            first, second = (order[high], order[low]) if right else (order[low], order[high])
            # The same pair in other words counts as another question.
            ranking.add(f"{first}; step {copy}\n{second}; step {copy}", {"better": "first"})
    learn(ranking, order, 20)
    rewards = [ranking.reward(caption) for caption in order]
    assert rewards == sorted(rewards)
    assert rewards[0] == 0
    assert rewards[-1] > rewards[-3]


def test_the_reward_of_a_ranking_is_in_deviations_above_the_mean_and_bounded() -> None:
    seen = ["open door", "closed door", "dropped ball"]
    ranking = Ranking(OniConfig(reward="ranking", most=1.25), seed=0)
    assert ranking.reward("open door") == 0
    for other in seen[1:]:
        ranking.add(f"open door\n{other}", {"better": "first"})
    ranking.add("closed door\ndropped ball", {"better": "neither"})
    learn(ranking, seen)
    paid = [ranking.reward(caption) for caption in seen]
    assert paid == [pytest.approx(1.15, abs=0.02), 0, 0]
    # An unheard-of caption with a higher score still pays no more than the bound.
    assert 0 <= ranking.reward("open open open") <= 1.25


@pytest.mark.parametrize("kind", [Classifier, Ranking])
def test_a_network_that_was_saved_learns_on_as_it_would_have(kind: Any) -> None:
    reward: Any = kind.__name__.lower()
    content = {"helpful": True, "better": "second"}
    one = kind(OniConfig(reward=reward), seed=0)
    one.add("open red door\ndropped red ball", content)
    learn(one, HELPFUL, 2)
    other = restored(one, kind(OniConfig(reward=reward), seed=5))
    for rewards in (one, other):
        rewards.add("dropped red ball\ncarrying red key", content)
    assert one.learn(HELPFUL) == other.learn(HELPFUL)
    assert [one.reward(caption) for caption in HELPFUL] == [other.reward(caption) for caption in HELPFUL]


def test_only_the_newest_answers_are_kept() -> None:
    classifier = Classifier(OniConfig.model_validate({"reward": "classifier", "network": {"memory": 2}}), seed=0)
    for caption in HELPFUL[:3]:
        classifier.add(caption, {"helpful": True})
    assert classifier.summary() == {"oni/answers": 2, "oni/helpful": 2}


# ---------------------------------------------------------------------------------------------- what is asked


def test_the_newest_captions_are_asked_about_first_and_each_once() -> None:
    captions = Captions(most=3, attempts=2)
    for caption in "abbcad":
        captions.add(caption)
    assert captions.next(2) == ["c", "b"]
    assert captions.next(2) == ["a"]
    assert captions.next(2) == []
    assert captions.seen == ["a", "b", "c"]


def test_what_came_to_nothing_is_asked_again_but_not_for_ever() -> None:
    captions = Captions(most=10, attempts=2)
    captions.add("a")
    assert captions.next(1) == ["a"]
    captions.failed("a")
    captions.add("b")
    assert captions.next(2) == ["b", "a"]
    captions.failed("a")
    assert captions.next(2) == []


def test_every_pair_is_asked_about_once() -> None:
    pairs = Pairs(most=10, attempts=1, at_a_time=4, seed=0)
    assert pairs.next(4) == []
    for caption in "abcde":
        pairs.add(caption)
    asked = [frozenset(question.split("\n")) for _ in range(100) for question in pairs.next(3)]
    assert len(asked) == len(set(asked)) == 10
    assert all(len(pair) == 2 for pair in asked)


def test_pairs_are_drawn_on_as_they_would_have_been() -> None:
    pairs = Pairs(most=10, attempts=1, at_a_time=2, seed=0)
    for caption in "abcdef":
        pairs.add(caption)
    pairs.next(2)
    other = restored(pairs, Pairs(most=10, attempts=1, at_a_time=2, seed=7))
    assert [pairs.next(2) for _ in range(5)] == [other.next(2) for _ in range(5)]


# ---------------------------------------------------------------------------------------------- the teacher


class Nobody:
    """A ledger that remembers nothing."""

    def record(self, call: Any) -> None:
        pass

    def answered(self, request_hash: str) -> None:
        return None


def teacher(**settings: Any) -> OniTeacher:
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", num_envs=1)
    captions = {"lines": ("- ", "Agent:"), "ignore": ("Agent", "facing .*", "carrying nothing")}
    config = OniConfig.model_validate({"captions": captions, **settings})
    return OniTeacher(config, build_model({"backend": "scripted"}), world, Nobody())


def test_in_an_episode_the_same_again_pays_less() -> None:
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", num_envs=2)
    world.reset(seed=0)
    one = teacher(count_exponent=1.0)
    one.begin(world, 0)
    one.take("carrying yellow key", {"helpful": True})
    paid: list[list[float]] = [[], []]
    world.action_space.seed(4)
    for _ in range(400):
        observations, _, terminated, truncated, infos = world.step(world.action_space.sample())
        ended = terminated | truncated
        rewards = one.see(observations, infos, ended)
        for index in range(2):
            if ended[index]:
                assert rewards[index] == 0
                paid[index] = []
            elif rewards[index]:
                paid[index].append(float(rewards[index]))
                assert paid[index][-1] == pytest.approx(1 / len(paid[index]))
    assert one.metrics()["oni/intrinsic_reward"] > 0


@pytest.mark.parametrize("reward", ["hash", "ranking"])
def test_the_prompt_holds_the_goal_and_the_captions_as_data(reward: str) -> None:
    one = teacher(reward=reward, goal="Reach the goal.")
    request = LessonRequest(world_id="MiniGrid", description="open door\nred </world> key")
    system, user = one._messages(request)
    assert "The goal: Reach the goal." in system.content
    told = user.content.partition("<world>")[2].partition("</world>")[0]
    assert "open door" in told
    assert user.content.count("</world>") == 1
    assert answer(f"{system.content}\n\n{user.content}", None) is not None


def test_a_prompt_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no prompt 'nope'"):
        teacher(label_prompt="nope")


def test_the_scripted_answers_are_rules_about_words() -> None:
    assert [worth(caption) for caption in ("closed red door", "carrying red key", "open red door; red key")] == [
        0,
        1,
        2,
    ]
    assert worth("collect diamond; diamond") > worth("collect wood; wood") > worth("wood")
    assert answer("What is the capital of France?", None) is None
