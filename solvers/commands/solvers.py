"""`dance solvers`: the solvers, a line each, or all settings of one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from dance_env.command_line import Exit, Parser, as_json, columns, say

_NOTES = """How far a solver looks, its access: at values of designs, at gradients of expected accuracy too, or at the tables
themselves (white box). A wrapper stands around another solver: NAME(SOLVER)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print every solver with what it needs, or the settings of one; return 0.

    Raises:
        ValueError: If there is no such solver.
        OSError, ImportError: If its file cannot be read, or a package that it imports is missing.
    """
    asked = _parser().parse_args(argv)
    if asked.solver is None:
        facts = [_line(name, wraps=wraps) for wraps, name in _every()]
        say(as_json(facts) if asked.json else _listed(facts))
    else:
        say(as_json(_facts(asked.solver)) if asked.json else in_full(asked.solver))
    return Exit.ANSWER


def _every() -> list[tuple[bool, str]]:
    from solvers.catalog import solver_names, wrapper_names

    return [*((False, name) for name in solver_names()), *((True, name) for name in wrapper_names())]


def _line(name: str, *, wraps: bool) -> dict[str, Any]:
    """What is known of a solver without importing it."""
    from solvers.catalog import solver_declaration, solver_summary

    declared = solver_declaration(name)
    return {
        "name": name,
        "wraps": wraps,
        "access": declared.get("access", "that of its solver" if wraps else "values"),
        **_needs(declared),
        "summary": solver_summary(name),
    }


def _needs(declared: Mapping[str, Any]) -> dict[str, Any]:
    library = str(declared.get("library") or "")
    return {
        "needs": [
            word.removeprefix("needs_") for word, value in declared.items() if word.startswith("needs_") and value
        ],
        "handles_constraints": bool(declared.get("handles_constraints", True)),
        "deterministic": bool(declared.get("deterministic", False)),
        "library": library,
        "installed": not library or find_spec(library) is not None,
        "extra": str(declared.get("extra") or ""),
    }


def _listed(facts: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{each['name']}(SOLVER)" if each["wraps"] else each["name"], each["access"], _in_words(each), each["summary"])
        for each in facts
    ]
    return "\n".join(columns([("solver", "access", "needs", "what it does"), *rows])) + "\n"


def _in_words(each: Mapping[str, Any]) -> str:
    words = [word.replace("_", " ") for word in each["needs"]]
    if each["library"]:
        how = f"pip install 'dance-env[{each['extra']}]'" if each["extra"] else "not installed"
        words.append(each["library"] + ("" if each["installed"] else f" ({how})"))
    if not each["handles_constraints"]:
        words.append("ignores limits")
    return ", ".join(words) or "-"


def _facts(text: str) -> dict[str, Any]:
    """What is known of a solver; of a wrapper around one, that of both: `solver` holds the inner one's."""
    from solvers.catalog import load_solver, wrapper_names
    from solvers.comparison.setting_help import settings_of
    from solvers.comparison.spec import SolverSpec

    spec = SolverSpec.parse(text)
    name, inner = spec.name, spec.settings.get("solver")
    kind = load_solver(name)
    declared, wraps = kind.capabilities, name in wrapper_names()
    return {
        "name": kind.name,
        "wraps": wraps,
        "access": "that of its solver" if wraps else declared.access,
        **_needs(vars(declared)),
        "summary": (kind.__doc__ or "").strip().partition("\n")[0],
        "settings": [
            {
                "name": each.name,
                "type": each.type,
                "default": each.default,
                "required": each.default is None,
                "help": each.text,
                "tunable": each.tuned,
            }
            for each in settings_of(kind)
            if not (wraps and each.name == "solver")  # it is written in brackets
        ],
        **({"solver": _facts(text[text.index("(") + 1 : text.rindex(")")])} if wraps and inner is not None else {}),
    }


def in_full(name: str) -> str:
    """Return a solver's settings as text, and those of what it wraps; errors as for `load_solver`."""
    return "\n".join(_as_text(_facts(name)))


def _as_text(facts: Mapping[str, Any]) -> Iterator[str]:
    """One solver's settings as text, then those of the solver that it wraps."""
    lines = [
        f"{facts['name']}: {facts['summary']}",
        f"  access: {facts['access']}; needs: {_in_words(facts)}"
        + ("; every seed gives the same run" if facts["deterministic"] else ""),
        f"settings, {_written(facts)}:" if facts["settings"] else "no settings",
    ]
    for each in facts["settings"]:
        default = "required" if each["required"] else f"default {each['default']}"
        tuned = f"; tuned over {each['tunable']}" if each["tunable"] else ""
        lines += [
            f"  {each['name']}: {each['type']}, {default}{tuned}",
            *([f"      {each['help']}"] if each["help"] else []),
        ]
    yield "\n".join(lines) + "\n"
    if "solver" in facts:
        yield from _as_text(facts["solver"])


def _written(facts: Mapping[str, Any]) -> str:
    if facts["wraps"]:
        return f"{facts['name']}:SETTING=VALUE(SOLVER)"
    return f"{facts['name']}:SETTING=VALUE, or dance solve TASK {facts['name']} --setting SETTING=VALUE"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "solvers",
        "List the solvers with how far each looks, what it needs and whether its package is installed; or show the "
        "settings of one.",
        examples=[
            "solvers",
            "solvers evolution",
            "solvers 'average(evolution)'",
            "solvers path/to/file.py:Class",
            "solvers --json",
        ],
        notes=_NOTES,
    )
    parser.add_argument(
        "solver",
        nargs="?",
        metavar="SOLVER",
        help="a solver's name, path/to/file.py:Class, or WRAPPER(SOLVER); without one, all are listed",
    )
    parser.add_json()
    return parser
