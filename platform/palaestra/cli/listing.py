"""`palaestra list`: what is installed, and the runs that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import CommandError
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import RUNS, configs_folder, packaged_names, run_folders

if TYPE_CHECKING:
    from palaestra_worlds.registry import Broken

EXAMPLES = (
    "palaestra list",
    "palaestra list worlds --licences",
    "palaestra list runs",
    "palaestra list --schema > palaestra.schema.json",
)


class Kind(StrEnum):
    worlds = "worlds"
    teachers = "teachers"
    agents = "agents"
    models = "models"
    configs = "configs"
    runs = "runs"


def list_installed(
    kind: Annotated[
        Kind | None, typer.Argument(help="What to list. [dim]default: everything but the worlds[/dim]")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of specs, for editors.")] = False,
    licences: Annotated[bool, typer.Option("--licences", help="Show whose licences the worlds are under.")] = False,
    runs: Annotated[Path, typer.Option("--runs", help="Where run folders lie.")] = RUNS,
) -> None:
    """List worlds, teachers, agents, models, configurations or runs."""
    if schema:
        import json

        from palaestra.spec import json_schema

        print(json.dumps(json_schema(), indent=2))
        return
    if licences and kind not in (None, Kind.worlds):
        raise CommandError("--licences goes with `palaestra list worlds`")
    for each in [kind] if kind else Kind:
        if kind is None:
            console().print(f"\n[bold]{each.capitalize()}[/bold]")
        if each is Kind.worlds:
            _worlds(summed=kind is None and not licences, licences=licences)
        elif each is Kind.runs:
            _runs(runs)
        elif each is Kind.configs:
            _configs()
        else:
            _plugins(each)


def _worlds(summed: bool, licences: bool) -> None:
    from palaestra_worlds.registry import broken_worlds, world_entries, world_providers

    entries = world_entries()
    missing = [entry for entry in entries if entry.missing]
    if summed:
        text = f"{len(entries)} worlds"
        print(f"{text}, of which {len(missing)} lack something here; `palaestra list worlds` names them all")
    else:
        table = plain_table("id", "levels", "here", *(("licences",) if licences else ()))
        for entry in entries:
            here = "no" if entry.missing else "yes"
            table.add_row(entry.id, entry.levels, here, *(("; ".join(entry.licences),) if licences else ()))
        out = console()
        out.print(table)
        for reason in dict.fromkeys(entry.missing for entry in missing):
            names = [entry.id for entry in missing if entry.missing == reason]
            out.print(f"Not here: {', '.join(names)}: {reason}\n", markup=False)
        out.print(
            "levels: native: made by the compiled engine; reference: by the reference package, and kept on disk.",
            style="dim",
        )
        prefixes = sorted(provider.prefix for provider in world_providers().values() if provider.prefix)
        out.print(f"{', '.join(prefixes)} reach many ids more than are listed (docs/adapters.md).", style="dim")
    _tell_broken(broken_worlds())


def _plugins(kind: Kind) -> None:
    from palaestra_worlds.registry import AGENTS, LANGUAGE_MODELS, TEACHERS

    from palaestra.plugins import plugins_of

    found, broken = plugins_of({Kind.teachers: TEACHERS, Kind.agents: AGENTS, Kind.models: LANGUAGE_MODELS}[kind])
    table = plain_table("name", "what it is", "from")
    for plugin in found:
        table.add_row(plugin.name, plugin.summary, plugin.package)
    console().print(table)
    _tell_broken(broken)


def _tell_broken(broken: Iterable[Broken]) -> None:
    for plugin in broken:
        typer.echo(f"palaestra: skipped: {plugin.reason}", err=True)


def _configs() -> None:
    folder = configs_folder()
    if folder is None:
        print("none came with this installation")
        return
    table = plain_table("name", "what it is")
    for name in packaged_names():
        table.add_row(name, _purpose(folder / f"{name}.yaml"))
    console().print(table)


def _purpose(path: Path) -> str:
    """The comment that a configuration begins with, else its description."""
    import yaml

    text = path.read_text(encoding="utf-8")
    if text.startswith("#"):
        return text.partition("\n")[0].removeprefix("#").strip()
    return str(yaml.safe_load(text).get("description", ""))


def _runs(root: Path) -> None:
    from palaestra.store import Store, StoreError

    folders = run_folders(root)
    if not folders:
        print(f"none in {root}/")
        return
    table = plain_table("folder", "trials", "state", "steps", "report", right=("steps",))
    for folder in folders:
        report = "report.html" if (folder / "report.html").is_file() else ""
        try:
            with Store(folder / "run.sqlite", read_only=True) as store:
                trials = store.trials()
        except StoreError as error:
            table.add_row(str(folder), "", f"cannot be read: {error}", "", report)
            continue
        counts = Counter(trial.status for trial in trials)
        state = ", ".join(f"{count} {status}" for status, count in counts.items())
        table.add_row(str(folder), str(len(trials)), state, f"{sum(trial.steps for trial in trials):,}", report)
    console().print(table)
