"""Solvers that search networks alone, and give each network its exactly best accelerator.

A network is evaluated on every accelerator at once (`problem.evaluate_networks`): one evaluation, and the cost pairs of
its layers on all accelerators, which the budget does not bound. So the accelerator need not be searched for.

- `known`: `KnownNetworks`, what a search has evaluated so far.
- `local_search`: best-first search from neighbor to neighbor; `evolution`: the same evaluations, by mutation and crossover.
- `two_stage`: networks first, or the accelerator first; each stage knows half of the problem.
"""
