"""Evolutionary solvers.

- `genetic`: GA and NSGA-II, by pymoo; `nsga3` likewise. `regularized`: aging evolution.
- `cma`: CMA-ES over integers and categories (extra "cmaes").
"""
