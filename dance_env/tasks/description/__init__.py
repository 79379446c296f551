"""The room of tasks in TOML files: `make_problem("my_task.toml")`; docs/own_task.md lists every key.

- `schema`: the tables and keys of a file, as frozen dataclasses.
- `lines`: which line of a file a key stands on; `place`: a key's place in messages, `TaskFileError`; `decoding`: from what
  tomllib read to dataclasses, checked.
- `expressions`: arithmetic over choices, such as `"width1 * 2"`.
- `networks`, `layers`, `operators`: network spaces; `hardware`: accelerators, technology, cost model; `objectives`;
  `accuracy`: tables, constants, functions.
- `folder`: the files that a task names, all below its own folder.
- `building`: from a file to a `Problem`.
"""

from dance_env.tasks.description.building import problem_of_file
from dance_env.tasks.description.place import TaskFileError

__all__ = ["TaskFileError", "problem_of_file"]
