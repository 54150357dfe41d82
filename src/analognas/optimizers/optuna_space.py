"""Spaces and problems for Optuna: distributions of genes and constraint values.

Optuna is an extra (``pip install 'analognas[optuna]'``); it is imported when a function is called.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint, InvalidArgumentError
from ..spaces import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

MOST_CATEGORIES = 128
"""Genes with more choices are integers for Optuna, since so many categories would be learnt too slowly."""


def import_optuna() -> Any:
    """Return the package ``optuna``.

    Raises:
        InvalidArgumentError: If it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise InvalidArgumentError(
            "Optuna is not installed: pip install 'analognas[optuna]'."
        ) from None
    return optuna


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Silence Optuna's messages about studies and its warnings about experimental features."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def gene_name(gene: int) -> str:
    """Return the name of a gene's parameter.

    Example:
        >>> gene_name(3)
        'gene3'
    """
    return f"gene{gene}"


def gene_distributions(space: Space) -> list[BaseDistribution]:
    """Return the distribution of every gene: integer for fine grids and many choices, else categorical."""
    optuna = import_optuna()
    return [
        optuna.distributions.IntDistribution(0, n - 1)
        if fine or n > MOST_CATEGORIES
        else optuna.distributions.CategoricalDistribution(tuple(range(n)))
        for n, fine in zip(space.n_choices.tolist(), space.fine.tolist(), strict=True)
    ]


def suggest(trial: Trial, name: str, distribution: BaseDistribution) -> int:
    """Return the choice of a trial for a gene."""
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return int(trial.suggest_categorical(name, choices))
    low, high = (getattr(distribution, end) for end in ("low", "high"))
    return int(trial.suggest_int(name, low, high))


def active_genes(space: Space, row: NDArray[Any]) -> dict[str, int]:
    """Return the active genes of one genotype, by name."""
    active = space.active(row[None])[0]
    return {gene_name(gene): int(row[gene]) for gene in np.flatnonzero(active).tolist()}


def constraint_values(constraint: Constraint, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the excess of values over a bound, relative to the bound; at most 0 where it is met.

    Args:
        constraint: The constraint.
        values: Values of its metric, shape ``(n,)``.

    Example:
        >>> constraint_values(Constraint.parse("params<=200"), np.array([100.0, 200.0, 300.0]))
        array([-0.5,  0. ,  0.5])
    """
    excess = (
        values - constraint.bound if constraint.relation[0] == "<" else constraint.bound - values
    )
    relative = excess / max(abs(constraint.bound), 1.0)
    return np.where(constraint.satisfied(values), relative, constraint.violation(values))
