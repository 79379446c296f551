"""The commands of this package, as the command line `dance` offers them; nothing here is imported by another room.

- `choose`: the exact best design of a task under limits; `limits`: how limits are written on a command line.
- `coupling`: how much network and accelerator of a task depend on each other; `coupling_table`: its Markdown table.
"""
