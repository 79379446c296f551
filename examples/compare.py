"""Let solvers fight on one co-design task, and show who wins (the same job as `dance compare`).

    python examples/compare.py                                    # the default task, five solvers, three seeds
    python examples/compare.py --task macro-cifar10/edap --seeds 5 --budget 10000
    python examples/compare.py --solvers random examples/custom_solver.py:HillClimber

Prints a table and writes records, table.csv, report.md and plots into --out. Interrupted with Ctrl-C, it goes on from
there when the same command runs again.
"""

import sys

from solvers.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
