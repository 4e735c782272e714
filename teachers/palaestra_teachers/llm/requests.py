"""What a request to a language model goes by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from palaestra_teachers.base import Message, Sampling


def request_hash(
    messages: Sequence[Message], schema: dict[str, Any] | None, sampling: Sampling, identity: str = ""
) -> str:
    """SHA-256, 64 hexadecimal digits, of everything that the answer depends on.

    Args:
        messages: the conversation.
        schema: JSON schema of the reply.
        sampling: all of it counts but the timeout.
        identity: `LanguageModel.identity`; "" for what all models have in common.
    """
    content = {
        "messages": [message.model_dump() for message in messages],
        "schema": schema,
        "sampling": sampling.model_dump(exclude={"timeout"}),
        "identity": identity,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def told(messages: Sequence[Message]) -> str:
    """What a model is told, the first message first: what is wanted, the level, and after it errors of replies."""
    return "\n\n".join(message.content for message in messages if message.role != "assistant")
