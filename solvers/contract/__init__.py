"""The contract of a solver, and what keeps a run honest.

- `solver`: `Solver`, what a solver implements and how it is run; `suits`: which problems a solver can take.
- `metered_problem`, `meter`, `ledger`: what a solver is given, what is counted, the bill; `progress`: what a callback
  is told; `isolation`: a fence around global random state.
- `result`, `record`: what a run leaves behind.
"""
