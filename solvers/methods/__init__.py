"""The solvers, one file or room for each family.

- `random_search`, `annealing`, `local_search`, `nevergrad_optimizers`, `exhaustive`, `separate`, `edd`; `evolution/`,
  `networks/`, `bayesian/`, `rl/`, `dance/`.
- Shared: `moves` (changes of designs), `merit` (one number for objective and violation), `stalled` (when a
  converged sampler ends its run), `gradient/`.
"""
