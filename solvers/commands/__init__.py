"""The commands of `dance` about solvers; they stand above every other room.

- `solvers`: the solvers and their settings; `check`: the contract suite on one, or on a cost model.
- `supernet`: a supernet trained for tasks of images.
- `solve`: one run of one solver on one task.
- `compare`, `report`, `verify`: a comparison, its report again, its records again; `mcp`: a run searched by an agent.
- `console`: progress and tables on the terminal; `answers`: a comparison or a run as JSON and text; `sources`: arguments that
  several share.

- `completion`: the code for a shell; `completing`: what it is told when a person presses Tab.

Each command is a module with `main(argv) -> exit status` and `_parser()`, which imports little until it is parsed.
"""
