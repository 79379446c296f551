"""README and docs: their examples run, their links lead somewhere, and no placeholder is left."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = {
    "README.md": (0, 1),
    "analysis.md": (0, 1),
    "cost_model.md": (0, 1, 2),
    "explain.md": (0,),
    "export.md": (0,),
    "language_models.md": (0,),
    "layer_graph.md": (0,),
    "mapping_search.md": (0, 1),
    "objective.md": (0, 1, 2),
    "optimise_hardware.md": (0,),
    "own_network.md": (0, 1),
    "own_problem.md": (0, 1, 2, 3, 4, 5),
    "own_task.md": (0,),
    "report.md": (0,),
    "robustness.md": (0,),
    "spaces.md": (0, 1),
}
"""The examples that run here, by page; those of environment.md and solvers.md run in the tests of their rooms."""


@pytest.mark.parametrize(("page", "number"), [(page, n) for page, numbers in RUN.items() for n in numbers])
def test_examples_run(page, number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write files
    monkeypatch.setenv("MPLBACKEND", "Agg")
    text = next(
        each for each in PAGES if each.name == page and (page != "README.md" or each.parent == ROOT)
    ).read_text()
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(compile(examples[number], f"{page}, example {number + 1}", "exec"), {})
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


TOGETHER = (
    "concepts.md",
    "dance_steps.md",
    "own_accuracy.md",
    "own_cost_model.md",
    "protocol.md",
    "quick_start.md",
    "which_task.md",
)
"""Pages whose examples build on each other: all of a page run in order, in one namespace."""


@pytest.mark.parametrize("page", TOGETHER)
def test_examples_that_build_on_each_other_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert examples
    names: dict = {}
    for number, example in enumerate(examples):
        exec(compile(example, f"{page}, example {number + 1}", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_and_nothing_is_left_to_fill_in(page):
    text = page.read_text(encoding="utf-8")
    for target, _, anchor in re.findall(r"\]\(([^)#]*)(#([^)]*))?\)", text):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        assert not anchor or anchor in _anchors(file), f"{page.name} links to {target}#{anchor}, which is not there"
    assert not re.findall(r"@@\w*@@|TODO|TBD|FIXME", text)


def _anchors(file: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
