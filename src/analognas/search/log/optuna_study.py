"""What a study of Optuna calls the choices of a space: hyperparameters by name, with their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...optimizers.optuna_space import import_optuna
from ...spaces import Space
from ...spaces.hyperparameters import ContinuousInterval, Hyperparameter, IntegerInterval


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
    """Return the parameter of every gene, with the names and values of :meth:`.Space.parameters`."""
    optuna = import_optuna()
    return [_of(entry, optuna) for entry in space.parameters()]


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
