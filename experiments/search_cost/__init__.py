"""Who finds a good design at what price, on tasks whose optimum is proved: `python -m experiments.search_cost`.

- `plan`: what is run: solvers, budgets, imperfect supernets, prices of a supernet.
- `measure`: the runs, by the comparison's own machinery, as rows.
- `break_even`: from how many designs on a supernet pays.
- `page`: tables and figures, from the rows alone.
"""
