"""The learning curves of a run as a picture of their own, for a README or a paper."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from palaestra.checkpoint import write_atomically
from palaestra.report.arms import read_arms
from palaestra.report.objectives import final_scores
from palaestra.report.plots import learning_curves
from palaestra.run import Run, RunError


def write_picture(run: Run, path: Path) -> None:
    """Score or success of every arm alone, over environment steps: an SVG that follows its viewer into the dark.

    Args:
        run: with at least one evaluation.
        path: ends in .svg.

    Raises:
        RunError: another kind of file, nothing was measured yet, or it cannot be written.
        StoreError: the run's store cannot be read.
    """
    if path.suffix.lower() != ".svg":
        raise RunError(f"{path}: pictures are written as SVG; give a name that ends in .svg")
    with run.open_store(read_only=True) as store:
        arms = read_arms(run, store)
    worlds = ", ".join(dict.fromkeys(arm.spec.world.id for arm in arms))
    scored = any(final_scores(arm) for arm in arms)
    title = f"{'Score' if scored else 'Success'} in {worlds}, acting without a teacher"
    svg = learning_curves(arms, "score" if scored else "success", title, legend=True)
    if not svg:
        raise RunError(f"{run.folder} has nothing to draw: no evaluation was done yet")
    try:
        write_atomically(path, _standing_alone(svg).encode())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def _standing_alone(svg: str) -> str:
    """Brings the page's colours along, and its background."""
    css = files("palaestra.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    colors = css[: css.index("* {")]
    head, _, body = svg.partition(">")
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    style = f"<style>{colors} text {{ font-family: system-ui, sans-serif; }}</style>"
    background = '<rect width="100%" height="100%" rx="8" style="fill: var(--card)"/>'
    return f"{head.replace('<svg', f'<svg {names}', 1)}>{style}{background}{body}"
