"""The room of named tasks: `make_problem("macro-cifar10/balanced")`.

A task is a network space, a technology and an objective. Its name is `<network>/<variant>`; the network's name alone
means its default variant. What each task is like, and how strongly network and accelerator interact in it, stands in
docs/tasks.md, measured by `dance_env.analysis.coupling`.

- `variants`: what is asked for: every number of every task.
- `catalog`: the tasks by name.
- `accuracies`: where a task's accuracies come from: a table that ships, or a trained supernet's file.
- `making`: `make_problem`, from a name to a problem.
"""

from dance_env.tasks.accuracies import SUPERNET_VARIABLE, UNTRAINED, lacks_supernet
from dance_env.tasks.catalog import DEFAULT_TASK, TASKS, Task, get_task, task_names
from dance_env.tasks.making import make_problem
from dance_env.tasks.variants import VARIANTS, Variant

__all__ = [
    "DEFAULT_TASK",
    "SUPERNET_VARIABLE",
    "TASKS",
    "UNTRAINED",
    "VARIANTS",
    "Task",
    "Variant",
    "get_task",
    "lacks_supernet",
    "make_problem",
    "task_names",
]
