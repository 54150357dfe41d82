"""Weights as conductances and back.

A tile holds weights of shape ``(*, out, in)``, normalised to [-1, 1]. A mapping makes ``n_devices``
target conductances of each, in a new axis in front of ``out``: ``(*, n_devices, out, in)``. The
axis stays through programming, drift and reading, every device with its own noise; only
:meth:`Mapping.to_weights` puts the devices of a weight together, as the column currents of the tile
do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core import InvalidArgumentError, PhysicalRangeError, check_int
from .checks import check_dtype, check_quantity
from .device import Device

DEVICE_AXIS = -3
"""Axis of a conductance tensor that counts the devices of a weight."""


class Mapping(ABC):
    """How a weight is put on devices. Both methods are linear and exact inverses of each other."""

    @property
    @abstractmethod
    def n_devices(self) -> int:
        """Devices a weight."""

    @abstractmethod
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """Return target conductances; no gradient flows. Called when a tile is programmed.

        Args:
            w_rel: Weights in [-1, 1], shape ``(*, out, in)``.
            device: Gives ``g_min`` and ``g_max``.

        Returns:
            Targets in [``g_min``, ``g_max``], shape ``(*, n_devices, out, in)``, µS.

        Raises:
            PhysicalRangeError: If a weight is NaN or outside [-1, 1].
        """

    @abstractmethod
    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """Return the weights that conductances stand for. Called whenever a tile has been read.

        Args:
            g: Conductances, shape ``(*, n_devices, out, in)``, µS.
            device: Gives ``g_min`` and ``g_max``.

        Returns:
            Weights, shape ``(*, out, in)``, in units of the weight that ``g_max`` stands for.

        Raises:
            InvalidArgumentError: If the device axis has another length.
        """


@dataclass(frozen=True)
class DifferentialPair(Mapping):
    r"""Two devices a weight: one for positive values, one for negative, the other at g_min.

    .. math::

        g_\pm = g_{min} + \max(\pm w, 0) (g_{max} - g_{min}), \qquad
        w = \frac{g_+ - g_-}{g_{max} - g_{min}}

    The idle device is programmed too, with noise: on PCM it ends at 0.105 µS on average, which
    takes as much off every weight. It is therefore never collapsed with its partner before the last
    step.

    Example:
        >>> from analognas.physics import PCM
        >>> g = DifferentialPair().to_conductances(torch.tensor([[0.5, -1.0]]), PCM())
        >>> g.flatten().tolist()
        [12.5, 0.0, 0.0, 25.0]
        >>> DifferentialPair().to_weights(g, PCM())
        tensor([[ 0.5000, -1.0000]])
    """

    @property
    def n_devices(self) -> int:
        """Two."""
        return 2

    @torch.no_grad()
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_conductances`."""
        check_weights(w_rel)
        span = device.g_max - device.g_min
        g = torch.empty(_with_devices(w_rel, 2), dtype=w_rel.dtype, device=w_rel.device)
        torch.clamp(w_rel, min=0.0, out=g.select(DEVICE_AXIS, 0))
        torch.sub(g.select(DEVICE_AXIS, 0), w_rel, out=g.select(DEVICE_AXIS, 1))
        return g.mul_(span).add_(device.g_min)

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_weights`."""
        _check_devices(g, 2)
        w = g.select(DEVICE_AXIS, 0) - g.select(DEVICE_AXIS, 1)
        return w.mul_(1.0 / (device.g_max - device.g_min))


@dataclass(frozen=True)
class MultiPair(Mapping):
    r"""Several differential pairs a weight, with significance factors.

    .. math::

        w = \frac{\sum_k f_k (g_{k+} - g_{k-})}{(g_{max} - g_{min}) \sum_k f_k}

    Every pair is given the whole normalised weight. The noise of N pairs of equal significance
    averages to 1/sqrt(N) of one pair's; unequal factors trade this for the range that a peripheral
    circuit gives.

    Args:
        significance: Factor of each pair, positive; its length is the number of pairs.

    Raises:
        PhysicalRangeError: If a factor is not positive.
        InvalidArgumentError: If there is none.
    """

    significance: tuple[float, ...] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if not isinstance(self.significance, tuple | list):
            raise InvalidArgumentError(
                f"`significance` must be a list of numbers, but got {self.significance!r}."
            )
        check_int("n_pairs", len(self.significance), minimum=1)
        factors = tuple(
            check_quantity(f"significance[{index}]", factor, positive=True)
            for index, factor in enumerate(self.significance)
        )
        object.__setattr__(self, "significance", factors)

    @property
    def n_devices(self) -> int:
        """Two for each pair: positive and negative of the first pair, then of the next."""
        return 2 * len(self.significance)

    @torch.no_grad()
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_conductances`."""
        pair = DifferentialPair().to_conductances(w_rel, device)
        n_pairs = len(self.significance)
        shape = _with_devices(w_rel, 2)
        spread = pair.unsqueeze(DEVICE_AXIS - 1).expand(*shape[:-3], n_pairs, *shape[-3:])
        return spread.reshape(_with_devices(w_rel, self.n_devices))

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_weights`."""
        _check_devices(g, self.n_devices)
        total = sum(self.significance) * (device.g_max - device.g_min)
        w = torch.zeros_like(g.select(DEVICE_AXIS, 0))
        for k, factor in enumerate(self.significance):
            w.add_(g.select(DEVICE_AXIS, 2 * k), alpha=factor / total)
            w.sub_(g.select(DEVICE_AXIS, 2 * k + 1), alpha=factor / total)
        return w


