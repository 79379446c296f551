"""One mapping and what it costs.

- `loops`: the vocabulary; `dataflow`: the rules of a dataflow, as one value; `mapping`: one mapping, as a value.
- `nest`: what a mapping costs, by the counting rules of `nest_kernel` and `input_kernel` (compiled).
"""
