"""Solvers of co-design problems, all on one contract."""
