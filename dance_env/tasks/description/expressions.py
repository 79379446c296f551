"""Arithmetic over named whole numbers, as in `"width1 * 2"`: read, never run as code."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dance_env.suggest import nearest

_LONGEST = 200
_KEYWORD = re.compile(r"\bin\b")  # a word of Python's, and the channels that arrive


@dataclass(frozen=True)
class Expression:
    """Sums, differences, products and exact quotients of whole numbers and names.

    Attributes:
        text: As it was written.
        names: That it reads.
    """

    text: str
    names: frozenset[str]
    _tree: ast.expr

    @classmethod
    def of(cls, text: str | int) -> Expression:
        """Read an expression, or a number.

        Raises:
            ValueError: If it is not such an expression.
        """
        source = str(text)
        if len(source) > _LONGEST:
            raise ValueError(f"an expression has at most {_LONGEST} characters, got {len(source)}")
        try:
            tree = ast.parse(_KEYWORD.sub("in_", source).strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"{source!r} is no expression; write such as 'width * 2' or 'width / 4'") from None
        names: set[str] = set()
        _check(tree, source, names)
        return cls(source, frozenset(names), tree)

    def value(self, values: Mapping[str, Any]) -> int:
        """Return the value, given a whole number for each name.

        Raises:
            ValueError: If a name has no number, or a division leaves a rest.
        """
        return _value(self._tree, self.text, values)


def _check(node: ast.expr, source: str, names: set[str]) -> None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        _check(node.left, source, names)
        _check(node.right, source, names)
    elif isinstance(node, ast.Name):
        names.add(_name(node))
    elif not (isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool)):
        raise ValueError(f"{source!r}: an expression has whole numbers, names, + - * / and parentheses alone")


def _value(node: ast.expr, source: str, values: Mapping[str, Any]) -> int:
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int), "checked"
        return node.value
    if isinstance(node, ast.Name):
        name = _name(node)
        if name not in values:
            raise ValueError(f"{source!r}: there is no {name!r}. {nearest(name, values)}")
        if isinstance(values[name], bool) or not isinstance(values[name], int):
            raise ValueError(f"{source!r}: {name} is {values[name]!r} here, no whole number to calculate with")
        return values[name]
    assert isinstance(node, ast.BinOp), "checked"
    left, right = _value(node.left, source, values), _value(node.right, source, values)
    if isinstance(node.op, ast.Div):
        if right == 0 or left % right:
            raise ValueError(f"{source!r}: {left} / {right} is no whole number")
        return left // right
    if isinstance(node.op, ast.Mult):
        return left * right
    return left + right if isinstance(node.op, ast.Add) else left - right


def _name(node: ast.Name) -> str:
    return "in" if node.id == "in_" else node.id
