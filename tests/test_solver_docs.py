"""The pages about solvers say what the code says, and their Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solvers import Status, solver_names
from solvers.testing import CHECKS

ROOT = Path(__file__).parents[1]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def test_every_check_is_described_as_its_docstring_says() -> None:
    table = page("plug_in.md").split("| check | the contract |")[1]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.M))
    assert rows == {name: " ".join((check.__doc__ or "").split()) for name, check in CHECKS.items()}


def test_every_status_and_solver_is_described() -> None:
    text = page("solvers.md")
    for status in Status:
        assert f"| `{status.name}` | {status.value} |" in text
    for name in solver_names():
        assert f"| `{name}` |" in text


def test_the_pages_solver_is_the_examples_solver() -> None:
    block = re.findall(r"```python\n(.*?)```", page("plug_in.md"), re.S)[0]
    code = (ROOT / "examples" / "custom_solver.py").read_text()

    def body(text: str) -> list[str]:
        lines = text[text.index("@dataclass") :].split("\nif __name__")[0].splitlines()
        return [line for line in lines if line.strip() and '"""Climb' not in line]

    assert body(block) == body(code)


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", page("solvers.md"), re.S))
def test_python_of_the_solvers_page_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "solvers.md", "exec"), {})
