"""Bayesian solvers, on Optuna (extra "optuna"): `tpe` over designs, `network_tpe` over networks."""
