"""Operating points of measured chips, put together from their published figures.

Rules, the same for every chip:

- Energy of one use of an array: ``2 N M input_bits weight_bits / (TOPS/W)`` where the figure is normalised to 1
  bit, ``2 N M / (TOPS/W)`` where it is native; time from TOPS and area from TOPS/mm2 likewise.
- Simulated systems, whole networks and shares of components are no operating points.
- Figures of equal conditions are one point: the first source that states a quantity counts.
- Rows of the survey that are known to be wrong are left to the papers that it cites (:data:`SLIPS`).
- A supply that is not stated is assumed to be that of the technology.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..mvm_unit import MVMUnit
from .facts import Fact, read_facts

__all__ = ["SLIPS", "SUSPECT", "OperatingPoint", "operating_points"]

SLIPS = {
    "index 5": "TOPS of Jia 2020 is 23 % below the paper's",
    "index 89": "of Wang 2022 pairs the efficiency at 0.7 V with the time at 1.1 V",
}
"""Rows of the survey whose papers are read instead, with the reason."""

SUSPECT = {
    "Guo 2021 ISSCC": "index 46 of the survey is off by a factor of two",
    "Yue 2020 ISSCC": "index 53 of the survey is off by a factor of two",
}
"""Chips whose survey rows are known to be off, kept as they are: which figure is wrong is not known."""

_SKIPPED = re.compile(
    "ResNet|LSTM|RNN-T|ALBERT|MobileNet|programming|component|demonstrated|keyword|cluster|^chip$|^node$|"
    "one MVM of a unit|peak MVM|MVMs through|128x128 macro"
)
_PARALLEL_ARRAYS = {"NeuRRAM": 48, "HERMES 64-core": 64}
"""Arrays whose throughput a source adds up."""
_EFFECTIVE_ADC_BITS = {"HERMES core": 8.0, "HERMES 64-core": 8.0}
"""Bits of the outputs, where a source states the width of the counter (12)."""
_CELLS_PER_WEIGHT = {"NeuRRAM": 2.0}
_WEIGHT_BITS = {"Papistas 2021 CICC": 1.5}
"""Bits of a weight where sources count the same ternary weights differently."""
_SERIES = {"Sinangil 2021": "average"}
"""Values of a chip's figures that its papers give by series, where the survey names none."""
_COMPARATORS = ("Yu 2020 CICC",)
"""Chips that convert with a comparator alone: 5 bits take 155 ns, 31 times the 5 ns of one bit."""
_CHARGE_MODE = ("NeuRRAM",)
_PULSE_WIDTH = ("HERMES core", "HERMES 64-core")
_PULSES = ("NeuRRAM",)
_USUAL_ADC_BITS = 4.0
"""Bits of a conversion where none are stated: the median of the survey."""


@dataclass(frozen=True)
class OperatingPoint:
    """What was measured of one chip under one condition; what is not stated is NaN.

    Attributes:
        chip: The chip.
        name: The operating point, as its source calls it.
        unit: The array under this condition; the measured time is not in it.
        series: Values that the energy was measured with, such as ``"maximum"``; empty where not stated.
        energy: Energy of one MVM, pJ.
        time: Time of one use of the array, ns.
        area: Area of one array, mm2.
        sources: Where the figures were read.
    """

    chip: str
    name: str
    unit: MVMUnit
    series: str
    energy: float
    time: float
    area: float
    sources: tuple[str, ...]

    @property
    def silicon(self) -> tuple[str, float]:
        """Chip and technology: one name may stand for a chip in two technologies."""
        return self.chip, self.unit.node


def operating_points(facts: Sequence[Fact] | None = None) -> list[OperatingPoint]:
    """Return the operating points of all measured chips.

    Args:
        facts: Published figures; None: those that ship.

    Example:
        >>> points = operating_points()
        >>> len({point.chip for point in points}) > 50
        True
    """
    groups: dict[tuple[object, ...], list[Fact]] = {}
    for fact in read_facts() if facts is None else facts:
        if not _SKIPPED.search(fact.workload) and "system simulation" not in fact.kind:
            groups.setdefault(_condition(fact), []).append(fact)
    merged: dict[tuple[object, ...], OperatingPoint] = {}
    for group in groups.values():
        point = _point(group)
        if point is None:
            continue
        plain = point.unit.replace(capacity=None, processor=False)
        key = (point.chip, plain, point.series, _reading(group[0]))
        merged[key] = _merge(merged[key], point) if key in merged else point
    return [point for point in merged.values() if not all(map(math.isnan, _figures(point)))]


def _reading(fact: Fact) -> float:
    """Number of uses that the survey lists for an MVM; its figures, of one use, may differ between them."""
    return _known(fact.phases, 1.0) if _from_survey(fact) and fact.phases != 1 else 1.0


def _condition(fact: Fact) -> tuple[object, ...]:
    """All that a fact says of its circumstances; what is not a number compares equal to itself as text."""
    figure = ("quantity", "value", "normalisation", "kind", "note")
    return tuple(
        str(getattr(fact, field.name)) for field in fields(fact) if field.name not in figure
    )


