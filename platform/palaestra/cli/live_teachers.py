"""How far teachers are that are asked while training goes on: trials ask them, each in a process of its own."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from palaestra.progress import LessonProgress, Listener, TrialProgress

if TYPE_CHECKING:
    from palaestra.run import Run

SECONDS_BETWEEN_LOOKS = 2.0


class LiveTeachers:
    """A listener that also passes on, now and then, what the run's store says of such teachers.

    Args:
        run: the run folder.
        tell: gets every message.
    """

    def __init__(self, run: Run, tell: Listener) -> None:
        from palaestra.asking import teacher_hash

        self._run = run
        self._tell = tell
        self._looked = time.monotonic()
        self._teachers: dict[str, list[str]] = {}
        self._levels: dict[str, int] = {}
        for name in run.spec.arm_names:
            arm = run.spec.arm(name)
            if arm.teacher is not None and arm.teacher.mode == "live":
                teacher = teacher_hash(arm)
                self._teachers.setdefault(teacher, []).append(name)
                self._levels[teacher] = max(self._levels.get(teacher, 0), arm.levels or 0)

    def update(self, message: TrialProgress | LessonProgress) -> None:
        """Passes a message on, and looks if it is time."""
        self._tell(message)
        if self._teachers and time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
            self.look()

    def look(self) -> None:
        """Passes on how far each of them is.

        Raises:
            StoreError: the store cannot be read.
        """
        from palaestra.bank import USABLE
        from palaestra.ledger import calls_spent

        self._looked = time.monotonic()
        with self._run.open_store(read_only=True) as store:
            for teacher, arms in self._teachers.items():
                rows = store.query("SELECT state, reason FROM lessons WHERE teacher = ?", (teacher,))
                kinds = (reason.removeprefix("unavailable: ") for state, reason in rows if state == "dropped")
                failures = Counter(kind.partition(":")[0] for kind in kinds)
                self._tell(
                    LessonProgress(
                        teacher=teacher,
                        arms=tuple(arms),
                        levels=self._levels[teacher],
                        kept=sum(state in USABLE for state, _ in rows),
                        dropped=failures.total(),
                        calls=calls_spent(store, teacher),
                        failures=dict(failures),
                    )
                )
