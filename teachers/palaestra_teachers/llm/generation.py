"""A transformers model, loaded from a folder, and the tokens that it writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
import xgrammar
from safetensors import SafetensorError

from palaestra_teachers.base import Message, TeacherUnavailable
from palaestra_teachers.llm.grammar import Grammar, SchemaError, as_text, finish

_LOADING_FAILS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError, SafetensorError)
"""What transformers raises when a folder is not what it should be; it has no error of its own for that."""


@dataclass
class Request:
    """A reply to be written.

    Attributes:
        messages: the conversation.
        schema: JSON schema of the reply; None: any text.
        temperature: 0: always the likeliest token.
        max_tokens: of the reply.
        seed: of its random numbers, below 2**64.
        timeout: seconds that writing it may take.
        abandoned: whether nobody waits for it any more.
    """

    messages: Sequence[Message]
    schema: dict[str, Any] | None
    temperature: float
    max_tokens: int
    seed: int
    timeout: float
    abandoned: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Written:
    """A reply.

    Attributes:
        tokens_in: of the prompt.
        tokens_out: of the reply: those that the model wrote, and those that ended it.
        seconds: how long it took.
        beside: replies that were written in that time, this one included.
    """

    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    beside: int = 1


@dataclass
class _Reply:
    """A reply under way, one row of a batch."""

    request: Request
    prompt: list[int]
    limit: int
    random: torch.Generator
    matcher: xgrammar.GrammarMatcher | None
    tokens: list[int] = field(default_factory=list)
    ended: bool = False
    late: bool = False


class LocalGenerator:
    """Writes replies, several at a time. Used by one thread.

    Args:
        folder: of the model.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1".
        dtype: "auto" (as it was saved), "float32", "bfloat16" or "float16".

    Raises:
        TeacherUnavailable: of the kind broken_model or out_of_memory.
    """

    def __init__(self, folder: Path, device: str, dtype: str) -> None:
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._device = torch.device(chosen_device(device))
        where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, **where)
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **where
            )
            model, found = loaded
            self._model: Any = model.to(self._device).eval()
        except torch.OutOfMemoryError as error:
            raise self._out_of_memory() from error
        except _LOADING_FAILS as error:
            raise TeacherUnavailable("broken_model", f"the model in '{folder}' cannot be loaded: {error}") from error
        if found["missing_keys"] or found["mismatched_keys"]:
            lacking = sorted(map(str, (*found["missing_keys"], *found["mismatched_keys"])))
            message = f"the files in '{folder}' lack {len(lacking)} of the model's weights, e.g. {lacking[0]}"
            raise TeacherUnavailable("broken_model", message)
        self._stop = self._stop_tokens()
        # The folder's own settings of sampling (top_k and the like) are not ours.
        self._model.generation_config = transformers.GenerationConfig(
            do_sample=False, eos_token_id=None, pad_token_id=self._stop[0] if self._stop else 0
        )
        vocabulary = self._model.get_output_embeddings().weight.shape[0]
        self._tokens = xgrammar.TokenizerInfo.from_huggingface(
            self._tokenizer, vocab_size=vocabulary, stop_token_ids=self._stop or None
        )
        self._compiler = xgrammar.GrammarCompiler(self._tokens)

    def _stop_tokens(self) -> list[int]:
        named = self._model.generation_config.eos_token_id
        several = named if isinstance(named, list) else [named]
        return sorted({id for id in (*several, self._tokenizer.eos_token_id) if id is not None})

    def write(self, requests: Sequence[Request]) -> list[Written | TeacherUnavailable]:
        """A reply to each request, or why there is none."""
        began = time.perf_counter()
        results: dict[int, Written | TeacherUnavailable] = {}
        replies: dict[int, _Reply] = {}
        for number, request in enumerate(requests):
            try:
                replies[number] = self._begin(request)
            except TeacherUnavailable as error:
                results[number] = error
        if replies:
            try:
                self._decode(list(replies.values()), began)
            except torch.OutOfMemoryError:
                results |= dict.fromkeys(replies, self._out_of_memory())
                replies = {}
        for number, reply in replies.items():
            try:
                results[number] = self._end(reply, time.perf_counter() - began, len(replies))
            except TeacherUnavailable as error:
                results[number] = error
        return [results[number] for number in range(len(requests))]

    def _begin(self, request: Request) -> _Reply:
        prompt = self._tokenizer.encode(self._prompt(request.messages), add_special_tokens=self._adds_begin())
        room = (getattr(self._model.config, "max_position_embeddings", None) or 2**31) - len(prompt)
        if room < 1:
            raise TeacherUnavailable(
                "prompt_too_long", f"the prompt has {len(prompt)} tokens, {1 - room} more than this model can read"
            )
        matcher = None
        if request.schema is not None:
            try:
                matcher = Grammar(self._compiler, request.schema).matcher()
            except SchemaError as error:
                raise TeacherUnavailable("bad_schema", str(error)) from error
        random = torch.Generator().manual_seed(request.seed)
        return _Reply(request, prompt, min(request.max_tokens, room), random, matcher)

    def _adds_begin(self) -> bool:
        """A chat template writes the token that a text begins with by itself."""
        return self._tokenizer.chat_template is None

    def _prompt(self, messages: Sequence[Message]) -> str:
        if self._tokenizer.chat_template is None:
            said = "".join(f"{message.role.capitalize()}: {message.content}\n\n" for message in messages)
            return f"{said}Assistant:"
        import jinja2

        try:
            return self._templated(messages)
        except jinja2.TemplateError:
            # Some models know no system's turn, and say so in their template.
            try:
                return self._templated(_without_system(messages))
            except jinja2.TemplateError as error:
                raise TeacherUnavailable("broken_model", f"the model's chat template fails: {error}") from error

    def _templated(self, messages: Sequence[Message]) -> str:
        said = [message.model_dump() for message in messages]
        return self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)

    def _decode(self, replies: list[_Reply], began: float) -> None:
        width = max(len(reply.prompt) for reply in replies)
        padding = [width - len(reply.prompt) for reply in replies]
        pad = self._model.generation_config.pad_token_id
        ids = [[pad] * more + reply.prompt for more, reply in zip(padding, replies, strict=True)]
        mask = [[0] * more + [1] * (width - more) for more in padding]
        steering = _Steering(replies, self._stop, self._tokens.vocab_size, began)
        with torch.inference_mode():
            self._model.generate(
                torch.tensor(ids, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                max_new_tokens=max(reply.limit for reply in replies),
                logits_processor=transformers.LogitsProcessorList([steering.choose]),
                stopping_criteria=transformers.StoppingCriteriaList([steering.look]),
            )

    def _end(self, reply: _Reply, seconds: float, beside: int) -> Written:
        if reply.late:
            timeout = reply.request.timeout
            raise TeacherUnavailable("timeout", f"the model's reply was not through after {timeout:g} s")
        if reply.matcher is None:
            text = self._tokenizer.decode(reply.tokens, skip_special_tokens=True)
            return Written(text, len(reply.prompt), len(reply.tokens), seconds, beside)
        kept, ending = len(reply.tokens), b""
        if not reply.ended:
            try:
                kept, ending = finish(reply.matcher, reply.tokens, reply.limit, self._count)
            except SchemaError as error:
                raise TeacherUnavailable("bad_schema", f"{error}; raise max_tokens") from error
        # Their bytes, as the grammar has seen them: a tokenizer's own decoding leaves some out, or adds blanks.
        text = b"".join(self._tokens.decoded_vocab[id] for id in reply.tokens[:kept]) + ending
        return Written(as_text(text), len(reply.prompt), kept + self._count(ending), seconds, beside)

    def _count(self, text: bytes) -> int:
        # The rest of a character that was begun counts by the byte.
        try:
            return len(self._tokenizer.encode(text.decode(), add_special_tokens=False))
        except UnicodeDecodeError:
            return len(text)

    def _out_of_memory(self) -> TeacherUnavailable:
        return TeacherUnavailable(
            "out_of_memory", f"the memory of {self._device} is full: use a smaller model, dtype or batch_size"
        )


class _Steering:
    """Chooses each row's next token, and says which rows are through; `generate` calls both in turn, token by token."""

    def __init__(self, replies: list[_Reply], stop: list[int], vocabulary: int, began: float) -> None:
        self._replies = replies
        self._stop = frozenset(stop)
        self._began = began
        self._allowed = xgrammar.allocate_token_bitmask(len(replies), vocabulary)

    def choose(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The logits (rows, vocabulary) in which the chosen token is the highest."""
        constrained = [row for row, reply in enumerate(self._replies) if reply.matcher and not reply.ended]
        for row in constrained:
            matcher = self._replies[row].matcher
            assert matcher is not None
            matcher.fill_next_token_bitmask(self._allowed, row)
        scores = scores.float()
        if constrained:
            xgrammar.apply_token_bitmask_inplace(scores, self._allowed.to(scores.device), indices=constrained)
        for row, reply in enumerate(self._replies):
            if reply.request.temperature > 0 and not reply.ended:
                # The highest of these is a draw from the softmax, by random numbers of this reply alone.
                noise = -torch.empty(scores.shape[1]).exponential_(generator=reply.random).log()
                scores[row] = scores[row] / reply.request.temperature + noise.to(scores.device)
        return scores

    def look(self, ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Whether each row is through, (rows,) bool."""
        waited = time.perf_counter() - self._began
        for reply, token in zip(self._replies, ids[:, -1].tolist(), strict=True):
            if not reply.ended and len(reply.tokens) < reply.limit and not reply.late:
                self._take(reply, token)
                reply.late = not reply.ended and (waited > reply.request.timeout or reply.request.abandoned())
        through = [reply.ended or reply.late or len(reply.tokens) >= reply.limit for reply in self._replies]
        return torch.tensor(through, device=ids.device)

    def _take(self, reply: _Reply, token: int) -> None:
        if reply.matcher is None:
            reply.ended = token in self._stop
            if not reply.ended:
                reply.tokens.append(token)
            return
        if not reply.matcher.accept_token(token):
            raise AssertionError("the grammar refuses a token that it allowed")
        reply.tokens.append(token)
        reply.ended = reply.matcher.is_terminated()


def chosen_device(device: str) -> str:
    """Raises ValueError when a GPU is asked for and there is none."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("device: there is no GPU that torch can use here; say device: auto, or cpu")
    return device


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """What the system says stands at the beginning of what the user says first."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    first = rest[0] if rest else Message(role="user", content="")
    return [first.model_copy(update={"content": f"{system}\n\n{first.content}".strip()}), *rest[1:]]
