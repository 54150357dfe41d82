"""Measurements of simulated devices, to test fits and to plan measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..device import Device
from ..programmed_devices import ProgrammedDevices
from .measurements import Measurements

__all__ = ["simulate_measurements"]


def simulate_measurements(
    device: Device,
    targets: Sequence[float],
    times: Sequence[float],
    n_devices: int,
    *,
    generator: torch.Generator,
) -> Measurements:
    """Program devices at each target and read each of them at each time.

    Args:
        device: The device model.
        targets: Target conductances, µS.
        times: Times since the end of programming, s.
        n_devices: Devices at each target.
        generator: Source of all draws.

    Example:
        >>> from analognas.physics import PCM
        >>> found = simulate_measurements(PCM(), [5.0, 20.0], [1.0, 60.0, 3600.0], 10,
        ...     generator=torch.Generator().manual_seed(0))
        >>> found.conductance.shape
        (20, 3)
    """
    g = torch.tensor(targets, dtype=torch.float64).repeat_interleave(n_devices)
    chip = ProgrammedDevices.program(device, g, generator=generator)
    readings = chip.read(list(times), generator=generator).numpy().T  # (N, J)
    n, j = readings.shape
    return Measurements.from_arrays(
        np.repeat(g.numpy(), j),
        np.repeat(np.tile(np.arange(n_devices), len(targets)), j),
        np.tile(times, n),
        readings.ravel(),
    )
