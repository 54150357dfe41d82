"""What a study of Optuna calls the choices of a space: hyperparameters by name, with their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...optimizers.optuna_space import gene_distributions, gene_name, import_optuna
from ...spaces import ConfigSpace, NASBench201Space, Space
from ...spaces.config import ContinuousInterval, Hyperparameter, IntegerInterval
from ...spaces.nasbench201 import EDGES, OPERATIONS


class Parameter(NamedTuple):
    """One gene as a study shows it.

    Attributes:
        name: Its name.
        distribution: What it may be.
        value: Makes an index a value.
    """

    name: str
    distribution: Any
    value: Callable[[int], Any]


def study_parameters(space: Space) -> list[Parameter]:
    """Return the parameter of every gene.

    Those of a :class:`.ConfigSpace` have its names and values, those of NAS-Bench-201 are operations of
    edges (``edge_0_1``: from node 0 to node 1), and of other spaces indices (``gene3``).
    """
    optuna = import_optuna()
    if isinstance(space, ConfigSpace):
        return [_of(space.hyperparameter(name), optuna) for name in space.get_hyperparameters()]
    if isinstance(space, NASBench201Space):
        operations = optuna.distributions.CategoricalDistribution(OPERATIONS)
        return [
            Parameter(f"edge_{source}_{target}", operations, OPERATIONS.__getitem__)
            for source, target in EDGES
        ]
    return [
        Parameter(gene_name(gene), distribution, int)
        for gene, distribution in enumerate(gene_distributions(space))
    ]


def _of(entry: Hyperparameter, optuna: Any) -> Parameter:
    kinds = optuna.distributions
    if isinstance(entry, IntegerInterval):
        high = entry.value(entry.n_choices - 1)  # the last that the step reaches
        integers = kinds.IntDistribution(entry.min_value, high, step=entry.step)
        return Parameter(entry.name, integers, entry.value)
    if isinstance(entry, ContinuousInterval):
        numbers = kinds.FloatDistribution(entry.min_value, entry.max_value, log=entry.log)
        return Parameter(entry.name, numbers, entry.value)

    def value(index: int) -> Any:
        found = entry.value(index)
        return str(found) if isinstance(found, tuple) else found  # which Optuna has no category for

    choices = tuple(value(index) for index in range(entry.n_choices))
    return Parameter(entry.name, kinds.CategoricalDistribution(choices), value)
