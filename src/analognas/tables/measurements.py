"""How the metrics of HW-NAS-Bench were measured, and costs with their provenance.

Li et al., "HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark", ICLR 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..core import METRICS
from ..core.former_names import former_names

__all__ = ["MEASUREMENTS", "HardwareCost", "MeasurementMethod", "Provenance"]


class Provenance(IntEnum):
    """Where a value comes from.

    Attributes:
        MISSING: No value (NaN), such as for an EdgeTPU model that did not compile.
        PUBLISHED: As published.
        DERIVED: Computed from published values by an exact formula.

    Example:
        >>> Provenance.MISSING.name
        'MISSING'
    """

    MISSING = 0
    PUBLISHED = 1
    DERIVED = 2


@dataclass(frozen=True)
class MeasurementMethod:
    """How one metric was measured.

    Attributes:
        device: The device.
        kind: ``"measured"``, ``"estimated"``, or ``"product"`` of other metrics.
        batch_size: Images of a batch; None if the sources do not state it.
        how: Description.

    Example:
        >>> method = MEASUREMENTS["edgegpu_latency"]
        >>> method.device, method.kind
        ('NVIDIA Jetson TX2', 'measured')
    """

    device: str
    kind: str
    batch_size: int | None
    how: str


# Source: dev/proj_edgegpu/EdgeGPU_Benchmark.py in the repository of HW-NAS-Bench.
_EDGE_GPU = "TensorRT, mean over 50 runs after 3 s of warming up"
# The published script measures the TX2 alone; of the others the authors' pages say that they were measured.
_ON_DEVICE = "timed on the device; runtime, repeats and images at once are not stated"
# The published Eyeriss latencies are linear in the counts of operations, and FPGA energies 7 W times latency.
_MODEL = "computed by a model of the accelerator, not measured"

MEASUREMENTS: dict[str, MeasurementMethod] = {
    "edgegpu_latency": MeasurementMethod("NVIDIA Jetson TX2", "measured", 1, _EDGE_GPU),
    "edgegpu_energy": MeasurementMethod(
        "NVIDIA Jetson TX2",
        "measured",
        1,
        f"mean power of the board's sensors times latency; {_EDGE_GPU}",
    ),
    "raspi4_latency": MeasurementMethod("Raspberry Pi 4", "measured", None, _ON_DEVICE),
    "edgetpu_latency": MeasurementMethod("Google Edge TPU", "measured", None, _ON_DEVICE),
    "pixel3_latency": MeasurementMethod("Google Pixel 3", "measured", None, _ON_DEVICE),
    "eyeriss_latency": MeasurementMethod("Eyeriss", "estimated", None, _MODEL),
    "eyeriss_energy": MeasurementMethod("Eyeriss", "estimated", None, _MODEL),
    "eyeriss_arithmetic_intensity": MeasurementMethod("Eyeriss", "estimated", None, _MODEL),
    "fpga_latency": MeasurementMethod("FPGA", "estimated", None, _MODEL),
    "fpga_energy": MeasurementMethod("FPGA", "estimated", None, f"{_MODEL}; 7 W times latency"),
    "average_hw_metric": MeasurementMethod(
        "all devices", "product", None, "product of all latencies and energies of the table"
    ),
}
"""How each metric was measured, in the published order."""


class HardwareCost(float):
    """A cost: a float with its metric, unit, provenance and method of measurement.

    Args:
        value: The cost; NaN where it is missing.
        metric: Its name.
        provenance: Where it comes from.

    Example:
        >>> cost = HardwareCost(5.8, "edgegpu_latency")
        >>> cost, cost.unit, cost.batch_size, cost.provenance.name
        (5.8, 'ms', 1, 'PUBLISHED')
        >>> print(cost)
        5.8
    """

    __slots__ = ("metric", "provenance")

    metric: str
    provenance: Provenance

    def __new__(
        cls, value: float, metric: str, provenance: Provenance = Provenance.PUBLISHED
    ) -> HardwareCost:
        """Make a cost."""
        cost = super().__new__(cls, value)
        cost.metric = metric
        cost.provenance = Provenance(provenance)
        return cost

    @property
    def unit(self) -> str:
        """Unit of the metric."""
        return METRICS[self.metric].unit

    @property
    def measurement(self) -> MeasurementMethod:
        """How it was measured."""
        return MEASUREMENTS[self.metric]

    @property
    def batch_size(self) -> int | None:
        """Images of a batch; None if the sources do not state it."""
        return self.measurement.batch_size

    def __reduce__(self) -> tuple[type[HardwareCost], tuple[Any, ...]]:
        return HardwareCost, (float(self), self.metric, self.provenance)


__getattr__ = former_names(__name__, {"Measurement": "MeasurementMethod"})
