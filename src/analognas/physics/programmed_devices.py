"""The devices of one or several chips: programmed once, then read at any times in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core import InvalidArgumentError, check_float, check_int
from .cache_blocks import Generators, result_rows, result_tensor, split_generator
from .checks import check_conductance, check_generators, check_nu, check_same_shape
from .device import Device


@dataclass(frozen=True, eq=False)
class ProgrammedDevices:
    """The devices of one chip, or of ``n_chips`` chips in a leading dimension.

    Programmed conductances and drift coefficients are drawn once, by :meth:`program`. All later times refer to
    the same devices, so readings at several times are paired. Only the read noise is drawn again at each
    :meth:`read`. Without it (:meth:`drift`), the conductance of a power-law device never increases.

    Two values per device are stored: 8 bytes in float32, 16 in float64. A reading takes one more value for each
    time. For example, 25 chips of a network of 2.7 million weights on differential pairs take
    25 x 5.4e6 x 8 bytes = 1.1 GB. Temporary tensors have at most 32,000 elements.

    Attributes:
        device: The model.
        g_prog: Programmed conductances, ``(*shape)``, or ``(n_chips, *shape)``, µS.
        nu: Drift coefficients, shape of ``g_prog``.
        n_chips: Number of chips in the leading dimension; None without that dimension.

    Raises:
        PhysicalRangeError: If a conductance is negative or not finite.
        InvalidArgumentError: If the tensors differ in shape, type or device.

    Example:
        >>> from analognas.physics import PCM
        >>> g_target = torch.full((2, 3), 12.5)
        >>> generator = torch.Generator().manual_seed(0)
        >>> chips = ProgrammedDevices.program(PCM(), g_target, n_chips=25, generator=generator)
        >>> chips.read([60.0, 3600.0], generator=generator).shape
        torch.Size([2, 25, 2, 3])
    """

    device: Device
    g_prog: Tensor
    nu: Tensor
    n_chips: int | None = None

    def __post_init__(self) -> None:
        check_conductance("g_prog", self.g_prog, maximum=float("inf"))
        check_same_shape("nu", self.nu, "g_prog", self.g_prog)
        check_nu(self.nu, folded=self.device.nu_is_folded)
        if self.n_chips is not None and self.g_prog.shape[:1] != (self.n_chips,):
            raise InvalidArgumentError(
                f"`g_prog` must have a leading dimension of {self.n_chips} chips, "
                f"but got the shape {tuple(self.g_prog.shape)}."
            )

    @classmethod
    @torch.no_grad()
    def program(
        cls,
        device: Device,
        g_target: Tensor,
        *,
        generator: Generators,
        n_chips: int | None = None,
        out: ProgrammedDevices | None = None,
    ) -> ProgrammedDevices:
        """Program one chip, or ``n_chips`` independent chips, with the same targets.

        Args:
            device: The model.
            g_target: Target conductances, any shape, µS.
            generator: One generator for each chip, or one generator. With ``n_chips`` it is split into one for
                each chip (:func:`~analognas.physics.split_generator`).
            n_chips: Number of chips; None for one chip without a leading dimension.
            out: Devices of the same shape whose memory is reused. Their contents are overwritten.

        Raises:
            PhysicalRangeError: If a target is NaN or outside ``[g_min, g_max]``.
            InvalidArgumentError: If a generator is on another device than the tensor, the numbers of chips and
                generators differ, or ``out`` has the wrong shape, type or device.
        """
        if not isinstance(device, Device):
            raise InvalidArgumentError(
                f"`device` must be a device model such as PCM(), but got {device!r}; see get_device."
            )
        children = _per_chip(generator, n_chips, "g_target", g_target)
        generators = device._check_targets(g_target, children)
        target = g_target.reshape(-1)
        g_prog, rows = result_rows(g_target, children, None if out is None else out.g_prog)
        device._program_into(rows, target, generators)
        nu, rows = result_rows(g_target, children, None if out is None else out.nu)
        device._draw_nu_into(rows, target, generators)
        n_chips = None if isinstance(children, torch.Generator) else len(children)
        return cls(device, g_prog, nu, n_chips)

    @torch.no_grad()
    def with_stuck(self, share: float, *, generator: Generators) -> ProgrammedDevices:
        """Return the same devices, of which some are stuck at a random conductance and do not drift.

        The conductance of a stuck device is uniform between the smallest and the largest target. Its read noise
        is that of its conductance.

        Args:
            share: Probability that a device is stuck.
            generator: One generator for each chip, or one generator that is split into one for each chip.

        Raises:
            InvalidArgumentError: If the share is not between 0 and 1, or a generator is on another device.
        """
        check_float("share", share, minimum=0.0, maximum=1.0)
        children = _per_chip(generator, self.n_chips, "g_prog", self.g_prog)
        per_chip = [children] if isinstance(children, torch.Generator) else list(children)
        g_prog, nu = self.g_prog.clone(), self.nu.clone()
        rows = zip(
            g_prog.view(len(per_chip), -1), nu.view(len(per_chip), -1), per_chip, strict=True
        )
        for g, exponent, source in rows:
            drawn = torch.rand((2, *g.shape), generator=source, device=g.device, dtype=g.dtype)
            stuck = drawn[0] < share
            span = self.device.g_max - self.device.g_min
            g[stuck] = self.device.g_min + span * drawn[1][stuck]
            exponent[stuck] = 0.0
        return ProgrammedDevices(self.device, g_prog, nu, self.n_chips)

    @torch.no_grad()
    def drift(self, t: float | Sequence[float], *, out: Tensor | None = None) -> Tensor:
        """Return the conductances at ``t`` without read noise.

        Args:
            t: Time since the end of programming, s; or several times in any order.
            out: Tensor for the result; allocated if None.

        Returns:
            Conductances, shape of ``g_prog``, µS; with a leading time dimension for several times.

        Raises:
            PhysicalRangeError: If a time is outside the model's range.
            InvalidArgumentError: If ``out`` has the wrong shape, type or device.
        """
        times, result = self._prepare(t, out)
        for time, row in zip(times, result.view(len(times), -1), strict=True):
            self.device._drift_into(row, self.g_prog.reshape(-1), self.nu.reshape(-1), time)
        return result

    @torch.no_grad()
    def read(
        self,
        t: float | Sequence[float],
        *,
        generator: Generators,
        out: Tensor | None = None,
    ) -> Tensor:
        """Return one reading at ``t``: the drifted conductances plus new read noise.

        Several times in one call are cheaper than one call for each time. The draws of the times interleave, so
        the noise differs from that of separate calls, but not its statistics.

        Continue with the generator that programmed the chip, or use another stream. A generator with the same
        seed would repeat the programming noise as read noise.

        Args:
            t: Time since the end of programming, s; or several times in any order.
            generator: One generator for each chip, or one generator that is split into one for each chip.
            out: Tensor for the result; allocated if None.

        Returns:
            Conductances, shape of ``g_prog``, µS; with a leading time dimension for several times.

        Raises:
            PhysicalRangeError: If a time is outside the model's range.
            InvalidArgumentError: If ``out`` has the wrong shape, type or device, a generator is on another
                device than the chip, or the numbers of chips and generators differ.
        """
        children = _per_chip(generator, self.n_chips, "g_prog", self.g_prog)
        if not isinstance(children, torch.Generator) and self.n_chips is None:
            raise InvalidArgumentError(
                "`generator` must be one generator for a chip without a leading dimension, but got "
                f"{len(children)}."
            )
        times, result = self._prepare(t, out)
        per_chip = [children] if isinstance(children, torch.Generator) else list(children)
        n = len(per_chip)
        rows = result.view(len(times), n, -1)
        g_prog, nu = self.g_prog.reshape(n, -1), self.nu.reshape(n, -1)
        for i, source in enumerate(per_chip):
            self.device._read_into(list(rows[:, i]), g_prog[i], nu[i], times, source)
        return result

    def select(self, i: int) -> ProgrammedDevices:
        """Return chip ``i`` without the leading dimension, as views of the same memory.

        Raises:
            InvalidArgumentError: If there is no such chip.
        """
        n = 0 if self.n_chips is None else self.n_chips
        check_int("i", i, minimum=0, maximum=n - 1)
        return ProgrammedDevices(self.device, self.g_prog[i], self.nu[i])

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> ProgrammedDevices:
        """Return the same chips on another torch device or in another float type."""
        g_prog, nu = (x.to(device=device, dtype=dtype) for x in (self.g_prog, self.nu))
        return ProgrammedDevices(self.device, g_prog, nu, self.n_chips)

    def _prepare(
        self, t: float | Sequence[float], out: Tensor | None
    ) -> tuple[list[float], Tensor]:
        """Return the checked times and the tensor for the result."""
        if hasattr(t, "tolist"):  # an array or tensor of times
            t = t.tolist()
        several = isinstance(t, Sequence) and not isinstance(t, str)
        asked: Sequence[Any] = t if isinstance(t, Sequence) and several else [t]
        times = [self.device.check_time(time) for time in asked]
        if not times:
            raise InvalidArgumentError("`t` must hold at least one time (s), but is empty.")
        lead = (len(times),) if several else ()
        if out is not None and out.data_ptr() in (self.g_prog.data_ptr(), self.nu.data_ptr()):
            raise InvalidArgumentError(
                "`out` must not share memory with the chip: a reading would overwrite its state."
            )
        return times, result_tensor((*lead, *self.g_prog.shape), self.g_prog, out)


def _per_chip(generator: Generators, n_chips: int | None, name: str, tensor: Tensor) -> Generators:
    """Return one generator for each chip, or the given generator without a chip dimension."""
    given = check_generators(generator, name, tensor)
    if isinstance(generator, torch.Generator):
        return generator if n_chips is None else split_generator(generator, n_chips)
    if n_chips is not None and len(given) != n_chips:
        raise InvalidArgumentError(
            f"`generator` must be one generator or {n_chips}, one for each chip, "
            f"but got {len(given)}."
        )
    return given
