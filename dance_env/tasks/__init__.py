"""The room of named tasks: `make_problem("macro-cifar10/balanced")`.

A task is a network space, a technology and an objective. Its name is `<network>/<variant>`; the network's name alone
means its default variant; `<task>@<accelerators>` is the task on other accelerators than DANCE's. What each task is
like, and how strongly network and accelerator interact in it, stands in docs/tasks.md, measured by
`dance_env.analysis.coupling`.

- `family`: what a task is: `Task`, `Variant`, and `Family`, the tasks whose accuracies come from one kind of source.
- `macro`, `accel_nasbench`, `gpt`, `nb201`, `images`: the families, with every number of every task.
- `catalog`: the tasks by name; `description/`: tasks in TOML files of users.
- `plug_ins`: the tasks of installed distributions.
- `making`: `make_problem`, from a name to a problem.
"""

from dance_env.tasks.catalog import ACCELERATORS, DEFAULT_TASK, TASKS, get_task, lacks_supernet, task_names
from dance_env.tasks.family import Task, Variant
from dance_env.tasks.images import SUPERNET_VARIABLE, UNTRAINED
from dance_env.tasks.macro import VARIANTS
from dance_env.tasks.making import make_problem
from dance_env.tasks.plug_ins import is_made_by_user

__all__ = [
    "ACCELERATORS",
    "DEFAULT_TASK",
    "SUPERNET_VARIABLE",
    "TASKS",
    "UNTRAINED",
    "VARIANTS",
    "Task",
    "Variant",
    "get_task",
    "is_made_by_user",
    "lacks_supernet",
    "make_problem",
    "task_names",
]
