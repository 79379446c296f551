"""The best mapping of a layer on every accelerator, by exhaustive search.

- `search`: `search_layer`; `mapspace`: the mappings that a dataflow allows; `search_data`: the arrays of a search.
- `inputs_kernel`, `bounds_kernel`, `outer_kernel`, `pairs_kernel`: compiled with numba (see `cost.compiled`).
"""
