# %% [markdown]
# # Lesson 5. Write a solver, and defend it
#
# A new solver is quickly written. To show that it is better is the work: that it spends no more than the others, that its
# result is no lucky seed, that somebody else gets the same figures. In this lesson you
#
# 1. write a solver and run the contract's checks on it;
# 2. compare it with others over several seeds, and say whether the difference is one;
# 3. hand in a run folder that anybody can verify.
#
# The reference is [a solver of your own](../../docs/plug_in.md).

# %%
import itertools  # noqa: F401  # for exercise 5.3
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from checks import check
from dance_env import make_problem
from dance_env.analysis.exact import optimum
from display import COLORS, axes, show
from solvers import Settings, SolverSpec, compare, load_solver
from solvers.cli import main as dance
from solvers.contract.result import Result
from solvers.testing import check_solver

# %% [markdown]
# The parameters of this notebook: budget and seeds of the comparison. Files go to a temporary folder.

# %% tags=["parameters"]
SMALL = os.environ.get("DANCE_COURSE_SMALL") == "1"
TASK, BUDGET, SEEDS = ("tiny/balanced", 60, (0,)) if SMALL else ("macro-cifar10/balanced", 400, (0, 1, 2, 3, 4))
work = Path(tempfile.mkdtemp(prefix="dance-course-"))

# %% [markdown]
# ## 1. A solver is one method
#
# `search` gets a *metered* problem. Everything that it asks is counted and recorded, and the question that exceeds the budget
# raises an error that ends the run, so there is nothing to return. Settings are fields, and random numbers come from `rng`.
#
# A solver that others are to run stands in a file of its own.

# %%
source = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers import Solver


@dataclass(frozen=True)
class HillClimber(Solver):
    """From a random design to the best of some neighbors, until there is none better; then from another one."""

    name: ClassVar[str] = "hill-climber"
    neighbors: int = 16

    def search(self, problem, rng):
        while True:
            here, best = problem.space.sample(rng, 1)[0], np.inf
            while True:
                around = rng.permutation(np.vstack((here, problem.space.neighbors(here))))[: self.neighbors]
                evaluation = problem.evaluate(around)
                objective = np.where(evaluation.feasible, evaluation.objective, np.inf)
                if not objective.min() < best:
                    break
                here, best = around[objective.argmin()], objective.min()
'''
file = work / "climber.py"
file.write_text(source)
HillClimber = load_solver(f"{file}:HillClimber")
print(check_solver(HillClimber(), budget=16))

# %% [markdown]
# Each line is a promise that a comparison rests on. The same suite runs with `dance check climber.py:HillClimber`.
#
# ### Exercise 5.1
#
# This solver has two faults that make its figures worthless:
#
#     @dataclass
#     class Sampler(Solver):
#         name: ClassVar[str] = "sampler"
#         batch: int = 8
#
#         def search(self, problem, rng):
#             while True:
#                 designs = problem.space.sample(np.random.default_rng(), self.batch)
#                 problem.evaluate(designs)
#
# Write it as it should be (same class name, same setting), and give the class. The check runs the contract on it.

# %% tags=["exercise-5.1"]
Sampler = None  # your answer

# %%
check("5.1", Sampler)

# %% [markdown]
# ### Exercise 5.2
#
# Write a solver of your own that is better than `random`: on `tiny/balanced`, with 200 evaluations, its median regret over five
# seeds is at most half of random search's. It must pass the contract too. (Where do the good designs lie? Most of a design's
# neighbors differ in the accelerator alone, and an accelerator that is too slow is infeasible.)

# %% tags=["exercise-5.2"]
MySolver = None  # your answer

# %%
check("5.2", MySolver)

# %% [markdown]
# ## 2. A comparison
#
# `compare` runs every solver with every seed, each run in a process of its own, and writes a record of each.

# %%
out = work / "submission"
settings = Settings(
    tasks=TASK, solvers=["random", "evolution", SolverSpec(f"{file}:HillClimber")], seeds=SEEDS, budget=BUDGET, out=out
)
comparison = compare(settings)
best = optimum(make_problem(TASK)).objective
regret = {
    label: np.array([100 * (run.result.best_objective / best - 1) for run in comparison.runs if run.label == label])
    for label in dict.fromkeys(run.label for run in comparison.runs)
}
for label, values in regret.items():
    print(
        f"{label:<14} regret %, each seed:", *(f"{value:7.2f}" for value in values), f"  median {np.median(values):.2f}"
    )

# %%
figure, (left,) = axes(width=6.4)
for color, label in zip(COLORS, regret, strict=False):
    for number, run in enumerate(run for run in comparison.runs if run.label == label):
        curve = np.maximum(100 * (run.result.trace.best_so_far() / best - 1), 0.01)
        left.loglog(np.arange(1, len(curve) + 1), curve, color=color, label=None if number else label)
left.set(xlabel="evaluations", ylabel="regret, % (0.01 stands for none)", title=TASK)
left.legend()
show(figure, "5-comparison")

# %% [markdown]
# Is a difference one? Five runs are few. If both solvers were equally good, each seed's difference could as well have the other
# sign. The *sign-flip test* counts in how many of all `2^n` ways to set the signs the mean difference is at least as far from
# zero as the one that was measured; that share is the p-value. With five seeds it cannot fall below 2/32.
#
# ### Exercise 5.3
#
# Write it: two arrays `(n,)`, the regrets of two solvers, seed by seed; return the two-sided p-value over all `2^n` ways (the
# measured one included). Treat differences of rounding (1e-12) as equal.


# %% tags=["exercise-5.3"]
def sign_flip_p(first, second):
    """Return the two-sided p-value of a paired sign-flip test."""
    raise NotImplementedError  # your answer


# %%
check("5.3", sign_flip_p)

# %% [markdown]
# The reports of `dance compare` hold such tests for all pairs, corrected for their number ([statistics](../../docs/statistics.md)).
#
# ## 3. Hand in what can be verified
#
# The run folder holds every design that was evaluated. `dance verify` evaluates them all again.

# %%
print("exit status:", dance(["verify", str(out)]))

# %% [markdown]
# Whoever edits a record is found. Here somebody lowers one objective:

# %%
edited = Path(shutil.copytree(out, work / "edited"))
record = sorted((edited / "records").glob("*climber*.npz"))[0]
result = Result.load(record)
result.trace.objective[result.best] -= 1.0
result.save(record)
print("exit status:", dance(["verify", str(edited)]))

# %% [markdown]
# A teacher collects the folders of a class, one beside the other, and runs `dance leaderboard FOLDER`: it verifies each
# submission in the same way, ranks those that hold, and says of the others why they do not count
# ([the leaderboard](../../docs/course.md#the-leaderboard)).
#
# To share a solver as a package, give it an entry point in its `pyproject.toml`, and `dance compare --solver NAME` finds it:
#
#     [project.entry-points."dance_env.solvers"]
#     hill-climber = "climber:HillClimber"
#
# ## What to remember
#
# A claim is a solver with its settings, a task, a budget, several seeds, a test, and records that anybody can verify. A figure
# without them is an anecdote.

# %%
shutil.rmtree(work)
