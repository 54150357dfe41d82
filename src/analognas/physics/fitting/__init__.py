"""Device models from measured conductances."""

from .fit import DeviceFit, FitSettings, fit_device
from .measurement_files import read_measurements
from .measurements import Measurements
from .quantities import Quantity
from .simulation import simulate_measurements

__all__ = [
    "DeviceFit",
    "FitSettings",
    "Measurements",
    "Quantity",
    "fit_device",
    "read_measurements",
    "simulate_measurements",
]
