"""Text that comes from a world, made safe to put between the tags that mark it as data in a prompt."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

TAG = "world"
"""Prompts put what a world says between <world> and </world>."""

_BRACKETS = "<\u2039\u2329\u27e8\u3008\ufe64\uff1c"
"""What looks like the beginning of a tag."""
_LIKE_A_TAG = re.compile(rf"[{_BRACKETS}](?=[\s/\\]*{TAG})", re.IGNORECASE)


class _Visible(dict[int, int | None]):
    """For `str.translate`: leaves out control and format characters (zero width, direction of writing) and halves of
    characters. Fills up as characters occur."""

    def __missing__(self, code: int) -> int | None:
        hidden = unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        self[code] = None if hidden and chr(code) not in "\n\t" else code
        return self[code]


_VISIBLE = _Visible()


def harmless(value: Any) -> Any:
    """A text without tags of ours and without characters that cannot be seen; lists and mappings of texts likewise.

    Anything else comes back as it is.
    """
    if isinstance(value, str):
        return _LIKE_A_TAG.sub("(", value.translate(_VISIBLE))
    if isinstance(value, list | tuple):
        return type(value)(harmless(item) for item in value)
    if isinstance(value, dict):
        return {harmless(key): harmless(item) for key, item in value.items()}
    return value
