"""The problems that records are of, made again by the names of their tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dance_env.problem import Problem
from solvers.comparison.archive.folder import RunFolder
from solvers.comparison.sources import Sources


@dataclass(eq=False)
class Problems:
    """Makes the problem of a task once.

    Attributes:
        sources: What tasks take their accuracies from.
        given: Problems that are known already, by name: those of files, which a record cannot name.
        made_by: The name to make a problem by, where it is another than the problem's own.
    """

    sources: Sources = field(default_factory=Sources)
    given: dict[str, Problem] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folders: Sequence[RunFolder], tasks: Sequence[str | Problem], sources: Sources) -> Problems:
        """Return the maker of the problems of run folders.

        Args:
            folders: What their manifests say of tasks is used.
            tasks: Further tasks: names, `path/to/file.py:function`, or problems.
            sources: What tasks take their accuracies from.

        Raises:
            ValueError: If a further task is unknown.
        """
        given = {problem.name: problem for problem in map(sources.problem, tasks)}
        names: dict[str, str] = {}
        for folder in folders:
            tasks_of: Mapping[str, dict] = {} if folder.manifest is None else folder.manifest["tasks"]
            names |= {name: task["made_by"] for name, task in tasks_of.items() if task.get("made_by")}
        return cls(sources, given, names)

    def __getitem__(self, task: str) -> Problem:
        """The problem of a task.

        Raises:
            ValueError: If it cannot be made.
        """
        if task not in self.given:
            try:
                problem = self.sources.problem(self.made_by.get(task, task))
            except (ValueError, OSError, ImportError) as error:
                raise ValueError(
                    f"the problem {task!r} cannot be made again ({error}); give what makes it: --problem FILE, "
                    "--accuracy-table or --supernet"
                ) from error
            if problem.name != task:
                raise ValueError(
                    f"the records are of {task!r}, and what can be made is {problem.name!r}; give --accuracy-table or "
                    "--supernet as the comparison had it"
                )
            self.given[task] = problem
        return self.given[task]
