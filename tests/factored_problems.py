"""Small random problems whose costs and accuracies are sums of factors, as the large tasks' are."""

from __future__ import annotations

import numpy as np

from dance_env.accuracy import FactorAccuracy
from dance_env.cost import CostTable, WorkloadTable
from dance_env.graph import NetworkSpace, Workload, WorkloadSpace
from dance_env.objective import Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, Factor, FactorSum
from dance_env.testing.problems import SyntheticNetworkSpace


def factored_problem(
    seed: int,
    *,
    option_counts: tuple[int, ...] = (3, 2, 3, 2, 2, 3),
    cost_scopes: tuple[tuple[int, ...], ...] = ((0, 1), (2,), (3, 4), (5,)),
    accuracy_scopes: tuple[tuple[int, ...], ...] = ((0, 2), (1, 3), (2, 4), (4, 5), (0, 5), (3,)),
    cost_function: object = Linear(latency_s=300.0, energy_j=300.0, area_mm2=0.5),
    weight: float = 1.0,
    constraints: tuple[Constraint, ...] = (),
    unmappable: int = 0,
    decimals: int | None = None,
    workloads: int = 1,
) -> Problem:
    """A problem of random numbers; `decimals` rounds them coarsely, which makes ties; workloads are `w0`, `w1`..."""
    rng = np.random.default_rng(seed)
    space = AcceleratorSpace((8, 16, 24), (8, 16), (8, 32), ("WS", "OS"))
    hardware = space.hardware()
    pes = (hardware.pe_x * hardware.pe_y).astype(np.float64)

    def costs(scale: float, infinite: np.ndarray | None) -> FactorSum:
        factors = []
        for scope in cost_scopes:
            rows = int(np.prod([option_counts[choice] for choice in scope]))
            table = rng.uniform(0.2, 1.0, (rows, 1)) * rng.uniform(0.4, 1.6, (rows, space.size)) * scale
            factors.append(table * (0.2 + 64.0 / pes))
        if decimals is not None:
            factors = [np.round(table / scale, decimals) * scale for table in factors]
        flat = np.concatenate(factors)
        if infinite is not None:
            flat.flat[infinite] = np.inf
        ends = np.cumsum([len(table) for table in factors])[:-1]
        tables = np.split(flat, ends)
        joined = [Factor(scope, table) for scope, table in zip(cost_scopes, tables, strict=True)]
        return FactorSum(option_counts, np.full(space.size, 0.3 * scale), joined)

    total = sum(int(np.prod([option_counts[choice] for choice in scope])) for scope in cost_scopes) * space.size
    infinite = rng.choice(total, size=unmappable, replace=False)
    area = 0.4 + pes * (0.003 + 2e-4 * hardware.rf_words)
    tables = {
        f"w{number}": CostTable(costs(3e-3, infinite), costs(2e-3, infinite), area) for number in range(workloads)
    }
    weights = {name: 1.0 / (1 + number) for number, name in enumerate(tables)}
    table = tables["w0"] if workloads == 1 else WorkloadTable.of(tables, weights)
    accuracy = []
    for scope in accuracy_scopes:
        values = rng.normal(0.0, 0.02, (int(np.prod([option_counts[choice] for choice in scope])), 1))
        accuracy.append(Factor(scope, values if decimals is None else np.round(values, decimals + 1)))
    networks: NetworkSpace = SyntheticNetworkSpace(option_counts, tuple([1] * sum(option_counts)))
    if workloads > 1:
        networks = WorkloadSpace("w", tuple(Workload(name, networks, weight) for name, weight in weights.items()))
    return Problem(
        name=f"factored-{seed}",
        network_space=networks,
        accelerator_space=space,
        costs=table,
        accuracy=FactorAccuracy(FactorSum(option_counts, [0.8], accuracy)),
        objective=Objective(cost_function, weight=weight, constraints=constraints),  # type: ignore[arg-type]
    )
