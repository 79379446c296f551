"""Runs on a Ray cluster: `executor` (in the driver) and `worker` (in Ray's workers).

A Ray worker runs no solver itself. It starts the executor of `solvers.comparison.processes` on its host and keeps it for
the cells to come, so that a cell has a process of its own, a time limit and the same reasons for a failure as on one
machine. What is left to Ray is where a cell runs, and to tell that a worker or a host was lost.
"""
