"""Prompts: jinja2 files with the blocks `system` and `user`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from palaestra_teachers.base import Message
from palaestra_teachers.quoting import harmless


class Prompt:
    """A prompt of Palaestra's by its name, or one of the user's own by its path.

    A file of one's own may begin with `{% extends "subgoals.j2" %}` and replace one block only. What a world says (its
    id, description, mission, names) belongs between <world> and </world>, as in those of Palaestra's own.

    Args:
        name: e.g. "subgoals", or the path of a file that ends in .j2 or .jinja2.
        package: of Palaestra's own prompts, in its folder `prompts`.

    Raises:
        ValueError: there is no such prompt, it is not valid jinja2, or a block is missing.
    """

    def __init__(self, name: str, package: str = "palaestra_teachers.subgoals") -> None:
        import jinja2
        from jinja2.sandbox import SandboxedEnvironment

        own = jinja2.PackageLoader(package, "prompts")
        loaders: list[jinja2.BaseLoader] = [own]
        path = Path(name)
        if path.suffix in (".j2", ".jinja2") or path.is_file():
            loaders.insert(0, jinja2.FileSystemLoader(path.parent))
            file = path.name
        else:
            file = f"{name}.j2"
        environment = SandboxedEnvironment(
            loader=jinja2.ChoiceLoader(loaders),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        try:
            self._template = environment.get_template(file)
        except jinja2.TemplateNotFound as error:
            known = ", ".join(sorted(entry.removesuffix(".j2") for entry in own.list_templates()))
            raise ValueError(f"there is no prompt '{name}'; give the path of a file, or one of: {known}") from error
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"prompt '{name}', line {error.lineno}: {error.message}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"prompt '{name}' cannot be read: {error}") from error
        self._name = name

    def messages(self, **variables: Any) -> tuple[Message, Message]:
        """What is said to the model.

        Texts among the variables can neither begin nor end the tags that mark them as data; see quoting.py.

        Raises:
            ValueError: the prompt fails, e.g. for want of a variable; the message names the prompt.
        """
        variables = harmless(variables)
        return (
            Message(role="system", content=self._render("system", variables)),
            Message(role="user", content=self._render("user", variables)),
        )

    def _render(self, block: str, variables: dict[str, Any]) -> str:
        import jinja2

        try:
            context = self._template.new_context(variables)
            # A template that extends another has that one's blocks only once it was rendered.
            "".join(self._template.root_render_func(context))
            return "".join(context.blocks[block][0](context)).strip()
        except KeyError as error:
            raise ValueError(f"prompt '{self._name}' has no block {error}") from error
        except (jinja2.TemplateError, ArithmeticError, TypeError) as error:
            raise ValueError(f"prompt '{self._name}', block {block}: {error}") from error
