"""Comparisons whose page is tested, and a reader of its markup."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path

from dance_env.analysis.exact import optimum
from dance_env.testing import synthetic_problem
from solvers import make_solver
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.statistics import StatisticsSettings, statistics_of
from solvers.comparison.table import long_table
from solvers.contract.result import Status
from solvers.report.html import write_html
from solvers.report.page import planes_of
from solvers.report.summary import summarize

HOSTILE = (
    "<img src=x onerror=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    '" onmouseover="document.title=\'owned\'" x="',
    "{{ 7*7 }} & 'quoted' \udcff \x07",
)
"""Labels that a page must show as text."""


def hostile_comparison(out: Path) -> Comparison:
    """Two tasks, one with a hostile name; every label is hostile but one; one solver failed on both."""
    tasks = []
    for number, name in enumerate(("plain/task", "</title><b>task</b>")):
        problem = dataclasses.replace(synthetic_problem(number), name=name)
        runs = []
        for label, solver in zip(
            (*HOSTILE, "dance"), ("random", "evolution", "annealing", "random", "nsga2"), strict=True
        ):
            for seed in (0, 1, 2):
                result = make_solver(solver).solve(problem, budget=60, seed=seed)
                if label == HOSTILE[3]:
                    result = dataclasses.replace(
                        result, status=Status.FAILED, reason="<b>oh</b>", traceback="Traceback </pre><script>x</script>"
                    )
                runs.append(Run(name, label, "digest", result))
        reference = Reference.of(optimum(problem, cache_dir=out / "cache"))
        tasks.append(TaskRuns(name, problem, reference, tuple(runs)))
    problems = [task.problem for task in tasks]
    settings = Settings(tasks=problems, solvers=["random"], out=out, budget=60)
    return Comparison(settings, tuple(tasks), ("<i>left out</i>: needs </script> gradients",))


def write_hostile_page(out: Path) -> Path:
    """Write the page of `hostile_comparison`, and return it."""
    return write_page(hostile_comparison(out), out)


def write_page(comparison: Comparison, out: Path) -> Path:
    """Write the page of a comparison, without its figures as files, and return it."""
    return write_html(
        out / "report.html",
        comparison,
        summarize(long_table(comparison)),
        planes={task.task: planes_of(task) for task in comparison.tasks},
        statistics=statistics_of(comparison, settings=StatisticsSettings(resamples=50)),
        command=("dance", "compare", "<u>x</u>"),
        axes=("queries", "seconds"),
    )


@dataclasses.dataclass
class Element:
    """An element: its name, attributes, what it holds, and all text in it."""

    name: str
    attributes: dict[str, str | None]
    children: list[Element] = dataclasses.field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[Element]:
        """Every element of a name within this one, in order."""
        found = [self] if self.name == name else []
        return found + [each for child in self.children for each in child.all(name)]

    def every(self) -> list[Element]:
        """Every element within this one, itself first."""
        return [self, *(each for child in self.children for each in child.every())]


_VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """The tree of a page; elements that are not closed, or closed wrongly, are an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], f"{self._open[-1].name} is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice: {names}"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> where <{self._open[-1].name}> is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
