"""Solvers tuned before they are compared, each with the same budget; docs/tuning.md.

search: the trials, through Optuna. space: the settings that are tried. What comes out is in `solvers.comparison.trials`.
"""
