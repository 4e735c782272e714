"""Replies that follow a JSON schema whatever the model would rather write, and that end.

xgrammar says at each token which ones may come next. That alone makes no reply end: a model that knows nothing writes
on in a list, a string or a number until its tokens are spent, and half an object is no reply. So what a schema leaves
open is bounded, and a reply that is not through by its last token is taken back to where it can still be ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from palaestra_teachers.llm.schemas import strict_schema

if TYPE_CHECKING:
    import xgrammar

MAX_STRING = 1000
"""Characters of a string whose schema allows more; the grammar of a limit grows with it."""
MAX_ITEMS = 64
"""Entries of a list or a mapping whose schema names no limit."""
MAX_NUMBER = 10**12
"""Largest size of a number whose schema names no limit; larger ones could not be read."""

_CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]*")
"""Of more than one byte."""
_CLOSING = b'"}],: '
"""In this order they end what is open soonest: what stands in an open string is ended before all else."""
_TEXT = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def bounded_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema in the strict form, with limits on the lists, mappings and numbers that it leaves without one.

    Strings without a pattern of their own get one that says their length, because xgrammar lets control characters,
    which JSON forbids, into strings that only have a length. They hold no quotes, backslashes or line breaks.
    """
    return _bounded(strict_schema(schema))


def _characters(least: int, most: int | None) -> str:
    """A pattern for so many characters; xgrammar fails on repetitions of more than 128."""
    if most is None:
        return rf"^[\s\S]{{{least},}}$"
    most = max(least, min(most, MAX_STRING))
    parts = [range(start, min(start + 100, most)) for start in range(0, most, 100)]
    return "^" + "".join(rf"[\s\S]{{{max(0, min(least - part.start, len(part)))},{len(part)}}}" for part in parts) + "$"


def _bounded(node: Any) -> Any:
    if isinstance(node, list):
        return [_bounded(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: value if key in ("enum", "const") else _bounded(value) for key, value in node.items()}
    kind = node.get("type")
    # A property may be called "type": its value is a schema.
    kinds = {kind} if isinstance(kind, str) else set(kind) if isinstance(kind, list) else set()
    if "enum" in node or "const" in node or not kinds:
        return found
    if "string" in kinds and "pattern" not in node and "format" not in node:
        found["pattern"] = _characters(found.pop("minLength", 0), found.pop("maxLength", None))
    if "array" in kinds and "prefixItems" not in node:
        found["maxItems"] = node.get("maxItems", max(MAX_ITEMS, node.get("minItems", 0)))
    if "object" in kinds and "properties" not in node:
        found["maxProperties"] = node.get("maxProperties", max(MAX_ITEMS, node.get("minProperties", 0)))
    if kinds & {"integer", "number"}:
        if not {"minimum", "exclusiveMinimum"} & node.keys():
            found["minimum"] = -MAX_NUMBER
        if not {"maximum", "exclusiveMaximum"} & node.keys():
            found["maximum"] = MAX_NUMBER
    return found


class SchemaError(ValueError):
    """No reply of this schema can be written; the message says why."""


class Grammar:
    """What replies to one schema may look like, in the tokens of one model.

    Args:
        compiler: for the model's tokens.
        schema: JSON schema of the reply.

    Raises:
        SchemaError: xgrammar cannot do this schema.
    """

    def __init__(self, compiler: xgrammar.GrammarCompiler, schema: dict[str, Any]) -> None:
        text = json.dumps(bounded_schema(schema))
        try:
            # One line, with one space where JSON may have any number of them.
            self._compiled = compiler.compile_json_schema(text, any_whitespace=False)
        except (RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[-1]
            raise SchemaError(f"replies cannot be constrained to this JSON schema: {first}") from error

    def matcher(self) -> xgrammar.GrammarMatcher:
        """For one reply, from its beginning."""
        import xgrammar

        # `}` ends a reply; the model need not agree.
        return xgrammar.GrammarMatcher(self._compiled, terminate_without_stop_token=True)


def finish(
    matcher: xgrammar.GrammarMatcher, tokens: list[int], limit: int, count: Callable[[bytes], int]
) -> tuple[int, bytes]:
    """How a reply that did not end is ended within the limit, keeping as much of it as there is room for.

    Args:
        matcher: has accepted all of `tokens`; is somewhere else afterwards.
        tokens: of the reply.
        limit: tokens that the whole reply may have.
        count: tokens that a text takes.

    Returns:
        How many of the tokens stay, and what is to be written behind them.

    Raises:
        SchemaError: even the shortest reply has more tokens.
    """
    kept, back = len(tokens), 1
    while True:
        ending = _ending(matcher, limit)
        if ending is not None and kept + count(ending) <= limit:
            return kept, ending
        if kept == 0:
            raise SchemaError(f"no reply of this JSON schema was found that ends within {limit} tokens")
        back = min(back, kept)
        matcher.rollback(back)
        kept, back = kept - back, 2 * back


def as_text(reply: bytes) -> str:
    """The text of a reply, with what xgrammar lets pass made right: characters that there are not become question
    marks, and of a key that occurs twice in one object the last is kept.
    """
    text = _CHARACTER.sub(_checked, reply).decode()
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        # A schema without bounds of its own; whoever reads the reply says what is wrong with it.
        return text
    return text.encode("utf-8", "replace").decode()


def _checked(character: re.Match[bytes]) -> bytes:
    try:
        character[0].decode()
    except UnicodeDecodeError:
        return b"?"
    return character[0]


def _ending(matcher: xgrammar.GrammarMatcher, limit: int) -> bytes | None:
    """A short text that ends the reply; None when none was found. The matcher is left as it was."""
    # Where nothing closes, what comes next is drawn, so that no loop of a pattern is gone through for ever.
    random = np.random.default_rng(0)
    written = bytearray()
    longest = 8 * limit
    while not matcher.is_terminated() and len(written) < longest:
        byte = next((byte for byte in _candidates(random) if matcher.accept_string(bytes([byte]))), None)
        if byte is None:
            break
        written.append(byte)
    ended = matcher.is_terminated()
    matcher.rollback(len(written))
    return bytes(written) if ended else None


def _candidates(random: np.random.Generator) -> bytes:
    rest = bytes(set(range(256)) - set(_CLOSING) - set(_TEXT))
    return _CLOSING + random.permuted(np.frombuffer(_TEXT, np.uint8)).tobytes() + rest
