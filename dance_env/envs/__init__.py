"""The envs room: problems as Gymnasium environments.

`CoDesignVectorEnv` is the implementation and `CoDesignEnv` its batch-of-one view, and the specification; the styles of
episode are in `one_shot`, `sequential` and `refine`, on the contract in `episode`. `ConstraintPenalty` puts hard limits
into the reward, `MultiObjectiveCoDesignEnv` gives the reward as a vector; `rendering` draws.
"""

from dance_env.envs.constraint_penalty import ConstraintPenalty, VectorConstraintPenalty
from dance_env.envs.multi_objective import REWARD_METRICS, MultiObjectiveCoDesignEnv, VectorMultiObjective
from dance_env.envs.single_env import CoDesignEnv
from dance_env.envs.styles import EPISODE_NAMES
from dance_env.envs.vector_env import CoDesignVectorEnv

__all__ = [
    "EPISODE_NAMES",
    "REWARD_METRICS",
    "CoDesignEnv",
    "CoDesignVectorEnv",
    "ConstraintPenalty",
    "MultiObjectiveCoDesignEnv",
    "VectorConstraintPenalty",
    "VectorMultiObjective",
]
