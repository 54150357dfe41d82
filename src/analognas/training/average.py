"""Moving average of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a model's parameters; buffers are not averaged.

    The decay starts low: it is at most (1 + step) / (10 + step).

    Args:
        model: The model.
        decay: Weight of the old average at each step.

    Example:
        >>> model = nn.Linear(1, 1, bias=False).requires_grad_(False)
        >>> _ = model.weight.fill_(1.0)
        >>> average = WeightAverage(model, 0.5)
        >>> _ = model.weight.fill_(3.0)
        >>> average.update(1000)
        >>> average.values["weight"]
        tensor([[2.]])

    Source: Polyak and Juditsky, SIAM J. Control Optim. 30, 1992; the start as TensorFlow's
    ``ExponentialMovingAverage``.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.values: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the present weights, after ``step`` steps."""
        share = 1.0 - min(self.decay, (1 + step) / (10 + step))
        for name, value in self.model.named_parameters():
            self.values[name].lerp_(value, share)

    @contextmanager
    def swapped_in(self, exchanged: Callable[[nn.Module], None]) -> Iterator[None]:
        """Give the model the averaged weights inside a ``with`` block.

        Args:
            exchanged: Called with the model after each exchange.
        """
        self._swap()
        exchanged(self.model)
        try:
            yield
        finally:
            self._swap()
            exchanged(self.model)

    @torch.no_grad()
    def _swap(self) -> None:
        for name, value in self.model.named_parameters():
            present = value.clone()
            value.copy_(self.values[name])
            self.values[name].copy_(present)
