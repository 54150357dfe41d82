"""Costs that are exactly linear in counts, recognised by leave-one-out errors that are mere rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT = 1e-9
"""Largest leave-one-out error, relative to the largest value, that counts as rounding. Values of a formula have
seven digits or more; no measurement is that reproducible."""

SURPLUS_ROWS = 3
"""Measurements needed in addition to those that determine the coefficients."""

_DIGITS = 12
_INDEPENDENT = 1e-7
_PROVED = 1e-6


@dataclass(frozen=True)
class ClosedForm:
    """A cost that is a constant plus a weighted sum of features.

    Attributes:
        constant: Cost if all features are 0.
        coefficients: Coefficient of each feature, shape ``(d,)``.
        directions: Orthonormal rows that span the features seen, the constant first, shape ``(r, d + 1)``.
        left_out: Leave-one-out prediction of each measurement, shape ``(n,)``; NaN where the others do not
            determine it.
        decimals: Number of reliable decimals; predictions are rounded to them.
        spread: Standard deviation of the measurements: the standard error where the form does not apply.
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

        Each measurement is predicted by least squares from all others (in closed form, from its leverage). The
        values are linear if all these errors are rounding.

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
        """Return costs and their variances, shape ``(n,)`` each.

        The variance is 0 where the measurements determine the cost. It is that of all measurements where an
        architecture has a feature that none of them had.
        """
        design = _with_constant(features)
        means = self.constant + design[:, 1:] @ self.coefficients
        outside = design - (design @ self.directions.T) @ self.directions
        beyond = np.linalg.norm(outside, axis=1) > _PROVED * np.linalg.norm(design, axis=1)
        return np.round(means, self.decimals), np.where(beyond, self.spread**2, 0.0)

    def formula(self, names: Sequence[str]) -> str:
        """Return the formula as text, with the names of the features."""
        terms = [f"{self.constant:.9g}"]
        for name, value in zip(names, self.coefficients, strict=True):
            if value:
                terms.append(f"{'-' if value < 0 else '+'} {abs(value):.9g} {name}")
        return " ".join(terms)


def _with_constant(features: NDArray[np.float32]) -> Floats:
    return np.concatenate([np.ones((len(features), 1)), features.astype(np.float64)], axis=1)


def _independent_columns(design: Floats) -> list[int]:
    """Return columns that are linearly independent of those before them; earlier columns come first."""
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
