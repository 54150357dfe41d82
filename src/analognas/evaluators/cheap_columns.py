"""Cheap metrics of architectures as further features of a surrogate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import InvalidArgumentError, check_choice
from ..spaces import Population, Space, equal_spaces
from .base import Evaluator
from .definitions import definition_of, evaluator_from_definition
from .training_data import Features

__all__ = ["CheapColumns"]


@dataclass(frozen=True)
class CheapColumns:
    """Metrics of an evaluator that are features of a surrogate.

    Attributes:
        evaluator: The evaluator.
        metrics: Names of its metrics.
    """

    evaluator: Evaluator
    metrics: tuple[str, ...]

    @classmethod
    def of(
        cls, inputs: Evaluator | Mapping[str, Any] | None, metrics: Sequence[str], space: Space
    ) -> CheapColumns:
        """Return the columns of an evaluator, or of its definition.

        Args:
            inputs: The evaluator or its definition.
            metrics: Names of its metrics.
            space: Space of the surrogate.

        Raises:
            InvalidArgumentError: If one of the two is missing, or the evaluator is of another space.
            UnknownNameError: If it does not have one of the metrics.
        """
        evaluator = (
            evaluator_from_definition(inputs, space) if isinstance(inputs, Mapping) else inputs
        )
        if not isinstance(evaluator, Evaluator) or not metrics or isinstance(metrics, str):
            raise InvalidArgumentError(
                "`inputs` must be an evaluator, and `input_metrics` a list of its metrics, but got "
                f"{inputs!r} and {metrics!r}."
            )
        _check_space(evaluator, space)
        return cls(
            evaluator, tuple(check_choice("metric", name, evaluator.metrics) for name in metrics)
        )

    def of_rows(self, rows: Population, space: Space) -> Features:
        """Return the values of architectures of a space, shape ``(n, k)``.

        Raises:
            InvalidArgumentError: If a value is missing, or the evaluator is of another space.
        """
        _check_space(self.evaluator, space)
        found = self.evaluator.evaluate(rows, self.metrics).means
        columns = np.stack([found[name] for name in self.metrics], axis=1).astype(np.float32)
        if not np.isfinite(columns).all():
            row, column = np.argwhere(~np.isfinite(columns))[0]
            raise InvalidArgumentError(
                f"{self.metrics[column]!r} of {self.evaluator.space.decode(rows[row])} is "
                f"{columns[row, column]}, but an input of a surrogate must be known for every architecture."
            )
        return columns

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the surrogate, as JSON types."""
        return {
            "inputs": definition_of(self.evaluator) or self.evaluator.identity(),
            "input_metrics": list(self.metrics),
        }


def _check_space(evaluator: Evaluator, space: Space) -> None:
    if not equal_spaces(evaluator.space, space):
        raise InvalidArgumentError(
            f"`inputs` is about the space {evaluator.space.name!r}, but the surrogate about {space.name!r}."
        )
