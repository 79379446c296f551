"""The paper's claims put to the test, and what README shows.

- `reproduce_dance`: `python -m experiments.reproduce_dance` tests the claims in `claims/` and writes a report.
- `evaluator`: trains DANCE's evaluator and judges it beside the paper's figures.
- `tuning`: the settings of solvers, tuned with one stated budget each and judged on other seeds.
"""
