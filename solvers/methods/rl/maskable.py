"""Maskable PPO through sb3-contrib (extra "rl")."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from solvers.contract.capabilities import Capabilities
from solvers.methods.rl.learn import Setup, check_plan
from solvers.methods.rl.ppo import PPO


@dataclass(frozen=True)
class MaskablePPO(PPO):
    """PPO on sequential episodes, its actions masked to the options of the choice at hand (Huang & Ontanon 2022).

    Attributes: see `PPO`.

    Raises:
        ValueError: If the style is not sequential (the only one with actions to mask), or as `PPO`.
    """

    name: ClassVar[str] = "maskable-ppo"
    _endless: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(library="sb3_contrib", extra="rl")
    episode: str = "sequential"
    updates: int = 64
    learning_rate: float = 0.01
    hidden: tuple[int, ...] = (64,)

    def __post_init__(self) -> None:
        check_plan(self.episode, styles=("sequential",))
        super().__post_init__()

    def _learner(self, setup: Setup) -> Any:
        return import_module("sb3_contrib").MaskablePPO("MlpPolicy", setup.envs, **self._settings(setup))
