"""The language model that a command is given by `--backend` and `--set`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from palaestra.cli.errors import refusing

if TYPE_CHECKING:
    from palaestra_teachers.base import LanguageModel


def model_of(backend: str, settings: Sequence[str]) -> LanguageModel:
    """Built from the backend's name and `key=value` settings.

    Raises:
        CommandError: there is no such backend, or a setting is wrong.
        SpecError: a setting cannot be read.
    """
    from palaestra_teachers.llm.build import build_model

    from palaestra.spec.loader import parse
    from palaestra.spec.merge import with_overrides

    chosen = with_overrides(parse(json.dumps({"backend": backend}), "--backend"), settings).plain()
    with refusing(ValueError):
        return build_model(chosen)
