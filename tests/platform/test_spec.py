"""What a spec means: defaults, arms, extended files, changes on the command line, and its way to YAML and back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra.run import run_folder
from palaestra.spec import RunSpec, json_schema, load_spec

SOUND = """\
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 16}
budget: {steps: 50_000}
"""
TAUGHT = """\
name: taught-or-not
description: "Is it worth it?  # yes: 'no'"
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 16, max_steps: 100}
agent: {network: convolutional, learning_rate: 3e-4}
teacher: {kind: subgoals, form: object, levels: 50, shown: 0.25, model: {backend: noisy, accuracy: 0.9}}
levels: 70
budget: {steps: 50_000, until_success: 0.9}
arms:
  taught: {}
  reward-only: {teacher: {shown: 0}}
  ppo: {teacher: null}
  rnd: {teacher: null, levels: null, agent: {intrinsic: rnd}, description: with novelty}
  mlp: {teacher: null, agent: {network: {kind: mlp, hidden: [8]}}}
seeds: [3, 5]
threads: 2
"""


def spec_of(text: str, name: str = "spec.yaml") -> RunSpec:
    return RunSpec.from_yaml(text, name)


def test_defaults() -> None:
    spec = spec_of(SOUND, "folder/some-run.yaml")
    assert (spec.name, spec.arm_names, spec.seed_list, spec.threads) == ("some-run", ["main"], [0], 1)
    arm = spec.arm("main")
    assert (arm.agent.kind, arm.teacher, arm.levels) == ("ppo", None, None)
    assert (arm.evaluation.every, arm.evaluation.episodes, arm.evaluation.greedy) == (100_000, 256, False)
    assert (arm.checkpoint.seconds, arm.checkpoint.iterations) == (60.0, None)
    assert (arm.budget.steps, arm.budget.teacher_calls, arm.budget.until_success) == (50_000, None, None)
    assert spec_of("world: {id: MiniGrid-Empty-5x5-v0}\nbudget: {steps: 10_000}\n").arm("main").world.num_envs == 64


def test_arms_change_what_stands_above_them() -> None:
    spec = spec_of(TAUGHT)
    taught, reward_only, ppo, rnd, mlp = (spec.arm(name) for name in spec.arm_names)
    assert taught.teacher is not None
    assert (taught.teacher.levels, taught.teacher.model["accuracy"], taught.levels) == (50, 0.9, 50)
    assert taught.world.settings["subgoals"] == "object"
    assert taught.world.settings["subgoal_dropout"] == 0.75
    assert taught.world.settings["max_steps"] == 100
    assert reward_only.teacher is not None
    assert reward_only.world.settings["subgoals"] is None
    assert (ppo.teacher, ppo.levels, ppo.world.settings["subgoals"]) == (None, 70, None)
    assert (rnd.levels, rnd.description) == (None, "with novelty")
    configs: list[Any] = [arm.agent.config for arm in (ppo, rnd, mlp)]
    assert [config.learning_rate for config in configs] == [3e-4] * 3
    assert [config.network.kind for config in configs] == ["convolutional", "convolutional", "mlp"]
    assert (configs[1].intrinsic.kind, configs[0].intrinsic) == ("rnd", None)
    assert (spec.seed_list, spec.threads) == ([3, 5], 2)


def test_another_kind_brings_its_own_settings() -> None:
    text = (
        SOUND + "agent: {network: {kind: convolutional, channels: [8]}}\narms: {a: {agent: {network: {kind: mlp}}}}\n"
    )
    config: Any = spec_of(text).arm("a").agent.config
    assert config.network.kind == "mlp"


def test_extended_files_lie_below(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.yaml").write_text(SOUND + "agent: {epochs: 2, gamma: 0.9}\narms: {a: {}, b: {}}\n")
    (tmp_path / "deep" / "two.yaml").write_text("extends: one.yaml\nagent: {epochs: 3}\nevaluation: {episodes: 8}\n")
    (tmp_path / "more.yaml").write_text("evaluation: {episodes: 9, every: 70}\nseeds: 4\n")
    path = tmp_path / "own.yaml"
    path.write_text("extends: [deep/two.yaml, more.yaml]\nevaluation: {every: 80}\narms: {b: {agent: {epochs: 5}}}\n")
    spec = load_spec(path)
    a, b = spec.arm("a"), spec.arm("b")
    configs: list[Any] = [a.agent.config, b.agent.config]
    assert (spec.name, spec.arm_names, spec.seed_list) == ("own", ["a", "b"], [0, 1, 2, 3])
    assert [(config.epochs, config.gamma) for config in configs] == [(3, 0.9), (5, 0.9)]
    assert (a.evaluation.every, a.evaluation.episodes) == (80, 9)


def test_changes_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(TAUGHT)
    spec = load_spec(
        path,
        ["budget.steps=70_000", "arms.ppo.agent.epochs=7", "teacher.cache=answers", "agent={gamma: 0.9}", "levels="],
        seeds=2,
    )
    ppo, taught = spec.arm("ppo"), spec.arm("taught")
    config: Any = ppo.agent.config
    assert (ppo.budget.steps, config.epochs, config.gamma, ppo.levels) == (70_000, 7, 0.9, None)
    assert taught.teacher is not None
    assert taught.teacher.cache == Path("answers")
    assert spec.seed_list == [0, 1]
    assert load_spec(path, seeds=[9]).seed_list == [9]
    assert load_spec(path, ["arms={only: {}}", "arms.ppo=null"]).arm_names == [*spec_of(TAUGHT).arm_names, "only"]


def test_yaml_of_a_spec_says_everything_and_reads_back_equal() -> None:
    spec = spec_of(TAUGHT)
    text = spec.to_yaml()
    again = spec_of(text, "elsewhere.yaml")
    assert again == spec
    assert again.to_yaml() == text
    written = yaml.safe_load(text)
    assert list(written["arms"]) == spec.arm_names
    assert written["arms"]["taught"]["teacher"]["retries"] == 2
    assert written["evaluation"] == {"every": 100_000, "episodes": 256, "greedy": False}


def test_the_same_spec_has_the_same_folder_however_it_is_written(tmp_path: Path) -> None:
    short = spec_of(SOUND)
    long = spec_of("budget: {steps: 50000, held: 2}\nseeds: [0]\nworld: {num_envs: 16, id: MiniGrid-Empty-5x5-v0}\n")
    other = spec_of(SOUND + "seeds: 2\n")
    assert run_folder(short, tmp_path) == run_folder(long, tmp_path)
    assert run_folder(short, tmp_path) != run_folder(other, tmp_path)


def test_what_lessons_and_results_depend_on() -> None:
    spec = spec_of(TAUGHT)
    faster = spec_of(TAUGHT + "checkpoint: {seconds: 5}\n")
    taught, again = spec.arm("taught"), faster.arm("taught")
    assert taught.identity() == again.identity()
    changed = spec_of(TAUGHT.replace("levels: 50", "levels: 51, concurrency: 3, cache: here"))
    teachers = [taught.teacher, changed.arm("taught").teacher]
    assert teachers[0] is not None
    assert teachers[1] is not None
    assert teachers[0].identity() == teachers[1].identity()
    assert taught.identity() != changed.arm("taught").identity()
    other = spec_of(TAUGHT.replace("accuracy: 0.9", "accuracy: 0.8")).arm("taught").teacher
    assert other is not None
    assert other.identity() != teachers[0].identity()


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20) | st.sampled_from(
    ["3e-4", "no", "1_000", "~", "null", ".inf", "<<", "- a", "a: b", "'", "#", "0o17", "%x", "@", "\t", "2020-01-01"]
)
ARMS = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXTS,
        "world": st.fixed_dictionaries({}, optional={"num_envs": st.integers(1, 64), "observation": st.just("full")}),
        "agent": st.fixed_dictionaries(
            {},
            optional={
                "learning_rate": st.floats(0, 1, exclude_min=True),
                "network": st.sampled_from(["mlp", "convolutional", {"kind": "mlp", "hidden": [4, 4]}]),
                "intrinsic": st.sampled_from([None, "rnd", {"kind": "counts", "coefficient": 0.25}]),
                "memory": st.sampled_from([None, "gru"]),
                "ignore": st.lists(TEXTS, max_size=2),
            },
        ),
        "teacher": st.none()
        | st.fixed_dictionaries(
            {"kind": st.just("subgoals")},
            optional={
                "form": st.sampled_from(["position", "object", "language"]),
                "shown": st.floats(0, 1),
                "levels": st.integers(1, 1_000_000),
                "mode": st.sampled_from(["ahead", "live"]),
                "cache": TEXTS.filter(lambda text: "\0" not in text),
                "model": st.sampled_from([{"backend": "scripted"}, {"backend": "noisy", "missing": 0.125}]),
            },
        ),
        "levels": st.none() | st.integers(1, 1_000_000),
        "budget": st.fixed_dictionaries({"steps": st.integers(10**6, 10**12)}, optional={"held": st.integers(1, 9)}),
        "checkpoint": st.fixed_dictionaries({}, optional={"seconds": st.floats(0, 86_400)}),
    },
)
SPECS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "world": st.just({"id": "MiniGrid-DoorKey-5x5-v0"}),
        "budget": st.just({"steps": 10**6}),
        "arms": st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_-]{0,8}\Z"), ARMS, min_size=1, max_size=3),
    },
    optional={"description": TEXTS, "seeds": st.integers(1, 9) | st.just([5, 2]), "threads": st.integers(1, 4)},
)


@settings(max_examples=40, deadline=None)
@given(SPECS)
def test_any_spec_survives_the_way_to_yaml_and_back(document: dict[str, Any]) -> None:
    spec = spec_of(yaml.dump(document, Dumper=_Quoting, allow_unicode=True))
    assert spec_of(spec.to_yaml(), "other.yaml") == spec


class _Quoting(yaml.SafeDumper):
    """Quotes all texts, as a user would those that look like something else."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def test_the_schema_knows_what_is_installed() -> None:
    schema = json_schema()
    definitions = schema["$defs"]
    assert set(schema["properties"]) >= {"name", "world", "agent", "teacher", "budget", "arms", "seeds", "extends"}
    ids = [one["properties"]["id"]["anyOf"][0].get("enum", ()) for one in definitions["world"]["anyOf"]]
    assert sum("MiniGrid-DoorKey-5x5-v0" in group for group in ids) == 1
    agent = next(one for one in definitions["agent"]["anyOf"] if one["properties"]["kind"]["const"] == "ppo")
    assert agent["properties"]["learning_rate"]["maximum"] == 1
    assert "convolutional" in str(agent["properties"]["network"]).lower()
    backends = {one["properties"]["backend"]["const"] for one in definitions["language_model"]["anyOf"]}
    assert backends >= {"scripted", "noisy", "openai"}
    assert "required" not in str(schema)
    _check_references(schema, definitions)


def _check_references(part: Any, definitions: dict[str, Any]) -> None:
    if isinstance(part, dict):
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in definitions
        for value in part.values():
            _check_references(value, definitions)
    elif isinstance(part, list):
        for value in part:
            _check_references(value, definitions)


# Files that begin with _ are for others: to extend, prices, and studies of motions (test_motions.py reads those).
CONFIGS = sorted(path for path in Path(__file__).parents[2].glob("configs/**/*.yaml") if path.name[0] != "_")
EXTENDED = {
    (path.parent / yaml.safe_load(path.read_text(encoding="utf-8")).get("extends", "")).resolve() for path in CONFIGS
}


@pytest.mark.parametrize("path", [path for path in CONFIGS if path not in EXTENDED], ids=lambda path: path.stem)
def test_the_configurations_that_come_with_palaestra_can_be_read(path: Path) -> None:
    spec = load_spec(path)
    assert spec_of(spec.to_yaml()) == spec
    assert copy.deepcopy(spec) == spec
