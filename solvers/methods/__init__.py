"""The solvers, one file or room for each family.

- `random_search`, `annealing`, `exhaustive`, `separate`, `edd`; `evolution/`, `rl/`, `dance/`; `moves` (changes of
  designs that several of them make).
"""
