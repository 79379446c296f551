"""Contract suites and synthetic parts for tests, ours and those of plug-ins.

- `problems`: `synthetic_problem`, a small random problem.
- `report`: runs a suite's checks and reports them; `cost_model`: the checks of a cost model.
"""

from dance_env.testing.problems import SyntheticNetworkSpace, synthetic_problem

__all__ = ["SyntheticNetworkSpace", "synthetic_problem"]
