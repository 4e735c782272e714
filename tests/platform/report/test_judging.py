"""Judging agents two clips at a time: the page, what it refuses, that no answer is lost, and what comes of answers."""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from palaestra.judging.answers import Answer, Answers, AnswersError
from palaestra.judging.clips import Clip, Contest, Schedule, Told, contestants, play
from palaestra.judging.keeping import FIRST_KEPT_LEVEL, keep
from palaestra.judging.model import judge_all
from palaestra.judging.ranking import agreements, ranking
from palaestra.judging.server import JudgeServer
from palaestra.ledger import StoreLedger
from palaestra.run import Run
from palaestra.store import Store
from palaestra_teachers.base import Completion, Message, Sampling, TeacherUnavailable
from palaestra_worlds.demonstrations import Demonstrations, replay
from pydantic import BaseModel

from .chromium import Browser

NAMES, LEVELS = ("good", "fair", "poor"), (7, 8)
CLIPS = {
    (name, level): Clip(
        level, f"{name} {level}".encode(), Told(3, ((0, f"{name} begins {level}"), (2, f"{name} ends {level}")))
    )
    for name in NAMES
    for level in LEVELS
}


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[Answers]:
    answers = Answers(tmp_path / "answers.sqlite")
    yield answers
    answers.close()


@pytest.fixture
def server(answers: Answers) -> Iterator[JudgeServer]:
    task = "Build a house & <b>furnish</b> it."
    with JudgeServer(Contest(task, CLIPS), answers, "ann", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(url: str, **headers: str) -> bytes:
    with urlopen(Request(url, headers=headers), timeout=10) as reply:
        return reply.read()


def post(url: str, value: Any, content_type: str = "application/json") -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    with urlopen(Request(url, body, {"Content-Type": content_type}), timeout=10) as reply:
        return json.loads(reply.read())


def refusal(ask: Callable[..., Any], *arguments: Any, **headers: str) -> tuple[int, str]:
    with pytest.raises(HTTPError) as refused:
        ask(*arguments, **headers)
    return refused.value.code, refused.value.read().decode()


# ---------------------------------------------------------------------------------------------- the page


def test_every_pair_of_every_level_is_shown_once_and_kept_at_once(server: JudgeServer, answers: Answers) -> None:
    state = json.loads(get(server.url + "pair"))
    seen = set()
    while state["pair"] is not None:
        left, right = (get(f"{server.url}clip/{state['pair'][side]}").decode().split() for side in ("left", "right"))
        assert left[1] == right[1], "both clips are of one level"
        seen.add((left[1], *sorted((left[0], right[0]))))
        better = "left" if NAMES.index(left[0]) < NAMES.index(right[0]) else "right"
        state = post(server.url + "answer", {**state["pair"], "choice": better})
        assert len(answers.all()) == state["given"] == len(seen)
        assert answers.all()[-1].better == min(left[0], right[0], key=NAMES.index)
    assert len(seen) == len(LEVELS) * 3
    assert state["left_to_do"] == 0
    assert [rank.name for rank in ranking(answers.all())] == list(NAMES)


def test_the_page_names_nobody_and_takes_the_task_for_text(server: JudgeServer) -> None:
    page = get(server.url).decode()
    assert "Build a house &amp; &lt;b&gt;furnish&lt;/b&gt; it." in page
    assert not any(name in page for name in NAMES)


def test_it_takes_the_token_to_see_or_to_answer(server: JudgeServer, answers: Answers) -> None:
    base = server.url.removesuffix(f"{server.token}/")
    pair = json.loads(get(server.url + "pair"))["pair"]
    for url in (base, base + "pair", f"{base}wrong/pair", f"{base}{server.token}x/clip/0"):
        assert refusal(get, url) == (403, "Open the address that palaestra judge printed.")
    assert refusal(get, server.url + "pair", Host="palaestra.example:80")[0] == 403, "a name that was pointed here"
    assert refusal(post, f"{base}wrong/answer", {**pair, "choice": "left"})[0] == 403
    assert server.server_address[0] == "127.0.0.1"
    assert answers.all() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), ({}, 400), ({"left": 0, "right": 0, "choice": "left"}, 400),
        ({"left": -1, "right": 0, "choice": "left"}, 400), ({"left": 10**9, "right": 0, "choice": "left"}, 400),
        ({"left": "0", "right": 1, "choice": "left"}, 400), (b" " * 5_000, 413),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(server: JudgeServer, answers: Answers, body: Any, status: int) -> None:
    assert refusal(post, server.url + "answer", body)[0] == status
    assert answers.all() == []
    assert json.loads(get(server.url + "pair"))["pair"] is not None, "and it goes on"


