"""The envs room: problems as Gymnasium environments.

- `vector_env`: `CoDesignVectorEnv`, the implementation; `single_env`: `CoDesignEnv`, its batch-of-one view and the
  specification of both; `resolve`: from a task's name to the problem; `reset_options`: the options of `reset`.
- `episode`: what an episode is and how its rewards add up; `one_shot`, `sequential`, `refine`: the styles; `styles`:
  the styles by name.
- `reward`: what the return of an episode is: objective, penalized objective, or a vector of metrics.
- `metrics`: the numbers of an evaluation by name; `infos`: info dictionaries.
"""

from dance_env.envs.metrics import METRIC_UNITS
from dance_env.envs.reward import (
    REWARD_METRICS,
    REWARD_NAMES,
    MetricsReward,
    ObjectiveReward,
    PenalizedReward,
    Reward,
)
from dance_env.envs.single_env import CoDesignEnv
from dance_env.envs.styles import EPISODE_NAMES
from dance_env.envs.vector_env import CoDesignVectorEnv

__all__ = [
    "EPISODE_NAMES",
    "METRIC_UNITS",
    "REWARD_METRICS",
    "REWARD_NAMES",
    "CoDesignEnv",
    "CoDesignVectorEnv",
    "MetricsReward",
    "ObjectiveReward",
    "PenalizedReward",
    "Reward",
]