@dataclass(frozen=True)
class SingleDevice(Mapping):
    r"""One device a weight, read against a reference halfway between g_min and g_max.

    .. math:: g = g_{min} + \tfrac{1}{2} (w + 1) (g_{max} - g_{min})

    The reference is digital: it has no noise and does not drift, so where the devices drift all
    weights move to the negative side.
    """

    @property
    def n_devices(self) -> int:
        """One."""
        return 1

    @torch.no_grad()
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_conductances`."""
        check_weights(w_rel)
        half = 0.5 * (device.g_max - device.g_min)
        return (w_rel * half).add_(device.g_min + half).unsqueeze(DEVICE_AXIS)

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`Mapping.to_weights`."""
        _check_devices(g, 1)
        half = 0.5 * (device.g_max - device.g_min)
        return g.select(DEVICE_AXIS, 0).sub(device.g_min + half).mul_(1.0 / half)


def normalize_weights(weight: Tensor, *, per_column: bool = False) -> tuple[Tensor, Tensor]:
    """Scale the weights of a tile to [-1, 1].

    Args:
        weight: Weights, shape ``(*, out, in)``.
        per_column: One scale for each output (a column of the tile) instead of one for the tile.

    Returns:
        Normalised weights, shape of ``weight``, and the scale to multiply them by: shape ``(*, 1,
        1)``, or ``(*, out, 1)`` per column. The scale of zeros is 1.

    Raises:
        InvalidArgumentError: If ``weight`` is no float matrix or empty.
        PhysicalRangeError: If a weight is NaN or infinite.

    Example:
        >>> w_rel, scale = normalize_weights(torch.tensor([[1.0, -4.0]]))
        >>> w_rel.tolist(), scale.item()
        ([[0.25, -1.0]], 4.0)
    """
    _check_matrix("weight", weight)
    if weight.numel() == 0:
        raise InvalidArgumentError(
            f"`weight` must have entries, but got the shape {tuple(weight.shape)}."
        )
    scale = weight.abs().amax(dim=-1 if per_column else (-2, -1), keepdim=True)
    if not bool(torch.isfinite(scale).all()):
        raise PhysicalRangeError("`weight` must be finite (no unit), but got NaN or infinity.")
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return weight / scale, scale


def check_weights(w_rel: Tensor) -> None:
    """Check that normalised weights are a float matrix inside [-1, 1].

    Raises:
        InvalidArgumentError: If it is no float matrix.
        PhysicalRangeError: If a weight is NaN or outside.
    """
    _check_matrix("w_rel", w_rel)
    if w_rel.numel() == 0:
        return
    low, high = (float(bound) for bound in torch.aminmax(w_rel.detach()))
    if not (low >= -1.0 and high <= 1.0):
        worst = high if low >= -1.0 else low
        raise PhysicalRangeError(
            f"`w_rel` must be in [-1, 1] (no unit), but got {worst:.9g}; see normalize_weights."
        )


def _check_matrix(name: str, tensor: Tensor) -> None:
    check_dtype(name, tensor)
    if tensor.ndim < 2:
        raise InvalidArgumentError(
            f"`{name}` must have the shape (*, out, in), but got {tuple(tensor.shape)}."
        )


def _check_devices(g: Tensor, n_devices: int) -> None:
    check_dtype("g", g)
    if g.ndim < 3 or g.shape[DEVICE_AXIS] != n_devices:
        raise InvalidArgumentError(
            f"`g` must have the shape (*, {n_devices}, out, in), but got {tuple(g.shape)}."
        )


def _with_devices(w_rel: Tensor, n_devices: int) -> tuple[int, ...]:
    return (*w_rel.shape[:-2], n_devices, *w_rel.shape[-2:])
