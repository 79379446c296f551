"""One choice of a design: a name and its options."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

Group = Literal["network", "hardware"]
Kind = Literal["nominal", "ordinal"]
Option = str | int | float


@dataclass(frozen=True)
class Choice:
    """A named list of options, of which a design takes one.

    Attributes:
        name: Unique within a design space.
        options: What can be taken, in index order: words or finite numbers, all different. The numbers of an ordinal
            choice ascend.
        group: Which half of the design the choice belongs to, ``"network"`` or ``"hardware"``.
        kind: ``"nominal"`` (options have no order) or ``"ordinal"`` (an option's neighbors are the adjacent ones).

    Raises:
        TypeError: If the name or an option is of the wrong type.
        ValueError: If the name is empty, options are missing, repeated or not finite, or group or kind is unknown.
    """

    name: str
    options: tuple[Option, ...]
    group: Group
    kind: Kind

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a choice needs a non-empty name, got {self.name!r}")
        if not isinstance(self.options, tuple):
            raise TypeError(f"choice {self.name!r}: options must be a tuple, got {type(self.options).__name__}")
        if not self.options:
            raise ValueError(f"choice {self.name!r}: at least one option is needed, got none")
        for option in self.options:
            if isinstance(option, bool) or not isinstance(option, str | int | float):
                raise TypeError(f"choice {self.name!r}: an option must be str, int or float, got {option!r}")
            if isinstance(option, float) and not math.isfinite(option):
                raise ValueError(f"choice {self.name!r}: a number must be finite, got {option!r}")
        if len(set(self.options)) != len(self.options):
            raise ValueError(f"choice {self.name!r}: options must differ from each other, got {self.options}")
        if self.group not in get_args(Group):
            raise ValueError(f"choice {self.name!r}: group must be one of {get_args(Group)}, got {self.group!r}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"choice {self.name!r}: kind must be one of {get_args(Kind)}, got {self.kind!r}")
        numbers = [option for option in self.options if isinstance(option, int | float)]
        if self.kind == "ordinal" and numbers != sorted(numbers):
            raise ValueError(f"choice {self.name!r}: the numbers of an ordinal choice must ascend, got {self.options}")

    def __len__(self) -> int:
        return len(self.options)
