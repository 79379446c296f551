"""The proved optimum of a problem too large to enumerate; docs/optimum.md describes the method.

- `form`: a problem as sums of factors.
- `grouping`: which choices stand together as one node of a field, and which are enumerated outside.
- `dominance`: accelerators that another one beats on every network.
- `cases`, `arrays`: the fields, as arrays.
- `field_kernel`, `labeling_kernel`, `weights_kernel`, `vertex_kernel`, `search_kernel`: bounds, and branch and bound.
- `solving`, `incumbents`, `checkpoint`, `proving`: `prove`.
- `proof`, `evidence`, `records`: what a proof says and rests on, and the records that ship (`shipped_optimum`).
- `verifying`, `differences`, `simple_search`: a second check of a record, by other means (`verify`).
"""

from dance_env.analysis.optimum.evidence import Evidence, load_evidence, save_evidence
from dance_env.analysis.optimum.proof import Certificate, Proof
from dance_env.analysis.optimum.proving import ProofProgress, prove
from dance_env.analysis.optimum.records import shipped_optimum, shipped_records
from dance_env.analysis.optimum.verifying import Verification, verify

__all__ = [
    "Certificate",
    "Evidence",
    "Proof",
    "ProofProgress",
    "Verification",
    "load_evidence",
    "prove",
    "save_evidence",
    "shipped_optimum",
    "shipped_records",
    "verify",
]
