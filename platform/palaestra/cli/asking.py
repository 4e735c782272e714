"""`palaestra ask`: what a teacher would be asked about a level, and what it answers. Nothing is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palaestra.cli.errors import FAILED, CommandError, refusing
from palaestra.cli.specs import find_spec
from palaestra.cli.talking import SECONDS, talk

if TYPE_CHECKING:
    from palaestra_worlds.base import Judgement

    from palaestra.run import Run
    from palaestra.spec import ArmSpec, RunSpec

EXAMPLES = (
    "palaestra ask beacons/main",
    "palaestra ask beacons/main --level 3 --form language",
    "palaestra ask envgen/heist",
    "palaestra ask --world quadruped",
    "palaestra ask my.yaml --arm taught --set teacher.model.backend=noisy --schema",
)


@dataclass(frozen=True)
class _Answer:
    """What became of asking about a level; `content` is what a lesson says besides tasks."""

    calls: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    content: dict[str, Any]
    settings: list[dict[str, Any]]
    reasons: list[str]
    meanings: list[tuple[str, ...]]
    judgements: list[Judgement | None]
    failure: str


def ask(
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC", help="A YAML file, or the name of one from `list configs`.")
    ] = None,
    level: Annotated[int, typer.Option("--level", min=0, max=2**63 - 1, help="Which level, by its seed.")] = 0,
    arm: Annotated[
        str | None, typer.Option("--arm", help="Whose teacher. [dim]default: the first arm that has one[/dim]")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--form", help="Form of its subgoals: position, object or language.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the spec. Repeatable.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the reply's JSON schema too.")] = False,
    world: Annotated[
        str | None, typer.Option("--world", metavar="ROBOT", help="Talk to a robot instead, e.g. quadruped.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=600, help="Of motion after each line, where they are piped in.")
    ] = SECONDS,
    film: Annotated[
        Path | None, typer.Option("--film", metavar="FILE", help="Write a .mp4, .gif or .webp of the motions.")
    ] = None,
) -> None:
    """Show what a teacher would be asked about a level, and its answer; or talk to a robot that moves meanwhile."""
    from tempfile import TemporaryDirectory

    from palaestra.spec import load_spec

    if (spec is None) == (world is None):
        raise CommandError("give a SPEC to ask about, e.g. beacons/main, or a robot to talk to, e.g. --world quadruped")
    if world is not None:
        _talk_to(world, tuple(overrides or ()), seconds, film)
        return
    assert spec is not None
    path = find_spec(spec)
    loaded = load_spec(path, overrides or ())
    chosen = _arm(loaded, arm)
    if form is not None:
        loaded = load_spec(path, [*(overrides or ()), f"arms.{chosen.name}.teacher.form={form}"])
        chosen = _arm(loaded, chosen.name)
    assert chosen.teacher is not None
    what = f"Level {level}" if chosen.teacher.schedule is None else f"Turn {level + 1}"
    print(f"{what} of {chosen.world.id}, arm {chosen.name}, teacher {chosen.teacher.kind}")
    with TemporaryDirectory(prefix="palaestra-ask-") as folder:
        answer = _ask(loaded, chosen, level, Path(folder))
    for call in answer.calls:
        _print_call(call, schema)
    _print_lesson(answer)
    _print_total(answer.calls)
    if answer.failure:
        raise typer.Exit(FAILED)


def _talk_to(robot: str, overrides: tuple[str, ...], seconds: float, film: Path | None) -> None:
    """A dialogue with a robot; its calls are thrown away."""
    from tempfile import TemporaryDirectory

    from palaestra.cli.studies import find_study
    from palaestra.motions.tasks import load_study

    with TemporaryDirectory(prefix="palaestra-ask-") as folder:
        study = load_study(find_study(robot, "rewards"), overrides)
        talk(study, Path(folder) / "calls.sqlite", (), seconds, film)


def _arm(spec: RunSpec, name: str | None) -> ArmSpec:
    arms = [spec.arm(name)] if name is not None else [spec.arm(known) for known in spec.arm_names]
    taught = next((arm for arm in arms if arm.teacher is not None), None)
    if taught is None:
        raise CommandError(
            "no arm of this spec has a teacher to ask" if name is None else f"arm '{name}' has no teacher to ask"
        )
    return taught


def _ask(spec: RunSpec, arm: ArmSpec, level: int, folder: Path) -> _Answer:
    """Asks through the very code that a run asks with, in a store that is thrown away."""
    import asyncio

    from palaestra.asking import Asker
    from palaestra.build import make_world
    from palaestra.run import start_run

    run = start_run(spec, folder)
    with refusing(ValueError):
        asker = Asker(run, arm)
        world = make_world(arm, 1)
    try:
        asyncio.run(asker.ask([level], lambda: False))
        tasks, reasons, content = _tasks(run)
        meant = [world.task_space.model_validate(task) for task in tasks]
        return _Answer(
            calls=_calls(run),
            tasks=tasks,
            content=content,
            settings=[task.model_dump(mode="json", exclude_defaults=True, exclude={"level_seed"}) for task in meant],
            reasons=reasons,
            meanings=[world.explain(task) for task in meant],
            judgements=[world.judge(task) for task in meant],
            failure="" if tasks or content else _failure(run),
        )
    finally:
        asker.close()
        world.close()


def _calls(run: Run) -> list[dict[str, Any]]:
    names = ("messages", "response_schema", "reply", "error_kind", "error", "retry", "model", "origin", "seconds",
             "tokens_in", "tokens_out", "price")  # fmt: skip
    with run.open_store(read_only=True) as store:
        rows = store.query(f"SELECT {', '.join(names)} FROM calls ORDER BY id")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _tasks(run: Run) -> tuple[list[dict[str, Any]], list[str], dict[str, Any]]:
    """What the lesson is made of, and why ("" where the teacher does not say); what it says besides."""
    from palaestra.bank import USABLE

    with run.open_store(read_only=True) as store:
        rows = store.query(f"SELECT lesson FROM lessons WHERE state IN ({', '.join('?' * len(USABLE))})", USABLE)
    lessons = [json.loads(text) for (text,) in rows]
    tasks = [task for lesson in lessons for task in lesson["tasks"]]
    reasons = [reason for lesson in lessons for reason in lesson.get("reasons", [""] * len(lesson["tasks"]))]
    return tasks, reasons, {key: said for lesson in lessons for key, said in lesson.get("content", {}).items()}


def _failure(run: Run) -> str:
    with run.open_store(read_only=True) as store:
        rows = store.query("SELECT reason FROM lessons") or [("it was not asked: no calls are allowed",)]
    return str(rows[0][0])


# ---------------------------------------------------------------------------------------------- printing


def _print_call(call: dict[str, Any], schema: bool) -> None:
    """The whole exchange; what a model wrote is printed as text, never as markup."""
    for message in json.loads(call["messages"]):
        _heading(message["role"])
        print(_printable(message["content"].rstrip()))
    if schema and call["response_schema"]:
        _heading("JSON schema of the reply")
        print(json.dumps(json.loads(call["response_schema"]), indent=2))
    details = [call["model"], *([call["origin"]] if call["origin"] != "live" else []), f"{call['seconds']:.2f} s"]
    if call["tokens_in"] is not None:
        details.append(f"{call['tokens_in']:,} + {call['tokens_out'] or 0:,} tokens")
    details.append(_dollars(call["price"]))
    _heading(_printable(f"reply ({', '.join(details)})"))
    print(_printable(call["reply"]) if call["reply"] is not None else "(none)")
    if call["error_kind"]:
        print(f"\nNot usable: {call['error_kind']}: {_printable(call['error'] or '')}")


def _print_lesson(answer: _Answer) -> None:
    _heading("lesson")
    if answer.failure:
        print(f"No lesson: {_printable(answer.failure)}")
        return
    for key, said in answer.content.items():
        print(_printable(f"{key}: {json.dumps(said)}"))
    entries = zip(answer.tasks, answer.meanings, answer.judgements, strict=True)
    for place, (task, meaning, judgement) in enumerate(entries):
        parts = task.get("subgoals")
        if not isinstance(parts, list):
            _print_environment(place + 1, answer.settings[place], answer.reasons[place], meaning)
            continue
        for number, part in enumerate(parts, start=1):
            means = f" -> {meaning[number - 1]}" if number <= len(meaning) else ""
            print(_printable(f"{number}. {_words(part)}{means}"))
        if judgement is not None:
            print(_judged(judgement))


def _print_environment(number: int, settings: dict[str, Any], reason: str, meaning: tuple[str, ...]) -> None:
    """What is set in an environment, why, and what that comes to in a level of it."""
    from palaestra.report.environments import settings_words

    print(_printable(f"{number}. {settings_words(settings)}"))
    if reason:
        print(_printable(f"   {reason}"))
    if meaning:
        print(_printable(f"   -> {'; '.join(meaning)}"))


def _judged(judgement: Judgement) -> str:
    """What the world thinks of a lesson, in a sentence."""
    if not judgement.useful:
        return f"Not useful: {judgement.why}."
    missing = f", though it leaves out {judgement.missing}" if judgement.missing else ""
    return f"Useful: it lies on a way to the goal, in order{missing}."


def _print_total(calls: list[dict[str, Any]]) -> None:
    """What asking took, where there were several calls."""
    if len(calls) > 1:
        prices = [call["price"] for call in calls]
        price = None if None in prices else sum(prices)
        print(f"\n{len(calls)} calls, {sum(call['seconds'] for call in calls):.2f} s, {_dollars(price)}")


def _dollars(price: float | None) -> str:
    return "price unknown" if price is None else f"${price:.6f}".rstrip("0").rstrip(".")


def _words(part: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value}" if key != "instruction" else str(value)
        for key, value in part.items()
        if key != "form" and value is not None
    )


def _heading(text: str) -> None:
    print(f"\n── {text} {'─' * max(60 - len(text), 3)}")


def _printable(text: str) -> str:
    """Without characters that could steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
