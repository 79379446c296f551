"""Accelerator/network co-design as one Gymnasium environment.

    import gymnasium, dance_env
    env = gymnasium.make("dance_env/CoDesign-v0", task="macro-cifar10/balanced", episode="one-shot")

Importing this package registers the environments and loads little else: the names below are imported at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

if TYPE_CHECKING:
    from dance_env.envs import (
        EPISODE_NAMES,
        CoDesignEnv,
        CoDesignVectorEnv,
        ConstraintPenalty,
        MultiObjectiveCoDesignEnv,
        VectorConstraintPenalty,
        VectorMultiObjective,
    )
    from dance_env.problem import Evaluation, Problem
    from dance_env.space import AcceleratorSpace, Choice, DesignSpace
    from dance_env.tasks import make_problem, task_names

__all__ = [
    "EPISODE_NAMES",
    "AcceleratorSpace",
    "Choice",
    "CoDesignEnv",
    "CoDesignVectorEnv",
    "ConstraintPenalty",
    "DesignSpace",
    "Evaluation",
    "MultiObjectiveCoDesignEnv",
    "Problem",
    "VectorConstraintPenalty",
    "VectorMultiObjective",
    "__version__",
    "make_problem",
    "task_names",
]

_HOMES = {
    "EPISODE_NAMES": "dance_env.envs",
    "AcceleratorSpace": "dance_env.space",
    "Choice": "dance_env.space",
    "CoDesignEnv": "dance_env.envs",
    "CoDesignVectorEnv": "dance_env.envs",
    "ConstraintPenalty": "dance_env.envs",
    "DesignSpace": "dance_env.space",
    "Evaluation": "dance_env.problem",
    "MultiObjectiveCoDesignEnv": "dance_env.envs",
    "Problem": "dance_env.problem",
    "VectorConstraintPenalty": "dance_env.envs",
    "VectorMultiObjective": "dance_env.envs",
    "make_problem": "dance_env.tasks",
    "task_names": "dance_env.tasks",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its room at first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("dance-env")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _register_environments() -> None:
    if "dance_env/CoDesign-v0" in registry:  # a second import (a reload) would warn of overriding
        return
    register(
        id="dance_env/CoDesign-v0",
        entry_point="dance_env.envs:CoDesignEnv",
        vector_entry_point="dance_env.envs:CoDesignVectorEnv",
    )
    # Gymnasium's passive checker knows scalar rewards only.
    register(
        id="dance_env/MultiObjectiveCoDesign-v0",
        entry_point="dance_env.envs:MultiObjectiveCoDesignEnv",
        disable_env_checker=True,
    )


_register_environments()
