"""The teacher: learns what people prefer before training begins, looks on, and pays for what it would prefer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from palaestra_worlds.base import World
from palaestra_worlds.demonstrations import Demonstrations, DemonstrationsError, Episode, Replayed, replay

from palaestra_teachers.base import Feedback, LanguageModel, Ledger, Lesson, LessonRefused, LessonRequest
from palaestra_teachers.preferences.config import PreferencesConfig
from palaestra_teachers.preferences.ensemble import Ensemble, Pairs
from palaestra_teachers.preferences.features import Features, Reader


class PreferenceTeacher:
    """Pays, in every step, what a reward model makes of what the step led to; asks nobody anything.

    The model is learned once from the file of comparisons, as a trial begins, and is kept in its checkpoints.

    Args:
        config: see `PreferencesConfig`.
        model, ledger: not used.
        world: a small one; its observations are what the model reads.

    Raises:
        ValueError: nothing of the observations can be read.
    """

    Config = PreferencesConfig

    def __init__(self, config: PreferencesConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        self._reader = Reader(world.single_observation_space)
        self._ensemble: Ensemble | None = None
        self._learned: dict[str, float] = {}
        self._paid, self._steps = 0.0, 0

    async def propose(self, request: LessonRequest) -> Lesson:
        raise LessonRefused("no_question", "a teacher by preferences answers nothing")

    def observe(self, feedback: Feedback) -> None:
        """What is preferred stays as it is, however the agent does."""

    def begin(self, world: World, seed: int) -> None:
        """Learns from the comparisons, unless it has; see `palaestra_teachers.base.Onlooker`, as of the methods below.

        Raises:
            DemonstrationsError: the file cannot be used, or is of another world.
        """
        if self._ensemble is None and self._config.comparisons is not None:
            pairs = self._read(world)
            self._ensemble = Ensemble(self._reader, self._config, seed)
            self._learned = self._ensemble.learn(pairs)

    def see(self, observations: dict[str, Any], infos: dict[str, Any], ended: NDArray[np.bool_]) -> NDArray[np.float32]:
        if self._ensemble is None:
            return np.zeros(len(ended), np.float32)
        seen = self._reader.read(observations)
        if ended.any():
            _put_last(self._reader, infos, ended, seen)
        rewards = self._ensemble.reward(seen).numpy()
        self._paid += float(rewards.sum())
        self._steps += len(rewards)
        return rewards

    def questions(self, most: int) -> Sequence[str]:
        return ()

    def take(self, question: str, content: dict[str, Any] | None) -> None:
        """Nothing was asked."""

    def metrics(self) -> dict[str, float]:
        paid = self._paid / self._steps if self._steps else 0.0
        self._paid, self._steps = 0.0, 0
        return {"preferences/reward": paid, **self._learned}

    def state_dict(self) -> dict[str, Any]:
        ensemble = None if self._ensemble is None else self._ensemble.state_dict()
        return {"ensemble": ensemble, "learned": dict(self._learned), "paid": self._paid, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._learned = dict(state["learned"])
        self._paid, self._steps = float(state["paid"]), int(state["steps"])
        self._ensemble = None
        if state["ensemble"] is not None:
            self._ensemble = Ensemble(self._reader, self._config, 0)
            self._ensemble.load_state_dict(state["ensemble"])

    # ------------------------------------------------------------------------------------------ comparisons

    def _read(self, world: World) -> Pairs:
        path = self._config.comparisons
        assert path is not None
        file = Demonstrations(path)
        try:
            comparisons, episodes = file.comparisons(), {episode.number: episode for episode in file.episodes()}
        finally:
            file.close()
        if not comparisons:
            raise DemonstrationsError(f"{path} has no comparisons; compare episodes by palaestra judge --keep {path}")
        numbers = sorted({number for one in comparisons for number in (one.one, one.other)})
        for number in numbers:
            _check(str(path), world, episodes.get(number), number)
        replayed = _replayed([episodes[number] for number in numbers])
        moments = [_moments(self._reader, one, self._config.moments) for one in replayed]
        place = {number: k for k, number in enumerate(numbers)}
        return Pairs(
            seen=Features(*(torch.cat(parts) for parts in zip(*moments, strict=True))),
            episode=torch.cat([torch.full((len(part.kinds),), k) for k, part in enumerate(moments)]),
            pairs=torch.tensor([(place[one.one], place[one.other]) for one in comparisons]),
            better=torch.tensor([one.better for one in comparisons], dtype=torch.float32),
        )


def _check(path: str, world: World, episode: Episode | None, number: int) -> None:
    if episode is None or episode.state != "ended" or not len(episode.actions):
        raise DemonstrationsError(f"{path} compares episode {number}, which it does not have to its end")
    if episode.world != world.id:
        raise DemonstrationsError(f"{path} has episodes of {episode.world}, and this is {world.id}; name another file")


def _replayed(episodes: Sequence[Episode]) -> list[Replayed]:
    """In order; episodes of the same settings are repeated together."""
    groups: dict[str, list[Episode]] = {}
    for episode in episodes:
        groups.setdefault(str(sorted(episode.settings.items())), []).append(episode)
    found = {one.episode.number: one for group in groups.values() for one in replay(group)}
    return [found[episode.number] for episode in episodes]


def _moments(reader: Reader, replayed: Replayed, most: int) -> Features:
    """What steps of an episode led to, evenly chosen, the last among them."""
    whole = {key: np.concatenate([rows[1:], replayed.last[key][None]]) for key, rows in replayed.observations.items()}
    count = len(replayed.episode.actions)
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))
    try:
        return reader.read({key: rows[chosen] for key, rows in whole.items()})
    except (KeyError, ValueError) as error:
        raise DemonstrationsError(
            f"episode {replayed.episode.number} was played with settings {replayed.episode.settings}, in which other "
            "things are seen than here; give the world those settings"
        ) from error


def _put_last(reader: Reader, infos: dict[str, Any], ended: NDArray[np.bool_], seen: Features) -> None:
    """In place of what an environment shows after an episode's end: what was seen last in it."""
    for i in np.flatnonzero(ended):
        final = infos["final_obs"][i]
        last = {key: np.asarray(part)[None] for key, part in final.items() if not isinstance(part, str)}
        features = reader.read(last)
        seen.kinds[i], seen.numbers[i] = features.kinds[0], features.numbers[0]
