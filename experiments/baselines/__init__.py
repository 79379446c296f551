"""Every solver on every task with a known optimum, published as tables: `python -m experiments.baselines`.

- `plan`: tasks, solvers and the budget.
- `store`: a row for each run, as CSV.
- `telling`: which tasks tell solvers apart.
- `checking`: rows made again, by sampling.
- `page`: tables and the figure, from the rows alone.
"""
