"""Solvers whose optional package is installed here: tests of every solver go over these."""

from __future__ import annotations

from importlib.util import find_spec

from solvers.catalog import load_solver, solver_names


def library_installed(name: str) -> bool:
    """Whether the solver of this name needs no optional package, or finds it."""
    library = load_solver(name).capabilities.library
    return not library or find_spec(library) is not None


def installed_solvers() -> list[str]:
    """Names of the solvers that can run here, in the catalog's order."""
    return [name for name in solver_names() if library_installed(name)]
