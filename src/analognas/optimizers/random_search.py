"""Random search: uniform draws without replacement."""

from __future__ import annotations

from typing import Any

from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer


class RandomSearch(Optimizer):
    """Uniform draws from the space without replacement: the baseline of all other methods.

    Args:
        batch_size: Architectures of a batch.

    Example:
        >>> from analognas import Worker
        >>> Worker("nasbench201", optimizer=RandomSearch(), runs=1, budget=20).search().runs[0].n_distinct
        20
    """

    name = "random_search"
    any_order = True
    several_objectives = True

    def __init__(self, *, batch_size: int = 10) -> None:
        super().__init__(batch_size=batch_size)

    def hyperparameters(self) -> dict[str, Any]:
        """The batch size."""
        return {"batch_size": self.batch_size}

    def ask(self) -> Population:
        """Propose random architectures that were not proposed before."""
        return self._unseen(self.batch_size)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Do nothing: draws do not depend on results."""

    def _start(self) -> None:
        """Do nothing: the set of seen architectures is the only state."""
