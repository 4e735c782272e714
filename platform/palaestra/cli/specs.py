"""Finds the specs and run folders that commands are given."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from palaestra.cli.errors import CommandError

if TYPE_CHECKING:
    from palaestra.run import Run

RUNS = Path("runs")
"""Where run folders lie unless told otherwise."""


def configs_folder() -> Path | None:
    """The configurations that came with Palaestra: inside the installed package, or at the root of its repository."""
    package = Path(str(files("palaestra")))
    for folder in (package / "configs", package.parents[1] / "configs"):
        if folder.is_dir():
            return folder
    return None


def packaged_names() -> list[str]:
    """What `palaestra run` takes as a name, e.g. "beacons/main"; files that begin with _ are for others."""
    folder = configs_folder()
    if folder is None:
        return []
    paths = (path for path in folder.rglob("*.yaml") if not path.name.startswith("_"))
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in paths)


def find_spec(text: str) -> Path:
    """The file of a spec, given as a path or by the name of one that came with Palaestra.

    Raises:
        CommandError: there is neither such a file nor such a name.
    """
    path = Path(text)
    if path.is_file():
        return path
    if (path / "spec.yaml").is_file():
        raise CommandError(f"{text} is a run folder, not a spec; to go on with it: palaestra resume {text}")
    if path.is_dir():
        inside = sorted(path.glob("*.yaml"))
        raise CommandError(f"{text} is a folder, not a spec" + (f"; in it lies {inside[0]}" if inside else ""))
    folder, name = configs_folder(), text.removeprefix("configs/").removesuffix(".yaml")
    if folder is not None and name in packaged_names():
        return folder / f"{name}.yaml"
    import difflib

    near = difflib.get_close_matches(name, packaged_names(), n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else "see `palaestra list configs` for those that came with Palaestra"
    raise CommandError(f"there is no file {text} and no configuration of that name; {hint}")


def find_run(folder: Path) -> Run:
    """An existing run, by its folder, or by its name in `runs/`.

    Raises:
        CommandError: there is no such folder.
        RunError, SpecError: it is no run folder, or its spec cannot be read.
    """
    from palaestra.run import open_run

    if not folder.is_dir() and (RUNS / folder).is_dir():
        folder = RUNS / folder
    if not folder.is_dir():
        known = ", ".join(str(path) for path in run_folders(RUNS)[:8])
        raise CommandError(f"there is no folder {folder}; the runs here are: {known or 'none'}")
    return open_run(folder)


def run_folders(root: Path) -> list[Path]:
    """The run folders in a folder, the newest first."""
    if not root.is_dir():
        return []
    found = [path for path in root.iterdir() if (path / "spec.yaml").is_file()]
    return sorted(found, key=lambda path: (path / "spec.yaml").stat().st_mtime, reverse=True)


def find_trained(path: Path) -> tuple[Run, Path | None]:
    """A run, and a certain checkpoint if the path is one.

    Args:
        path: a run folder (or its name in `runs/`), or a checkpoint file inside one.

    Raises:
        CommandError: there is no such path, or the checkpoint lies in no run folder.
        RunError, SpecError: it is no run folder, or its spec cannot be read.
    """
    if not path.is_file():
        return find_run(path), None
    folder = next((parent for parent in path.resolve().parents if (parent / "spec.yaml").is_file()), None)
    if folder is None:
        raise CommandError(
            f"{path} lies in no run folder; put it into its run's checkpoints/<arm>-seed<N>/, whose spec.yaml says how "
            f"to build its world and agent"
        )
    return find_run(folder), path
