"""The teacher: captions what happens, has a language model judge captions meanwhile, and pays what that comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from palaestra_teachers.base import Feedback as Measured
from palaestra_teachers.base import LanguageModel, Ledger, LessonRequest, LessonSource
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.replies import parse_reply
from palaestra_teachers.subgoals.prompt import Prompt
from palaestra_worlds.base import World

from palaestra_oni.asking import Captions, Pairs
from palaestra_oni.captions import Captioner, Said
from palaestra_oni.classifier import Classifier
from palaestra_oni.config import OniConfig
from palaestra_oni.lesson import Feedback, Label, Preference
from palaestra_oni.ranking import BETWEEN, Ranking
from palaestra_oni.table import LabelTable


class OniTeacher:
    """Pays for what a language model finds helpful, which it is asked while the agent learns.

    Args:
        config: see `OniConfig`.
        model: whom to ask.
        world: a small one.
        ledger: keeps every call.

    Raises:
        ValueError: there is no such prompt, or it fails.
    """

    Config = OniConfig

    def __init__(self, config: OniConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        self._captioner = Captioner(config.captions)
        ranks = config.reward == "ranking"
        self._reply: type[Label | Preference] = Preference if ranks else Label
        self._prompt = Prompt(config.compare_prompt if ranks else config.label_prompt, "palaestra_oni")
        self._dialogue = Dialogue(model, ledger, config.retries)
        self._world: World | None = None
        self._before: list[Said] = []
        self._counts: list[Counter[str]] = []
        """How often each caption was seen in the running episode of each environment."""
        self._paid, self._steps = 0.0, 0
        self._learned: dict[str, float] = {}
        self._goes_on = False
        self._make(0)
        # A prompt that fails fails now.
        self._messages(LessonRequest(world_id=world.id, description=BETWEEN.join(("a", "b"))))

    def _make(self, seed: int) -> None:
        config = self._config
        known = config.captions.distinct, config.attempts
        self._asking = Pairs(*known, config.pairs, seed) if config.reward == "ranking" else Captions(*known)
        if config.reward == "ranking":
            self._rewards = Ranking(config, seed)
        else:
            self._rewards = Classifier(config, seed) if config.reward == "classifier" else LabelTable()

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
            messages=self._messages(request),
            schema=self._reply.model_json_schema(),
            sampling=sampling,
        )
        answer = await self._dialogue.ask(question, lambda reply: parse_reply(reply, self._reply))
        source = LessonSource(
            teacher="oni", model=answer.model, request_hash=answer.request_hash, attempts=answer.attempts
        )
        return Feedback(source=source, said=answer.value.model_dump(mode="json"))

    def _messages(self, request: LessonRequest) -> tuple[Any, ...]:
        captions = request.description.split(BETWEEN)
        return self._prompt.messages(world_id=request.world_id, goal=self._config.goal, captions=captions)

    def observe(self, feedback: Measured) -> None:
        """The goal stays as it is, however the agent does."""

    # ------------------------------------------------------------------------------------------ looking on

    def begin(self, world: World, seed: int) -> None:
        """See `palaestra_teachers.base.Onlooker`, as of the methods below."""
        self._world = world
        self._before = [self._captioner.said(world, index) for index in range(world.num_envs)]
        if not self._goes_on:
            self._counts = [Counter() for _ in self._before]
            self._make(seed)

    def see(self, observations: dict[str, Any], infos: dict[str, Any], ended: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Rewards of what is new in each environment; 0 where an episode ended, whose last state nobody describes: the
        world is in the next one's first."""
        world = self._world
        assert world is not None
        rewards = np.zeros(world.num_envs, dtype=np.float32)
        for index in range(world.num_envs):
            now = self._captioner.said(world, index)
            if ended[index]:
                self._counts[index].clear()
            elif caption := self._captioner.caption(self._before[index], now):
                self._asking.add(caption)
                self._counts[index][caption] += 1
                share = self._counts[index][caption] ** -self._config.count_exponent
                rewards[index] = self._rewards.reward(caption) * share
            self._before[index] = now
        self._paid += float(rewards.sum())
        self._steps += world.num_envs
        return rewards

    def questions(self, most: int) -> Sequence[str]:
        self._learned = self._rewards.learn(self._asking.seen)
        return self._asking.next(most)

    def take(self, question: str, content: dict[str, Any] | None) -> None:
        if content is None:
            self._asking.failed(question)
        else:
            self._rewards.add(question, content)

    def metrics(self) -> dict[str, float]:
        """Mean reward per step of the iteration; so far: different captions, answers, and how many say helpful."""
        reward, self._paid, self._steps = self._paid / max(self._steps, 1), 0.0, 0
        return {
            "oni/intrinsic_reward": reward,
            "oni/captions": float(len(self._asking.seen)),
            **self._rewards.summary(),
            **self._learned,
        }

    # ------------------------------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        return {
            "rewards": self._rewards.state_dict(),
            "asking": self._asking.state_dict(),
            "counts": [dict(counts) for counts in self._counts],
            "paid": self._paid,
            "steps": self._steps,
            "learned": dict(self._learned),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rewards.load_state_dict(state["rewards"])
        self._asking.load_state_dict(state["asking"])
        self._counts = [Counter(counts) for counts in state["counts"]]
        self._paid, self._steps = float(state["paid"]), int(state["steps"])
        self._learned = dict(state["learned"])
        self._goes_on = True
