"""Threads of torch and of OpenBLAS sleep while they wait. Imported first, as both read their settings when they are loaded.

By default they spin, which keeps the processor from the other worker of the tests: with two workers on two cores, tests of
image searches took twice as long, others three times. How many threads there are stays as it is.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # rounds of spinning, a power of two: the least that it takes
