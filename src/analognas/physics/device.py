"""The base of all device models: the laws that a model defines, and the operations that use them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import Tensor

from ..core import InvalidArgumentError, PhysicalRangeError, Registry
from ..core.named_settings import NamedSettings
from ..core.settings import quantity
from .cache_blocks import Generators, blocks, chip_rows, result_rows
from .checks import (
    check_conductance,
    check_generators,
    check_nu,
    check_quantity,
    check_same_shape,
    check_sizes,
)
from .laws import accumulated_noise

Law: TypeAlias = Tensor | float
"""The result of a law: a new tensor with the shape of its argument, or one number for all devices."""

MODELS: Registry[Any] = Registry("device model", {})
"""Device models by the name of their class, as device files have it."""


class Device(NamedSettings, ABC):
    r"""A model of one memory device.

    A model defines five laws, the abstract methods below. Each law receives a one-dimensional block of devices
    and returns a new tensor of that shape, or a number. :meth:`program`, :meth:`draw_nu`, :meth:`drift` and
    :meth:`read` use the laws; they are the same for all models.

    Conductances are in µS and never negative. Times are in s since the end of programming. ``program`` and
    ``draw_nu`` are called once when a chip is made, ``drift`` whenever the chip moves to another time, and
    ``read`` whenever it is read. :class:`~analognas.physics.ProgrammedDevices` keeps the results together.

    Tensors are float32 or float64, on any torch device. Generators must be on the same device. The number of
    random draws depends on the model and the shape only: a scale of 0 removes an effect and leaves all other
    draws unchanged.

    A model of your own subclasses this class, annotates its entries as
    :class:`~analognas.core.settings.Settings` does, and overrides :meth:`check_entries` where entries depend on
    each other.

    Args:
        g_max: Largest target conductance, µS.
        g_min: Smallest target conductance, µS. Unused devices are programmed to it.
        t_0: Time between programming and the first reading in the drift law, s.
        t_read: Duration of one reading in the law of the read noise, s.
        prog_noise_scale: Factor on the programming noise.
        read_noise_scale: Factor on the read noise.
        drift_scale: Factor on the drift; for a power law, on the exponent.

    Raises:
        PhysicalRangeError: If a value is outside its range.
        InvalidArgumentError: If a value has the wrong type.

    Example:
        >>> from analognas.physics import PCM
        >>> isinstance(PCM(), Device)
        True
    """

    settings_name = "device"
    out_of_range = PhysicalRangeError
    classes = MODELS

    g_max: float = quantity(25.0, "µS", "Largest target conductance.", gt=0.0)
    g_min: float = quantity(0.0, "µS", "Smallest target conductance.", ge=0.0)
    t_0: float = quantity(
        20.0, "s", "Time between programming and the first reading in the drift law.", ge=0.0
    )
    t_read: float = quantity(250e-9, "s", "Duration of one reading.", gt=0.0)
    prog_noise_scale: float = Field(
        default=1.0, ge=0.0, description="Factor on the programming noise."
    )
    read_noise_scale: float = Field(default=1.0, ge=0.0, description="Factor on the read noise.")
    drift_scale: float = Field(default=1.0, ge=0.0, description="Factor on the drift.")

    source: ClassVar[str] = ""
    """Source of the equations and constants."""
    fitted_range: ClassVar[str] = ""
    """The range in which the constants were fitted, as text."""
    t_range: ClassVar[tuple[float, float]] = (0.0, math.inf)
    """First and last time for which the model is valid, s."""
    nu_is_folded: ClassVar[bool] = True
    """Whether negative draws of ``nu`` are replaced by their absolute value, as for exponents."""

    @model_validator(mode="after")
    def _check_all(self) -> Device:
        note = "`g_max`"
        check_quantity("g_min", self.g_min, unit="µS", minimum=0.0, maximum=self.g_max, note=note)
        check_quantity("g_max - g_min", self.g_max - self.g_min, unit="µS", positive=True)
        self.check_entries()
        check_sizes(dict(self))
        return self

    def check_entries(self) -> None:
        """Check entries that depend on each other. Called when the device is made.

        Raises:
            PhysicalRangeError: If a value is outside its range.
        """

    @abstractmethod
    def programming_std(self, g_target: Tensor) -> Law:
        """Return the standard deviation of the programming noise, µS.

        Called when a chip is programmed.

        Args:
            g_target: Target conductances, shape ``(n,)``, µS.
        """

    @abstractmethod
    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return mean and standard deviation of the drift coefficient.

        Called when a chip is programmed.

        Args:
            g_target: Target conductances, shape ``(n,)``, µS.
        """

    @abstractmethod
    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return the conductance at time ``t`` without read noise, µS, never negative.

        Called when a chip moves to another time.

        Args:
            g_prog: Programmed conductances, shape ``(n,)``, µS.
            nu: Drift coefficients, shape ``(n,)``.
            t: Time since the end of programming, s, inside ``t_range``.
        """

    @abstractmethod
    def read_q(self, g_prog: Tensor) -> Law:
        """Return the part of the read noise that does not change with time.

        Called once for each reading, for all of its times.

        Args:
            g_prog: Programmed conductances, shape ``(n,)``, µS.
        """

    @abstractmethod
    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        r"""Return the standard deviation of the read noise divided by :func:`~.laws.accumulated_noise`, µS.

        Called once for each time of a reading.

        Args:
            g_drift: Conductances at that time, shape ``(n,)``, µS.
            q: Result of :meth:`read_q`.
        """

    @torch.no_grad()
    def program(
        self, g_target: Tensor, *, generator: Generators, out: Tensor | None = None
    ) -> Tensor:
        r"""Program devices: :math:`g_{prog} = \max(0, g_{target} + \sigma(g_{target}) \xi)`.

        Args:
            g_target: Target conductances, any shape, µS.
            generator: One generator for one chip, or one for each of ``n_chips`` chips.
            out: Tensor for the result; allocated if None.

        Returns:
            Programmed conductances, µS: the shape of ``g_target`` for one generator, ``(n_chips, *shape)`` for
            a sequence of generators. No other memory is allocated.

        Raises:
            PhysicalRangeError: If a target is NaN or outside ``[g_min, g_max]``.
            InvalidArgumentError: If the type is not float32 or float64, a generator is on another device, or
                ``out`` has the wrong shape, type or device.
        """
        generators = self._check_targets(g_target, generator)
        result, rows = result_rows(g_target, generator, out)
        self._program_into(rows, g_target.reshape(-1), generators)
        return result

    @torch.no_grad()
    def draw_nu(
        self, g_target: Tensor, *, generator: Generators, out: Tensor | None = None
    ) -> Tensor:
        r"""Draw the drift coefficient of each device.

        .. math:: \nu = |\mu(g_{target}) + s(g_{target})\, \xi|

        For a power law it is the exponent. A model whose ``nu_is_folded`` is false keeps the sign and defines
        the meaning.

        Args:
            g_target: Target conductances, any shape, µS.
            generator: As in :meth:`program`.
            out: Tensor for the result; allocated if None.

        Returns:
            Coefficients before ``drift_scale``, in the shape that :meth:`program` returns.

        Raises:
            PhysicalRangeError: If a target is NaN or outside ``[g_min, g_max]``.
            InvalidArgumentError: If the type is not float32 or float64, a generator is on another device, or
                ``out`` has the wrong shape, type or device.
        """
        generators = self._check_targets(g_target, generator)
        result, rows = result_rows(g_target, generator, out)
        self._draw_nu_into(rows, g_target.reshape(-1), generators)
        return result

    @torch.no_grad()
    def drift(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return the conductances at time ``t`` without read noise.

        Args:
            g_prog: Programmed conductances, any shape, µS.
            nu: Drift coefficients, same shape.
            t: Time since the end of programming, s.

        Returns:
            Conductances, same shape, µS, never negative.

        Raises:
            PhysicalRangeError: If a conductance is negative or not finite, or ``t`` outside
                ``t_range``.
            InvalidArgumentError: If the tensors differ in shape, type or device.
        """
        check_conductance("g_prog", g_prog, maximum=math.inf)
        check_same_shape("nu", nu, "g_prog", g_prog)
        check_nu(nu, folded=self.nu_is_folded)
        t = self.check_time(t)
        result = torch.empty_like(g_prog, memory_format=torch.contiguous_format)
        self._drift_into(result.view(-1), g_prog.reshape(-1), nu.reshape(-1), t)
        return result

    @torch.no_grad()
    def read(self, g_drift: Tensor, t: float, *, g_prog: Tensor, generator: Generators) -> Tensor:
        r"""Add the read noise of one reading at time ``t``.

        .. math::

            g_{read} = \max\Bigl(0,\ g_{drift} + \sigma_{read}
                       \sqrt{\ln\frac{t' + t_{read}}{2 t_{read}}}\, \xi\Bigr)

        with :math:`t' = t + t_0`, so there is read noise at t = 0 too.

        Args:
            g_drift: Conductances at that time, from :meth:`drift`, any shape, µS.
            t: Time since the end of programming, s.
            g_prog: Programmed conductances, same shape, µS. Read noise depends on the programmed state.
            generator: One generator, or one for each entry of the leading (chip) dimension.

        Returns:
            Conductances, same shape, µS, never negative.

        Raises:
            PhysicalRangeError: If a conductance is negative or not finite, or ``t`` outside
                ``t_range``.
            InvalidArgumentError: If the tensors differ in shape, type or device, or a generator is on another
                device.
        """
        generators = check_generators(generator, "g_drift", g_drift)
        check_conductance("g_drift", g_drift, maximum=math.inf)
        check_conductance("g_prog", g_prog, maximum=math.inf)
        check_same_shape("g_prog", g_prog, "g_drift", g_drift)
        growth = self._read_growth(self.check_time(t))
        result = torch.empty_like(g_drift, memory_format=torch.contiguous_format)
        single = isinstance(generator, torch.Generator)
        tensors = [("result", result), ("g_drift", g_drift), ("g_prog", g_prog)]
        rows = [chip_rows(name, tensor, generators, single) for name, tensor in tensors]
        for out, g, g0, source in zip(*rows, generators, strict=True):
            for part in blocks(g.numel(), g.device):
                std = self.read_std(g[part], self.read_q(g0[part]))
                _scatter(out[part], g[part], std, growth, source).clamp_(min=0.0)
        return result

    def check_time(self, t: float) -> float:
        """Return ``t`` as a float if the model is valid at that time.

        Raises:
            PhysicalRangeError: Otherwise.
        """
        first, last = self.t_range
        note = "" if self.t_range == (0.0, math.inf) else f"fitted range of {type(self).__name__}"
        return check_quantity("t", t, unit="s", minimum=first, maximum=last, note=note)

    def _check_targets(self, g_target: Tensor, generator: Generators) -> list[torch.Generator]:
        """Check targets and generators; return the generators as a list."""
        generators = check_generators(generator, "g_target", g_target)
        check_conductance("g_target", g_target, minimum=self.g_min, maximum=self.g_max)
        return generators

    # `ProgrammedDevices` calls the methods below. Inputs are valid and one-dimensional. Several chips share the
    # laws of their targets, and several times share what does not change with time.

    def _program_into(
        self, rows: Tensor, g_target: Tensor, generators: list[torch.Generator]
    ) -> None:
        """Write programmed conductances, one row for each generator."""
        for part in blocks(g_target.numel(), g_target.device):
            g = g_target[part]
            std = self.programming_std(g)
            for row, source in zip(rows, generators, strict=True):
                _scatter(row[part], g, std, self.prog_noise_scale, source).clamp_(min=0.0)

    def _draw_nu_into(
        self, rows: Tensor, g_target: Tensor, generators: list[torch.Generator]
    ) -> None:
        """Write drift coefficients, one row for each generator."""
        for part in blocks(g_target.numel(), g_target.device):
            mean, std = self.nu_moments(g_target[part])
            for row, source in zip(rows, generators, strict=True):
                nu = _scatter(row[part], mean, std, 1.0, source)
                if self.nu_is_folded:
                    nu.abs_()

    def _drift_into(self, out: Tensor, g_prog: Tensor, nu: Tensor, t: float) -> None:
        """Write the conductances of 1-D ``g_prog`` at time ``t`` into 1-D ``out``."""
        for part in blocks(g_prog.numel(), g_prog.device):
            out[part] = self.drifted(g_prog[part], nu[part], t)

    def _read_into(
        self,
        outs: Sequence[Tensor],
        g_prog: Tensor,
        nu: Tensor,
        times: Sequence[float],
        generator: torch.Generator,
    ) -> None:
        """Write one reading of 1-D ``g_prog`` at each time into the 1-D tensors ``outs``."""
        growths = [self._read_growth(t) for t in times]
        for part in blocks(g_prog.numel(), g_prog.device):
            g0, coefficient = g_prog[part], nu[part]
            q = self.read_q(g0)
            for out, t, growth in zip(outs, times, growths, strict=True):
                g = self.drifted(g0, coefficient, t)
                std = self.read_std(g, q)
                _scatter(out[part], g, std, growth, generator).clamp_(min=0.0)

    def _read_growth(self, t: float) -> float:
        return self.read_noise_scale * accumulated_noise(t + self.t_0, self.t_read)


def _scatter(out: Tensor, mean: Law, std: Law, scale: float, generator: torch.Generator) -> Tensor:
    """Write ``mean + scale * std * xi`` into ``out``; a plain 0.0 is no spread and no draw."""
    if isinstance(std, float | int):
        if std == 0.0:
            return out.copy_(mean) if isinstance(mean, Tensor) else out.fill_(mean)
        return _draw(out, generator).mul_(std * scale).add_(mean)
    if std.shape != out.shape:
        raise InvalidArgumentError(
            f"A law must return a number or a tensor of shape {tuple(out.shape)}, "
            f"but got the shape {tuple(std.shape)}."
        )
    _draw(out, generator)
    if isinstance(mean, Tensor):
        return torch.addcmul(mean, out, std, value=scale, out=out)
    return out.mul_(std).mul_(scale).add_(mean)


def _draw(out: Tensor, generator: torch.Generator) -> Tensor:
    """Fill a block with normal numbers."""
    if out.device.type != "cpu" or out.dtype != torch.float32 or not out.is_contiguous():
        return out.normal_(generator=generator)
    # Loading compiled code takes half a second, which those who only look at a device need not wait for.
    from ..core.normal_draws import fill_normal

    return fill_normal(out, generator)
