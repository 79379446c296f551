"""Bayesian solvers, on Optuna (extra "optuna").

- `tpe`: over designs, over networks, and on two targets; `gp`: a Gaussian process over designs.
- `study`: an Optuna study, asked and told in batches.
"""
