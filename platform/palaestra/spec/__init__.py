"""What a run is to do: YAML files, checked, and the types that the platform works with."""

from __future__ import annotations

from typing import Any

from palaestra.spec.errors import SpecError
from palaestra.spec.models import (
    AgentSpec,
    ArmSpec,
    BudgetSpec,
    CheckpointSpec,
    EvaluationSpec,
    RunSpec,
    TeacherSpec,
    WorldSpec,
)
from palaestra.spec.read import load_spec


def json_schema() -> dict[str, Any]:
    """The JSON schema of specs, for editors, with everything that is installed."""
    from palaestra.spec import schema

    return schema.json_schema()


__all__ = [
    "AgentSpec",
    "ArmSpec",
    "BudgetSpec",
    "CheckpointSpec",
    "EvaluationSpec",
    "RunSpec",
    "SpecError",
    "TeacherSpec",
    "WorldSpec",
    "json_schema",
    "load_spec",
]
