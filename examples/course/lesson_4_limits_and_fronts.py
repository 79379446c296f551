# %% [markdown]
# # Lesson 4. Limits and Pareto fronts
#
# An engineer rarely minimizes a sum. There is a deadline, an area, a least accuracy; and where there is no limit yet, the
# whole trade-off is wanted. In this lesson you
#
# 1. see what a limit costs, and why a penalty is not a limit;
# 2. compute an exact front, and find the designs on it that no weighted sum finds;
# 3. measure how much of a front a solver found.
#
# The task `tiny` has 374,544 designs. All of them fit into memory, so part 1 is exact and takes seconds.

# %%
import os

import numpy as np

from checks import check
from dance_env import make_problem
from dance_env.analysis.exact import least, pareto_front
from display import COLORS, axes, show
from solvers import make_solver

# %% [markdown]
# The parameters of this notebook: the task of the fronts in part 2, and the budget of the solvers in part 3.

# %% tags=["parameters"]
SMALL = os.environ.get("DANCE_COURSE_SMALL") == "1"
FRONT_TASK, BUDGET = ("tiny/edap", 150) if SMALL else ("macro-cifar10/edap", 1000)

# %%
problem = make_problem("tiny/balanced")
designs = problem.space.unrank(np.arange(problem.space.size))
everything = problem.evaluate(designs)
latency_s, objective, violation = everything.cost.latency_s, everything.objective, everything.violation
print(problem.objective)
print(f"{len(designs):,} designs, {everything.feasible.mean():.1%} of them within the limit")

# %% [markdown]
# ## 1. Limits
#
# The library never mixes limits into the objective. A design has an *objective*, and a *violation*: the sum of
# `value / limit - 1` over the limits that it exceeds, 0 where it meets them all. The best design is the feasible one with the
# least objective.
#
# Many tools add `weight x violation` to the objective instead. Then the weight decides whether the answer is feasible.

# %%
weights = np.geomspace(1e-2, 1e3, 120)
picked = np.array([(objective + weight * violation).argmin() for weight in weights])
best = everything.best()
figure, (left, right) = axes(2, width=9.5)
left.semilogx(weights, 1e3 * latency_s[picked], color=COLORS[0])
left.axhline(0.5, color=COLORS[1], ls="--", label="limit")
left.set(
    xlabel="weight of the violation, points", ylabel="latency of the best design, ms", title="A penalty is not a limit"
)
left.legend()

limits_s = np.linspace(0.25e-3, 0.8e-3, 100)
curve = [np.where(latency_s <= limit, objective, np.inf).min() for limit in limits_s]
right.plot(1e3 * limits_s, np.where(np.isfinite(curve), curve, np.nan), color=COLORS[0], drawstyle="steps-post")
right.axvline(0.5, color=COLORS[1], ls="--")
right.set(xlabel="latency limit, ms", ylabel="objective of the best design, points", title="What a limit costs")
show(figure, "4-limits")

# %% [markdown]
# ### Exercise 4.1
#
# Find a weight with which the penalized minimum is feasible, but with 0.9 times that weight it is not.

# %% tags=["exercise-4.1"]
weight = None  # your answer

# %%
check("4.1", weight)

# %% [markdown]
# ### Exercise 4.2
#
# The customer asks for a deadline that is 10 % shorter: 0.45 ms in place of 0.5 ms. How many points of the objective does
# that cost?

# %% tags=["exercise-4.2"]
points = None  # your answer

# %%
check("4.2", points)

# %% [markdown]
# `dance choose` answers such questions exactly on the command line, and `least` in Python:

# %%
answer = least(problem, "energy_j", limits={"latency_s": 0.6e-3, "area_mm2": 2.0, "error_pct": 12.0})
print(problem.space.decode(answer.design[None])[0], "feasible:", answer.feasible)

