"""The loop of one trial: an agent learns in a world whose levels carry lessons, is evaluated, and is saved.

It knows lessons only as tasks that worlds draw from, so every kind of lesson goes through it unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import Feedback

from palaestra import checkpoint
from palaestra.bank import LevelBank
from palaestra.build import make_world, settings_when_taught, world_seeds
from palaestra.checkpoint import CheckpointError
from palaestra.evaluation import Evaluation, held_out_tasks, num_envs_for, play
from palaestra.lessons import NEWEST_LESSON, LessonSupply
from palaestra.parallel import Leader
from palaestra.progress import Position, TrialProgress
from palaestra.recorder import TrialRecorder
from palaestra.run import Run, header_of
from palaestra.store import Store
from palaestra.turns import open_supply
from palaestra.visits import Visits

if TYPE_CHECKING:
    from palaestra_worlds.base import World


class Trial:
    """One arm with one seed, from its newest checkpoint on.

    Args:
        run: the run folder.
        arm: name of the arm.
        seed: of the trial.
        store: open in this process.
        progress: is told after each iteration.
        leader: of the processes that do the trial; None: this one does it alone.

    Raises:
        ValueError: world, agent or teacher cannot be built as the arm says.
        CheckpointError: a checkpoint is of something else.
        StoreError: the store cannot be used.
    """

    def __init__(
        self,
        run: Run,
        arm: str,
        seed: int,
        store: Store,
        progress: Callable[[TrialProgress], None] | None = None,
        leader: Leader | None = None,
    ) -> None:
        self.arm = run.spec.arm(arm)
        self.seed = seed
        self.folder = run.checkpoint_folder(arm, seed)
        self.store = store
        self.row = store.trial(arm, seed)
        self.recorder = TrialRecorder(store, self.row.id, run.events_folder(arm, seed))
        self.position = Position()
        self._report = progress
        self._seen: dict[str, float] = {}
        self._saved = time.monotonic()
        self._evaluation_worlds: dict[str, World] = {}
        leader = leader or Leader()
        self.processes = leader.group.size
        self.world, self.agent = leader.build(run.spec, self.arm, seed)
        self.bank = LevelBank(self.world.task_space, self.arm.levels or 0)
        self.supply: LessonSupply | None = open_supply(run, self.arm, self.row, self.recorder, self.world)
        self._header = header_of(self.arm, seed)
        self._begin()

    # ------------------------------------------------------------------------------------------ beginning, saving

    def _begin(self) -> None:
        header = self._header
        found = checkpoint.load_newest(
            self.folder,
            world_id=header.world_id,
            agent_kind=header.agent_kind,
            arm=header.arm,
            seed=header.seed,
            config_hash=header.config_hash,
        )
        if found.state is None:
            self.recorder.roll_back(-1, -1)
            self._fill_bank()
            self.recorder.metrics(0, 0, self._newest_lesson())
            self._reset_world()
        else:
            self._check_processes(found.state.get("processes", 1))
            self._restore(found.state)
            self.recorder.roll_back(self.position.iteration, self.position.steps)
        for problem in found.problems:
            self.store.event("checkpoint_damaged", problem, self.row.id)
        if self.supply:
            self.supply.start()

    def _check_processes(self, processes: int) -> None:
        """Raises CheckpointError when the newest checkpoint holds other shares of the world than there are now."""
        if processes != self.processes:
            started = f"in {processes} processes" if processes > 1 else "without torchrun"
            raise CheckpointError(
                f"the trial in {self.folder} was begun {started}, and its worlds cannot be divided among "
                f"{self.processes} now; resume it {started}"
            )

    def _restore(self, state: dict[str, Any]) -> None:
        self.position = Position(**state["position"])
        self._seen = dict(state["seen"])
        if self.supply and state["supply"] is not None:
            self.supply.load_state_dict(state["supply"])
        self._fill_bank(state["newest_lesson"])
        self.agent.load_state_dict(state["agent"])
        self.world.restore(state["world"])
        if count := self.world.restarted_everywhere:
            self.store.event(
                "episodes_restarted",
                f"{self.world.id} cannot be saved amid an episode: {count} of {self.world.everywhere} environments "
                "began a new one, so that this trial is not, step for step, what it had been without the interruption",
                self.row.id,
            )
        self.world.steps = self.position.steps
        self.world.lesson_counts.load_state_dict(state["lesson_counts"])
        # Older checkpoints have none.
        if "original" in state:
            self.world.original.load_state_dict(state["original"])
        if state.get("visits") is not None:
            self.world.visits = Visits.of(state["visits"])

    def _fill_bank(self, newest: int | None = None) -> None:
        if self.supply:
            self.supply.fill(self.bank, self.store, newest)
        tasks, weights = self.bank.drawn()
        if tasks:
            self.world.draw_from(tasks, weights)

    def _reset_world(self) -> None:
        self.world.reset(seed=world_seeds(self.seed, self.world.everywhere))

    def save(self) -> None:
        """Commits what was measured, then writes a checkpoint; the checkpoint is never ahead of the store.

        Raises:
            StoreError: it cannot be written; the trial can be resumed from the one before.
        """
        position = self.position
        self.recorder.lesson_progress(self.bank.keys, self.bank.subgoals(), self.world.lesson_counts)
        self.recorder.commit(position.steps, position.seconds)
        state = {
            "position": vars(position),
            "seen": self._seen,
            "processes": self.processes,
            "agent": self.agent.state_dict(),
            "world": self.world.snapshot(),
            "lesson_counts": self.world.lesson_counts.state_dict(),
            "original": self.world.original.state_dict(),
            "visits": None if self.world.visits is None else self.world.visits.state_dict(),
            "newest_lesson": self.bank.newest,
            "supply": self.supply.state_dict() if self.supply else None,
        }
        header = self._header.model_copy(update={"iteration": position.iteration, "step": position.steps})
        checkpoint.save(self.folder, header, state)
        self._saved = time.monotonic()

    def close(self) -> None:
        """Lets go of the worlds and of the teacher."""
        if self.supply:
            self.supply.close()
        self.recorder.close()
        for world in (self.world, *self._evaluation_worlds.values()):
            world.close()

    # ------------------------------------------------------------------------------------------ the loop

    def run(self, stop: Callable[[], bool] = lambda: False) -> str:
        """Learns until the budget is spent or `stop` says so after an iteration; gives "done" or "interrupted".

        Raises:
            StoreError: something cannot be kept; the trial can be resumed.
        """
        while not self._finished():
            if self._evaluation_due():
                self._evaluate()
                continue
            if not stop():
                # Whoever goes on from here later, perhaps with other settings of the teacher, asks it then.
                self._update_bank(stop)
            if stop():
                self.save()
                return "interrupted"
            self._iterate()
            if self._checkpoint_due():
                self.save()
            elif self.recorder.due:
                self.recorder.commit(self.position.steps, self.position.seconds)
        self.save()
        return "done"

    def _finished(self) -> bool:
        spent = self.position.steps >= self.arm.budget.steps
        return self.position.solved or (spent and self.position.evaluated == self.position.steps)

    def _evaluation_due(self) -> bool:
        every, position = self.arm.evaluation.every, self.position
        if position.evaluated < 0 or position.steps >= self.arm.budget.steps:
            return True
        if self.supply and position.evaluated != position.steps and self.supply.wants_evaluation(position.steps):
            return True
        return position.steps // every > position.evaluated // every

    def _checkpoint_due(self) -> bool:
        settings = self.arm.checkpoint
        if settings.iterations is not None:
            return self.position.iteration % settings.iterations == 0
        return time.monotonic() - self._saved >= settings.seconds

    def _update_bank(self, stop: Callable[[], bool]) -> None:
        """Has worlds draw from what has come in, or is due now, from their next reset on."""
        if self.supply and self.supply.update(self.bank, self.store, self.position, stop):
            self.world.draw_from(*self.bank.drawn())
            if self.position.steps == 0:
                self._reset_world()

    def _iterate(self) -> None:
        began = time.perf_counter()
        position, steps_before = self.position, self.world.steps
        progress = min(position.steps / self.arm.budget.steps, 1.0)
        metrics = self.agent.train_iteration(self.world, progress)
        position.iteration += 1
        position.steps += self.world.steps - steps_before
        seconds = time.perf_counter() - began
        position.seconds += seconds
        metrics = {name: value for name, value in metrics.items() if name != "steps"} | self.world.take_metrics()
        metrics |= {
            "speed/steps_per_second": (self.world.steps - steps_before) / seconds,
            "time/iteration": seconds,
            "lessons/in_bank": float(len(self.bank.taught)),
        }
        metrics |= self._newest_lesson() | (self.supply.metrics() if self.supply else {})
        self.recorder.metrics(position.iteration, position.steps, metrics)
        self._seen |= {name: value for name, value in metrics.items() if name in _SHOWN}
        if self._report:
            self._report(self.progress("running"))

    def _newest_lesson(self) -> dict[str, float]:
        """What a replay has to know where lessons come in late."""
        return {NEWEST_LESSON: float(self.supply.newest(self.bank))} if self.supply and self.supply.late else {}

    def _evaluate(self) -> None:
        began = time.perf_counter()
        position = self.position
        alone = self._play("alone")
        self.recorder.evaluation(position.iteration, position.steps, "alone", alone)
        self.recorder.metrics(position.iteration, position.steps, self.world.training_score())
        if self.supply and len(self.bank.taught) > 0 and settings_when_taught(self.arm) is not None:
            taught = self._play("taught")
            self.recorder.evaluation(position.iteration, position.steps, "taught", taught)
        self._seen["evaluation"] = alone.success
        target = self.arm.budget.until_success
        position.held = position.held + 1 if target is not None and alone.success >= target else 0
        position.solved = position.held >= self.arm.budget.held
        position.evaluated = position.steps
        seconds = time.perf_counter() - began
        position.seconds += seconds
        self.recorder.metrics(position.iteration, position.steps, {"time/evaluation": seconds})
        if self.supply:
            self.supply.observe(self._feedback(alone))
        if self._report:
            self._report(self.progress("running"))

    def _play(self, mode: str) -> Evaluation:
        """Plays held-out levels alone, or levels of the bank that have a lesson with it shown in every episode."""
        episodes = self.arm.evaluation.episodes
        if mode == "taught":
            episodes = min(episodes, len(self.bank.taught))
            changed = settings_when_taught(self.arm) or {}
        else:
            changed = {}
        key = f"{mode} {num_envs_for(episodes)}"
        if key not in self._evaluation_worlds:
            self._evaluation_worlds[key] = make_world(self.arm, num_envs_for(episodes), **changed)
        world = self._evaluation_worlds[key]
        tasks = self.bank.taught[:episodes] if mode == "taught" else held_out_tasks(world, episodes)
        return play(self.agent, world, tasks, greedy=self.arm.evaluation.greedy)

    def _feedback(self, alone: Evaluation) -> Feedback:
        counts = self.world.lesson_counts
        lessons = {}
        for row, key in enumerate(self.bank.keys[: len(counts.episodes)]):
            if episodes := int(counts.episodes[row]):
                reached = counts.reached[row] @ range(counts.reached.shape[1])
                lessons[key] = (episodes, float(reached) / episodes)
        # What a world checks is for reports alone.
        told = {} if self.world.inner.checks else {"success": alone.rates, "episodes": alone.episodes}
        return Feedback(step=self.position.steps, lessons=lessons, **told)

    def progress(self, status: str, message: str = "") -> TrialProgress:
        """How far the trial is."""
        position, seen = self.position, self._seen
        speed = position.steps / position.seconds if position.seconds > 0 else 0.0
        return TrialProgress(
            arm=self.arm.name,
            seed=self.seed,
            status=status,
            iteration=position.iteration,
            steps=position.steps,
            budget=self.arm.budget.steps,
            steps_per_second=seen.get("speed/steps_per_second"),
            episode_return=seen.get("train/episode_return"),
            success=seen.get("train/success"),
            evaluation=seen.get("evaluation"),
            lessons=len(self.bank.taught),
            remaining=max(self.arm.budget.steps - position.steps, 0) / speed if speed else None,
            message=message,
        )


_SHOWN = ("speed/steps_per_second", "train/episode_return", "train/success")
