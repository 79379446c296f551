# %% [markdown]
# # Lesson 3. Gradients, evolution and reinforcement learning, billed in GPU-hours
#
# On a benchmark an evaluation is a look-up and takes microseconds. In life it is the training of a network. A figure
# that counts evaluations, or the seconds of a solver on a benchmark, does not say what a search would have cost. In this
# lesson you
#
# 1. run five solvers on one task and read their bills;
# 2. see the order of the solvers change with the axis;
# 3. find out how much of that rests on an assumption, and how much on gradients that no supernet gives.
#
# The terms of the bill are in [the bill](../../docs/bill.md), the solvers in [solvers](../../docs/solvers.md).

# %%
import os

import numpy as np

from checks import check
from dance_env import make_problem
from dance_env.analysis.exact import optimum
from display import COLORS, axes, show
from solvers import make_solver

# %% [markdown]
# The parameters of this notebook: the task, the budget of a run in evaluations plus gradient queries, and the seeds.

# %% tags=["parameters"]
SMALL = os.environ.get("DANCE_COURSE_SMALL") == "1"
TASK, BUDGET, SEEDS = ("tiny/balanced", 150, (0,)) if SMALL else ("macro-cifar10/balanced", 600, (0, 1, 2))

# %% [markdown]
# ## 1. Five runs and their bills
#
# - `random` draws designs.
# - `evolution` is a genetic algorithm over designs.
# - `ppo` is a policy gradient: it knows rewards alone.
# - `network-evolution` evolves networks, and gives each its exactly best accelerator.
# - `dance-exact` follows the gradient of the expected objective under probabilities of the options, and evaluates the
#   designs that it ends at. In life the gradient of the accuracy comes from a *supernet*: one network with shared weights that
#   contains all of them, and has to be trained first.

# %%
problem = make_problem(TASK)
best = optimum(problem).objective
SOLVERS = ("dance-exact", "network-evolution", "evolution", "ppo", "random")
runs = {name: [make_solver(name).solve(problem, budget=BUDGET, seed=seed) for seed in SEEDS] for name in SOLVERS}