def test_a_choice_must_be_one_and_other_pages_cannot_send_it(server: JudgeServer, answers: Answers) -> None:
    pair = json.loads(get(server.url + "pair"))["pair"]
    assert refusal(post, server.url + "answer", {**pair, "choice": "both"})[0] == 400
    # What a form of another site can send without asking.
    assert refusal(post, server.url + "answer", {**pair, "choice": "left"}, "text/plain")[0] == 404
    assert answers.all() == []


def test_people_answer_by_clicks_and_keys(browser: Browser, whole_run: Run, answers: Answers, tmp_path: Path) -> None:
    compared = contestants([whole_run], ["taught", "rnd"])
    clips = {(one.name, clip.level): clip for one in compared for clip in play(one, 2)}
    with JudgeServer(Contest("Open the door.", clips), answers, "ann", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        browser.show(server.url, 1280, "dark")
        shown = (
            "new Promise(done => { const look = () => {"
            " const all = [...document.images].every(picture => picture.complete && picture.naturalWidth > 0);"
            " if (!document.getElementById('pair').hidden && all) done(true); else requestAnimationFrame(look); };"
            " look(); })"
        )
        assert browser.settle(shown)
        assert browser.evaluate("document.scrollingElement.scrollWidth") <= 1280
        browser.evaluate("document.getElementById('left').click()")
        assert browser.settle(_when("progress", "1 answered, 1 to go")).startswith("1 answered")
        assert len(answers.all()) == 1
        browser.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: '3'}))")
        assert browser.settle(_when("progress", "2 answered, 0 to go"))
        assert browser.evaluate("!document.getElementById('finished').hidden")
        assert browser.problems() == []
        server.shutdown()
        thread.join()
    assert [answer.choice for answer in answers.all()] == ["left", "equal"]


def _when(element: str, text: str) -> str:
    """JavaScript that waits until an element's text begins so."""
    return (
        f"new Promise(done => {{ const look = () => {{ const text = document.getElementById('{element}').textContent;"
        f" if (text.startsWith('{text}')) done(text); else requestAnimationFrame(look); }}; look(); }})"
    )


# ---------------------------------------------------------------------------------------------- answers


def test_a_file_that_is_no_file_of_answers_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE answers (mine TEXT)")
    connection.close()
    text = tmp_path / "notes.txt"
    text.write_text("remember the milk " * 100)
    before = [path.read_bytes() for path in (other, text)]
    for path in (other, text, tmp_path / "no folder" / "answers.sqlite"):
        with pytest.raises(AnswersError, match=f"{path.name}.*name another file"):
            Answers(path)
    assert [path.read_bytes() for path in (other, text)] == before


def test_answers_outlive_a_kill_of_who_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path; from palaestra.judging.answers import Answer, Answers;"
        "answers = Answers(Path(sys.argv[1]));"
        "[answers.add(Answer('ann', k, 'a', 'b', 'left')) for k in range(5)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -signal.SIGKILL
    answers = Answers(path)
    assert [answer.level for answer in answers.all()] == [0, 1, 2, 3, 4]
    answers.close()


