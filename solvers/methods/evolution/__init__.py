"""Evolutionary solvers: `genetic` (GA and NSGA-II, by pymoo), `regularized` (aging evolution)."""
