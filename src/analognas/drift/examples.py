"""Examples on which networks are scored: a split of a data set, or tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core import InvalidArgumentError, check_int
from ..data import DataSet
from ..data.labels import as_tensor, whole_labels
from ..training import Classification, Task, get_task
from ..training.evaluate import not_finite
from ..training.predictions import class_logits
from .variance_components import Array

_KEPT_BYTES = 1 << 28
"""Prepared inputs up to this size are kept in memory; larger ones are prepared again in each pass."""


class Examples:
    """Scores networks on the same examples.

    Args:
        data: A data set; or prepared inputs and targets, tensors with examples first. Tokens of a language
            model with the target -100 do not count.
        task: A task or its name; None: that of the data set, else ``"classification"``.
        split: Split of a data set.
        batch_size: Examples of a batch.
        on_batch: Called after each batch with its number of examples.

    Raises:
        InvalidArgumentError: If inputs and targets do not fit, targets cannot be labels of the task, or there
            are fewer than two examples.
        UnknownNameError: If there is no such task or split.

    Example:
        >>> x = torch.eye(3)
        >>> examples = Examples((x, torch.tensor([0, 1, 0])))
        >>> examples.scores(nn.Identity())
        array([1., 1., 0.])
    """

    def __init__(
        self,
        data: DataSet | Sequence[Tensor],
        *,
        task: Task | str | None = None,
        split: str = "test",
        batch_size: int = 256,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._on_batch = on_batch
        self.batch_size = check_int("batch_size", batch_size, minimum=1)
        self._data = data if isinstance(data, DataSet) else None
        self._split = split
        name = "classification" if self._data is None else self._data.task
        self.task = task if isinstance(task, Task) else get_task(task or name)
        self._inputs: Tensor | None = None
        if isinstance(data, DataSet):
            self.where = f"{data.name}: {split}"
            self.targets = data.split(split).targets
            self._keep(data)
        else:
            self.where = "targets"
            self._inputs, self.targets = _checked(data)
        check_int("number of examples", len(self), minimum=2)
        if self._data is None:
            self.targets = self.task.labels(self.where, self.targets)
        self.n_classes = int(self.targets.max()) + 1 if self._data is None else self._data.n_classes
        counts = self.task.counts(self.targets)
        uneven = bool((counts != counts[0]).any())
        self._mean_count = float(counts.double().mean()) if uneven else None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def in_parts(self) -> bool:
        """Whether single examples can be scored without the others."""
        return not self.task.carries_state

    @property
    def chance(self) -> float:
        """Mean score of chance."""
        return self.task.chance_score(self.targets.long(), self.n_classes)

    def scores(self, model: nn.Module, indices: NDArray[np.int64] | None = None) -> Array:
        """Return a network's scores on all examples, or on those at ``indices``, shape ``(n,)``.

        Where some tokens do not count, scores are scaled so that their mean is the mean over tokens.

        Raises:
            InvalidArgumentError: If the network's outputs do not fit the targets.
            NotFiniteError: If an output is NaN or infinite; names the batch and the layer.
        """
        parts = [self._scores(outputs, targets) for outputs, targets in self._run(model, indices)]
        return self._finite(parts, model, indices)

    def margins(self, model: nn.Module) -> tuple[Array, Array | None]:
        """Return scores and margins of all examples, shape ``(N,)`` each; raises as :meth:`scores`.

        A margin is the logit of the correct class minus the largest other logit. The margins are None where an
        example has more than one target.
        """
        scores, margins = [], []
        for outputs, targets in self._run(model, None):
            scores.append(self._scores(outputs, targets))
            if isinstance(self.task, Classification):
                found = class_logits(outputs, targets)
                right = found.gather(1, targets[:, None])
                others = found.scatter(1, targets[:, None], -torch.inf)
                margins.append((right - others.amax(1, keepdim=True)).squeeze(1))
        plain = self._finite(scores, model, None)
        if len(margins) < len(scores):
            return plain, None
        return plain, torch.cat(margins).double().cpu().numpy()

    def _scores(self, outputs: Any, targets: Tensor) -> Tensor:
        scores = self.task.score(outputs, targets)
        if self._mean_count is None:
            return scores
        return scores * (self.task.counts(targets) / self._mean_count)

    def _finite(
        self, parts: list[Tensor], model: nn.Module, indices: NDArray[np.int64] | None
    ) -> Array:
        """Return the scores of all batches; raise if they are not finite."""
        result: Array = torch.cat(parts).double().cpu().numpy()
        if not np.isfinite(result).all():
            chosen = None if indices is None else torch.from_numpy(indices)
            raise not_finite(self.task, model, self._batches(chosen), self.where)
        return result

    @torch.no_grad()
    def _run(
        self, model: nn.Module, indices: NDArray[np.int64] | None
    ) -> Iterator[tuple[Any, Tensor]]:
        """Yield outputs and targets of each batch; the first outputs are checked against all targets."""
        first = next(model.parameters(), None)
        device = torch.device("cpu") if first is None else first.device
        state, checked = None, False
        chosen = None if indices is None else torch.from_numpy(indices)
        for inputs, targets in self._batches(chosen):
            inputs, targets = inputs.to(device), targets.to(device)
            outputs, state = self.task.run(model, inputs, state)
            if not checked:
                found = self.task.check(self.where, outputs, targets, self.targets)
                self.n_classes = found if found and self._data is None else self.n_classes
                checked = True
            yield outputs, targets
            if self._on_batch is not None:
                self._on_batch(len(targets))

    def _batches(self, indices: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
        if self._inputs is None and self._data is not None:
            if self.task.carries_state:
                return self._data.streams(self._split, self.batch_size)
            return self._data.batches(self._split, self.batch_size, indices=indices)
        return self._kept_batches(indices)

    def _kept_batches(self, indices: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
        assert self._inputs is not None
        n = len(self) if indices is None else len(indices)
        n_batches = math.ceil(n / self.batch_size)
        for k in range(n_batches):
            part = slice(k * self.batch_size, (k + 1) * self.batch_size)
            if self.task.carries_state:  # each row continues the text of its former row
                part = slice(k, None, n_batches)
            rows = part if indices is None else indices[part]
            yield self._inputs[rows], self.targets[rows].to(torch.int64)

    def _keep(self, data: DataSet) -> None:
        """Prepare all inputs once, unless they are too large."""
        if self.task.carries_state:
            return
        first, _ = next(data.batches(self._split, 1))
        if first.numel() * first.element_size() * len(self) <= _KEPT_BYTES:
            batches = list(data.batches(self._split, self.batch_size))
            if len({inputs.shape[1:] for inputs, _ in batches}) == 1:
                self._inputs = torch.cat([inputs for inputs, _ in batches])


def _checked(data: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, checked."""
    pair = tuple(data) if isinstance(data, Sequence) else ()
    if len(pair) != 2:
        raise InvalidArgumentError(
            "`data` must be a DataSet or a pair of tensors (inputs, targets), but got "
            f"{type(data).__name__}. Put the batches of a data loader together: "
            "[torch.cat(part) for part in zip(*loader)]."
        )
    inputs, targets = as_tensor("inputs", pair[0]), as_tensor("targets", pair[1])
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets):
        raise InvalidArgumentError(
            "Inputs and targets must have the same number of examples first, but have the shapes "
            f"{tuple(inputs.shape)} and {tuple(targets.shape)}."
        )
    return inputs, whole_labels("targets", targets).long()
