"""All fields of a problem."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance_env.analysis.optimum.cases import Cases, cases_under
from dance_env.analysis.optimum.form import Form, form_of
from dance_env.analysis.optimum.grouping import Grouping, find_grouping
from dance_env.problem import Problem


@dataclass(frozen=True, eq=False)
class Fields:
    """The fields of a problem, by assignment of the outer choices.

    Attributes:
        problem: The problem.
        grouping: Its choices in groups.
        cases: For each assignment its cases.
    """

    problem: Problem
    grouping: Grouping
    cases: tuple[Cases, ...]

    @classmethod
    def of(cls, problem: Problem) -> Fields:
        """Build the fields.

        Raises:
            ValueError: If the problem does not fit (see `form_of`, `find_grouping`).
        """
        form, grouping = _form_and_grouping(problem)
        area = problem.costs.area_mm2
        cases = tuple(cases_under(form, area, grouping, assignment) for assignment in grouping.assignments())
        return cls(problem, grouping, cases)

    @staticmethod
    def bytes_of(problem: Problem) -> int:
        """Return the bytes that the fields of all accelerators take under one assignment; errors as `of`."""
        form, grouping = _form_and_grouping(problem)
        return 8 * sum(grouping.label_counts) * len(form.resources) * problem.accelerator_space.size

    def weighing(self, weight: float) -> Fields:
        """Return the fields of the same problem with another weight of the cost, above zero."""
        problem = replace(self.problem, objective=replace(self.problem.objective, weight=weight))
        form = form_of(problem)
        cases = tuple(each.weighing(form, problem.costs.area_mm2) for each in self.cases)
        return replace(self, problem=problem, cases=cases)

    def networks(self, number: int, labels: np.ndarray) -> np.ndarray:
        """Return the networks `(B, N)` of labelings `(B, G)` under an assignment, given by its number."""
        cases, grouping = self.cases[number], self.grouping
        networks = np.empty((len(labels), len(grouping.option_counts)), dtype=np.int64)
        networks[:, list(grouping.outer)] = cases.assignment
        for group, column in enumerate(labels.T):
            networks[:, list(grouping.groups[group])] = grouping.options(group)[cases.labels[group][column]]
        return networks


def _form_and_grouping(problem: Problem) -> tuple[Form, Grouping]:
    form = form_of(problem)
    cost_scopes = {factor.scope for sums in form.resources.values() for factor in sums.factors}
    accuracy_scopes = [factor.scope for factor in form.error.factors]
    return form, find_grouping(form.error.option_counts, sorted(cost_scopes), accuracy_scopes)
