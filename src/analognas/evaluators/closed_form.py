"""Costs that are exactly linear in counts: found, and proved on measurements that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT = 1e-9
"""Largest left-out error, relative to the largest value, that still counts as rounding: values are known to
seven digits or more where a formula made them, and no measurement repeats that well."""

SURPLUS_ROWS = 3
"""Measurements that there must be beside those that determine the coefficients."""

_DIGITS = 12
_INDEPENDENT = 1e-7
_PROVED = 1e-6


@dataclass(frozen=True)
class ClosedForm:
    """A cost as a constant and a sum of features times coefficients.

    Attributes:
        constant: The cost where all features are 0.
        coefficients: What one more of each feature costs, shape ``(d,)``; 0 where it does not count.
        directions: Orthonormal rows that span the features seen, the constant first, shape ``(r, d + 1)``.
        left_out: Cost of each measurement as the others predict it, shape ``(n,)``; NaN where they do not
            determine it.
        decimals: Decimals to which costs are sound; predictions are rounded to them.
        spread: Standard deviation of the measurements: the standard error where the form says nothing.
    """

    constant: float
    coefficients: Floats
    directions: Floats
    left_out: Floats
    decimals: int
    spread: float

    @classmethod
    def find(cls, features: NDArray[np.float32], values: Floats) -> ClosedForm | None:
        """Return the form if the values are exactly linear in the features, else None.

        Every measurement is left out once, and predicted by the least squares of the others (in closed form,
        by its leverage). The values are linear if all these errors are rounding.

        Args:
            features: Shape ``(n, d)``.
            values: Shape ``(n,)``.
        """
        design = _with_constant(features)
        kept = _independent_columns(design)
        if len(values) < len(kept) + SURPLUS_ROWS:
            return None
        basis, triangle = np.linalg.qr(design[:, kept])
        residuals = values - basis @ (basis.T @ values)
        free = 1 - np.einsum("ij,ij->i", basis, basis)
        proved = free > _PROVED  # a row that alone determines a coefficient proves nothing
        largest = float(np.abs(values).max())
        if proved.sum() < SURPLUS_ROWS or largest == 0:
            return None
        left_out = np.full(len(values), np.nan)
        left_out[proved] = values[proved] - residuals[proved] / free[proved]
        if np.abs(left_out - values)[proved].max() > EXACT * largest:
            return None
        decimals = _DIGITS - int(np.ceil(np.log10(largest)))
        solution = np.zeros(design.shape[1])
        solution[kept] = np.linalg.solve(triangle, basis.T @ values)
        solution[np.abs(solution) * np.abs(design).max(axis=0) < EXACT * largest] = 0.0
        return cls(
            float(solution[0]),
            solution[1:],
            _span(design),
            np.round(left_out, decimals),
            decimals,
            float(values.std()),
        )

    def predict(self, features: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Costs and their variances, shape ``(n,)`` each.

        The variance is 0 where the measurements determine the cost, and that of all measurements where an
        architecture has a feature that none of them had.
        """
        design = _with_constant(features)
        means = self.constant + design[:, 1:] @ self.coefficients
        outside = design - (design @ self.directions.T) @ self.directions
        beyond = np.linalg.norm(outside, axis=1) > _PROVED * np.linalg.norm(design, axis=1)
        return np.round(means, self.decimals), np.where(beyond, self.spread**2, 0.0)

    def formula(self, names: Sequence[str]) -> str:
        """The form in words, with the names of the features."""
        terms = [f"{self.constant:.9g}"]
        for name, value in zip(names, self.coefficients, strict=True):
            if value:
                terms.append(f"{'-' if value < 0 else '+'} {abs(value):.9g} {name}")
        return " ".join(terms)


def _with_constant(features: NDArray[np.float32]) -> Floats:
    return np.concatenate([np.ones((len(features), 1)), features.astype(np.float64)], axis=1)


def _independent_columns(design: Floats) -> list[int]:
    """Columns that are no sum of those before them, so that the constant and the first features come first."""
    kept: list[int] = []
    basis = np.empty((0, len(design)))
    for index, column in enumerate(design.T):
        rest = column.copy()
        for _ in range(2):  # twice is enough to be orthogonal to rounding
            rest -= basis.T @ (basis @ rest)
        length = float(np.linalg.norm(rest))
        if length > _INDEPENDENT * max(float(np.linalg.norm(column)), 1.0):
            kept.append(index)
            basis = np.concatenate([basis, (rest / length)[None]])
    return kept


def _span(design: Floats) -> Floats:
    _, sizes, directions = np.linalg.svd(design, full_matrices=False)
    spanned: Floats = directions[sizes > _INDEPENDENT * sizes[0]]
    return spanned
