"""The proved optimum of a problem too large to enumerate; docs/optimum.md describes the method.

- `form`: a problem as sums of factors.
- `grouping`: which choices stand together as one node of a field, and which are enumerated outside.
- `dominance`: accelerators that another one beats on every network.
- `cases`, `arrays`: the fields, as arrays.
- `field_kernel`, `labeling_kernel`, `weights_kernel`, `vertex_kernel`, `search_kernel`: bounds, and branch and bound.
- `solving`, `incumbents`, `checkpoint`, `proving`: `prove`.
- `proof`: what a proof says, and its record.
"""

from dance_env.analysis.optimum.proof import Certificate, Proof
from dance_env.analysis.optimum.proving import ProofProgress, prove

__all__ = ["Certificate", "Proof", "ProofProgress", "prove"]