def test_another_judge_is_shown_what_was_compared_least(answers: Answers) -> None:
    schedule = Schedule(NAMES, LEVELS, random.Random(1))
    for left, right in (("good", "fair"), ("poor", "good")):
        answers.add(Answer("ann", 7, left, right, "left"))
    first = [schedule.next("bob", answers.all()) for _ in range(50)]
    assert {(pair.level, *sorted((pair.left, pair.right))) for pair in first if pair} == {
        (7, "fair", "poor"), (8, "fair", "good"), (8, "good", "poor"), (8, "fair", "poor"),
    }  # fmt: skip
    assert {(pair.left, pair.right) for pair in first if pair and pair.level == 7} == {
        ("fair", "poor"), ("poor", "fair"),
    }, "both sides"  # fmt: skip


# ---------------------------------------------------------------------------------------------- what they say


def test_chances_are_those_that_answers_were_drawn_with() -> None:
    strength = {"a": 1.2, "b": 0.4, "c": -0.3, "d": -1.3}
    generator = random.Random(3)
    answers = [
        Answer(
            "ann", k, one, other, "left" if generator.random() < _sigmoid(strength[one] - strength[other]) else "right"
        )
        for k in range(100)
        for one, other in combinations(strength, 2)
    ]
    ranks = ranking(answers)
    assert [rank.name for rank in ranks] == ["a", "b", "c", "d"]
    for rank in ranks:
        assert rank.compared == 300
        assert rank.chance.low < rank.chance.value < rank.chance.high
        others = [name for name in strength if name != rank.name]
        drawn_with = sum(_sigmoid(strength[rank.name] - strength[other]) for other in others) / 3
        assert rank.chance.low - 0.03 < drawn_with < rank.chance.high + 0.03
    assert sum(rank.won for rank in ranks) == len(answers)


def _sigmoid(x: float) -> float:
    return 1 / (1 + 2.718281828**-x)


def test_one_that_always_wins_and_ties_have_chances_too() -> None:
    ranks = ranking([Answer("ann", k, "a", "b", "left") for k in range(5)])
    assert [(rank.name, rank.won) for rank in ranks] == [("a", 5), ("b", 0)]
    assert 0.5 < ranks[0].chance.value < 1
    even = ranking([Answer("ann", k, "a", "b", "equal") for k in range(5)])
    assert [rank.chance.value for rank in even] == pytest.approx([0.5, 0.5])
    assert [rank.won for rank in even] == [2.5, 2.5]
    assert ranking([]) == []


def test_judges_agree_where_they_chose_the_same_whatever_the_side() -> None:
    answers = [
        Answer("ann", 1, "a", "b", "left"), Answer("bob", 1, "b", "a", "right"),  # both a
        Answer("ann", 2, "a", "b", "left"), Answer("bob", 2, "a", "b", "equal"),
        Answer("ann", 3, "a", "b", "left"), Answer("eve", 9, "a", "b", "left"),
    ]  # fmt: skip
    (found,) = agreements(answers)
    assert (found.judges, found.same, found.pairs) == (("ann", "bob"), 0.5, 2)


# ---------------------------------------------------------------------------------------------- the command


