r"""Compensation of drift by a measured factor.

What drift does to a tile is, on average, one factor on all its outputs; a chip can measure it and
undo it digitally. Only readings count: the factor comes from the outputs of a *given forward* for
known inputs, as real as the caller makes it (noise, converters, clipping), and never from the drift
exponent. To multiply by :math:`(t'/t_0)^{+\nu}` would undo drift by definition.

Source: Joshi et al., Nat. Commun. 11:2473, 2020; Rasch et al., Nat. Commun. 14:5282, 2023.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from ..core import InvalidArgumentError, NotProgrammedError, PhysicalRangeError, check_int
from .checks import check_quantity

Forward = Callable[[Tensor], Tensor]
"""Maps inputs ``(n, in)`` to outputs ``(*chips, n, out)``."""

FLOOR = 1e-4
"""Smallest reading that is divided by, in units of the outputs."""


class Compensation(ABC):
    """A factor on a tile's outputs, from two readings of the tile.

    :meth:`program` is called each time the tile has been programmed and takes the reference;
    :meth:`measure` is called after the chip has moved to another time and returns the factor alpha.
    Both drive the tile with one input at a time (one-hot vectors), so a reading is made of the
    outputs' absolute values: their mean is in proportion to the weights.

    A reading through noise is too large, by more the smaller the outputs have become, since noise
    adds to absolute values; the measured alpha is then too small. ``n_repeats`` readings, averaged
    before the absolute value is taken, lower that bias.

    Args:
        n_inputs: Inputs of the tile.
        n_repeats: How often each input is applied; outputs are averaged.
        floor: Smallest reading that is divided by.
        amplitude: Size of the one input that is not 0, in the inputs' units.
        batch_size: Inputs in one call of the forward; all of them if None.
    """

    def __init__(
        self,
        n_inputs: int,
        *,
        n_repeats: int = 1,
        floor: float = FLOOR,
        amplitude: float = 1.0,
        batch_size: int | None = None,
    ) -> None:
        self.n_inputs = check_int("n_inputs", n_inputs, minimum=1)
        self.n_repeats = check_int("n_repeats", n_repeats, minimum=1)
        self.floor = check_quantity("floor", floor, positive=True)
        self.amplitude = check_quantity("amplitude", amplitude, positive=True)
        chosen = n_inputs if batch_size is None else batch_size
        self.batch_size = check_int("batch_size", chosen, minimum=1)
        self.reference: Tensor | None = None

    @abstractmethod
    def summarize(self, total: Tensor) -> Tensor:
        """Turn the sum of absolute outputs over the inputs, ``(*chips, out)``, into a reading.

        Called at the end of each reading.
        """

    def program(self, forward: Forward, *, like: Tensor) -> Tensor:
        """Take the reference; an earlier one is forgotten.

        Args:
            forward: Runs the tile as it is right after programming, ``(n, in) -> (*chips, n,
                out)``.
            like: A tensor whose type and device the inputs take.

        Returns:
            The reference, one entry a chip (and column).
        """
        self.reset()
        self.reference = self._reading(forward, like)
        return self.reference

    def reset(self) -> None:
        """Forget the reference. Called when the tile is about to be programmed anew."""
        self.reference = None

    def measure(self, forward: Forward, *, like: Tensor) -> Tensor:
        """Measure alpha: multiply the tile's outputs by it.

        Args:
            forward: Runs the tile as it is now.
            like: A tensor whose type and device the inputs take.

        Returns:
            ``max(reference, floor) / max(reading, floor)``, shaped to multiply outputs
            ``(*chips, n, out)``: ``(*chips, 1, 1)``, or ``(*chips, 1, out)`` per column.

        Raises:
            NotProgrammedError: If there is no reference.
        """
        if self.reference is None:
            raise NotProgrammedError(
                "Drift compensation must take its reference before it measures: "
                "call program() once the tile has been programmed."
            )
        reading = self._reading(forward, like)
        alpha = self.reference.clamp(min=self.floor) / reading.clamp(min=self.floor)
        return alpha.unsqueeze(-2)

    @torch.no_grad()
    def _reading(self, forward: Forward, like: Tensor) -> Tensor:
        """Return one reading, shape ``(*chips, 1)`` or ``(*chips, out)``."""
        total: Tensor | None = None
        for start in range(0, self.n_inputs, self.batch_size):
            rows = torch.arange(start, min(start + self.batch_size, self.n_inputs))
            inputs = torch.zeros(len(rows), self.n_inputs, dtype=like.dtype, device=like.device)
            inputs[torch.arange(len(rows)), rows] = self.amplitude
            outputs = forward(inputs)
            if (
                not isinstance(outputs, Tensor)
                or outputs.ndim < 2
                or outputs.shape[-2] != len(rows)
            ):
                raise InvalidArgumentError(
                    f"The forward must return outputs (*chips, {len(rows)}, out), "
                    f"but got {tuple(outputs.shape) if isinstance(outputs, Tensor) else outputs!r}."
                )
            mean = outputs if self.n_repeats == 1 else outputs.clone()
            for _ in range(self.n_repeats - 1):
                mean.add_(forward(inputs))
            part = mean.abs().sum(dim=-2).div_(self.n_repeats)
            total = part if total is None else total.add_(part)
        assert total is not None
        reading = self.summarize(total)
        if not bool(torch.isfinite(reading).all()):
            raise PhysicalRangeError(
                "The forward must return finite outputs to be compensated, but got NaN or infinity."
            )
        return reading


class GlobalCompensation(Compensation):
    """One factor a tile: the mean absolute output over all inputs and columns.

    Source: Joshi et al., Nat. Commun. 11:2473, 2020, global drift compensation.
    """

    def summarize(self, total: Tensor) -> Tensor:
        """Return the mean over the columns."""
        return total.mean(dim=-1, keepdim=True).div_(self.n_inputs)


class ColumnCompensation(Compensation):
    """One factor for each column (output): follows columns which drift unlike the others."""

    def summarize(self, total: Tensor) -> Tensor:
        """Return the reading of each column."""
        return total / self.n_inputs


class ExactReferenceCompensation(GlobalCompensation):
    """One factor a tile, against the outputs that the weights *should* give.

    :meth:`program` is given an exact forward, of the target weights without noise or converters,
    instead of the programmed tile. Alpha then also undoes what programming took off the weights on
    average, and is not 1 at t = 0.
    """
