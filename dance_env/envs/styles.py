"""The episode styles by name."""

from __future__ import annotations

from typing import Literal, get_args

from dance_env.envs.episode import Episode
from dance_env.envs.one_shot import OneShot
from dance_env.envs.refine import Refine
from dance_env.envs.sequential import Sequential
from dance_env.space import DesignSpace
from dance_env.suggest import nearest

EpisodeName = Literal["one-shot", "sequential", "refine"]
EPISODE_NAMES: tuple[EpisodeName, ...] = get_args(EpisodeName)


def make_episode(name: str, space: DesignSpace, *, horizon: int | None = None) -> Episode:
    """Return the episode style of this name over the space.

    Args:
        name: "one-shot", "sequential" or "refine".
        space: the choices of a design.
        horizon: steps of a refine episode; 2 D if not given. The other styles have a length of their own.

    Raises:
        ValueError: If the name is unknown, the horizon is below one, or the style has a length of its own.
        TypeError: If the horizon is not an integer.
    """
    if name not in EPISODE_NAMES:
        raise ValueError(f"there is no episode style {name!r}. {nearest(name, EPISODE_NAMES)}")
    if name == "refine":
        return Refine(space, _check_horizon(2 * space.num_choices if horizon is None else horizon))
    if horizon is not None:
        raise ValueError(f"horizon={horizon!r} is for refine episodes; an episode of style {name!r} has its own length")
    return OneShot(space, 1) if name == "one-shot" else Sequential(space, space.num_choices)


def _check_horizon(horizon: int) -> int:
    if isinstance(horizon, bool) or not isinstance(horizon, int):
        raise TypeError(f"horizon must be an integer number of steps; got {horizon!r}")
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 step; got {horizon}")
    return horizon
