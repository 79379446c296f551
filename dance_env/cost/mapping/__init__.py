"""One mapping and what it costs: `mapping` (the value), `nest` (its cost), `nest_kernel` (the counting rules, numba)."""
