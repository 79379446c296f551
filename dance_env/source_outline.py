"""What a module's source text imports, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where a statement holds other statements


@dataclass(frozen=True)
class Import:
    """One name of an import statement.

    Attributes:
        module: The module that is named, such as "a.b" in `from a.b import c`; empty in `from . import c`.
        name: What is taken from it; None where the module itself is imported, and in `from a.b import *`.
        level: The number of leading dots.
        for_types: Whether the statement is under `if TYPE_CHECKING`.
    """

    module: str
    name: str | None
    level: int = 0
    for_types: bool = False

    def absolute(self, importer: str, *, is_package: bool) -> Import:
        """Return the import without dots, as the module `importer` (a package's `__init__` or not) means it."""
        if not self.level:
            return self
        parts = importer.split(".")
        kept = parts[: len(parts) - self.level + is_package]
        return Import(".".join([*kept, self.module] if self.module else kept), self.name, for_types=self.for_types)


@dataclass(frozen=True, eq=False)
class Outline:
    """The imports of one module.

    Attributes:
        imports: All of them, also those inside functions and conditions.
        offered: The names that the module's top level takes from other modules, also those under `if TYPE_CHECKING`
            (where a package that loads its names at first use lists them).
        only_imports: Whether the module does nothing but import names and assign to names such as `__all__`.
    """

    imports: tuple[Import, ...]
    offered: Mapping[str, Import]
    only_imports: bool

    @classmethod
    def of(cls, source: bytes) -> Outline:
        """Return the outline of a source text; an empty one where the text is not Python."""
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError):
            return cls((), {}, False)
        offered: dict[str, Import] = {}
        for node in body:
            for statement in _type_checking_block(node) or [node]:
                if isinstance(statement, ast.ImportFrom):
                    offered |= _taken(statement)
        return cls(tuple(_walk(body)), offered, all(_only_imports(node) for node in body))


def _walk(nodes: Iterable[ast.AST], *, for_types: bool = False) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, for_types=for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = None if alias.name == "*" else alias.name
                yield Import(node.module or "", name, node.level, for_types)
        elif block := _type_checking_block(node):
            yield from _walk(block, for_types=True)
            yield from _walk(node.orelse if isinstance(node, ast.If) else (), for_types=for_types)
        else:
            for part in _BLOCKS:
                yield from _walk(getattr(node, part, ()), for_types=for_types)


def _taken(statement: ast.ImportFrom) -> dict[str, Import]:
    """Return the names that `from module import name [as other]` binds."""
    module, level = statement.module or "", statement.level
    return {alias.asname or alias.name: Import(module, alias.name, level) for alias in statement.names}


def _type_checking_block(node: ast.AST) -> list[ast.stmt]:
    """Return the statements under `if TYPE_CHECKING`, empty for any other node."""
    if not isinstance(node, ast.If):
        return []
    name = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", "")
    return node.body if name == "TYPE_CHECKING" else []


def _only_imports(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return all(alias.name != "*" for alias in node.names)
    if isinstance(node, ast.Assign):
        return all(isinstance(to, ast.Name) and to.id.startswith("__") for to in node.targets)
    return isinstance(node, ast.Import) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
