"""Mappings of weights to conductances and back.

A tile holds weights of shape ``(*, out, in)``, normalised to [-1, 1]. A mapping represents each weight by
``n_devices`` conductances, in a new axis in front of ``out``: ``(*, n_devices, out, in)``. Programming, drift
and reading act on each device separately. Only :meth:`WeightMapping.to_weights` combines the devices of a
weight, as the column currents of a tile do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from ..core import InvalidArgumentError, PhysicalRangeError, Registry
from ..core.named_settings import NamedSettings
from .checks import check_dtype
from .device import Device

DEVICE_AXIS = -3
"""Axis of a conductance tensor that counts the devices of a weight."""

MAPPINGS: Registry[Any] = Registry("weight mapping", {})
"""Weight mappings by the name of their class, as files have it."""


class WeightMapping(NamedSettings, ABC):
    """A mapping of weights to devices. Both methods are linear, and exact inverses of each other.

    Example:
        >>> from analognas.physics import DifferentialPair
        >>> isinstance(DifferentialPair(), WeightMapping)
        True
    """

    settings_name = "weight mapping"
    out_of_range = PhysicalRangeError
    classes = MAPPINGS

    @property
    @abstractmethod
    def n_devices(self) -> int:
        """Number of devices per weight."""

    @abstractmethod
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """Return target conductances, without gradients. Called when a tile is programmed.

        Args:
            w_rel: Weights in [-1, 1], shape ``(*, out, in)``.
            device: The device model, for ``g_min`` and ``g_max``.

        Returns:
            Targets in [``g_min``, ``g_max``], shape ``(*, n_devices, out, in)``, µS.

        Raises:
            PhysicalRangeError: If a weight is NaN or outside [-1, 1].
        """

    @abstractmethod
    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """Return the weights of conductances. Called after each reading of a tile.

        Args:
            g: Conductances, shape ``(*, n_devices, out, in)``, µS.
            device: The device model, for ``g_min`` and ``g_max``.

        Returns:
            Weights, shape ``(*, out, in)``, in units of the weight of ``g_max``.

        Raises:
            InvalidArgumentError: If the device axis has another length.
        """


class DifferentialPair(WeightMapping):
    r"""Two devices per weight: one for positive values, one for negative values, the unused one at g_min.

    .. math::

        g_\pm = g_{min} + \max(\pm w, 0) (g_{max} - g_{min}), \qquad
        w = \frac{g_+ - g_-}{g_{max} - g_{min}}

    The unused device is programmed too, with noise. On PCM its conductance is 0.105 µS on average, which
    reduces each weight by as much. The two devices therefore stay separate until the last step.

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
        """See :meth:`WeightMapping.to_conductances`."""
        check_weights(w_rel)
        span = device.g_max - device.g_min
        g = torch.empty(_with_devices(w_rel, 2), dtype=w_rel.dtype, device=w_rel.device)
        torch.clamp(w_rel, min=0.0, out=g.select(DEVICE_AXIS, 0))
        torch.sub(g.select(DEVICE_AXIS, 0), w_rel, out=g.select(DEVICE_AXIS, 1))
        return g.mul_(span).add_(device.g_min)

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`WeightMapping.to_weights`."""
        _check_devices(g, 2)
        w = g.select(DEVICE_AXIS, 0) - g.select(DEVICE_AXIS, 1)
        return w.mul_(1.0 / (device.g_max - device.g_min))


class MultiPair(WeightMapping):
    r"""Several differential pairs per weight, with significance factors.

    .. math::

        w = \frac{\sum_k f_k (g_{k+} - g_{k-})}{(g_{max} - g_{min}) \sum_k f_k}

    Each pair stores the whole normalised weight. With N pairs of equal significance, the noise is 1/sqrt(N) of
    that of one pair. Unequal factors average less.

    Args:
        significance: Positive factor of each pair.

    Raises:
        PhysicalRangeError: If a factor is not positive.
        InvalidArgumentError: If there is no factor.

    Example:
        >>> from analognas.physics import PCM
        >>> g = MultiPair((1.0, 1.0)).to_conductances(torch.tensor([[0.5, -1.0]]), PCM())
        >>> g.shape
        torch.Size([4, 1, 2])
    """

    significance: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(
        default=(1.0, 1.0), min_length=1, description="Factor of each pair."
    )

    def __init__(self, significance: Any = (1.0, 1.0)) -> None:
        super().__init__(significance=significance)  # type: ignore[call-arg]

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # checks are those of the base

    @property
    def n_devices(self) -> int:
        """Two per pair: positive and negative of the first pair, then of the next."""
        return 2 * len(self.significance)

    @torch.no_grad()
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """See :meth:`WeightMapping.to_conductances`."""
        pair = DifferentialPair().to_conductances(w_rel, device)
        n_pairs = len(self.significance)
        shape = _with_devices(w_rel, 2)
        spread = pair.unsqueeze(DEVICE_AXIS - 1).expand(*shape[:-3], n_pairs, *shape[-3:])
        return spread.reshape(_with_devices(w_rel, self.n_devices))

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`WeightMapping.to_weights`."""
        _check_devices(g, self.n_devices)
        total = sum(self.significance) * (device.g_max - device.g_min)
        w = torch.zeros_like(g.select(DEVICE_AXIS, 0))
        for k, factor in enumerate(self.significance):
            w.add_(g.select(DEVICE_AXIS, 2 * k), alpha=factor / total)
            w.sub_(g.select(DEVICE_AXIS, 2 * k + 1), alpha=factor / total)
        return w


class SingleDevice(WeightMapping):
    r"""One device per weight, read against a reference halfway between g_min and g_max.

    .. math:: g = g_{min} + \tfrac{1}{2} (w + 1) (g_{max} - g_{min})

    The reference is digital: it has no noise and does not drift. If the devices drift, all weights therefore
    shift to the negative side.

    Example:
        >>> SingleDevice()
        SingleDevice()
    """

    @property
    def n_devices(self) -> int:
        """One."""
        return 1

    @torch.no_grad()
    def to_conductances(self, w_rel: Tensor, device: Device) -> Tensor:
        """See :meth:`WeightMapping.to_conductances`."""
        check_weights(w_rel)
        half = 0.5 * (device.g_max - device.g_min)
        return (w_rel * half).add_(device.g_min + half).unsqueeze(DEVICE_AXIS)

    def to_weights(self, g: Tensor, device: Device) -> Tensor:
        """See :meth:`WeightMapping.to_weights`."""
        _check_devices(g, 1)
        half = 0.5 * (device.g_max - device.g_min)
        return g.select(DEVICE_AXIS, 0).sub(device.g_min + half).mul_(1.0 / half)


for _mapping in (DifferentialPair, MultiPair, SingleDevice):
    MAPPINGS.add(_mapping.__name__, _mapping)


def normalize_weights(weight: Tensor, *, per_column: bool = False) -> tuple[Tensor, Tensor]:
    """Scale the weights of a tile to [-1, 1].

    Args:
        weight: Weights, shape ``(*, out, in)``.
        per_column: One scale for each output (a column of the tile) instead of one for the tile.

    Returns:
        Normalised weights, shape of ``weight``, and their scale: shape ``(*, 1, 1)``, or ``(*, out, 1)`` per
        column. The scale of zeros is 1.

    Raises:
        InvalidArgumentError: If ``weight`` is not a float matrix, or is empty.
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
        InvalidArgumentError: If it is not a float matrix.
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
