"""What planners remember of what worked: a game's part is taken in after its result is kept, so both come together.

A game learns in a draft, in the study's folder. If the process dies meanwhile, the draft is taken in where the game's
result was kept, and thrown away otherwise: that game is played again, from the memory that it began with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from palaestra_teachers.planners.config import GhostConfig
from palaestra_teachers.planners.memory import PlanMemory

from palaestra.checkpoint import write_atomically
from palaestra.kept import RESULTS, read_kept, writing
from palaestra.plans.tasks import PlanStudy
from palaestra.run import short_hash

FOLDER = "memories"
_DRAFT = ".draft"


class Memories:
    """The memories of a study's planners.

    Args:
        study: whose planners they are.
        folder: of the study, which this process works in.
    """

    def __init__(self, study: PlanStudy, folder: Path) -> None:
        self._study = study
        self._folder = folder / FOLDER

    def begin(self, planner: str, game: str) -> Path | None:
        """The file in which a game's planner finds what it remembers, and writes what it learns; None: it has none.

        Raises:
            PlanMemoryError: the memory cannot be used.
            StoreError: the file cannot be written.
        """
        memory = self._memory(planner)
        if memory is None:
            return None
        # Read here, so that an error names it and not the draft.
        PlanMemory(self._study.world.id, memory)
        draft = self._draft(planner, game)
        with writing(draft):
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            if memory.is_file():
                draft.write_bytes(memory.read_bytes())
        return draft

    def take_in(self, planner: str, game: str) -> None:
        """Takes in what was learned in a game, whose result is kept now.

        Raises:
            StoreError: it cannot be written; it will be taken in when the study goes on.
        """
        memory, draft = self._memory(planner), self._draft(planner, game)
        if memory is None or not draft.is_file():
            return
        with writing(memory):
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(memory, draft.read_bytes())
            draft.unlink()

    def recover(self) -> None:
        """Ends what a process left that died.

        Raises:
            StudyError: the study's results cannot be read.
            StoreError: something cannot be written.
        """
        kept = read_kept(self._folder.parent / RESULTS, _planner_and_game)
        for planner in self._study.planners:
            for draft in self._folder.glob(f"{self._stem(planner)}.*{_DRAFT}"):
                game = draft.name.removeprefix(f"{self._stem(planner)}.").removesuffix(_DRAFT)
                if (planner, game) in kept:
                    self.take_in(planner, game)
                else:
                    with writing(draft):
                        draft.unlink()

    def _memory(self, planner: str) -> Path | None:
        config = self._study.planner_config(planner)
        if not isinstance(config, GhostConfig) or not config.memory:
            return None
        return config.memory_file or self._folder / f"{self._stem(planner)}.json"

    def _draft(self, planner: str, game: str) -> Path:
        return self._folder / f"{self._stem(planner)}.{game}{_DRAFT}"

    def _stem(self, planner: str) -> str:
        return f"{planner}-{short_hash(self._study.planners[planner].identity())}"


def game_name(task: str, seed: int, settings: str | None) -> str:
    """Of a planner's game, in files; `settings`: of all that its result depends on."""
    return f"{task}.{seed}.{settings}"


def _planner_and_game(row: dict[str, Any]) -> tuple[tuple[str, str], None]:
    return (row["planner"], game_name(row["task"], row["seed"], row["settings"])), None
