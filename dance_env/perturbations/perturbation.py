"""What is perturbed, and the syntax that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from dance_env.suggest import nearest

_FORM = "write TASK:NAME=VALUE,NAME=VALUE, such as macro-cifar10/balanced:permuted=1,dropped=0.1"


@dataclass(frozen=True)
class Perturbation:
    """What makes a task harder; as text behind a task's name, `TASK:permuted=1,dropped=0.1`.

    Attributes:
        permuted: The seed by which the options of every choice are shuffled; the choices are then declared nominal. None
            leaves their order.
        noise: Standard deviation between evaluations of different networks around the truth, in percentage points of
            accuracy; 0 for none. Evaluating a network again draws nothing new.
        dropped: Probability that an evaluation fails, from 0 to below 1.
        gradient_tau: Kendall's tau between the truth and the accuracy that gradients see, over random networks; the error
            is random (`ImperfectAccuracy`). 1 for none.
        gradient_bias: The same where the error is a bias towards networks of many multiply-accumulates.
        seed: Of noise, failures and the random error of gradients.

    Raises:
        TypeError: If a number is of another kind.
        ValueError: If a number is out of range, or gradients err in both ways.
    """

    permuted: int | None = None
    noise: float = 0.0
    dropped: float = 0.0
    gradient_tau: float = 1.0
    gradient_bias: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("permuted", "seed"):
            value = getattr(self, name)
            if value is None and name == "permuted":
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"perturbation {name} is a seed, a whole number; got {value!r}")
            if not 0 <= value < 2**63:
                raise ValueError(f"perturbation {name} is a seed from 0 to 2^63 - 1; got {value}")
        for name in ("noise", "dropped", "gradient_tau", "gradient_bias"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"perturbation {name} is a number; got {value!r}")
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"perturbation noise is in percentage points of accuracy, from 0 on; got {self.noise}")
        if not 0 <= self.dropped < 1:
            raise ValueError(f"perturbation dropped is a probability from 0 to below 1; got {self.dropped}")
        for name in ("gradient_tau", "gradient_bias"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"perturbation {name} is a rank correlation above 0, at most 1; got {value}")
        if self.gradient_tau < 1 and self.gradient_bias < 1:
            raise ValueError(
                "perturbation: gradients err at random (gradient_tau) or by a bias (gradient_bias), not both"
            )

    @classmethod
    def parse(cls, text: str) -> Perturbation:
        """Return what a text such as `permuted=1,dropped=0.1` says; none for an empty one.

        Raises:
            ValueError: If a part is not `NAME=VALUE`, a name is unknown (the nearest are offered) or given twice, or a
                value is no number or out of range.
        """
        kinds = {each.name: float if each.type == "float" else int for each in fields(cls)}
        found: dict[str, int | float] = {}
        for part in text.split(",") if text.strip() else ():
            name, equals, value = (each.strip() for each in part.partition("="))
            if not equals:
                raise ValueError(f"perturbation {part!r} has no value; {_FORM}")
            if name not in kinds:
                raise ValueError(f"there is no perturbation {name!r}. {nearest(name, list(kinds))}")
            if name in found:
                raise ValueError(f"perturbation {name!r} is given twice in {text!r}")
            try:
                found[name] = kinds[name](value)
            except ValueError:
                what = "a number" if kinds[name] is float else "a whole number"
                raise ValueError(f"perturbation {name} takes {what}, not {value!r}; {_FORM}") from None
        return cls(**found)  # type: ignore[arg-type]  # each value has been made of its field's kind

    def __str__(self) -> str:
        """The text that `parse` reads, without what is as usual."""
        changed = {each.name: getattr(self, each.name) for each in fields(self)}
        return ",".join(f"{name}={value!r}" for name, value in changed.items() if value != _USUAL[name])


_USUAL = {each.name: each.default for each in fields(Perturbation)}


def split_task(name: str) -> tuple[str, str]:
    """Return a task's name without its perturbations, and these as text.

    The name is one of the catalog, `path/to/file.py:function`, `path/to/task.toml` or `path/to/task.toml:variant`. What
    stands behind `.toml:` is a variant unless it has an equals sign.
    """
    if ".toml:" in name:
        file, _, rest = name.partition(".toml:")
        variant, _, modifiers = ("", "", rest) if "=" in rest.partition(":")[0] else rest.partition(":")
        return f"{file}.toml{f':{variant}' * bool(variant)}", modifiers
    start = name.find(":", name.find(".py:") + len(".py:")) if ".py:" in name else name.find(":")
    return (name, "") if start < 0 else (name[:start], name[start + 1 :])
