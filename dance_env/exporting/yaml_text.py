"""Plain data as YAML text, in blocks: what Timeloop, ZigZag and AccelForge read. Texts are always quoted."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})  # YAML 1.1 reads values in them


def yaml_text(content: Mapping[str, Any] | Sequence[Any], *, comment: str = "") -> str:
    """Return plain data as YAML that every version of the format reads alike.

    Args:
        content: Mappings, lists, texts, numbers, booleans and None.
        comment: Lines to put before it.

    Raises:
        TypeError: If there is anything else in it.
    """
    return "\n".join([*comment_lines(comment), *_block(content)]) + "\n"


def comment_lines(comment: str) -> list[str]:
    """Return a text as lines of comment; what cannot be printed is a space."""
    return [f"# {''.join(c if c.isprintable() else ' ' for c in line)}".rstrip() for line in comment.splitlines()]


def _block(content: Any) -> list[str]:
    """Return the lines of a mapping or list that is not empty."""
    lines: list[str] = []
    entries = (
        [(f"{_key(key)}:", value) for key, value in content.items()]
        if isinstance(content, Mapping)
        else [("-", value) for value in content]
    )
    for head, value in entries:
        if not _is_block(value):
            lines.append(f"{head} {_inline(value)}")
        elif head == "-":  # the first entry stands behind the dash
            first, *rest = _block(value)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines += [head, *(f"  {line}" for line in _block(value))]
    return lines


def _is_block(value: Any) -> bool:
    """Return whether a value takes lines of its own: a mapping, or a list that holds one; short lists stay on a line."""
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list | tuple) and any(_is_block(each) for each in value)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value)
    raise TypeError(f"expected plain data, got {type(value).__name__}")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    text = repr(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")  # YAML 1.1 wants the point


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else json.dumps(key)
