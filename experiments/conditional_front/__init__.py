"""How much of the Pareto front one conditional generator gives: `python -m experiments.conditional_front`.

- `plan`: what is run: tasks, solvers, budgets, deadlines, imperfect supernets.
- `measure`: the runs, each kept on disk, as rows with hypervolumes against the certified or exact front.
- `page`: tables and figures, from the rows alone.
"""