def _figures(point: OperatingPoint) -> tuple[float, float, float]:
    return point.energy, point.time, point.area


def _merge(first: OperatingPoint, second: OperatingPoint) -> OperatingPoint:
    energy, time, area = (
        b if math.isnan(a) else a for a, b in zip(_figures(first), _figures(second), strict=True)
    )
    sources = first.sources + tuple(s for s in second.sources if s not in first.sources)
    return replace(first, energy=energy, time=time, area=area, sources=sources)


def _point(group: Sequence[Fact]) -> OperatingPoint | None:
    first = group[0]
    unit = _unit(first)
    if unit is None:
        return None
    values = {(fact.quantity, fact.normalisation): fact.value for fact in group}
    time, energy = _time(first, values), _energy(first, values)
    area = values.get(("area_mm2", ""), _area(first, values, time))
    if not _from_survey(first) or unit.adc_type == "comparator":
        time /= unit.repeats
    if any(first.source.endswith(slip) for slip in SLIPS):
        time, energy, area = math.nan, math.nan, math.nan
    series = re.search("maximum|average|minimum", first.operating_point)
    return OperatingPoint(
        chip=first.chip,
        name=first.operating_point,
        unit=unit,
        series=series.group() if series else _SERIES.get(first.chip, ""),
        energy=energy,
        time=time,
        area=area,
        sources=(first.source,),
    )


def _from_survey(fact: Fact) -> bool:
    """Whether figures are of one use of an array, as the survey's are, and not of a whole MVM."""
    return fact.source.startswith("UIUC")


def _bits(fact: Fact, normalisation: str) -> float:
    return fact.input_bits * fact.weight_bits if normalisation == "1-bit" else 1.0


def _rate(fact: Fact, values: dict[tuple[str, str], float], quantity: str) -> float:
    """Operations of one use of an array over a stated rate, in the units of the rate."""
    operations = 2 * fact.rows_active * fact.outputs_parallel
    for normalisation in ("1-bit", "native"):
        if (quantity, normalisation) in values:
            return operations * _bits(fact, normalisation) / values[quantity, normalisation]
    return math.nan


def _energy(fact: Fact, values: dict[tuple[str, str], float]) -> float:
    if ("energy_pj", "") in values:
        arrays = _PARALLEL_ARRAYS.get(fact.chip, 1) if "all cores" in fact.workload else 1
        return values["energy_pj", ""] / arrays
    return _rate(fact, values, "tops_per_w")


def _time(fact: Fact, values: dict[tuple[str, str], float]) -> float:
    for quantity in ("latency_ns", "clock_ns"):
        if (quantity, "") in values:
            return values[quantity, ""]
    if ("tops", "native") not in values:
        return (
            math.nan
        )  # the survey's throughput is that of a chip with an unknown number of arrays
    return _PARALLEL_ARRAYS.get(fact.chip, 1) * _rate(fact, values, "tops") / 1e3


def _area(fact: Fact, values: dict[tuple[str, str], float], time: float) -> float:
    return _rate(fact, values, "tops_per_mm2") / time / 1e3


def _unit(fact: Fact) -> MVMUnit | None:
    if any(map(math.isnan, (fact.rows_active, fact.outputs_parallel))):
        return None
    survey = _from_survey(fact)
    side = math.sqrt(fact.core_kb * 1e3) if fact.core_kb > 0 else math.nan
    rows = _known(fact.array_rows, max(_known(side, 0), fact.rows_active))
    columns = _known(fact.array_cols, max(_known(side, 0), fact.outputs_parallel))
    coding = (
        "pulses"
        if fact.chip in _PULSES
        else "pulse width"
        if fact.chip in _PULSE_WIDTH
        else "serial"
    )
    adc_bits = _EFFECTIVE_ADC_BITS.get(fact.chip, _known(fact.adc_bits, _USUAL_ADC_BITS))
    phases = 1 if survey else int(_known(fact.phases, 1))
    input_bits = _known(fact.input_bits, 4.0)
    if coding == "serial" and not survey:
        input_bits /= phases  # the bits of an input enter one use after another
    entries: dict[str, Any] = {
        "device": fact.device,
        "mode": "charge" if fact.chip in _CHARGE_MODE else None,
        "node": _known(fact.technology_nm, 28.0),
        "supply": None if math.isnan(fact.supply_v) else fact.supply_v,
        "rows": max(math.ceil(rows), math.ceil(fact.rows_active)),
        "columns": math.ceil(columns),
        "active_rows": fact.rows_active,
        "outputs": fact.outputs_parallel,
        "input_bits": input_bits,
        "input_coding": coding,
        "weight_bits": _WEIGHT_BITS.get(fact.chip, _known(fact.weight_bits, 4.0)),
        "cells_per_weight": _CELLS_PER_WEIGHT.get(fact.chip),
        "adc_bits": adc_bits,
        "adc_type": "comparator" if fact.chip in _COMPARATORS else "converter",
        "phases": phases,
        "capacity": fact.core_kb * 1e3 if fact.core_kb > 0 else None,
        "processor": "processor" in fact.note,
    }
    return MVMUnit(**entries)


def _known(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value
