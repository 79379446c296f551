# %% [markdown]
# # Lesson 2. When separate search loses
#
# The usual way to build an accelerator for a network, or a network for an accelerator, takes one after the other. Joint
# search promises more. How much more depends on the problem, and on some problems it is nothing. In this lesson you
#
# 1. find the joint optimum of 91 million designs, by looking at all of them;
# 2. run three separate searches, each with the best luck it can have, and measure what they lose;
# 3. see where the loss comes from: from coupling, and from what a separate search is not told.
#
# Everything here is exact, so what you see is a property of the problem and not of a solver.

# %%
import os

import numpy as np

from checks import check
from dance_env import make_problem
from dance_env.analysis.exact import best_designs
from display import COLORS, axes, show

# %% [markdown]
# The one parameter of this notebook: the networks. `tiny` has 27 instead of 6,561, and runs in seconds; the figures in the
# text are those of `macro-cifar10`.

# %% tags=["parameters"]
NETWORKS = "tiny" if os.environ.get("DANCE_COURSE_SMALL") == "1" else "macro-cifar10"

# %% [markdown]
# ## 1. The joint optimum
#
# A design is a network and an accelerator. Given the network its error is settled, and what is left is its best
# accelerator: one pass over 13,872 of them. `best_designs` makes this pass for every network. The best of those designs
# is the joint optimum.
#
# Three variants of the task differ in their objective alone: `edap` weighs energy x latency x area, as the DANCE paper
# does; `balanced` weighs energy and area, and asks for 2,000 inferences a second; `latency-limited` asks for 3,000.

# %%
VARIANTS = ("edap", "balanced", "latency-limited")
problems = {name: make_problem(f"{NETWORKS}/{name}") for name in VARIANTS}
designs = {name: best_designs(problem) for name, problem in problems.items()}
answers = {name: problem.evaluate(designs[name]) for name, problem in problems.items()}  # one row for each network
optimum = {}
for name, own in answers.items():
    best = own.best()
    optimum[name] = float(own.objective[best])
    print(f"{name:<16} {problems[name].space.size:,} designs, objective {optimum[name]:.4f}")
    print("   ", problems[name].space.decode(designs[name][best][None])[0])

# %% [markdown]
# ### Exercise 2.1
#
# A network that meets the deadline on no accelerator is of no use, however accurate it is. How many networks of
# `latency-limited` meet it on at least one accelerator? (`answers[...]` has `feasible`: by accelerators, a design that
# violates the limits least is preferred.)

# %% tags=["exercise-2.1"]
networks_in_time = None  # your answer

# %%
check("2.1", networks_in_time)

# %% [markdown]
# ## 2. Three separate searches
#
# - **Accuracy first**: take the most accurate network, then its exact best accelerator.
# - **Penalty on MACs**: take the network with the least `error + weight x MACs`, then its exact best accelerator. This is
#   what a network search can do that knows nothing of accelerators. The weight is a guess.
# - **Accelerator first**: take the exact best accelerator of one typical network (the median by MACs), then the exact best
#   network for it.

# %%
networks = designs["edap"][:, problems["edap"].space.network]
mega_macs = problems["edap"].network_space.macs(networks) / 1e6
error_pct = answers["edap"].error_pct
WEIGHTS = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 301)])  # points of error for each million MACs
chosen = np.array([(error_pct + weight * mega_macs).argmin() for weight in WEIGHTS])


def regret(name):
    """Return the regret (networks,) of each network on its own best accelerator, infinite where it misses a limit."""
    own = answers[name]
    return np.where(own.feasible, own.objective, np.inf) - optimum[name]


def on_accelerator(name, index):
    """Return the regret of the exact best network for one accelerator, given by its index."""
    together = problems[name].design(networks, np.full(len(networks), index))
    evaluation = problems[name].evaluate(together)
    return float(np.where(evaluation.feasible, evaluation.objective, np.inf).min() - optimum[name])


def best_accelerator(name):
    """Return the index (networks,) of each network's best accelerator."""
    return problems[name].accelerator_space.index(designs[name][:, problems[name].space.hardware])


