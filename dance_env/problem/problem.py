"""A co-design problem: which network on which accelerator, and what counts as good."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.accuracy import AccuracyModel, DrawnAccuracy, NamedError, TensorAccuracy, TimedAccuracy
from dance_env.accuracy.checked import checked_accuracies
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, Cost, CostModel, CostTable, WorkloadTable
from dance_env.graph import NetworkSpace, Workload, WorkloadSpace
from dance_env.objective import Constraint, Objective
from dance_env.problem.evaluation import Evaluation
from dance_env.problem.failures import Failures
from dance_env.problem.parts import check_accuracy, check_costs, check_own, check_workloads
from dance_env.problem.training_time import SUPERNET_TRAININGS, TrainingTime, checked_hours, longest_training
from dance_env.progress import Progress
from dance_env.source_digest import own_code
from dance_env.space import AcceleratorSpace, DesignSpace, check_indices, dance_accelerators

if TYPE_CHECKING:  # torch
    from dance_env.problem.relaxed import RelaxedProblem


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A space of designs and the rule that judges them; pure: nothing here remembers what was asked.

    Shapes: B designs or networks, D choices of which the first N are the network's, O_net network options, H
    accelerators.

    Attributes:
        name: what records and reports call it.
        network_space: the networks to choose from.
        accelerator_space: the accelerators to choose from.
        costs: what every network costs on every accelerator.
        accuracy: how well each network classifies; None where that is not known, and only costs can be asked.
        objective: what is minimized, and the limits.
        training_time: how long a network's training takes, where the accuracy model does not know (`TimedAccuracy`).
        supernet_trainings: the price of a supernet, in trainings of the largest network; an assumption.
        failures: which evaluations of a run fail; None where none does. `evaluate` is pure and never fails: the meter of
            a run and the environments apply it (`failed`).
        original: the problem that this one is a perturbation of (`dance_env.perturbations`): of the same optimum.
        cost_model: what `costs` were computed with, for those who ask for mappings; None where that is not known.
        files: the SHA-256 of each file that the problem was made from, by name; of tasks in TOML files.

    Raises:
        TypeError: If the objective is not an `Objective`, the accuracy is not a model, or the training time has no
            `gpu_hours`.
        ValueError: If the parts do not fit each other, or the supernet's price is not a number above 0.
    """

    name: str
    network_space: NetworkSpace
    accelerator_space: AcceleratorSpace
    costs: CostTable
    accuracy: AccuracyModel | None
    objective: Objective
    training_time: TrainingTime | None = None
    supernet_trainings: float = SUPERNET_TRAININGS
    failures: Failures | None = None
    original: Problem | None = None
    cost_model: CostModel | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        network = self.space.option_counts[self.space.network].tolist()
        check_own(self.name, self.objective, self.training_time, self.supernet_trainings)
        check_costs(self.name, self.costs.shape, expected=(*network, self.accelerator_space.size))
        check_workloads(self.name, self.objective, {each.name for each in self.workloads})
        check_accuracy(self.name, self.accuracy, network)

    def __repr__(self) -> str:
        networks, accelerators = self.space.size // self.accelerator_space.size, self.accelerator_space.size
        sizes = f"{networks:,} networks x {accelerators:,} accelerators"
        return f"Problem({self.name!r}: {sizes}; {self.objective.describe(self.error_name)})"

    @classmethod
    def build(
        cls,
        name: str,
        *,
        network_space: NetworkSpace | None = None,
        workloads: Sequence[Workload] = (),
        accelerator_space: AcceleratorSpace | None = None,
        accuracy: AccuracyModel | Callable[[np.ndarray], Any] | None,
        objective: Objective,
        cost_model: CostModel | None = None,
        training_time: TrainingTime | None = None,
        supernet_trainings: float = SUPERNET_TRAININGS,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: Progress | bool | None = None,
    ) -> Problem:
        """Put a problem together: cost every layer on every accelerator (or read that from the cache).

        Args:
            name: what records and reports call it.
            network_space: the networks to choose from.
            workloads: instead of it, several uses of the same networks; what is costed is their weighted sum (see
                `WorkloadSpace`, which may be given as `network_space` too).
            accelerator_space: the accelerators to choose from; DANCE's 13,872 by default.
            accuracy: an accuracy model, or a function from networks (B, N), option indices, to accuracies (B,),
                fractions, which is then asked about every network once (`TensorAccuracy.from_function`); None where
                accuracies are not known, and only costs can be asked.
            objective: what is minimized, and the limits.
            cost_model: what a layer costs; the analytical model with the technology "edge-lpddr4" by default.
            training_time: how long a network's training takes; None where the accuracy model knows, or it is not known.
            supernet_trainings: the price of a supernet, in trainings of the largest network.
            cache_dir: folder of the cost tables' cache; None for the default.
            progress: of the costing: True for a bar, or a function called with (layers done, layers in all).

        Raises:
            TypeError: If the network space is not a `NetworkSpace`, or the accuracy is neither a model nor a function.
            ValueError: If the parts do not fit each other, or the cost model does not know a register file or layer.
        """
        if (network_space is None) == (not workloads):
            raise TypeError(f"problem {name!r}: give network_space, or workloads, and not both")
        if workloads:
            network_space = WorkloadSpace(name, tuple(workloads))
        if not isinstance(network_space, NetworkSpace):
            raise TypeError(
                f"problem {name!r}: network_space must be a NetworkSpace (such as BlockSpace or LayerSpace), got "
                f"{network_space!r}; dance_env.graph.network_space(name) gives those of the catalog"
            )
        accelerators = dance_accelerators() if accelerator_space is None else accelerator_space
        if accuracy is not None and not isinstance(accuracy, AccuracyModel):
            if not callable(accuracy):
                raise TypeError(
                    f"problem {name!r}: accuracy must be a model (with `evaluate` and `fingerprint`) or a function from "
                    f"networks (B, N) to accuracies (B,), got {type(accuracy).__name__}"
                )
            accuracy = TensorAccuracy.from_function(network_space.choices(), accuracy)
        model = AnalyticalCostModel(technology=EDGE_LPDDR4) if cost_model is None else cost_model
        costs: CostTable
        if isinstance(network_space, WorkloadSpace):
            costs = WorkloadTable.build_workloads(
                network_space, accelerators, model=model, cache_dir=cache_dir, progress=progress
            )
        else:
            costs = CostTable.build(network_space, accelerators, model=model, cache_dir=cache_dir, progress=progress)
        return cls(
            name,
            network_space,
            accelerators,
            costs,
            accuracy,
            objective,
            training_time,
            supernet_trainings,
            cost_model=model,
        )

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """The workloads that are summed; empty where there is one."""
        return self.network_space.workloads if isinstance(self.network_space, WorkloadSpace) else ()

    @cached_property
    def space(self) -> DesignSpace:
        """All choices, the network's first, then the accelerator's."""
        return DesignSpace((*self.network_space.choices(), *self.accelerator_space.choices()))

    @property
    def error_name(self) -> str:
        """What the error is called: "error" (a percentage), or what the accuracy model says (see `NamedError`)."""
        return self.accuracy.error_name if isinstance(self.accuracy, NamedError) else "error"

    def evaluate(self, designs: Any, *, accuracies: np.ndarray | None = None) -> Evaluation:
        """Evaluate designs.

        Args:
            designs: option indices, shape (B, D).
            accuracies: of their networks, shape (B,); None asks the accuracy model.

        Returns:
            An evaluation with leaves (B,); a design's values do not depend on the batch it comes in.

        Raises:
            TypeError, ValueError: If the designs are not option indices of this space (see `DesignSpace.check`).
            RuntimeError: If the accuracies are not known.
        """
        designs = self.space.check(designs)
        networks = designs[:, self.space.network]
        hardware = self.accelerator_space.index(designs[:, self.space.hardware], trusted=True)
        if accuracies is None:
            accuracies = self._accuracies(networks)
        return self._judge(accuracies, self.costs.lookup(networks, hardware, trusted=True))

    def failed(self, evaluation: Evaluation, which: np.ndarray) -> Evaluation:
        """Return an evaluation in which some designs failed.

        A failed evaluation has an accuracy of 0, the objective that follows, and a violation that is 1 above the one
        that its cost and error have: it is never feasible, so that nobody reports it, and every number is as finite as
        before. Costs are those of the design.

        Args:
            evaluation: With leaves (B,) or (B, H).
            which: (B,) whether each evaluation failed.
        """
        if not which.any():
            return evaluation
        lost = which if evaluation.objective.ndim == 1 else which[:, None]
        worst = self._judge(np.zeros(evaluation.objective.shape), evaluation.cost)
        return Evaluation(
            evaluation.cost,
            accuracy=np.where(lost, 0.0, evaluation.accuracy),
            objective=np.where(lost, worst.objective, evaluation.objective),
            violation=np.where(lost, worst.violation + 1.0, evaluation.violation),
        )

    @property
    def without_noise(self) -> Problem:
        """The problem whose evaluations are the expected ones, by which a solver is judged; itself without noise."""
        if not isinstance(self.accuracy, DrawnAccuracy):
            return self
        return replace(self, accuracy=self.accuracy.expected)

    def evaluate_networks(self, networks: Any, *, accuracies: np.ndarray | None = None) -> Evaluation:
        """Evaluate each network (B, N) on every accelerator: leaves (B, H), the same bits as from `evaluate`.

        Args:
            networks: Option indices, shape (B, N).
            accuracies: What `accuracies(networks)` returned, shape (B,); None asks the accuracy model. With it, this
                method may be called from several threads at once, whatever the accuracy model.
        """
        networks = self._check_networks(networks)
        if accuracies is None:
            accuracies = self._accuracies(networks)
        cost = self.costs.on_all_hardware(networks, trusted=True)
        return self._judge(np.broadcast_to(accuracies[:, None], cost.latency_s.shape), cost)

    def accuracies(self, networks: Any) -> np.ndarray:
        """Return the accuracy (B,) of each network (B, N), a fraction.

        Ask from one thread at a time: an accuracy model need not be safe to call from several.

        Raises:
            TypeError: If the networks, or the accuracy model's answers, hold no numbers of the right kind.
            ValueError: If they have the wrong shape, or an accuracy is outside 0 to 1.
        """
        return self._accuracies(self._check_networks(networks))

    @property
    def is_timed(self) -> bool:
        """Whether training times are known."""
        return self.training_time is not None or isinstance(self.accuracy, TimedAccuracy)

    def training_gpu_hours(self, networks: Any) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N).

        Raises:
            RuntimeError: If training times are not known.
            ValueError: If the networks are not of this space, or a training time is not a number above 0.
        """
        networks = self._check_networks(networks)
        if self.training_time is not None:
            model: Any = self.training_time
            hours = model.gpu_hours(networks)
        elif isinstance(self.accuracy, TimedAccuracy):
            model = self.accuracy
            hours = model.training_gpu_hours(networks)
        else:
            raise RuntimeError(
                f"problem {self.name!r} has no training times: give it one (Problem.build(training_time=...), such as "
                "MacsTrainingTime), or an accuracy model with `training_gpu_hours`"
            )
        return checked_hours(hours, len(networks), who=f"problem {self.name!r}: {type(model).__name__}")

    @cached_property
    def supernet_gpu_hours(self) -> float | None:
        """The price of a supernet in GPU-hours: `supernet_trainings` times the longest training of a network.

        None where training times are not known.
        """
        if not self.is_timed:
            return None
        counts = self.space.option_counts[self.space.network].tolist()
        return self.supernet_trainings * longest_training(counts, self.training_gpu_hours)

    def best_hardware(self, networks: Any) -> np.ndarray:
        """Return the index (B,) of the best accelerator of each network (B, N), exactly; see `Evaluation.best_hardware`."""
        return self.evaluate_networks(networks).best_hardware()

    def violations(self, designs: Any, *, evaluation: Evaluation | None = None) -> list[dict[str, float]]:
        """Return which limits each design (B, D) exceeds: metric -> relative excess; empty for a feasible design.

        Args:
            designs: Option indices.
            evaluation: Theirs, leaves (B,), where it is known.
        """
        evaluation = self.evaluate(designs) if evaluation is None else evaluation
        by_name = self.objective.violations(evaluation.error_pct, evaluation.cost)
        return [
            {name: float(amounts[i]) for name, amounts in by_name.items() if amounts[i] > 0}
            for i in range(len(evaluation))
        ]

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> RelaxedProblem:
        """Return the differentiable view (torch): expected cost and accuracy under probabilities of the options.

        Raises:
            TypeError: If the accuracy model knows no expectations.
            ValueError: If some layer cannot be mapped on some accelerator, the dtype is unknown, or the device cannot
                be used.
        """
        from dance_env.problem.relaxed import RelaxedProblem

        return RelaxedProblem(
            self.name,
            space=self.space,
            costs=self.costs,
            accuracy=self.accuracy,
            objective=self.objective,
            device=device,
            dtype=dtype,
        )

    def design(self, networks: Any, hardware: Any) -> np.ndarray:
        """Return designs (B, D) from networks (B, N) and hardware indices (B,)."""
        return np.concatenate([self._check_networks(networks), self.accelerator_space.unindex(hardware)], axis=1)

    def limited(self, limits: Mapping[str, float]) -> Problem:
        """Return the same problem under other hard limits.

        Args:
            limits: the largest value allowed, by metric (see `Constraint`); none at all lifts every limit.

        Raises:
            TypeError: If `limits` is not a mapping.
            ValueError: If a metric is unknown, or a limit is not a positive finite number.
        """
        if not isinstance(limits, Mapping):
            raise TypeError(f"limits must map metrics to values, such as {{'latency_s': 0.001}}; got {limits!r}")
        constraints = tuple(Constraint(metric, limit) for metric, limit in limits.items())
        # The original too: it is of the same optimum, from which regret is measured.
        original = None if self.original is None else self.original.limited(limits)
        return replace(self, objective=replace(self.objective, constraints=constraints), original=original)

    def fingerprint(self) -> str | None:
        """Return a SHA-256 over all that an evaluation depends on: spaces, costs, accuracies, objective.

        Neither the name nor the training times and the price of a supernet are part of it. That evaluations fail is.

        The code of a cost function or accuracy model that is not of this library counts as well, with the modules of its
        package or folder that it imports.

        None where a part has no fingerprint, such as a cost function without the method `fingerprint` (see
        `dance_env.objective.CostFunction`), or a class that is not defined in a file. Whether this is the problem of an
        earlier day is then unknown: what depends on it is not cached, and a record of it is never reused.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str | None:
        digest = hashlib.sha256()
        accuracy: str | None = "unknown"
        if self.accuracy is not None:
            mark, code = self.accuracy.fingerprint(), own_code(self.accuracy)
            accuracy = None if mark is None or code is None else f"{mark} {code}".rstrip()
        parts = [self.space.fingerprint(), self.costs.fingerprint(), accuracy, self.objective.fingerprint()]
        if self.failures is not None:
            parts.append(self.failures.fingerprint())
        for part in parts:
            if part is None:
                return None
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()

    def _accuracies(self, networks: np.ndarray) -> np.ndarray:
        if self.accuracy is None:
            raise RuntimeError(
                f"problem {self.name!r} has no accuracy model (accuracy=None): only its costs can be asked, with "
                "problem.costs"
            )
        who = f"problem {self.name!r}: the accuracy model {type(self.accuracy).__name__}"
        return checked_accuracies(self.accuracy.evaluate(networks), len(networks), who=who)

    def _judge(self, accuracy: np.ndarray, cost: Cost) -> Evaluation:
        error_pct = 100.0 * (1.0 - accuracy)
        return Evaluation(
            cost=cost,
            accuracy=accuracy,
            objective=self.objective.value(error_pct, cost),
            violation=self.objective.violation(error_pct, cost),
        )

    def _check_networks(self, networks: Any) -> np.ndarray:
        """Return networks `(B, N)` as int64, checked as the first columns of designs are."""
        choices = self.space.choices[self.space.network]
        counts = self.space.option_counts[self.space.network]
        return check_indices(networks, counts, what="network", names=[choice.name for choice in choices])
