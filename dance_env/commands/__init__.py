"""The commands of this package, as the command line `dance` offers them; nothing here is imported by another room.

- `tasks`: the tasks, or one in full; `task_facts`: what it says of them.
- `choose`: the exact best design of a task under limits; `limits`: how limits are written on a command line.
- `optimum`: the proved best design of a task.
- `coupling`: how much network and accelerator of a task depend on each other; `coupling_table`: its Markdown table.
- `landscape`: how hard a task is to search; `landscape_table`: its Markdown table.
"""
