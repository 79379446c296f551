"""The proved optimum of a problem too large to enumerate; docs/optimum.md describes the method.

- `form`: a problem as sums of factors.
- `grouping`: which choices stand together as one node of a field, and which are enumerated outside.
- `dominance`: accelerators that another one beats on every network.
- `cases`, `arrays`: the fields, as arrays.
- `field_kernel`, `labeling_kernel`, `weights_kernel`, `vertex_kernel`, `search_kernel`: bounds, and branch and bound.
- `fields`, `solving`, `incumbents`, `checkpoint`, `run`, `proving`: `prove`.
- `enumerating`: where the fields would need too much memory.
- `proof`, `evidence`, `records`: what a proof says and rests on, and the records that ship (`shipped_optimum`).
- `front`, `front_search`, `local_front`: the Pareto front, with a bound of what it may lack (`prove_front`).
- `merging`: networks that cost the same, and the most accurate of them (`most_accurate_networks`, `merged_designs`).
- `merged_front`: the front by merging where it can be, else by `prove_front` (`certified_front`).
- `verifying`, `verifying_front`, `differences`, `simple_search`: a second check of a record, by other means (`verify`,
  `verify_front`).
"""

from dance_env.analysis.optimum.evidence import Evidence, load_evidence, save_evidence
from dance_env.analysis.optimum.front import ProvedFront, load_front, save_front
from dance_env.analysis.optimum.front_search import FrontProgress, prove_front
from dance_env.analysis.optimum.merged_front import certified_front
from dance_env.analysis.optimum.merging import merged_designs, most_accurate_networks
from dance_env.analysis.optimum.proof import Certificate, Proof
from dance_env.analysis.optimum.proving import prove
from dance_env.analysis.optimum.records import shipped_front, shipped_optimum, shipped_records
from dance_env.analysis.optimum.run import ProofProgress
from dance_env.analysis.optimum.verifying import Verification, verify
from dance_env.analysis.optimum.verifying_front import FrontVerification, verify_front

__all__ = [
    "Certificate",
    "Evidence",
    "FrontProgress",
    "FrontVerification",
    "Proof",
    "ProofProgress",
    "ProvedFront",
    "Verification",
    "certified_front",
    "load_evidence",
    "load_front",
    "merged_designs",
    "most_accurate_networks",
    "prove",
    "prove_front",
    "save_evidence",
    "save_front",
    "shipped_front",
    "shipped_optimum",
    "shipped_records",
    "verify",
    "verify_front",
]
