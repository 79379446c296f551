"""One mixed-discrete space of network and hardware choices, and its views."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.space.choice import Choice, Option
from dance_env.space.indices import as_array, check_indices
from dance_env.suggest import nearest

_SUM_TOLERANCE = 1e-6
_MAX_RANK = 2**63 - 1


@dataclass(frozen=True)
class DesignSpace:
    """All designs that a tuple of choices spans.

    Symbols: `B` designs, `D` choices (`N` of the network, then those of the hardware), `O` options of all choices laid
    end to end. A design is `D` option indices; the views of a batch of designs are

    - indices, `(B, D)` int64: what every function here takes and gives unless it says otherwise;
    - one-hot, `(B, O)` float64; relaxed, `(B, O)` float64: one probability distribution for each choice;
    - named, a list of `B` dicts from choice name to option;
    - ranks, `(B,)` int64: the designs counted from 0, the first choice slowest.

    Attributes:
        choices: Network choices first, then hardware choices.

    Raises:
        TypeError: If `choices` is not a tuple of `Choice`.
        ValueError: If there are none, names repeat, or a network choice follows a hardware choice.
    """

    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.choices, tuple) or not all(isinstance(choice, Choice) for choice in self.choices):
            raise TypeError(f"choices must be a tuple of Choice, got {self.choices!r}")
        if not self.choices:
            raise ValueError("a design space needs at least one choice, got none")
        names = [choice.name for choice in self.choices]
        if len(set(names)) != len(names):
            raise ValueError(f"choice names must differ from each other, got {names}")
        groups = [choice.group for choice in self.choices]
        if groups != sorted(groups, key=("network", "hardware").index):
            raise ValueError(f"network choices come first, then hardware choices; got the order {groups}")

    # ------------------------------------------------------------------------------------------------ sizes and slices
    @property
    def num_choices(self) -> int:
        """`D`."""
        return len(self.choices)

    @cached_property
    def num_network_choices(self) -> int:
        """`N`: the first `N` columns of a design are the network's."""
        return sum(choice.group == "network" for choice in self.choices)

    @cached_property
    def option_counts(self) -> np.ndarray:
        """`(D,)` int64, read-only: the number of options of each choice."""
        return _read_only(np.array([len(choice) for choice in self.choices], dtype=np.int64))

    @cached_property
    def offsets(self) -> np.ndarray:
        """`(D,)` int64, read-only: where each choice's options start on the flat option axis."""
        return _read_only(np.cumsum(self.option_counts) - self.option_counts)

    @cached_property
    def num_options(self) -> int:
        """`O`: options of all choices together."""
        return int(self.option_counts.sum())

    @cached_property
    def size(self) -> int:
        """The exact number of designs, as a Python int of any length."""
        return math.prod(len(choice) for choice in self.choices)

    @property
    def network(self) -> slice:
        """The network's columns of a design."""
        return slice(0, self.num_network_choices)

    @property
    def hardware(self) -> slice:
        """The hardware's columns of a design."""
        return slice(self.num_network_choices, self.num_choices)

    @property
    def network_options(self) -> slice:
        """The network's part of the flat option axis."""
        return slice(0, sum(len(choice) for choice in self.choices[self.network]))

    @property
    def hardware_options(self) -> slice:
        """The hardware's part of the flat option axis."""
        return slice(self.network_options.stop, self.num_options)

    # --------------------------------------------------------------------------------------------------------- indices
    def check(self, designs: ArrayLike, *, what: str = "design") -> np.ndarray:
        """Return the designs as `(B, D)` int64, if they are legal; not copied where they already are that.

        Args:
            designs: `(B, D)` option indices.
            what: What messages call a row.

        Raises:
            TypeError: If the values are not whole-number typed (floats are refused, even 1.0; so are booleans).
            ValueError: If the shape is not `(B, D)`, or an index is outside its choice's options.
        """
        return check_indices(designs, self.option_counts, what=what, names=[each.name for each in self.choices])

    def sample(self, rng: np.random.Generator, batch: int) -> np.ndarray:
        """`(batch, D)` designs, uniform over the space.

        Raises:
            TypeError: If `rng` is no generator.
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a NumPy generator, such as np.random.default_rng(0); got {rng!r}")
        return rng.integers(0, self.option_counts, size=(batch, self.num_choices), dtype=np.int64)

    def neighbors(self, design: ArrayLike) -> np.ndarray:
        """`(n, D)`: every design that differs from `design`, `(D,)`, in one choice.

        A nominal choice moves to any other option, an ordinal one to the adjacent options.
        """
        row = self.check(np.asarray(design)[None])[0]
        moves = [
            (column, option)
            for column, choice in enumerate(self.choices)
            for option in range(len(choice))
            if option != row[column] and (choice.kind == "nominal" or abs(option - row[column]) == 1)
        ]
        result = np.repeat(row[None], len(moves), axis=0)
        for index, (column, option) in enumerate(moves):
            result[index, column] = option
        return result

    # ----------------------------------------------------------------------------------------------------------- ranks
    def rank(self, designs: ArrayLike, *, trusted: bool = False) -> np.ndarray:
        """Return each design's number, `(B,)` int64: mixed radix, the first choice slowest; `unrank` is its inverse.

        Args:
            designs: `(B, D)` option indices.
            trusted: Whether they are an int64 array that has been checked already.

        Raises:
            TypeError, ValueError: As `check`.
            OverflowError: If the space has more than 2**63 - 1 designs.
        """
        return (np.asarray(designs) if trusted else self.check(designs)) @ self._place_values

    def unrank(self, ranks: ArrayLike) -> np.ndarray:
        """`(B, D)`: the designs with these numbers.

        Raises:
            OverflowError: If the space has more than 2**63 - 1 designs.
            TypeError: If the ranks are not whole-number typed.
            ValueError: If they are not one-dimensional, or outside 0..size-1.
        """
        place_values, given = self._place_values, np.asarray(ranks)
        if given.ndim != 1:
            raise ValueError(f"ranks must have shape (batch,), got {given.shape}")
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"ranks must be whole numbers, got dtype {given.dtype}")
        outside = (given < 0) | (given >= self.size)
        if outside.any():
            raise ValueError(f"ranks must be in 0..{self.size - 1}, got {given[outside][0]}")
        return given.astype(np.int64)[:, None] // place_values % self.option_counts

    # -------------------------------------------------------------------------------------------- one-hot and relaxed
    def one_hot(self, designs: ArrayLike) -> np.ndarray:
        """`(B, O)` float64: 1 at each design's options, 0 elsewhere."""
        flat = self.check(designs) + self.offsets
        result = np.zeros((len(flat), self.num_options))
        np.put_along_axis(result, flat, 1.0, axis=1)
        return result

    def nearest(self, relaxed: ArrayLike) -> np.ndarray:
        """`(B, D)`: the most probable option of each choice (the first of equals)."""
        checked = self.check_relaxed(relaxed)
        blocks = np.split(checked, self.offsets[1:], axis=1)
        return np.stack([block.argmax(axis=1) for block in blocks], axis=1).astype(np.int64)

    def check_relaxed(self, relaxed: ArrayLike) -> np.ndarray:
        """The relaxed designs as `(B, O)` float64, if each choice's options hold a probability distribution.

        Raises:
            TypeError: If the values are not real numbers.
            ValueError: If the shape is not `(B, O)`, a value is negative or not finite, or a choice's probabilities do
                not sum to 1 within 1e-6.
        """
        given = as_array(relaxed, "relaxed designs")
        if given.ndim != 2 or given.shape[1] != self.num_options:
            raise ValueError(f"relaxed designs must have shape (batch, {self.num_options}), got {given.shape}")
        if given.dtype.kind not in "iuf":
            raise TypeError(f"relaxed designs must be real numbers, got dtype {given.dtype}")
        checked = given.astype(np.float64, copy=False)
        wrong = ~(np.isfinite(checked) & (checked >= 0))
        if wrong.any():
            row, flat = (int(each) for each in np.argwhere(wrong)[0])
            raise ValueError(
                f"relaxed design {row}, {self._option_name(flat)}: a probability must be finite and not "
                f"negative, got {checked[row, flat]}"
            )
        sums = np.add.reduceat(checked, self.offsets, axis=1)
        wrong = np.abs(sums - 1) > _SUM_TOLERANCE
        if wrong.any():
            row, column = (int(each) for each in np.argwhere(wrong)[0])
            raise ValueError(
                f"relaxed design {row}, choice {self.choices[column].name!r}: the probabilities must sum to 1 within "
                f"{_SUM_TOLERANCE}, got {sums[row, column]}"
            )
        return checked

    def uniform_relaxed(self, batch: int = 1) -> np.ndarray:
        """`(batch, O)` float64: every option of a choice equally probable."""
        row = np.repeat(1.0 / self.option_counts, self.option_counts)
        return np.repeat(row[None], batch, axis=0)

    def sample_relaxed(self, rng: np.random.Generator, batch: int) -> np.ndarray:
        """`(batch, O)` float64: each choice's distribution drawn uniformly over its simplex (flat Dirichlet)."""
        draws = rng.standard_exponential((batch, self.num_options))
        sums = np.add.reduceat(draws, self.offsets, axis=1)
        return draws / np.repeat(sums, self.option_counts, axis=1)

    # ----------------------------------------------------------------------------------------------------------- names
    def decode(self, designs: ArrayLike) -> list[dict[str, Option]]:
        """`B` dicts from choice name to option."""
        return [
            {choice.name: choice.options[index] for choice, index in zip(self.choices, row, strict=True)}
            for row in self.check(designs).tolist()
        ]

    def encode(self, named: Sequence[Mapping[str, Option]]) -> np.ndarray:
        """`(B, D)`: the inverse of `decode`.

        Raises:
            TypeError: If one mapping is given in place of a sequence of them.
            ValueError: If a choice is missing or unknown, or an option is not among its choice's.
        """
        if isinstance(named, Mapping):
            raise TypeError("encode takes a sequence of mappings; a single design is a batch of one: pass [named]")
        rows = [self._encode_one(row, each) for row, each in enumerate(named)]
        return np.array(rows, dtype=np.int64).reshape(len(rows), self.num_choices)

    def _encode_one(self, row: int, named: Mapping[str, Option]) -> list[int]:
        known = [choice.name for choice in self.choices]
        for name in named:
            if name not in known:
                raise ValueError(f"design {row}: there is no choice {name!r}. {nearest(name, known)}")
        indices = []
        for choice in self.choices:
            if choice.name not in named:
                raise ValueError(f"design {row}: choice {choice.name!r} is missing; its options are {choice.options}")
            option = named[choice.name]
            if isinstance(option, str) and option not in choice.options and option in map(str, choice.options):
                raise ValueError(
                    f"design {row}, choice {choice.name!r}: the option {option!r} is text, its options are numbers; "
                    f"write {option}"
                )
            if isinstance(option, bool) or option not in choice.options:
                raise ValueError(
                    f"design {row}, choice {choice.name!r}: there is no option {option!r}. "
                    f"{nearest(option, choice.options)}"
                )
            indices.append(choice.options.index(option))
        return indices

    def fingerprint(self) -> str:
        """A sha256 in hexadecimal over names, options, groups and kinds: the same in every process."""
        content = [[choice.name, list(choice.options), choice.group, choice.kind] for choice in self.choices]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _place_values(self) -> np.ndarray:
        if self.size > _MAX_RANK:
            raise OverflowError(
                f"a space of {self.size} designs has no 64-bit ranks (at most {_MAX_RANK}); work with option indices"
            )
        counts = [len(choice) for choice in self.choices]
        return np.array([math.prod(counts[column + 1 :]) for column in range(len(counts))], dtype=np.int64)

    def _option_name(self, flat: int) -> str:
        column = int(np.searchsorted(self.offsets, flat, side="right")) - 1
        choice = self.choices[column]
        return f"choice {choice.name!r}, option {choice.options[flat - int(self.offsets[column])]!r}"


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
