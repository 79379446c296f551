"""Solvers tuned before they are compared, each with the same budget; docs/tuning.md.

tuning: what came out, as data. search: the trials, through Optuna. space: the settings that are tried. files: tuning.md and
tuning.json.
"""
