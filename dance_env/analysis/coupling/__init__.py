"""How much network and accelerator depend on each other in a problem: what makes it a co-design problem.

If one accelerator were best for every network, or the most accurate network were part of the best design, the halves
could be searched one after the other, and a benchmark of co-design would measure nothing. `measure` looks at every
design and says how far a problem is from that; the command `dance coupling NAME` prints it.

- `measuring`: `measure` and what it finds (`Coupling`).
- `sums`: the pass over all designs behind it.
"""

from dance_env.analysis.coupling.measuring import Coupling, measure
from dance_env.analysis.coupling.sums import FixedAccelerator

__all__ = ["Coupling", "FixedAccelerator", "measure"]
