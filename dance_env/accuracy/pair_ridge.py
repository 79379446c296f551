"""Ridge regression on choices and pairs of choices, each group of coefficients with a scale that the data choose.

Used by the script that fits accel-nasbench; nothing here is imported by what uses the fitted values.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

_BROAD = 8.0  # log variance of the intercept: not penalized
_PRIOR_STANDARD_DEVIATION = 3.0  # of log scales: keeps those of small effects from running off to minus infinity


@dataclass(frozen=True)
class Term:
    """The products of the contrasts of one or two choices.

    Attributes:
        scope: the choices.
        degrees: which contrast of each: 0 is linear in the option's index, 1 quadratic.
    """

    scope: tuple[int, ...]
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Scales:
    """The log variances of the coefficients, as a sum of a few numbers, and the log noise.

    Attributes:
        values: one for each of `PairRidge.scale_names`.
        log_noise: logarithm of the residual's standard deviation.
    """

    values: np.ndarray
    log_noise: float


@dataclass(frozen=True, eq=False)
class PairRidge:
    """The regression on networks whose choices form stages of four, such as accel-nasbench's.

    A coefficient's variance before the data are seen is the product of the scales of its choices (an important choice has
    strong interactions), of the degree of its contrasts along each axis, and of one scale for each kind of pair: which two
    axes, in one stage or in two, in neighboring stages. The scales maximize the marginal likelihood (MacKay, "Bayesian
    interpolation", 1992), so that no penalty is set by hand.

    Attributes:
        option_counts: of the choices.
        axes: number of choices of a stage; choice `i` is on axis `i % axes` of stage `i // axes`.
    """

    option_counts: tuple[int, ...]
    axes: int

    @cached_property
    def contrasts(self) -> tuple[np.ndarray, ...]:
        """For each choice, `(options, options - 1)` orthogonal polynomials of the index with mean 0, mean square 1."""
        return tuple(_polynomials(count) for count in self.option_counts)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """All terms of one choice, then all of two."""
        choices = range(len(self.option_counts))
        return tuple(
            Term(scope, degrees)
            for scope in [*((choice,) for choice in choices), *itertools.combinations(choices, 2)]
            for degrees in itertools.product(*(range(self.option_counts[choice] - 1) for choice in scope))
        )

    @cached_property
    def scale_names(self) -> tuple[str, ...]:
        """What each scale is of."""
        pairs = list(itertools.combinations_with_replacement(range(self.axes), 2))
        return (
            *(f"choice {choice}" for choice in range(len(self.option_counts))),
            *(f"degree on axis {axis}" for axis in range(self.axes)),
            "single",
            *(f"two stages, axes {a} {b}" for a, b in pairs),
            *(f"one stage, axes {a} {b}" for a, b in pairs if a != b),
            "neighboring stages",
        )

    def features(self, networks: np.ndarray) -> np.ndarray:
        """Return the intercept's column and one for each term, `(B, 1 + terms)`."""
        codes = [contrast[column] for contrast, column in zip(self.contrasts, networks.T, strict=True)]
        columns = [np.ones(len(networks))]
        for term in self.terms:
            column = np.ones(len(networks))
            for choice, degree in zip(term.scope, term.degrees, strict=True):
                column = column * codes[choice][:, degree]
            columns.append(column)
        return np.stack(columns, axis=1)

    def learn_scales(self, features: np.ndarray, target: np.ndarray, *, start: Scales | None = None) -> Scales:
        """Return the scales that maximize the marginal likelihood, with a broad prior on them.

        Args:
            features: `(B, 1 + terms)`.
            target: `(B,)`, mean 0.
            start: where the search begins.
        """
        gram, moment = features.T @ features, features.T @ target
        design, power = self._scale_design, float(target @ target)
        prior = self._prior_scales

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            values, noise = parameters[:-1], np.exp(2 * parameters[-1])
            log_variance = self._log_variances(values)
            root = np.exp(0.5 * log_variance)
            factor = np.linalg.cholesky(gram * root[:, None] * root[None, :] / noise + np.eye(len(root)))
            inverse = np.linalg.inv(factor)
            whitened = inverse @ (root * moment) / noise
            mean = inverse.T @ whitened  # of the coefficients, each in units of its own standard deviation
            spread = (inverse**2).sum(axis=0)
            value = 0.5 * (power / noise - whitened @ whitened) + np.log(np.diag(factor)).sum()
            value += len(target) * parameters[-1] + 0.5 * ((values - prior) ** 2).sum() / _PRIOR_STANDARD_DEVIATION**2
            by_coefficient = 0.5 * (1.0 - spread - mean**2)
            coefficients = root * mean
            residual = power - 2 * coefficients @ moment + coefficients @ gram @ coefficients
            by_noise = len(target) - residual / noise - (len(spread) - spread.sum())
            gradient = by_coefficient @ design + (values - prior) / _PRIOR_STANDARD_DEVIATION**2
            return float(value), np.append(gradient, by_noise)

        first = np.append(prior, -1.0) if start is None else np.append(start.values, start.log_noise)
        found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-7})
        return Scales(found.x[:-1], float(found.x[-1]))

    def solve(self, features: np.ndarray, target: np.ndarray, scales: Scales) -> np.ndarray:
        """Return the coefficients `(1 + terms,)`: the most likely ones, given the scales."""
        penalty = np.exp(2 * scales.log_noise - self._log_variances(scales.values))
        return np.linalg.solve(features.T @ features + np.diag(penalty), features.T @ target)

    def tables(self, coefficients: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the polynomial as a constant, values of the options `(O,)` and values of the pairs `(P,)`.

        Pairs are those of `itertools.combinations`, each a table in C order, one behind the other.
        """
        choices = range(len(self.option_counts))
        found = {
            scope: np.zeros([self.option_counts[choice] for choice in scope])
            for scope in [*((choice,) for choice in choices), *itertools.combinations(choices, 2)]
        }
        for term, coefficient in zip(self.terms, coefficients[1:].tolist(), strict=True):
            values = np.array(coefficient)
            for choice, degree in zip(term.scope, term.degrees, strict=True):
                values = np.multiply.outer(values, self.contrasts[choice][:, degree])
            found[term.scope] += values
        mains = np.concatenate([table for scope, table in found.items() if len(scope) == 1])
        pairs = np.concatenate([table.ravel() for scope, table in found.items() if len(scope) == 2])
        return float(coefficients[0]), mains, pairs

    # --------------------------------------------------------------------------------------------------------- private
    def _log_variances(self, values: np.ndarray) -> np.ndarray:
        log_variances = self._scale_design @ values
        log_variances[0] = _BROAD
        return np.asarray(log_variances)

    @cached_property
    def _scale_design(self) -> np.ndarray:
        """`(1 + terms, scales)`: how often each scale counts for each coefficient."""
        index = {name: column for column, name in enumerate(self.scale_names)}
        design = np.zeros((1 + len(self.terms), len(index)))
        for row, term in zip(design[1:], self.terms, strict=True):
            for choice, degree in zip(term.scope, term.degrees, strict=True):
                row[index[f"choice {choice}"]] += 1
                row[index[f"degree on axis {choice % self.axes}"]] += degree
            for name in self._kind(term.scope):
                row[index[name]] += 1
        return design

    def _kind(self, scope: Sequence[int]) -> tuple[str, ...]:
        if len(scope) == 1:
            return ("single",)
        apart = abs(scope[0] // self.axes - scope[1] // self.axes)
        a, b = sorted(choice % self.axes for choice in scope)
        where = "two stages" if apart else "one stage"
        return (f"{where}, axes {a} {b}", *(("neighboring stages",) if apart == 1 else ()))

    @cached_property
    def _prior_scales(self) -> np.ndarray:
        starts = {"two stages": -3.0, "single": 0.0, "neighboring": 0.0}
        return np.array([next((v for k, v in starts.items() if name.startswith(k)), -1.0) for name in self.scale_names])


def _polynomials(count: int) -> np.ndarray:
    powers = np.vander(np.linspace(-1.0, 1.0, count), count, increasing=True)
    orthogonal = np.linalg.qr(powers)[0] * np.sqrt(count)
    signs = np.sign(orthogonal[-1])  # the last option's value is positive
    return np.asarray((orthogonal * signs)[:, 1:])
