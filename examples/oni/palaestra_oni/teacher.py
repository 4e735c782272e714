"""The teacher: captions what happens, has a language model judge captions meanwhile, and pays what that comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from palaestra_teachers.base import (
    Feedback as Measured,
)
from palaestra_teachers.base import (
    LanguageModel,
    Ledger,
    LessonRequest,
    LessonSource,
)
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.replies import parse_reply
from palaestra_teachers.subgoals.prompt import Prompt
from palaestra_worlds.base import World

from palaestra_oni.captions import Captioner, Said
from palaestra_oni.config import OniConfig
from palaestra_oni.lesson import Feedback, Label
from palaestra_oni.table import LabelTable


class OniTeacher:
    """Pays for what a language model calls helpful, and never waits for it.

    Args:
        config: see `OniConfig`.
        model: whom to ask.
        world: a small one.
        ledger: keeps every call.

    Raises:
        ValueError: there is no such prompt.
    """

    Config = OniConfig

    def __init__(self, config: OniConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        self._captioner = Captioner(config.captions)
        self._prompt = Prompt(config.label_prompt, "palaestra_oni")
        self._dialogue = Dialogue(model, ledger, config.retries)
        self._rewards = LabelTable()
        self._world: World | None = None
        self._before: list[Said] = []
        self._counts: list[Counter[str]] = []
        self._tries: Counter[str] = Counter()
        self._waiting: list[str] = []
        self._paid, self._steps = 0.0, 0
        self._learned: dict[str, float] = {}

    # ------------------------------------------------------------------------------------------ asking

    async def propose(self, request: LessonRequest) -> Feedback:
        """What the model says to one of `questions`.

        Raises:
            LessonRefused: no reply was usable.
            TeacherUnavailable: the model gave no reply.
        """
        sampling = self._config.sampling
        if sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": request.trial_seed})
        question = Question(
            key=f"{request.world_id}/trial seed {request.trial_seed}/question {request.turn}",
            messages=self._prompt.messages(
                world_id=request.world_id, goal=self._config.goal, captions=request.description.split("\n")
            ),
            schema=Label.model_json_schema(),
            sampling=sampling,
        )
        answer = await self._dialogue.ask(question, lambda reply: parse_reply(reply, Label))
        source = LessonSource(
            teacher="oni", model=answer.model, request_hash=answer.request_hash, attempts=answer.attempts
        )
        return Feedback(source=source, said=answer.value.model_dump(mode="json"))

    def observe(self, feedback: Measured) -> None:
        """Goals stay as they are, however the agent does."""

    # ------------------------------------------------------------------------------------------ looking on

    def begin(self, world: World, seed: int) -> None:
        self._world = world
        self._before = [self._captioner.said(world.describe(index)) for index in range(world.num_envs)]
        if len(self._counts) != world.num_envs:
            self._counts = [Counter() for _ in self._before]

    def see(self, observations: dict[str, Any], infos: dict[str, Any], ended: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Rewards of what is new in each environment's description; see `palaestra_teachers.base.Onlooker.see`."""
        world = self._world
        assert world is not None
        rewards = np.zeros(world.num_envs, dtype=np.float32)
        for index in range(world.num_envs):
            now = self._captioner.said(world.describe(index))
            if ended[index]:
                # What is described is the next episode.
                self._counts[index].clear()
            elif caption := self._captioner.caption(self._before[index], now):
                rewards[index] = self._pay(index, caption)
            self._before[index] = now
        self._paid += float(rewards.sum())
        self._steps += world.num_envs
        return rewards

    def _pay(self, index: int, caption: str) -> float:
        if caption not in self._tries:
            self._tries[caption] = 0
            self._waiting.append(caption)
        self._counts[index][caption] += 1
        return self._rewards.reward(caption) / self._counts[index][caption] ** self._config.count_exponent

    def questions(self, most: int) -> Sequence[str]:
        """The captions that came last, first."""
        self._learned = self._rewards.learn()
        chosen = [self._waiting.pop() for _ in range(min(most, len(self._waiting)))]
        for caption in chosen:
            self._tries[caption] += 1
        return chosen

    def take(self, question: str, content: dict[str, Any] | None) -> None:
        if content is not None:
            self._rewards.add(question, Label.model_validate(content).helpful)
        elif self._tries[question] < self._config.attempts:
            # After those that have not been asked about.
            self._waiting.insert(0, question)

    def metrics(self) -> dict[str, float]:
        """Of the last iteration: mean reward per step; so far: captions, labels, and how many of these are helpful."""
        reward, self._paid, self._steps = self._paid / max(self._steps, 1), 0.0, 0
        return {
            "oni/intrinsic_reward": reward,
            "oni/captions": float(len(self._tries)),
            "oni/labels": float(len(self._rewards)),
            "oni/helpful": float(self._rewards.helpful),
            **self._learned,
        }

    # ------------------------------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        return {
            "rewards": self._rewards.state_dict(),
            "counts": [dict(counts) for counts in self._counts],
            "tries": dict(self._tries),
            "waiting": list(self._waiting),
            "paid": self._paid,
            "steps": self._steps,
            "learned": dict(self._learned),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rewards.load_state_dict(state["rewards"])
        self._counts = [Counter(counts) for counts in state["counts"]]
        self._tries = Counter(state["tries"])
        self._waiting = list(state["waiting"])
        self._paid, self._steps = float(state["paid"]), int(state["steps"])
        self._learned = dict(state["learned"])
