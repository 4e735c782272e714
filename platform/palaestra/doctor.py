"""What works on this machine, what does not, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

DISTRIBUTION = "palaestra"
LEAST_FREE = 2 * 2**30
"""Bytes of disk below which a run of some hours may not fit."""
SERVERS = {11434: "Ollama", 8000: "vLLM", 8080: "llama.cpp", 1234: "LM Studio"}
"""Language models' servers by the port of this machine that they take unless told otherwise."""
SERVER_SECONDS = 0.3
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class State(StrEnum):
    """Whether something can be used: `missing` costs one feature, `broken` stops runs."""

    works = "works"
    missing = "missing"
    broken = "broken"


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        subject: what was looked at.
        state: whether it can be used.
        detail: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""


def examine(runs: Path) -> Iterator[Finding]:
    """Everything that runs may need, one finding after another, as each is known.

    Args:
        runs: where run folders shall lie.
    """
    checks: list[Callable[[], Finding]] = [_python, _processors, _gpu, _compiled_code, lambda: _run_folders(runs)]
    for check in checks:
        yield check()
    yield from _extras()
    yield from _plugins()
    yield from (_drawing(), _browser(), _key(), _servers())


def _python() -> Finding:
    supported = metadata(DISTRIBUTION)["Requires-Python"]
    found = f"{platform.python_version()}, {platform.system()} on {platform.machine()}, {sys.executable}"
    if not SpecifierSet(supported).contains(platform.python_version(), prereleases=True):
        return Finding("Python", State.broken, found, f"install a Python {supported}")
    return Finding("Python", State.works, found)


def _processors() -> Finding:
    from palaestra_worlds.compiled import most_threads

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = most_threads()
    detail = f"{usable} usable, compiled worlds may use {threads} threads"
    if threads > usable:
        return Finding("Processors", State.works, detail, f"set NUMBA_NUM_THREADS={usable}: more threads only wait")
    return Finding("Processors", State.works, detail)


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Finding("GPU", State.works, ", ".join(names))
    if torch.version.cuda is None:
        remedy = "not needed; to use one, install torch's CUDA build (pytorch.org, Get Started)"
        return Finding("GPU", State.missing, f"torch {torch.__version__} is a build for CPUs", remedy)
    remedy = "not needed; to use one, see that `nvidia-smi` lists it"
    return Finding("GPU", State.missing, f"torch {torch.__version__} finds none", remedy)


def _compiled_code() -> Finding:
    from palaestra_worlds.compiled import cache_folder

    folder = cache_folder("palaestra_worlds.minigrid")
    if os.access(folder, os.W_OK):
        return Finding("Compiled code", State.works, f"kept in {folder}")
    remedy = "set NUMBA_CACHE_DIR to a folder that you may write to; until then every start compiles anew"
    return Finding("Compiled code", State.missing, f"{folder} cannot be written to", remedy)


def _run_folders(runs: Path) -> Finding:
    existing = next(folder for folder in (runs.absolute(), *runs.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        why = "cannot be written to" if existing.is_dir() else "is a file"
        return Finding("Run folders", State.broken, f"{existing} {why}", "name another folder with --runs")
    free = shutil.disk_usage(existing).free
    detail = f"{runs}, {free / 2**30:.1f} GB free"
    if free < LEAST_FREE:
        return Finding("Run folders", State.works, detail, "make room: runs of hours write up to some GB")
    return Finding("Run folders", State.works, detail)


def _extras() -> Iterator[Finding]:
    """Each group of optional packages."""
    needed = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    for extra in metadata(DISTRIBUTION).get_all("Provides-Extra") or ():
        packages = [
            requirement
            for requirement in needed
            if requirement.marker
            and requirement.name != DISTRIBUTION
            and requirement.marker.evaluate({"extra": extra})
            and not requirement.marker.evaluate({"extra": ""})
        ]
        wrong = [problem for problem in map(_problem_of, packages) if problem]
        subject = f"Extra {extra}"
        if wrong:
            yield Finding(subject, State.missing, "; ".join(wrong), f"pip install '{DISTRIBUTION}[{extra}]'")
        else:
            yield Finding(subject, State.works, ", ".join(f"{each.name} {version(each.name)}" for each in packages))


def _problem_of(requirement: Requirement) -> str:
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"no {requirement.name}"
    return "" if requirement.specifier.contains(found, prereleases=True) else f"{requirement.name} is {found}"


def _plugins() -> Iterator[Finding]:
    from palaestra.plugins import installed

    found = installed()
    counts = {
        "worlds": len(found.worlds),
        "teachers": len(found.teachers),
        "agents": len(found.agents),
        "language models": len(found.models),
    }
    yield Finding("Plug-ins", State.works, ", ".join(f"{count} kinds of {name}" for name, count in counts.items()))
    for broken in found.broken:
        remedy = f"mend or uninstall package '{broken.package}'; everything else works without it"
        yield Finding(f"Plug-in {broken.name}", State.missing, broken.reason, remedy)


def _drawing() -> Finding:
    subject = "Films of robots"
    try:
        import mujoco
        from palaestra_worlds.robots.rendering import Picture, RenderingUnavailable
    except ImportError as error:
        return Finding(subject, State.missing, f"no {error.name}", f"pip install '{DISTRIBUTION}[robots]'")
    model = mujoco.MjModel.from_xml_string("<mujoco/>")  # pyright: ignore[reportAttributeAccessIssue]
    picture = Picture(model, 16, 16)
    picture.look_at((0.0, 0.0, 0.0), 1.0, 0.0)
    try:
        picture.draw(mujoco.MjData(model))  # pyright: ignore[reportAttributeAccessIssue]
    except RenderingUnavailable as error:
        detail, _, remedy = str(error).rpartition(": ")
        return Finding(subject, State.missing, detail, remedy)
    finally:
        picture.close()
    return Finding(subject, State.works, "drawn without a screen")


def _browser() -> Finding:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program:
        return Finding("Browser for tests", State.works, program)
    remedy = "only the tests of reports need it; on Debian: apt-get install chromium"
    return Finding("Browser for tests", State.missing, f"none of {', '.join(BROWSERS)}", remedy)


def _key() -> Finding:
    from palaestra_teachers.llm.openai import OpenAIConfig

    variable = OpenAIConfig.model_fields["api_key_env"].default
    if os.environ.get(variable):
        return Finding("Key of a language model", State.works, f"{variable} is set (whether it is valid was not asked)")
    remedy = f"not needed for scripted teachers; export {variable}=..., or name another variable as model.api_key_env"
    return Finding("Key of a language model", State.missing, f"{variable} is not set", remedy)


def _servers() -> Finding:
    answering = [f"port {port} (as {name} takes)" for port, name in SERVERS.items() if _answers(port)]
    if answering:
        return Finding("Language models' servers", State.works, f"something answers at {', '.join(answering)}")
    remedy = "not needed for scripted teachers; to start one see docs/language-models.md"
    ports = ", ".join(f"{port} ({name})" for port, name in SERVERS.items())
    return Finding("Language models' servers", State.missing, f"none at this machine's ports {ports}", remedy)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), SERVER_SECONDS).close()
    except OSError:
        return False
    return True
