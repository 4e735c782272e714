"""Specs to YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from palaestra.spec.loader import CoreSchemaLoader
from palaestra.spec.models import ARM_SECTIONS

if TYPE_CHECKING:
    from palaestra.spec.models import ArmSpec, RunSpec


def to_yaml(spec: RunSpec) -> str:
    """The spec with every default written out. What all arms have in common stands once, at the top."""
    arms = {name: arm_sections(arm) for name, arm in spec.arms.items()}
    first = next(iter(arms.values()))
    shared = [key for key in ARM_SECTIONS if all(arm[key] == first[key] for arm in arms.values())]
    document: dict[str, Any] = {"name": spec.name}
    if spec.description:
        document["description"] = spec.description
    document |= {key: first[key] for key in shared}
    document["arms"] = {
        name: {key: value for key, value in arm.items() if key not in shared and (key != "description" or value)}
        for name, arm in arms.items()
    }
    document["seeds"] = spec.seed_list
    document["threads"] = spec.threads
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True, default_flow_style=None)


def arm_sections(arm: ArmSpec) -> dict[str, Any]:
    """An arm as it is written in YAML."""
    world = {"id": arm.world.id, "num_envs": arm.world.num_envs, **arm.world.settings}
    agent = {"kind": arm.agent.kind, **arm.agent.config.model_dump(mode="json")}
    teacher = None
    if arm.teacher is not None:
        own = arm.teacher.model_dump(mode="json", exclude={"config", "kind"})
        teacher = {"kind": arm.teacher.kind, **own, **arm.teacher.config.model_dump(mode="json")}
    return {
        "description": arm.description,
        "world": world,
        "agent": agent,
        "teacher": teacher,
        "levels": arm.levels,
        "budget": arm.budget.model_dump(mode="json"),
        "evaluation": arm.evaluation.model_dump(mode="json"),
        "checkpoint": arm.checkpoint.model_dump(mode="json"),
    }


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or 1.2 would take for something else, and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.yaml_implicit_resolvers = {
    first: list(known) for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
for _first, _resolvers in CoreSchemaLoader.yaml_implicit_resolvers.items():
    _Dumper.yaml_implicit_resolvers.setdefault(_first, []).extend(_resolvers)
