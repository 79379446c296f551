"""Evolutionary solvers: `genetic` (GA and NSGA-II, by pymoo), `regularised` (ageing evolution)."""