# %% [markdown]
# ### Exercise 4.3
#
# Find the **smallest** accelerator (least area) of all designs with at most 0.6 ms, 0.5 mJ and 12 % error. Give the design as
# option indices, `(choices,)`: a row of `designs`. (`everything.cost` has `latency_s`, `energy_j`, `area_mm2`;
# `everything` has `error_pct`.)

# %% tags=["exercise-4.3"]
smallest = None  # your answer

# %%
check("4.3", smallest)

# %% [markdown]
# ## 2. The front
#
# A design is *dominated* if another one is at least as good in error and in cost, and better in one of them. What is left is
# the Pareto front.
#
# ### Exercise 4.4
#
# Write it: from two arrays `(n,)`, both minimized, return a mask `(n,)` of the points that no other point dominates. Equal
# points do not dominate each other.


# %% tags=["exercise-4.4"]
def not_dominated(error, cost):
    """Return which points no other point dominates."""
    raise NotImplementedError  # your answer


# %%
check("4.4", not_dominated)

# %% [markdown]
# The exact front of error against EDAP (energy x latency x area), and the designs on it that minimize
# `error + weight x cost` for some weight: those on the lower convex hull.

# %%
edap = make_problem(FRONT_TASK)
front = pareto_front(edap)
weights = np.concatenate([[0.0], np.geomspace(1e-3, 1e5, 8000)])
supported = np.unique([(front.error_pct + weight * front.cost).argmin() for weight in weights])
print(f"{len(front)} designs on the front, {len(supported)} of them are found by a weighted sum")

figure, (left,) = axes(width=6.4)
left.plot(front.cost, front.error_pct, "o", color=COLORS[0], label="front")
left.plot(front.cost[supported], front.error_pct[supported], "o-", color=COLORS[1], ms=5, label="found by weights")
left.set(xlabel="cost, EDAP / 1e-6 J s mm2", ylabel="error, %", title=FRONT_TASK, ylim=(6.5, 20))
left.legend()
show(figure, "4-front")

# %% [markdown]
# ### Exercise 4.5
#
# Give the position in `front` (an index) of a design that no weighted sum finds, whatever the weight.

# %% tags=["exercise-4.5"]
position = None  # your answer

# %%
check("4.5", position)

# %% [markdown]
# This is why a sweep over weights, as DANCE's over its lambda, does not give the whole front, even with an exact solver. A limit
# on the error does: minimize the cost under it, for many values of the limit.
#
# ## 3. How much of a front was found
#
# The *hypervolume* is the area that a set of points dominates, up to a reference point. A solver's share of the exact front's
# hypervolume says how much of it was found, in one figure.
#
# ### Exercise 4.6
#
# Write it for two objectives, both minimized: points `(n, 2)`, a reference `(2,)`. Points that do not lie below the reference in
# both objectives count nothing; dominated points add nothing.


# %% tags=["exercise-4.6"]
def hypervolume(points, reference):
    """Return the area that the points dominate, up to the reference."""
    raise NotImplementedError  # your answer


# %%
check("4.6", hypervolume)

# %%
from solvers.comparison.statistics.fronts import hypervolume as area

exact = np.column_stack([front.error_pct, front.cost])
reference = exact.max(axis=0) * 1.1
for name in ("random", "nsga2"):
    shares = []
    for seed in range(3):
        trace = make_solver(name).solve(edap, budget=BUDGET, seed=seed).trace
        found = np.column_stack([trace.error_pct, trace.cost])[trace.pareto()]
        shares.append(area(found, reference) / area(exact, reference))
    print(f"{name:<8} share of the exact hypervolume, three seeds:", *(f"{share:.3f}" for share in shares))

# %% [markdown]
# ## What to remember
#
# Infeasible is a fact about a design, and not a large objective. A weighted sum finds the hull of a front, a limit finds all of
# it. State the reference point with a hypervolume. More: [objectives](../../docs/objective.md), [proved
# fronts](../../docs/optimum.md#the-pareto-front).
