"""Settings as in YAML -> a language model, which may wrap others: `inner` one, `models` several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from palaestra_worlds.registry import LANGUAGE_MODELS, BrokenPlugin, UnknownName
from pydantic import BaseModel, ValidationError

from palaestra_teachers.base import LanguageModel
from palaestra_teachers.llm.budget import BudgetModel, MemoryMeter, Meter

MAX_NESTING = 8
"""Language models that wrap one another."""

Path = tuple[str | int, ...]


class ModelSettingsError(ValueError):
    """Settings that describe no language model; the message is a full sentence.

    Attributes:
        path: keys that lead to the wrong entry, e.g. ("inner", "base_url").
        reason: what is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        where = ".".join(("model", *map(str, path)))
        super().__init__(f"{where}: {reason}")
        self.path = path
        self.reason = reason


def wrapped(config: type[BaseModel], settings: Any) -> Iterator[tuple[Path, Any]]:
    """The settings of the models that one wraps, each with the keys that lead to them.

    Args:
        config: model of its settings.
        settings: a mapping of them, or the validated settings.
    """
    given = settings if isinstance(settings, Mapping) else dict(settings)
    if "inner" in config.model_fields and "inner" in given:
        yield ("inner",), given["inner"]
    if "models" in config.model_fields:
        for index, one in enumerate(given.get("models", ())):
            yield ("models", index), one


def build_model(
    settings: Mapping[str, Any],
    around: Callable[[LanguageModel], LanguageModel] = lambda model: model,
    meter: Callable[[str], Meter] = lambda place: MemoryMeter(),
) -> LanguageModel:
    """The model, e.g. of `{"backend": "noisy", "accuracy": 0.9, "inner": {"backend": "scripted"}}`.

    Args:
        settings: as in YAML.
        around: wraps what the ledger has a row for each call of, e.g. to count them: of wrappers that are
            `JudgedModel`s the models inside, of others the wrapper itself.
        meter: makes what a `budget` counts with; its place among the settings is told, e.g. "models.1".

    Raises:
        ModelSettingsError: the settings describe no language model.
        ValueError: it cannot be built here, e.g. because the variable with its key is not set.
    """
    return _build(settings, (), around, meter)


def _build(
    settings: Any, path: Path, around: Callable[[LanguageModel], LanguageModel], meter: Callable[[str], Meter]
) -> LanguageModel:
    kind, config = _validate(settings, path)
    if kind is BudgetModel:
        counted = meter(".".join(map(str, path)))
        return _build(config.inner, (*path, "inner"), lambda model: BudgetModel(config, around(model), counted), meter)
    transparent = hasattr(kind, "complete_judged")
    within = around if transparent else lambda model: model
    inside = [_build(one, (*path, *keys), within, meter) for keys, one in wrapped(kind.Config, config)]
    if "models" in kind.Config.model_fields:
        model = kind(config, inside)
    else:
        model = kind(config, inside[0]) if "inner" in kind.Config.model_fields else kind(config)
    return model if transparent else around(model)


def _validate(settings: Any, path: Path) -> tuple[Any, Any]:
    """The class and its validated configuration."""
    if len([key for key in path if isinstance(key, str)]) > MAX_NESTING:
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
        return kind, kind.Config.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ModelSettingsError((*path, *first["loc"]), _reason(first)) from error


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    if error["type"] == "missing":
        return "this setting is missing"
    return str(error["msg"])
