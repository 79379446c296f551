"""What a person may set of a solver: name, type, default, meaning and tunable range, read from its dataclass."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

from solvers.comparison.typed_settings import annotations_of, dataclass_in, default_of, type_text
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues

_WITH_OTHERS = "none: give it with the others"
_DEEPEST = 4
"""Nested deeper than this, settings are shown as one."""
_ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")


@dataclass(frozen=True)
class Setting:
    """One setting of a solver.

    Attributes:
        name: As it is given; that of a nested setting has dots.
        type: What it takes, in words.
        default: Its default as text; None where a value has to be given.
        text: What it means, from the docstring; empty where that does not say.
        tunable: What a comparison that tunes it tries; None where it is not tuned.
    """

    name: str
    type: str
    default: str | None
    text: str
    tunable: Tunable | None = None

    @property
    def tuned(self) -> str:
        """The tunable range as text, such as "6 to 100, log"; empty where there is none."""
        if isinstance(self.tunable, TunableRange):
            return f"{self.tunable.low:g} to {self.tunable.high:g}{', log' * self.tunable.log}"
        return ", ".join(map(str, self.tunable.values)) if isinstance(self.tunable, TunableValues) else ""


def settings_of(kind: type[Solver]) -> list[Setting]:
    """Return the settings of a solver class, those of nested settings one by one."""
    return list(_settings(kind, "", kind.tunable, depth=0))


def _settings(kind: type, prefix: str, tunable: Any, *, depth: int, base: Any = None) -> Iterator[Setting]:
    annotations, texts = annotations_of(kind), _texts(kind)
    for each in dataclasses.fields(kind):
        if not each.init:
            continue
        name = f"{prefix}{each.name}"
        default = getattr(base, each.name) if isinstance(base, kind) else default_of(each)
        nested = dataclass_in(annotations.get(each.name), default)
        if nested is not None and depth < _DEEPEST:
            if type(None) in get_args(annotations.get(each.name)):
                state = "None" if default is None else "its own, below"
                yield Setting(name, "None, or settings of its own", state, texts.get(each.name, ""))
            yield from _settings(nested, f"{name}.", tunable, depth=depth + 1, base=default)
            continue
        required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        text: str | None = _shown(default)
        if (
            required and base is None
        ):  # of nested settings that are off by default: only whoever gives some must give it
            text = None if depth == 0 else _WITH_OTHERS
        yield Setting(
            name,
            type_text(annotations.get(each.name, type(default))),
            text,
            texts.get(each.name, ""),
            tunable.get(name),
        )


def _shown(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _texts(kind: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of the attributes, under "Attributes:"."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__doc__ and dataclasses.is_dataclass(each):
            found |= _attributes(inspect.cleandoc(each.__doc__))
    return found


def _attributes(docstring: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    names: list[str] = []
    section = docstring.partition("Attributes:\n")[2]
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break  # the next section
        entry = _ENTRY.match(line[4:]) if line.startswith("    ") else None
        if entry:
            names = entry[1].split(", ")
            found |= {name: [entry[2]] for name in names}
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(" ".join(lines).split()) for name, lines in found.items()}
