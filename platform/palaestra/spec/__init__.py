"""What a run is to do: YAML files, checked, and the types that the platform works with."""

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
    "load_spec",
]
