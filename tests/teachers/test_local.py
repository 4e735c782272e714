"""The backend `local`, with a tiny model of random weights that goes through the real loading path."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from palaestra.testing.around import MemoryLedger, request_for
from palaestra_teachers.base import Completion, LessonRefused, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.local import LocalConfig, LocalModel
from palaestra_teachers.llm.untrained import CONTEXT, make_untrained_model
from palaestra_teachers.replies import parse_reply
from palaestra_teachers.subgoals.schema import reply_model
from palaestra_teachers.subgoals.teacher import SubgoalTeacher
from palaestra_worlds.base import World
from pydantic import BaseModel


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained_model(tmp_path_factory.mktemp("models") / "untrained-tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalModel:
    return LocalModel(LocalConfig(folder=folder, device="cpu"))


@pytest.fixture(scope="module")
def reply(world: World) -> type[BaseModel]:
    return reply_model(world.task_space, "position")


def ask(model: LocalModel, reply: type[BaseModel] | None, text: str = "A level.", **sampling: Any) -> Completion:
    schema = None if reply is None else reply.model_json_schema()
    return asyncio.run(model.complete(said(text), schema, Sampling.model_validate({"max_tokens": 40} | sampling)))


def said(text: str) -> tuple[Message, Message]:
    return Message(role="system", content="Plan."), Message(role="user", content=text)


def test_every_reply_parses_and_ends_within_its_tokens(model: LocalModel, reply: type[BaseModel]) -> None:
    replies = [ask(model, reply, temperature=1.0, seed=seed, max_tokens=45) for seed in range(6)]
    for completion in replies:
        parse_reply(completion.text, reply)
        assert completion.tokens_out is not None
        assert completion.tokens_out <= 45
    assert len({completion.text for completion in replies}) > 3


def test_the_same_request_has_the_same_reply_and_the_seed_changes_it(model: LocalModel, reply: type[BaseModel]) -> None:
    first = ask(model, reply, temperature=1.0, seed=1)
    assert ask(model, reply, temperature=1.0, seed=1).text == first.text
    assert ask(model, reply, temperature=1.0, seed=2).text != first.text
    assert ask(model, reply, temperature=0.0, seed=1).text == ask(model, reply, temperature=0.0, seed=2).text


def test_a_reply_says_who_gave_it_and_what_it_took(model: LocalModel, folder: Path, reply: type[BaseModel]) -> None:
    completion = ask(model, reply)
    assert (completion.model, completion.backend, completion.origin) == ("untrained-tiny", "local", "live")
    assert completion.tokens_in is not None
    assert completion.tokens_in > 10
    assert completion.seconds > 0
    assert completion.price is None
    priced = LocalModel(LocalConfig(folder=folder, device="cpu", price_per_hour=36.0))
    completion = ask(priced, reply)
    assert completion.price == pytest.approx(completion.seconds * 0.01)


def test_without_a_schema_any_text_comes_back(model: LocalModel) -> None:
    completion = ask(model, None, temperature=1.0, max_tokens=20)
    assert completion.tokens_out == 20
    assert completion.text


def test_it_is_known_by_its_weights_not_by_its_place(folder: Path, tmp_path: Path) -> None:
    known = LocalModel(LocalConfig(folder=folder)).identity
    elsewhere = shutil.copytree(folder, tmp_path / "elsewhere")
    assert LocalModel(LocalConfig(folder=elsewhere)).identity == known
    other = make_untrained_model(tmp_path / "other", seed=1)
    assert LocalModel(LocalConfig(folder=other)).identity != known
    assert LocalModel(LocalConfig(folder=folder, dtype="bfloat16")).identity != known


def test_replies_that_are_written_together_are_those_written_alone(folder: Path, reply: type[BaseModel]) -> None:
    model = LocalModel(LocalConfig(folder=folder, device="cpu", batch_size=2))
    texts = ["A level.", "Another level, with a longer description of it.", "A third level."]

    async def together() -> list[Completion]:
        sampling = Sampling(temperature=1.0, max_tokens=40)
        schema = reply.model_json_schema()
        return list(await asyncio.gather(*(model.complete(said(text), schema, sampling) for text in texts)))

    for text, completion in zip(texts, asyncio.run(together()), strict=True):
        alone = ask(model, reply, text, temperature=1.0, max_tokens=40)
        assert (completion.text, completion.tokens_in) == (alone.text, alone.tokens_in)


def test_whoever_stops_waiting_does_not_keep_the_model_busy(model: LocalModel, reply: type[BaseModel]) -> None:
    async def leave() -> None:
        sampling = Sampling(temperature=1.0, max_tokens=5000)
        writing = asyncio.ensure_future(model.complete(said("A level."), None, sampling))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    asyncio.run(leave())
    assert ask(model, reply).text


# ---------------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (None, "System: Plan.\n\nUser: A level.\n\nAssistant:"),
        ("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}", "[system]Plan.[user]A level."),
        (
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
            "[{{ m.role }}]{{ m.content }}{% endfor %}",
            "[user]Plan.\n\nA level.",
        ),
    ],
    ids=["none", "with a system's turn", "without"],
)
def test_prompts_are_as_the_model_knows_them(folder: Path, tmp_path: Path, template: str | None, prompt: str) -> None:
    from palaestra_teachers.llm.generation import LocalGenerator
    from transformers import AutoTokenizer

    changed = shutil.copytree(folder, tmp_path / "changed")
    (changed / "chat_template.jinja").unlink()
    if template is not None:
        (changed / "chat_template.jinja").write_text(template)
    found = ask(LocalModel(LocalConfig(folder=changed, device="cpu")), None, max_tokens=1)
    tokens = AutoTokenizer.from_pretrained(folder).encode(prompt, add_special_tokens=template is None)
    assert LocalGenerator(changed, "cpu", "auto")._prompt(said("A level.")) == prompt
    assert found.tokens_in == len(tokens)


# ---------------------------------------------------------------------------------------------- failures


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def not_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def with_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_folder, "there is no folder"),
        (no_config, "holds no config.json"),
        (no_tokenizer, "holds no tokenizer"),
        (pickled, "holds no .*safetensors"),
        (cut, "damaged or incomplete"),
        (not_json, "no configuration"),
        (with_code, "never run"),
    ],
)
def test_a_folder_that_is_no_model_is_said_before_anything_is_asked(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    damage(broken)
    with pytest.raises(ValueError, match=message):
        build_model({"backend": "local", "folder": str(broken)})


def test_weights_that_are_lacking_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TeacherUnavailable, match=r"lack 1 of the model's weights, e\.g\. lm_head\.weight") as caught:
        ask(LocalModel(LocalConfig(folder=broken)), None)
    assert caught.value.kind == "broken_model"


def test_an_unknown_kind_of_model_is_said(folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"model_type": "perceptron"}))
    with pytest.raises(TeacherUnavailable, match="cannot be loaded"):
        ask(LocalModel(LocalConfig(folder=broken)), None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(ValueError, match="no GPU"):
        LocalModel(LocalConfig(folder=folder, device="cuda:0"))


def test_a_package_that_is_not_there_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'palaestra\[local\]'"):
        LocalModel(LocalConfig(folder=folder))


@pytest.mark.parametrize(
    ("kind", "text", "sampling"),
    [
        ("timeout", "A level.", {"timeout": 1e-6}),
        ("bad_schema", "A level.", {"max_tokens": 5}),
        ("prompt_too_long", "word " * CONTEXT, {}),
    ],
)
def test_replies_that_do_not_come_are_counted_by_kind(
    model: LocalModel, reply: type[BaseModel], kind: str, text: str, sampling: dict[str, Any]
) -> None:
    with pytest.raises(TeacherUnavailable) as caught:
        ask(model, reply, text, **sampling)
    assert caught.value.kind == kind
    assert ask(model, reply).text


# ---------------------------------------------------------------------------------------------- as a teacher


@pytest.mark.parametrize("form", ["position", "object", "language"])
def test_what_it_says_of_a_level_parses_and_is_refused_only_by_the_world(
    model: LocalModel, world: World, form: str
) -> None:
    ledger = MemoryLedger()
    config = SubgoalTeacher.Config.model_validate(
        {"form": form, "retries": 0, "sampling": {"temperature": 1.0, "max_tokens": 60}}
    )
    teacher = SubgoalTeacher(config, model, world, ledger)
    kinds = []
    for level_seed in range(2):
        try:
            asyncio.run(teacher.propose(request_for(world, level_seed)))
        except LessonRefused as error:
            kinds.append(error.kind)
    assert set(kinds) <= {"impossible_task"}
    assert len(ledger.calls) == 2
