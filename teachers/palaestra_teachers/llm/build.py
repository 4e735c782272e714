"""Settings as in YAML -> a language model, which may wrap another (`inner`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palaestra_worlds.registry import LANGUAGE_MODELS, BrokenPlugin, UnknownName
from pydantic import BaseModel, ValidationError

from palaestra_teachers.base import LanguageModel
from palaestra_teachers.llm.schemas import inline_refs

MAX_NESTING = 8


class ModelSettingsError(ValueError):
    """Settings that describe no language model; the message is a full sentence.

    Attributes:
        path: keys that lead to the wrong entry, e.g. ("inner", "base_url").
        reason: what is wrong with it.
    """

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        where = ".".join(("model", *map(str, path)))
        super().__init__(f"{where}: {reason}")
        self.path = path
        self.reason = reason


def check_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with all defaults filled in; nothing is built, no key and no endpoint is needed.

    Raises:
        ModelSettingsError: they describe no language model.
    """
    _, config = _validate(settings, ())
    return config.model_dump(mode="json")


def build_model(settings: Mapping[str, Any]) -> LanguageModel:
    """The model, e.g. of `{"backend": "noisy", "accuracy": 0.9, "inner": {"backend": "scripted"}}`.

    Raises:
        ModelSettingsError: the settings describe no language model.
        ValueError: it cannot be built here, e.g. because the variable with its key is not set.
    """
    kind, config = _validate(settings, ())
    if _wraps(kind.Config):
        return kind(config, build_model(config.inner))
    return kind(config)


def model_schema() -> dict[str, Any]:
    """JSON schema of the settings of every installed backend; self-contained."""
    loaded, _ = LANGUAGE_MODELS.load_all()
    return {"oneOf": [inline_refs(kind.Config.model_json_schema()) for kind in loaded.values()]}


def _validate(settings: Mapping[str, Any], path: tuple[str | int, ...]) -> tuple[Any, Any]:
    """The class and its validated configuration, wrapped models checked too."""
    if len(path) > MAX_NESTING:
        raise ModelSettingsError(path, f"models wrap each other more than {MAX_NESTING} times")
    if not isinstance(settings, Mapping):
        raise ModelSettingsError(path, f"should be a mapping with the key 'backend', not {settings!r:.80}")
    backend = settings.get("backend")
    if not isinstance(backend, str):
        raise ModelSettingsError(
            path, f"the key 'backend' is missing; installed: {', '.join(LANGUAGE_MODELS.names()) or 'none'}"
        )
    try:
        kind = LANGUAGE_MODELS.load(backend)
    except (UnknownName, BrokenPlugin) as error:
        raise ModelSettingsError((*path, "backend"), str(error)) from error
    try:
        config = kind.Config.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ModelSettingsError((*path, *first["loc"]), _reason(first)) from error
    if _wraps(kind.Config):
        _, inner = _validate(config.inner, (*path, "inner"))
        config = config.model_copy(update={"inner": inner.model_dump(mode="json")})
    return kind, config


def _wraps(config: type[BaseModel]) -> bool:
    return "inner" in config.model_fields


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    if error["type"] == "missing":
        return "this setting is missing"
    return str(error["msg"])
