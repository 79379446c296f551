"""Accelerator/network co-design as one Gymnasium environment.

    import gymnasium, dance_env
    env = gymnasium.make("dance_env/CoDesign-v0", task="macro-cifar10/balanced", episode="one-shot")

Importing this package registers the environments and loads little else: the names below are imported at first use. The
rooms: `space`, `graph`, `cost`, `accuracy`, `objective`, `problem`, `tasks` say what is optimized; `envs` makes
environments of it; `analysis` and `drawing` look at problems and designs; `testing` holds the contract suites.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

from dance_env.suggest import nearest

if TYPE_CHECKING:  # for type checkers and editors; `_HOMES` says the same at run time
    from dance_env.accuracy import AccuracyModel, TensorAccuracy
    from dance_env.analysis.exact import optimum, pareto_front
    from dance_env.cost import AnalyticalCostModel, Cost, CostModel, CostTable, Technology
    from dance_env.drawing.graph import draw_graph
    from dance_env.drawing.mapping import draw_mapping
    from dance_env.envs import (
        EPISODE_NAMES,
        REWARD_NAMES,
        CoDesignEnv,
        CoDesignVectorEnv,
        MetricsReward,
        ObjectiveReward,
        PenalizedReward,
        Reward,
    )
    from dance_env.graph import BlockSpace, Layer, LayerGraph, LayerSpace, NetworkSpace, Slot, network_space
    from dance_env.objective import EDAP, Constraint, Linear, Objective
    from dance_env.problem import Evaluation, Problem
    from dance_env.space import AcceleratorSpace, Choice, DesignSpace, Hardware, dance_accelerators
    from dance_env.tasks import make_problem, task_names

_HOMES = {
    "EDAP": "dance_env.objective",
    "EPISODE_NAMES": "dance_env.envs",
    "REWARD_NAMES": "dance_env.envs",
    "AcceleratorSpace": "dance_env.space",
    "AccuracyModel": "dance_env.accuracy",
    "AnalyticalCostModel": "dance_env.cost",
    "BlockSpace": "dance_env.graph",
    "Choice": "dance_env.space",
    "CoDesignEnv": "dance_env.envs",
    "CoDesignVectorEnv": "dance_env.envs",
    "Constraint": "dance_env.objective",
    "Cost": "dance_env.cost",
    "CostModel": "dance_env.cost",
    "CostTable": "dance_env.cost",
    "DesignSpace": "dance_env.space",
    "Evaluation": "dance_env.problem",
    "Hardware": "dance_env.space",
    "Layer": "dance_env.graph",
    "LayerGraph": "dance_env.graph",
    "LayerSpace": "dance_env.graph",
    "Linear": "dance_env.objective",
    "MetricsReward": "dance_env.envs",
    "NetworkSpace": "dance_env.graph",
    "Objective": "dance_env.objective",
    "ObjectiveReward": "dance_env.envs",
    "PenalizedReward": "dance_env.envs",
    "Problem": "dance_env.problem",
    "Reward": "dance_env.envs",
    "Slot": "dance_env.graph",
    "Technology": "dance_env.cost",
    "TensorAccuracy": "dance_env.accuracy",
    "dance_accelerators": "dance_env.space",
    "draw_graph": "dance_env.drawing.graph",
    "draw_mapping": "dance_env.drawing.mapping",
    "make_problem": "dance_env.tasks",
    "network_space": "dance_env.graph",
    "optimum": "dance_env.analysis.exact",
    "pareto_front": "dance_env.analysis.exact",
    "task_names": "dance_env.tasks",
}
"""The room of each public name."""

__all__ = [
    "EDAP",
    "EPISODE_NAMES",
    "REWARD_NAMES",
    "AcceleratorSpace",
    "AccuracyModel",
    "AnalyticalCostModel",
    "BlockSpace",
    "Choice",
    "CoDesignEnv",
    "CoDesignVectorEnv",
    "Constraint",
    "Cost",
    "CostModel",
    "CostTable",
    "DesignSpace",
    "Evaluation",
    "Hardware",
    "Layer",
    "LayerGraph",
    "LayerSpace",
    "Linear",
    "MetricsReward",
    "NetworkSpace",
    "Objective",
    "ObjectiveReward",
    "PenalizedReward",
    "Problem",
    "Reward",
    "Slot",
    "Technology",
    "TensorAccuracy",
    "__version__",
    "dance_accelerators",
    "draw_graph",
    "draw_mapping",
    "make_problem",
    "network_space",
    "optimum",
    "pareto_front",
    "task_names",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its room at first use (PEP 562)."""
    if name == "__version__":
        value: Any = importlib.metadata.version("dance-env")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name.startswith("_"):  # what Python and its tools probe for, such as __path__: no advice
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {nearest(name, _HOMES)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _register_environments() -> None:
    if "dance_env/CoDesign-v0" in registry:  # a second import (a reload) would warn of overriding
        return
    entry_points: Any = {
        "entry_point": "dance_env.envs:CoDesignEnv",
        "vector_entry_point": "dance_env.envs:CoDesignVectorEnv",
    }
    register(id="dance_env/CoDesign-v0", **entry_points)
    # Gymnasium's passive checker knows scalar rewards only.
    register(
        id="dance_env/MultiObjectiveCoDesign-v0",
        kwargs={"reward": "metrics"},
        disable_env_checker=True,
        **entry_points,
    )


_register_environments()
