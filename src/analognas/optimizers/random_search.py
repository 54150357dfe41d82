"""Random search: uniform draws without replacement."""

from __future__ import annotations

from typing import Any

from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer


class RandomSearch(Optimizer):
    """Uniform draws from the space, none of them twice: the baseline that any other method must beat.

    Args:
        batch_size: Architectures proposed at once.
    """

    name = "random_search"
    several_objectives = True

    def __init__(self, *, batch_size: int = 10) -> None:
        super().__init__(batch_size=batch_size)

    def hyperparameters(self) -> dict[str, Any]:
        """The batch size."""
        return {"batch_size": self.batch_size}

    def ask(self) -> Population:
        """Propose architectures that were not proposed before."""
        return self._unseen(self.batch_size)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Learn nothing: every draw is independent of every result."""

    def _start(self) -> None:
        """There is no state but the set of what was seen."""
