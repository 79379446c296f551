"""Compare solvers on a co-design task, and report (the same job as `dance compare`).

    python examples/compare.py                                    # the default task and solvers, three seeds
    python examples/compare.py macro-cifar10/edap --seeds 5 --budget 10000
    python examples/compare.py --solver random evolution:population=20 examples/custom_solver.py:HillClimber

Prints a table and writes records, tables, a report and plots into --out. Interrupted with Ctrl-C, it goes on from there
when the same command runs again.
"""

import sys

from solvers.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
