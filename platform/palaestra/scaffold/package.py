"""A new plug-in's package: its names, and its files out of templates."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from palaestra_worlds.registry import AGENTS, LANGUAGE_MODELS, TEACHERS, WORLDS, Registry, UnknownName, world_provider

Kind = Literal["teacher", "world", "agent", "language-model"]

KINDS: dict[Kind, Registry] = {
    "teacher": TEACHERS,
    "world": WORLDS,
    "agent": AGENTS,
    "language-model": LANGUAGE_MODELS,
}
LONGEST_NAME = 30
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class ScaffoldError(ValueError):
    """A package cannot be written; the message says why, and what to do."""


@dataclass(frozen=True)
class Package:
    """The package of one plug-in. Everything in it is called after the plug-in.

    Attributes:
        kind: what it adds.
        name: of the distribution and of the entry point, e.g. "farthest-door".

    Raises:
        ScaffoldError: the name cannot be used, or something installed has it.
    """

    kind: Kind
    name: str

    def __post_init__(self) -> None:
        _check_spelling(self.name)
        _check_free(self)

    @property
    def module(self) -> str:
        """e.g. "farthest_door"."""
        return self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        """e.g. "FarthestDoor"."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    def files(self) -> dict[str, str]:
        """The texts of its files, by name."""
        return {
            "README.md": self._render("package/README.md.j2"),
            "pyproject.toml": self._render("package/pyproject.toml.j2"),
            f"{self.module}.py": self._render(f"{self.kind}/module.py.j2"),
            f"{self.name}.yaml": self._render(f"{self.kind}/run.yaml.j2"),
            f"test_{self.module}.py": self._render(f"{self.kind}/test.py.j2"),
        }

    def write(self, folder: Path) -> None:
        """Writes the files into a folder that is new or empty.

        Raises:
            ScaffoldError: there is something in it, or it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise ScaffoldError(f"{folder} exists and is not empty; name another with --folder, or remove it")
            for name, text in self.files().items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ScaffoldError(f"{folder} cannot be written: {error.strerror or error}") from error

    def _render(self, template: str) -> str:
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("palaestra.scaffold"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        return environment.get_template(template).render(
            kind=self.kind,
            group=KINDS[self.kind].group,
            what=KINDS[self.kind].kind,
            name=self.name,
            module=self.module,
            Class=self.class_name,
        )


def _check_spelling(name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise ScaffoldError(f"'{name}' is longer than {LONGEST_NAME} characters")
    if not _NAME.fullmatch(name):
        better = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())).lstrip(
            "0123456789-"
        )
        hint = f", e.g. '{better}'" if _NAME.fullmatch(better) else ""
        raise ScaffoldError(
            f"'{name}' cannot be the name of a package: use lower-case letters and digits, beginning with a letter, "
            f"and single hyphens between words{hint}"
        )


def _check_free(package: Package) -> None:
    """Raises ScaffoldError when Python or something installed has a name that the package would have."""
    name, module, registry = package.name, package.module, KINDS[package.kind]
    if keyword.iskeyword(module) or keyword.issoftkeyword(module) or module in sys.stdlib_module_names:
        raise ScaffoldError(f"'{name}' cannot be used: Python itself has something called '{module}'")
    point = registry.points().get(name)
    if point is not None:
        owner = point.dist.name if point.dist else "another package"
        raise ScaffoldError(
            f"the name '{name}' is taken, by the {registry.kind} of package '{owner}'; take another name"
        )
    if package.kind == "world":
        _check_world_id(package.class_name)
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pass
    else:
        raise ScaffoldError(f"a package '{name}' is installed already; take another name, or uninstall it")
    if find_spec(module) is not None:
        raise ScaffoldError(f"'{name}' cannot be used: a module '{module}' is installed already; take another name")


def _check_world_id(id: str) -> None:
    try:
        world_provider(id)
    except UnknownName:
        return
    raise ScaffoldError(f"there is a world '{id}' already; take another name")
