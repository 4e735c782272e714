"""Every mistake in a spec is one sentence with its place, its key, what is wrong, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from palaestra.spec import RunSpec, SpecError, load_spec

SOUND = """\
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 16}
budget: {steps: 50_000}
"""


def message(text: str) -> str:
    with pytest.raises(SpecError) as error:
        RunSpec.from_yaml(text, "spec.yaml")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("evalution: {}", "spec.yaml:3:1: evalution: unknown key; did you mean 'evaluation'?"),
        ("xyz: 1", "spec.yaml:3:1: xyz: unknown key; known here: name, description, world, agent"),
        ("evaluation: {evry: 3}", "spec.yaml:3:14: evaluation.evry: unknown key; did you mean 'every'?"),
        ("evaluation: {every: 0}", "spec.yaml:3:21: evaluation.every: is 0; must be from 1 to 1,000,000,000,000"),
        ("evaluation: {episodes: 0}", "evaluation.episodes: is 0; must be from 1 to 100,000"),
        ("evaluation: {every: '64'}", "evaluation.every: is the text '64'; must be a whole number"),
        ("evaluation: {episodes: 2.5}", "evaluation.episodes: is 2.5; must be a whole number"),
        ("evaluation: {episodes: true}", "evaluation.episodes: is true; must be a whole number"),
        ("evaluation: {greedy: yes}", "evaluation.greedy: is the text 'yes'; must be true or false"),
        ("evaluation: {greedy: 1}", "evaluation.greedy: is 1; must be true or false"),
        ("evaluation: [1]", "spec.yaml:3:13: evaluation: is a list; must be a mapping of settings"),
        ("checkpoint: {seconds: .inf}", "checkpoint.seconds: is inf; must be a finite number"),
        ("checkpoint: {seconds: -1}", "checkpoint.seconds: is -1; must be from 0 to 86,400"),
        ("seeds: 0", "spec.yaml:3:8: seeds: must be how many seeds (from 1 to 1,000), or a list of them"),
        ("seeds: abc", "seeds: must be how many seeds"),
        ("seeds: []", "seeds: must have from 1 to 1,000 entries"),
        ("seeds: [1, 1]", "seeds: has the same seed twice"),
        ("seeds: [-1]", "seeds: every seed must be a whole number from 0 to 2,147,483,647"),
        ("threads: 1000", "threads: is 1,000; must be from 1 to 256"),
        ("name: 5", "spec.yaml:3:7: name: is 5; must be a text"),
        ("levels: 1_000_001", "spec.yaml:3:9: levels: is 1,000,001; must be from 1 to 1,000,000"),
        ("levels: few", "levels: is the text 'few'; must be a whole number"),
        ("arms: {Taught: {}}", "spec.yaml:3:8: arms.Taught: an arm's name has 1 to 64 of a-z, 0-9, '_' and '-'"),
        ("arms: [taught]", "spec.yaml:3:7: arms: must be a mapping of names to what each arm changes"),
        ("arms: {}", "arms: must be a mapping of names"),
        ("arms: {a: 3}", "spec.yaml:3:11: arms.a: must be a mapping of what the arm changes"),
        ("arms: {a: {agnt: {}}}", "spec.yaml:3:12: arms.a.agnt: unknown key; did you mean 'agent'?"),
        ("arms: {a: {seeds: 2}}", "spec.yaml:3:12: arms.a.seeds: stands at the top of a spec only: all arms share it"),
        ("arms: {a: {agent: {epochs: 0}}}", "spec.yaml:3:28: arms.a.agent.epochs: is 0; must be from 1 to 1,000"),
        ("arms: {a: {description: 3}}", "spec.yaml:3:25: arms.a.description: is 3; must be a text"),
        ("agent: {kind: pp}", "spec.yaml:3:15: agent.kind: unknown agent 'pp'; did you mean 'ppo'?"),
        ("agent: {kind: 3}", "spec.yaml:3:15: agent.kind: must be a name; installed:"),
        ("agent: ppo", "spec.yaml:3:8: agent: must be a mapping of settings"),
        ("agent: {learnin_rate: 3}", "spec.yaml:3:9: agent.learnin_rate: unknown key; did you mean 'learning_rate'?"),
        ("agent: {learning_rate: 3}", "agent.learning_rate: is 3; must be greater than 0 and at most 1"),
        ("agent: {learning_rate: fast}", "agent.learning_rate: is the text 'fast'; must be a number"),
        ("agent: {device: gpu}", "agent.device: is the text 'gpu'; must be 'auto', 'cpu' or 'cuda'; did you mean"),
        ("agent: {network: mpl}", "spec.yaml:3:18: agent.network: is of unknown kind 'mpl'; must be one of 'mlp', "),
        ("agent: {network: {kind: mlp, hiden: [1]}}", "spec.yaml:3:30: agent.network.hiden: unknown key; did you mean"),
        ("agent: {network: {kind: mlp, hidden: [8, 0]}}", "spec.yaml:3:42: agent.network.hidden[1]: is 0; must be"),
        ("agent: {network: {kind: mlp, hidden: []}}", "agent.network.hidden: must have at least 1 entry"),
        ("agent: {network: {hidden: [4]}}", "agent.network: needs the key 'kind'"),
        ("agent: {network: 5}", "agent.network: is 5; must be a mapping of settings"),
        ("agent: {intrinsic: rdn}", "agent.intrinsic: unknown intrinsic reward 'rdn'; did you mean 'rnd'?"),
        ("agent: {intrinsic: {kind: rnd, coeficient: 1}}", "spec.yaml:3:32: agent.intrinsic.coeficient: unknown key; "),
        ("agent: {intrinsic: {kind: rnd, coefficient: -1}}", "agent.intrinsic.coefficient: is -1; must be at least 0"),
        ("agent: {memory: {kind: gru, steps: 3}}", "agent: memory.steps (3) must divide rollout_length (128)"),
        ("agent: {rollout_length: 10_000}", "spec.yaml:2:17: budget.steps: is 50,000, but one iteration alone takes"),
        ("teacher: subgoals", "spec.yaml:3:10: teacher: must be a mapping of settings"),
        ("teacher: {}", "spec.yaml:3:10: teacher: needs a `kind`; installed: "),
        ("teacher: {levels: 3}", "spec.yaml:3:10: teacher: needs a `kind`; installed: "),
        ("teacher: {kind: subgoal}", "teacher.kind: unknown teacher 'subgoal'; did you mean 'subgoals'?"),
        ("teacher: {kind: subgoals, form: positon}", "teacher.form: is the text 'positon'; must be 'position', 'obj"),
        ("teacher: {kind: subgoals, shwn: 0.3}", "spec.yaml:3:27: teacher.shwn: unknown key; did you mean 'shown'?"),
        ("teacher: {kind: subgoals, mode: later}", "teacher.mode: is the text 'later'; must be 'ahead' or 'live'"),
        (
            "teacher: {kind: subgoals, model: scripted}",
            "teacher.model: is the text 'scripted'; must be a mapping",
        ),
        ("teacher: {kind: subgoals, model: {}}", "teacher.model: needs a `backend`; installed: "),
        (
            "teacher: {kind: subgoals, model: {backend: scriptd}}",
            "spec.yaml:3:44: teacher.model.backend: unknown language model 'scriptd'; did you mean 'scripted'?",
        ),
        (
            "teacher: {kind: subgoals, model: {backend: noisy, accuracy: 1.5}}",
            "teacher.model.accuracy: is 1.5; must be from 0 to 1",
        ),
        (
            "teacher: {kind: subgoals, model: {backend: noisy, inner: {backend: scripted, x: 1}}}",
            "spec.yaml:3:78: teacher.model.inner.x: unknown key; known here: backend",
        ),
        (
            "teacher: {kind: subgoals, model: {backend: openai, api_key: [sk-very-secret], model: m}}",
            "teacher.model.api_key: unknown key; did you mean 'api_key_env'?",
        ),
    ],
)
def test_one_sentence_says_where_and_what(line: str, expected: str) -> None:
    assert expected in message(SOUND + line + "\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]", "spec.yaml:1:1: a spec is a mapping of keys"),
        ("budget: {steps: 5}", "spec.yaml:1:1: world: is missing; say which"),
        ("world: {num_envs: 3}\nbudget: {steps: 5}", "spec.yaml:1:8: world.id: is missing"),
        ("world: {id: MiniGrid-Empty-5x5-v0}", "spec.yaml:1:1: budget.steps: is missing"),
        (
            "world: {id: MiniGrid-Empty-5x5-v0}\nbudget: {stepz: 3}",
            "spec.yaml:2:10: budget.stepz: unknown key; did you",
        ),
        (
            "world: {id: MiniGrid-Emty-5x5-v0}\nbudget: {steps: 5}",
            "spec.yaml:1:13: world.id: unknown world 'MiniGrid-Emty-5x5-v0'; did you mean 'MiniGrid-Empty-5x5-v0'?",
        ),
        ("world: {id: MiniGrid-Empty-5x5-v0, num_envs: 0}", "spec.yaml:1:46: world.num_envs: is 0; must be from 1 to"),
        ("world: {id: MiniGrid-Empty-5x5-v0, observaton: full}", "world.observaton: unknown key; did you mean 'obser"),
        ("world: {id: MiniGrid-Empty-5x5-v0, observation: ful}", "is the text 'ful'; must be 'partial', 'full' or 's"),
        ("world: {id: MiniGrid-Empty-5x5-v0, agent_view_size: 4}", "world.agent_view_size: is 4; must be odd, so that"),
        ("world: MiniGrid-Empty-5x5-v0", "spec.yaml:1:8: world: must be a mapping"),
    ],
)
def test_what_every_run_needs(text: str, expected: str) -> None:
    assert expected in message(text)


def test_what_a_teacher_needs_of_the_world_cannot_be_contradicted() -> None:
    text = """
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 16, subgoal_dropout: 0.9}
budget: {steps: 50_000}
teacher: {kind: subgoals, shown: 0.5}
"""
    assert message(text).startswith(
        "spec.yaml:2:67: world.subgoal_dropout: is 0.9, but teacher 'subgoals' as it is set needs 0.5; remove this key"
    )


def test_secrets_are_not_shown() -> None:
    text = SOUND + "teacher: {kind: subgoals, model: {backend: openai, model: m, api_key_env: 'sk-abc def'}}\n"
    assert "sk-abc" not in message(text)


def test_mistakes_in_an_extended_file_are_placed_there(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("world: {id: MiniGrid-Empty-5x5-v0}\nbudget: {steps: many}\n")
    path = tmp_path / "own.yaml"
    path.write_text("extends: base.yaml\nagent: {epochs: 2}\n")
    with pytest.raises(SpecError) as error:
        load_spec(path)
    assert str(error.value).startswith(
        f"{tmp_path / 'base.yaml'}:2:17: budget.steps: is the text 'many'; must be a whole"
    )


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("budget.steps=many", "--set budget.steps=many: budget.steps: is the text 'many'; must be a whole number"),
        ("budget.stps=3", "--set budget.stps=3: budget.stps: unknown key; did you mean 'steps'?"),
        ("budget", "--set budget: must have the form key=value"),
        ("=3", "--set =3: must have the form key=value"),
        ("a..b=3", "--set a..b=3: must have the form key=value"),
        ("agent={epochs: [}", "--set agent={epochs: [}: the value is no YAML"),
        ("world=null", "--set world=null: world: is missing; say which"),
        ("agent={network: {kind: mpl}}", "--set agent={network: {kind: mpl}}: agent.network: is of unknown kind 'mpl'"),
    ],
)
def test_mistakes_on_the_command_line_are_placed_there(tmp_path: Path, override: str, expected: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SOUND)
    with pytest.raises(SpecError) as error:
        load_spec(path, [override])
    assert str(error.value).startswith(expected)


def test_extends_names_files_that_exist_and_ends(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("extends: second.yaml\n")
    with pytest.raises(SpecError, match=r"first\.yaml:1:10: extends: .*second\.yaml: cannot be read: No such file"):
        load_spec(first)
    second.write_text("name: x\nextends: [first.yaml]\n")
    with pytest.raises(SpecError, match=r"second\.yaml:2:11: extends: first\.yaml extends itself by way of this file"):
        load_spec(first)
    second.write_text("extends: second.yaml\n")
    with pytest.raises(SpecError, match=r"second\.yaml:1:10: extends: second\.yaml extends itself"):
        load_spec(first)
    second.write_text("extends: {a: 1}\n")
    with pytest.raises(SpecError, match=r"extends: must be the path of a YAML file, or a list of such paths"):
        load_spec(first)
    for number in range(25):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    with pytest.raises(SpecError, match="more than 20 files extend one another"):
        load_spec(tmp_path / "0.yaml")


def test_an_arm_that_does_not_exist_is_answered_with_the_nearest() -> None:
    spec = RunSpec.from_yaml(SOUND + "arms: {plain: {}, other: {}}\n", "spec.yaml")
    with pytest.raises(SpecError, match="has no arm 'plian'; did you mean 'plain'"):
        spec.arm("plian")