print(f"{'':<20}{'regret %':>9}{'evaluations':>13}{'gradients':>11}{'networks':>10}{'GPU-hours':>11}{'supernet':>10}")
for name, results in runs.items():
    middle = sorted(results, key=lambda result: result.best_objective)[len(results) // 2]
    ledger = middle.ledger
    print(
        f"{name:<20}{100 * (middle.best_objective / best - 1):9.2f}{ledger.evaluations:13,}{ledger.gradient_queries:11,}"
        f"{ledger.networks:10,}{ledger.gpu_hours:11.1f}{ledger.supernet_gpu_hours:10.2f}"
    )

# %% [markdown]
# *GPU-hours* holds the training of every distinct network that was evaluated, and the supernet. All runs spent about the
# same budget, and their bills differ by a factor of five.
#
# ### Exercise 3.1
#
# The supernet is billed as `problem.supernet_trainings` trainings of the **largest** network. Compute its price in
# GPU-hours from `problem.training_gpu_hours(networks)`, which takes networks `(N, choices)` of option indices. (On this
# space the network with the last option everywhere trains longest.)

# %% tags=["exercise-3.1"]
supernet_hours = None  # your answer

# %%
check("3.1", supernet_hours)

# %% [markdown]
# ## 2. Two axes, two winners
#
# Left, the best design so far against evaluations plus gradient queries. Right, the same runs against GPU-hours.

# %%
figure, (left, right) = axes(2, width=9.5)
for color, (name, results) in zip(COLORS, runs.items(), strict=False):
    for seed, result in enumerate(results):
        trace = result.trace
        regret = np.maximum(100 * (trace.best_so_far() / best - 1), 0.01)
        asked = np.arange(1, len(trace) + 1) + trace.gradient_queries
        step = slice(None, None, max(1, len(trace) // 150))
        label = name if seed == 0 else None
        left.loglog(asked[step], regret[step], color=color, label=label, drawstyle="steps-post")
        right.loglog(trace.gpu_hours[step], regret[step], color=color, drawstyle="steps-post")
left.set(xlabel="evaluations + gradient queries", ylabel="regret, % (0.01 stands for none)")
right.set(xlabel="GPU-hours")
left.legend(fontsize=8)
show(figure, "3-two-axes")

# %% [markdown]
# Left, `network-evolution` is the first to come within 1 %: `dance-exact` spends a good part of the axis on gradient queries
# before it evaluates its first design. On the right axis these are free but for the supernet, which the first of them
# pays whole, and `dance-exact` is the first.
#
# ### Exercise 3.2
#
# Write the bill of a solver that samples: networks `(N, choices)` in the order in which they were evaluated, some of them more
# than once. A trained network is trained once.


# %% tags=["exercise-3.2"]
def training_bill(problem, networks):
    """Return the GPU-hours of the networks' training."""
    raise NotImplementedError  # your answer


# %%
check("3.2", training_bill)

# %% [markdown]
# ### Exercise 3.3
#
# A figure is read at a target: GPU-hours until the regret was first at most so many percent; infinite if it never was.
# `trace.best_so_far()` and `trace.gpu_hours` have an entry for each evaluation.


# %% tags=["exercise-3.3"]
def hours_to(trace, optimum, percent):
    """Return the GPU-hours at which a run's regret was first at most `percent`."""
    raise NotImplementedError  # your answer


# %%
check("3.3", hours_to)

# %% [markdown]
# ## 3. What this rests on
#
# **The price of a supernet is an assumption**: 4 trainings of the largest network. Published searches give 0.6 to 6.7. Below,
# the GPU-hours to a regret of 1 % as this price changes. A solver that asks for no gradient does not care.

# %%
largest = problem.supernet_gpu_hours / problem.supernet_trainings
prices = np.geomspace(0.5, 256, 60)
figure, (left,) = axes(width=6.4)
for color, (name, results) in zip(COLORS, runs.items(), strict=False):
    hours = []
    for result in results:
        trace = result.trace
        near = np.flatnonzero(trace.best_so_far() <= 1.01 * best)
        paid = (trace.gradient_queries[near[0]] > 0) if len(near) else 0
        base = trace.gpu_hours[near[0]] - paid * problem.supernet_gpu_hours if len(near) else np.inf
        hours.append(base + paid * prices * largest)
    if np.isfinite(middle := np.median(np.broadcast_arrays(*hours), axis=0)).any():
        left.loglog(prices, np.broadcast_to(middle, prices.shape), color=color, label=name)
left.axvspan(0.6, 6.7, color="#e3e8ee", zorder=0)
left.set(
    xlabel="price of the supernet, in trainings of the largest network (gray: published)", ylabel="GPU-hours to 1 %"
)
left.legend()
show(figure, "3-price-of-a-supernet")

# %% [markdown]
# Solvers that never came within 1 % are not drawn.
#
# **The gradients here are exact**: they come from a table that knows every accuracy. A supernet only ranks networks
# roughly. The task can be asked with gradients that err, such that the rank correlation (Kendall's tau) between what the gradient
# believes and the truth is a given one; evaluations stay exact.

# %%
TAUS = (1.0, 0.8, 0.6, 0.4)
print("rank correlation   regret %, each seed")
for tau in TAUS:
    erring = problem if tau == 1.0 else make_problem(f"{TASK}:gradient_tau={tau}")
    found = [make_solver("dance-exact").solve(erring, budget=BUDGET, seed=seed).best_objective for seed in SEEDS]
    print(f"{tau:<18} ", *(f"{100 * (each / best - 1):6.2f}" for each in found))

# %% [markdown]
# On this task the last step rescues the method: it evaluates some hundred networks near where the gradients lead, and
# picks the best by its true accuracy. On a larger space that is not enough: see
# [who wins](../../docs/who_wins.md#no-supernet-gives-exact-gradients).
#
# ### Exercise 3.4
#
# Which of these statements are true? Give their letters as a text, such as `"ae"`.
#
# - a. Two runs with equal numbers of evaluations cost equal GPU-hours.
# - b. Under a budget in evaluations a gradient query counts as much as an evaluation; in GPU-hours only the first one costs.
# - c. Twice the price of the supernet means twice the bill of `dance-exact`.
# - d. A solver that evaluates one network on two accelerators trains it once.
# - e. The solver that needs the fewest seconds on this benchmark would be the fastest search in practice.
# - f. Who searches a second design on the same network space need not train the supernet again.

# %% tags=["exercise-3.4"]
true_statements = None  # your answer

# %%
check("3.4", true_statements)

# %% [markdown]
# ## What to remember
#
# State the unit with the result. *Equal evaluations* flatters solvers that try large networks; *GPU-hours* rests on a
# price for the supernet; *seconds on a benchmark* say nothing about a search in practice. And a gradient from a table is an oracle.
