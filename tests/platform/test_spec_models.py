"""A teacher's language models, their prices and their budgets, as specs say them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from palaestra.cli.specs import configs_folder
from palaestra.spec import BudgetSpec, RunSpec, SpecError, load_spec

TAUGHT = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8}
agent: {rollout_length: 16}
teacher:
  kind: subgoals
  prices: PRICES
  model:
    backend: route
    models:
      - {backend: scripted}
      - backend: vote
        inner:
          backend: openai
          model: m
          EXTRA
budget: {steps: 1000, teacher_tokens: 5000, teacher_cost: 1.5, teacher_seconds: 60}
"""


def taught(tmp_path: Path, prices: str = "{m: {input: 1, output: 2}}", extra: str = "attempts: 2") -> Any:
    path = tmp_path / "taught.yaml"
    path.write_text(TAUGHT.replace("PRICES", prices).replace("EXTRA", extra))
    return load_spec(path)


def test_models_in_lists_are_filled_in_and_written_out(tmp_path: Path) -> None:
    spec = taught(tmp_path)
    arm = spec.arm("main")
    cheap, voted = arm.teacher.model["models"]
    assert cheap == {"backend": "scripted"}
    assert (voted["n"], voted["inner"]["attempts"], voted["inner"]["api_key_env"]) == (3, 2, "OPENAI_API_KEY")
    assert (arm.budget.teacher_tokens, arm.budget.teacher_cost, arm.budget.teacher_seconds) == (5000, 1.5, 60)
    assert RunSpec.from_yaml(spec.to_yaml(), "taught.yaml") == spec


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ("attempts: 0", "taught.yaml:15:21: teacher.model.models[1].inner.attempts: is 0; must be from 1 to 20"),
        ("speed: 1", "taught.yaml:15:11: teacher.model.models[1].inner.speed: unknown key"),
    ],
)
def test_mistakes_in_models_in_lists_are_said_with_their_place(tmp_path: Path, extra: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        taught(tmp_path, extra=extra)
    assert told in str(caught.value)


def test_prices_come_from_a_file_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("m*: {input: 0.5, output: 2}\n")
    spec = taught(tmp_path, "prices.yaml")
    assert spec.arm("main").teacher.prices["m*"].output == 2.0
    assert "m*: {input: 0.5, output: 2.0}" in spec.to_yaml().replace("'", "")
    assert RunSpec.from_yaml(spec.to_yaml(), "elsewhere.yaml").arms == spec.arms
    (tmp_path / "prices.yaml").write_text("m: {input: -1, output: 2}\n")
    with pytest.raises(SpecError, match=r"prices.yaml:1:12: teacher.prices.m.input: is -1; must be at least 0"):
        taught(tmp_path, "prices.yaml")
    with pytest.raises(SpecError, match=r"taught.yaml:6:11: teacher.prices: .*nowhere.yaml"):
        taught(tmp_path, "nowhere.yaml")


def test_limits_that_are_not_set_are_no_part_of_what_a_result_depends_on() -> None:
    assert BudgetSpec(steps=5).identity() == {"steps": 5, "teacher_calls": None, "until_success": None, "held": 2}
    assert BudgetSpec(steps=5, teacher_cost=1.0).identity()["teacher_cost"] == 1.0


def test_the_prices_that_come_along_are_a_price_table(tmp_path: Path) -> None:
    folder = configs_folder()
    assert folder is not None
    assert taught(tmp_path, str(folder / "_prices.yaml")).arm("main").teacher.prices
