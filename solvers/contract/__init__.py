"""The contract of a solver, and what keeps a run honest.

- `solver`: `Solver`, what a solver implements and how it is run; `capabilities`: what it needs of a problem;
  `tunable`: which settings may be tuned.
- `metered_problem`, `metered_costs`, `metered_relaxed`: what a solver is given, its costs, its differentiable view (torch);
  `asking`: how the problem behind it is asked.
- `meter`: counts what is asked, within a `budget`; `cost_pairs` counts what costs were asked for, `clock` where the time
  goes, `ledger` is the bill.
- `progress`: what a callback is given; `isolation`: a fence around global random state; `failure`: an error as text.
- `result`, `record`, `settings`: what a run leaves behind; `nesting`: solvers that hold others.
"""