print(f"{'regret, points':<18}{'accuracy first':>16}{'MACs, best weight':>20}{'accelerator first':>20}")
for name in VARIANTS:
    lost, in_time = regret(name), np.flatnonzero(answers[name].feasible)
    typical = in_time[np.argsort(mega_macs[in_time])[len(in_time) // 2]]
    first = on_accelerator(name, best_accelerator(name)[typical])
    print(f"{name:<18}{lost[error_pct.argmin()]:16.3f}{lost[chosen].min():20.3f}{first:20.3f}")

# %% [markdown]
# `inf` says that the most accurate network meets the deadline on no accelerator at all.
#
# Read the middle column with care. It is the best result over **all** weights: the weight that only somebody who knows the
# answer would have chosen. With it, separate search loses **nothing** on `edap`, and next to nothing on `balanced`. The right
# column depends as much on luck: on which network was called typical. So look at what becomes of every accelerator
# that is the best one of some network.

# %%
for name in VARIANTS:
    candidates = np.unique(best_accelerator(name)[answers[name].feasible])
    lost = np.array([on_accelerator(name, index) for index in candidates])
    print(f"{name:<16} {len(lost):3} accelerators, each with its best network: regret ", end="")
    print(
        ", ".join(
            f"{word} {value:.3f}"
            for word, value in zip(("least", "median", "most"), np.quantile(lost, (0, 0.5, 1)), strict=True)
        )
    )

# %% [markdown]
# And what becomes of every weight:

# %%
figure, (left, right) = axes(2, width=9.5)
for color, name in zip(COLORS, VARIANTS, strict=False):
    lost = regret(name)[chosen]
    left.semilogx(WEIGHTS[1:], np.where(np.isfinite(lost[1:]), lost[1:], np.nan), color=color, label=name)
left.set(xlabel="weight, points per million MACs", ylabel="regret, points", ylim=(-0.1, 4))
left.set_title("A penalty on MACs: what the weight costs")
left.legend()
for color, name in zip(COLORS, ("edap", "latency-limited"), strict=False):
    own, problem = answers[name], problems[name]
    hardware = problem.accelerator_space.hardware().take(best_accelerator(name))
    rows = np.flatnonzero(own.feasible)
    rows = rows[:: max(1, len(rows) // 300)]  # a few hundred are enough to see
    right.plot(mega_macs[rows], (hardware.pe_x * hardware.pe_y)[rows], "o", ms=3, alpha=0.6, color=color, label=name)
right.set(xlabel="million MACs of the network", ylabel="PEs of its best accelerator", title="Coupling")
right.legend()
show(figure, "2-separate")

# %% [markdown]
# ## 3. Where the loss comes from
#
# The right picture shows coupling. With `edap` nearly every network wants the same accelerator, because the area
# multiplies everything and the smallest array wins. Then it does not matter who goes first. With a deadline the best
# accelerator is the cheapest one that is fast enough *for this network*, and each network wants its own.
#
# ### Exercise 2.2
#
# How many different accelerators are the best one for at least one network **in time**, on `latency-limited`?

# %% tags=["exercise-2.2"]
best_accelerators = None  # your answer

# %%
check("2.2", best_accelerators)

# %% [markdown]
# ### Exercise 2.3
#
# Find a weight (points of error for each million MACs) with which the penalized search loses the least that it can lose
# on `latency-limited`. Note how little of the axis is right. Who tells a separate search that weight?

# %% tags=["exercise-2.3"]
weight = None  # your answer

# %%
check("2.3", weight)

# %% [markdown]
# ### Exercise 2.4
#
# Write a separate search that starts from half of the accelerator. Given `pe_x` and `pe_y` (the array is fixed, register
# files and dataflow are not), return the regret of the best design with that array, in points, infinite if none meets
# the limits. Networks `(N, choices)` and the joint optimum are given. `problem.accelerator_space.hardware()` has the columns
# `pe_x` and `pe_y` of all accelerators, by index; `problem.design(networks, indices)` puts designs together.


# %% tags=["exercise-2.4"]
def regret_of_array(problem, networks, pe_x, pe_y, optimum):
    """Return the regret of the best design on an array of pe_x columns and pe_y rows."""
    raise NotImplementedError  # your answer


# %%
check("2.4", regret_of_array)

# %% [markdown]
# ## What to remember
#
# - Separate search loses where the best accelerator depends on the network, and where the constraints are such that a
#   proxy (MACs, parameters) does not see them. Measure coupling before you search: `dance coupling TASK`.
# - It does not lose much everywhere. With the exact answers of both, over the whole front of error and cost, joint search
#   is at most 1.28 times cheaper on `macro-cifar10/edap`, and 1.03 times in the median. The DANCE paper reports 3 to 11 times on
#   its own task. [Claims](../../docs/claims.md) tells where that figure can come from and where not.
# - A separate search knows neither the deadline nor the weight. Joint search is told both. That is its advantage on `balanced`:
#   not a better optimum, but one search instead of a sweep.
