"""The paper's claims put to the test, and what README shows.

- `reproduce_dance`: `python -m experiments.reproduce_dance` tests the claims in `claims/` and writes a report.
- `search_cost`: who finds a good design at what price; `robustness`: what solvers lose where a task is perturbed.
- `evaluator`: trains DANCE's evaluator and judges it beside the paper's figures.
- `tuning`: the settings of solvers, tuned with one stated budget each and judged on other seeds.
"""
