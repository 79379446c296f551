"""What the tasks of images ask of accelerators, measured on random networks: the table of docs/tasks.md.

    python benchmarks/sampled_coupling.py [--task dance-mnist/edap ...] [--networks 400]

These spaces are too large for `dance coupling`, which looks at every design. Each random network (seed 0) is costed on
all 13,872 accelerators; no accuracy is asked for, so that no supernet is needed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from dance_env.analysis.coupling.sums import Excess
from dance_env.cost import CostTable
from dance_env.space import AcceleratorSpace, DesignSpace
from dance_env.tasks import Task, get_task, task_names

AT_A_TIME = 16
NO_ERROR = np.zeros(1)  # no task of images limits the error


def measure(task: Task, count: int) -> dict[str, str]:
    """A row of figures, by title."""
    objective = task.variant.objective
    costs = CostTable.build(task.network_space, task.accelerator_space, model=task.cost_model(), progress=True)
    networks = DesignSpace(task.network_space.choices()).sample(np.random.default_rng(0), count)
    values, allowed = [], []
    for start in range(0, count, AT_A_TIME):
        cost = costs.on_all_hardware(networks[start : start + AT_A_TIME])
        values.append(objective.weight * objective.cost_function(cost))
        allowed.append(np.broadcast_to(objective.violation(NO_ERROR, cost) <= 0, values[-1].shape))
    value, runs = np.concatenate(values), np.concatenate(allowed)
    able = runs.any(axis=1)
    value, runs = value[able], runs[able]
    held = np.where(runs, value, np.inf)
    least, best = held.min(axis=1), held.argmin(axis=1)
    kinds, counts = np.unique(best, return_counts=True)
    fixed = Excess.of(value / least[:, None] - 1.0, runs).best(len(value))
    hardware = task.accelerator_space
    return {
        "networks that can meet the limits": f"{able.mean():.0%}",
        "random designs that do": f"{np.concatenate(allowed).mean():.0%}",
        "weighted cost of networks, each on its best accelerator": (
            f"{least.min():.2f} to {least.max():.2f}, median {np.median(least):.2f}"
        ),
        "distinct best accelerators": f"{len(kinds)} ({len(value)} networks)",
        "the most frequent": f"{accelerator_text(hardware, int(kinds[counts.argmax()]))}: {counts.max() / len(value):.0%}",
        "cost of the best single accelerator": (
            f"{accelerator_text(hardware, fixed.index)}: +{fixed.excess_mean:.1%} mean, +{fixed.excess_max:.0%} most"
            + ("" if fixed.runs == 1 else f", runs {fixed.runs:.0%}")
        ),
    }


def accelerator_text(space: AcceleratorSpace, index: int) -> str:
    """Such as "16 x 8, RF 12, OS"."""
    hardware = space.hardware()
    dataflow = space.dataflow[hardware.dataflow[index]]
    return f"{hardware.pe_x[index]} x {hardware.pe_y[index]}, RF {hardware.rf_words[index]}, {dataflow}"


def main(given: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="+", default=task_names(needs_supernet=True))
    parser.add_argument("--networks", type=int, default=400)
    asked = parser.parse_args(given)
    rows = {name: measure(get_task(name), asked.networks) for name in asked.task}
    titles = list(next(iter(rows.values())))
    print(f"| | {' | '.join(titles)} |\n" + "|---" * (len(titles) + 1) + "|")
    for name, figures in rows.items():
        print(f"| `{name}` | {' | '.join(figures.values())} |")


if __name__ == "__main__":
    main()
