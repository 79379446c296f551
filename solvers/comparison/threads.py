"""How many threads the numeric libraries take."""

ONE_THREAD_EACH = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What the environment of a run's process sets to 1: on a busy machine two threads ran RL 15 to 26 times slower than one."""
