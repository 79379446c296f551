"""The best mapping of a layer on every accelerator, by exhaustive search.

- `search`: `search_layer`, `search_memories` and `best_mapping`; `state`: what a running search holds; `naming`: a mapping
  from its parts.
- `mapspace`: the mappings that a dataflow allows; `outer`: tables of outer parts; `search_data`: the arrays of a search.
- Compiled (see `cost.compiled`): `inner_kernel` and `outer_kernel` enumerate, `cases_kernel` and `bounds_kernel` bound,
  `pairs_kernel` searches.
"""