def test_the_command_plays_serves_and_ranks(cli: Callable[..., Any], whole_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    words = ["judge", whole_run.folder, "--arm", "taught", "--arm", "rnd", "--levels", 1, "--judge", "ann"]
    command = [sys.executable, "-m", "palaestra", *map(str, words), "--answers", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        url = next(line.split()[1] for line in started.stdout if line.startswith("Open http://127.0.0.1:"))
        pair = json.loads(get(url + "pair"))["pair"]
        assert get(f"{url}clip/{pair['left']}")[8:12] == b"WEBP"
        assert post(url + "answer", {**pair, "choice": "right"})["pair"] is None
        started.send_signal(signal.SIGINT)
        shown = started.stdout.read()
    assert started.returncode == 0
    assert "1 answers by 1 judge" in shown
    assert cli("judge", "--ranking", "--answers", path).out.split("agent")[1] == shown.split("agent")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name the runs whose agents are to be compared"),
        (["--ranking"], "there is no file .*answers.sqlite"),
        (["RUN", "--arm", "taught"], "it takes two agents to compare"),
        (["RUN", "--arm", "tought"], "no run has an arm 'tought'; there are: ppo, rnd, taught"),
        (["RUN", "--arm", "taught", "--arm", "ppo", "--levels", 1], "no checkpoint of arm 'ppo' yet"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    cli: Callable[..., Any], whole_run: Run, tmp_path: Path, words: list[Any], says: str
) -> None:
    words = [whole_run.folder if word == "RUN" else word for word in words]
    refused = cli("judge", *words, "--answers", tmp_path / "answers.sqlite")
    assert refused.code == 2
    assert re.search(says, refused.err)


# ---------------------------------------------------------------------------------------------- language models


class PrefersGood:
    """Finds in what it is told which of the two is "good"."""

    Config = BaseModel
    name = identity = "prefers-good"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        self.prompts.append(messages[0].content)
        first, second = (messages[0].content.index(f"{name} begins") for name in ("good", "fair"))
        better = "first" if first < second else "second"
        return Completion(text=json.dumps({"reason": "so", "better": better}), model=self.name, backend="test")


class Silent(PrefersGood):
    """Talks three times, and then no more."""

    name = identity = "silent"

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        if len(self.prompts) >= 3:
            raise TeacherUnavailable("timeout", "no reply within 60 s")
        self.prompts.append(messages[0].content)
        return Completion(text="I like both!", model=self.name, backend="test")


TWO = {key: clip for key, clip in CLIPS.items() if key[0] != "poor"}


def test_a_model_answers_each_pair_once_from_what_the_world_says(answers: Answers, tmp_path: Path) -> None:
    model = PrefersGood()
    with Store(tmp_path / "calls.sqlite") as store:
        for _ in range(2):
            contest = Contest("Build {{ a }} house.", TWO)
            assert asyncio.run(judge_all(contest, model, StoreLedger(store, "x"), "model", answers)) == []
        assert store.query("SELECT count(*) FROM calls") == [(2,)]
    assert sorted((answer.level, answer.better) for answer in answers.all()) == [(7, "good"), (8, "good")]
    for prompt in model.prompts:
        assert "Build {{ a }} house." in prompt
        assert "After 2 steps:\ngood ends" in prompt
        assert "moments of its 3 steps" in prompt


def test_what_a_model_does_not_answer_is_told_and_left_open(answers: Answers, tmp_path: Path) -> None:
    with Store(tmp_path / "calls.sqlite") as store:
        dropped = asyncio.run(judge_all(Contest("Build.", TWO), Silent(), StoreLedger(store, "x"), "model", answers))
        kinds = store.query("SELECT error_kind, count(*) FROM calls GROUP BY error_kind ORDER BY error_kind")
    assert answers.all() == []
    assert sorted(why.split(": ")[2] for why in dropped) == ["not_json", "timeout"]
    assert kinds == [("not_json", 3), ("timeout", 1)]


def test_what_was_judged_is_kept_for_a_reward_model(whole_run: Run, answers: Answers, tmp_path: Path) -> None:
    compared = contestants([whole_run], ["taught", "rnd"])
    clips = {(one.name, clip.level): clip for one in compared for clip in play(one, 2, FIRST_KEPT_LEVEL)}
    answers.add(Answer("ann", 0, "taught", "rnd", "left"))
    answers.add(Answer("bob", 1, "rnd", "taught", "equal"))
    answers.add(Answer("bob", 999, "rnd", "taught", "left"))
    path = tmp_path / "kept.demonstrations"
    contest = Contest("", clips)
    assert keep(contest, compared, answers.all(), path) == 2
    assert keep(contest, compared, answers.all(), path) == 0
    file = Demonstrations(path)
    episodes = {episode.number: episode for episode in file.episodes()}
    said = [
        (one.judge, episodes[one.one].by, episodes[one.other].by, episodes[one.one].seed, one.better)
        for one in file.comparisons()
    ]
    assert said == [("ann", "taught", "rnd", 0, 1.0), ("bob", "rnd", "taught", 1, 0.5)]
    # What was shown can be done again, step for step.
    for episode in episodes.values():
        (again,) = replay([episode])
        assert len(again.observations["image"]) == len(clips[episode.by, episode.seed].actions)
    file.close()
