"""What was found, in sentences; and what a teacher is, without flattery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from palaestra.report import text
from palaestra.report.arms import ArmResult, Standing

if TYPE_CHECKING:
    from palaestra.report.objectives import Score
    from palaestra.spec.models import TeacherSpec


ORACLE = "an oracle that sees the whole level"
HEURISTIC = "a heuristic that reads the same prompt"


def describe_model(model: Mapping[str, Any], scripted: str = ORACLE) -> str:
    """What answers for a teacher: a language model, or what stands in for one (`scripted` says what that is)."""
    backend = model.get("backend", text.UNKNOWN)
    if backend == "scripted":
        return f"scripted ({scripted}; no language model)"
    if backend == "noisy":
        inner = dict(model.get("inner") or {"backend": "scripted"})
        accuracy = f"{100 * model.get('accuracy', 1.0):.4g} %"
        if inner.get("backend") == "scripted":
            return f"noisy (an oracle made wrong on purpose, {accuracy} of its subgoals right; no language model)"
        return f"{describe_model(inner)}, made wrong on purpose: {accuracy} of its subgoals kept right"
    if "inner" in model:
        return f"{backend} over {describe_model(dict(model['inner']))}"
    name = model.get("model")
    return f"{name} (language model, backend {backend})" if name else f"backend {backend}"


def describe_teacher(teacher: TeacherSpec) -> str:
    """Kind, form of its lessons, and model."""
    in_words = getattr(teacher.config, "in_words", None)
    if in_words is not None:
        answers = describe_model(teacher.model, HEURISTIC) if teacher.asks_model else "no language model"
        return f"{in_words()}; {answers}"
    form = getattr(teacher.config, "form", None)
    shown = getattr(teacher.config, "shown", None)
    details = [teacher.kind]
    if form:
        details.append(f"given as {form}")
    if shown is not None:
        seen = f"shown in {text.percent(shown)} of the training episodes"
        details.append("never shown to the agent, only rewarded" if shown == 0 else seen)
    return f"{', '.join(details)}; {describe_model(teacher.model)}"


def role(arm: ArmResult) -> str:
    """What an arm is in the comparison: "taught", or a baseline and which; empty for the plain agent."""
    teacher = arm.spec.teacher
    if teacher is None:
        return ""
    if arm.taught:
        return "taught"
    in_words = getattr(teacher.config, "in_words", None)
    return f"baseline: {in_words() if in_words else teacher.kind}"


def untaught(arms: Sequence[ArmResult]) -> str:
    """What the arms that are not taught have in common."""
    return (
        "without a language model" if any(arm.spec.teacher and not arm.taught for arm in arms) else "without a teacher"
    )


def state_of(arms: Sequence[ArmResult]) -> str:
    """How many trials are done, failed, interrupted, running, waiting."""
    counts = Counter(trial.row.status for arm in arms for trial in arm.trials)
    total = sum(counts.values())
    if counts["done"] == total:
        return f"All {total} trials are done." if total > 1 else "The trial is done."
    states = ("done", "failed", "interrupted", "running", "waiting")
    parts = [f"{counts[state]} {state}" for state in states if counts[state]]
    return f"Of {total} trial{'s' * (total > 1)}: {', '.join(parts)}. What follows is preliminary."


def summary(standings: Sequence[Standing], threshold: float) -> str:
    """What the arms came to at a threshold, in a few sentences."""
    measured = [standing for standing in standings if standing.result is not None]
    if not measured:
        return "Nothing has been evaluated yet."
    baseline = next((standing for standing in standings if standing.baseline), None)
    taught = [standing for standing in measured if standing.arm.taught]
    fastest = _fastest(taught or measured)
    who = "taught arm" if taught else "fastest arm"
    sentences = [f"Acting alone on levels kept for evaluation, the {who} {_outcome(fastest, threshold)}."]
    if taught and baseline is not None:
        several = sum(not standing.arm.taught for standing in measured) > 1
        which = f"{'best ' * several}arm {untaught([standing.arm for standing in measured])}"
        sentences += [f"The {which} {_outcome(baseline, threshold)}.", _verdict(fastest)]
    elif taught:
        sentences.append("The run has no arm without a teacher to compare with.")
    return " ".join(sentences)


def summary_of_scores(scores: Sequence[Score], measure: str) -> str:
    """What the arms came to by their world's own measure."""
    measured = [score for score in scores if score.final is not None]
    if not measured:
        return "Nothing has been evaluated yet."

    def value(score: Score) -> float:
        assert score.final is not None
        return score.final.value

    best = max(measured, key=value)
    taught = [score for score in measured if score.arm.taught]
    shown = max(taught, key=value) if taught else best
    name = measure.partition(":")[0]
    sentences = [f"{name}, acting alone in the original: “{shown.arm.name}” {text.points(shown.final, shown.seeds)}."]
    baseline = next((score for score in measured if score.baseline), None)
    if taught and baseline is not None:
        which = f"best arm {untaught([score.arm for score in measured])}"
        sentences.append(f"The {which}, “{baseline.arm.name}”, {text.points(baseline.final, baseline.seeds)}.")
        sentences.append(_points_verdict(shown))
    return " ".join(sentences)


def _points_verdict(score: Score) -> str:
    assert score.points is not None
    points, seeds = score.points, score.seeds
    gain = f"{points.value:+.1f} points"
    if seeds < 2:
        return f"The difference is {gain}; one seed cannot tell this from chance."
    if points.low <= 0 <= points.high:
        return f"The difference, {gain} [{points.low:+.1f}, {points.high:+.1f}], is within the spread over seeds."
    return f"The difference is {gain} [{points.low:+.1f}, {points.high:+.1f}]."


def _fastest(standings: Sequence[Standing]) -> Standing:
    def key(standing: Standing) -> tuple[float, float]:
        assert standing.result is not None
        final = standing.arm.final()
        return standing.result.median.value, -(final.value if final else 0.0)

    return min(standings, key=key)


def _outcome(standing: Standing, threshold: float) -> str:
    result, arm = standing.result, standing.arm
    assert result is not None
    seeds = f"{result.reached} of {result.seeds} seed{'s' * (result.seeds != 1)}"
    goal = f"{text.percent(threshold)} success"
    if result.known:
        return f"“{arm.name}” reached {goal} after {text.steps(result.median.value)} steps (median; {seeds} reached it)"
    verb = "did not reach" if arm.finished else "has not reached"
    final = arm.final()
    stands = f"; its success is {text.percent(final.value)}" if final else ""
    within = f" in {text.steps(result.searched)} steps" if result.searched else ""
    return f"“{arm.name}” {verb} {goal}{within} ({seeds} reached it{stands})"


def _verdict(standing: Standing) -> str:
    found, result = standing.ratio, standing.result
    if found is None or result is None:
        return "So nothing can be said about the ratio of their steps."
    interval = found.interval
    if found.relation == "<":
        return f"The taught agent is slower: it needs more than {text.times(1 / interval.value)} times the steps."
    if found.relation == "=" and interval.low <= 1 <= interval.high:
        return f"The ratio of their steps, {text.times(interval.value)}, is within the spread over seeds."
    if interval.value < 1:
        return f"The taught agent is slower: it needs {text.times(1 / interval.value)} times the steps."
    least = "at least " * (found.relation == ">")
    caution = "" if result.seeds > 1 else " One seed cannot tell this from chance."
    return f"The taught agent needs {least}{text.times(interval.value)} times fewer steps.{caution}"
