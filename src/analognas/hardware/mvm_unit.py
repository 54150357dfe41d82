"""One analog array with its periphery: what the component model of its MVM needs to know."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ..core import InvalidArgumentError
from ..core.checks import value_text
from ..core.settings import Options, Settings, quantity

__all__ = [
    "NOMINAL_SUPPLY",
    "NON_VOLATILE",
    "Calibration",
    "MVMUnit",
    "check_unit",
    "nominal_supply",
]

NON_VOLATILE = ("ReRAM", "PCM", "MRAM", "Flash")
"""Memories that keep their weights without power."""

NOMINAL_SUPPLY = {
    180.0: 1.8, 130.0: 1.2, 90.0: 1.2, 65.0: 1.0, 55.0: 1.0, 45.0: 1.0, 40.0: 1.1, 28.0: 0.9, 22.0: 0.8,
    16.0: 0.8, 14.0: 0.8, 12.0: 0.8, 7.0: 0.8,
}  # fmt: skip
"""Core supply of a technology, V by nm: usual values of foundries, assumed where a chip states none."""


def nominal_supply(node: float) -> float:
    """Return the usual core supply of a technology node.

    Args:
        node: Technology node, nm; the nearest known one counts.

    Returns:
        Supply, V.

    Example:
        >>> nominal_supply(14.0), nominal_supply(32.0)
        (0.8, 0.9)
    """
    return NOMINAL_SUPPLY[min(NOMINAL_SUPPLY, key=lambda known: abs(known - node))]


class Calibration(Settings):
    """How a chip differs from the average chip: what :func:`calibrate` returns.

    All entries are natural logarithms of factors, except the two changes of exponents.

    Example:
        >>> from analognas.hardware import MeasuredPoint, calibrate, mvm_cost
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> mine = calibrate(unit, [MeasuredPoint(energy=12480.0)])
        >>> mine.calibration.n_energies, round(mvm_cost(mine).energy / 12480.0, 2)
        (1, 1.0)
    """

    settings_name = "calibration"

    energy: float = Field(default=0.0, description="Log of the factor on every energy.")
    energy_terms: tuple[float, ...] = Field(
        default=(), description="Log of the factor on each fitted component of the energy."
    )
    energy_supply: float = Field(
        default=0.0,
        ge=-0.4,
        le=0.1,
        description="Change of the exponent of the supply in the energy, V^1.6 to V^2.1.",
    )
    time: float = Field(default=0.0, description="Log of the factor on every time.")
    time_terms: tuple[float, ...] = Field(
        default=(), description="Log of the factor on each component of the time."
    )
    time_supply: float = Field(
        default=0.0,
        ge=-1.0,
        le=0.6,
        description="Change of the exponent of the supply in the time.",
    )
    area: float = Field(default=0.0, description="Log of the factor on the area.")
    n_energies: int = Field(default=0, ge=0, description="Measured energies it was fitted to.")
    n_times: int = Field(default=0, ge=0, description="Measured times it was fitted to.")
    n_areas: int = Field(default=0, ge=0, description="Measured areas it was fitted to.")
    energy_misfit: float = Field(
        default=1.0, ge=1.0, description="Geometric mean factor between fit and measured energies."
    )
    time_misfit: float = Field(default=1.0, ge=1.0, description="The same of the times.")
    area_misfit: float = Field(default=1.0, ge=1.0, description="The same of the areas.")
    times_at: tuple[Options, ...] = Field(
        default=(), description="Conditions under which times were measured: entries of the unit."
    )
    areas_at: tuple[Options, ...] = Field(default=(), description="The same of the areas.")


class MVMUnit(Settings):
    """An analog array, its converters and one operating point.

    Example:
        >>> unit = MVMUnit(
        ...     device="ReRAM", node=22, rows=256, columns=256, outputs=256, adc_bits=6, integration_time=50)
        >>> unit.replace(supply=0.9).repeats, unit.volts
        (1, 0.8)
    """

    settings_name = "MVM unit"

    device: Literal["ReRAM", "PCM", "MRAM", "Flash", "SRAM", "eDRAM"] = Field(
        description="Memory of the weights."
    )
    mode: Literal["current", "charge"] | None = Field(
        default=None,
        description="What a column adds up: currents over the integration time, or charges on "
        "capacitors. None: current for non-volatile memories, charge for SRAM and eDRAM.",
    )
    node: float = quantity(..., "nm", "Technology node.", ge=1.0, le=1000.0)
    supply: float | None = quantity(
        None,
        "V",
        "Supply; None: the usual one of the node, which is then an assumption.",
        gt=0.0,
        le=20.0,
    )
    rows: int = Field(ge=1, le=2**24, description="Rows of the array.")
    columns: int = Field(ge=1, le=2**24, description="Columns of the array.")
    active_rows: float | None = Field(
        default=None, gt=0.0, description="Rows that are on in one use of the array; None: all."
    )
    outputs: float = Field(gt=0.0, description="Outputs that are converted in one use of it.")
    input_bits: float = Field(
        default=8.0, gt=0.0, le=32.0, description="Bits of an input taken in one use of the array."
    )
    input_coding: Literal["serial", "pulse width", "pulses"] = Field(
        default="serial",
        description="How an input enters: bit by bit or through a converter, as the length of one "
        "pulse, or as a number of pulses, split into `phases` digits.",
    )
    weight_bits: float = Field(default=4.0, gt=0.0, le=32.0, description="Bits of a weight.")
    cells_per_weight: float | None = Field(
        default=None,
        gt=0.0,
        description="Cells that hold the bits of one weight; None: as many as bits.",
    )
    adc_bits: float = Field(
        default=8.0, gt=0.0, le=24.0, description="Effective bits of an output conversion."
    )
    adc_type: Literal["converter", "comparator"] = Field(
        default="converter",
        description="A converter, or a comparator that reads the array again for each of its "
        "2^bits - 1 thresholds.",
    )
    phases: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Uses of the array one after another in which the digits of an input enter. Uses for "
        "columns that share converters and for groups of rows come beside them: see `unit_chip`.",
    )
    integration_time: float | None = quantity(
        None,
        "ns",
        "Time of one use of the array with its conversions, as measured or designed; None: estimated, and "
        "marked as a guess.",
        gt=0.0,
    )
    capacity: float | None = Field(
        default=None,
        gt=0.0,
        description="Cells of the array; None: rows times columns.",
    )
    processor: bool = Field(
        default=False, description="The area includes memories, digital units and network."
    )
    source: str = Field(default="", description="Where the numbers come from.")
    calibration: Calibration | None = Field(
        default=None, description="How this chip differs from the average one."
    )

    @model_validator(mode="after")
    def _rows_fit(self) -> MVMUnit:
        if self.active_rows is not None and self.active_rows > self.rows:
            raise InvalidArgumentError(
                f"`active_rows` must be at most `rows`, {self.rows}, but got {self.active_rows:g}."
            )
        return self

    @property
    def volts(self) -> float:
        """Supply, V, the assumed one included."""
        return nominal_supply(self.node) if self.supply is None else self.supply

    @property
    def active(self) -> float:
        """Rows that are on."""
        return float(self.rows) if self.active_rows is None else self.active_rows

    @property
    def cells(self) -> float:
        """Cells that hold one weight."""
        return self.weight_bits if self.cells_per_weight is None else self.cells_per_weight

    @property
    def non_volatile(self) -> bool:
        """Whether the weights stay without power."""
        return self.device in NON_VOLATILE

    @property
    def adds_currents(self) -> bool:
        """Whether a column adds up currents, so that energy follows the integration time."""
        return self.mode == "current" or (self.mode is None and self.non_volatile)

    @property
    def conditions(self) -> dict[str, Any]:
        """Entries that a measurement holds for, with what is assumed; without time, source and calibration."""
        entries = self.to_dict()
        for name in ("integration_time", "source", "calibration"):
            del entries[name]
        assumed = {"supply": self.volts, "active_rows": self.active, "cells_per_weight": self.cells}
        return entries | assumed

    @property
    def repeats(self) -> int:
        """Full uses of the array in one MVM; pulses of all digits make up one use."""
        inputs = 1 if self.input_coding == "pulses" else self.phases
        thresholds = max(round(2**self.adc_bits) - 1, 1) if self.adc_type == "comparator" else 1
        return inputs * thresholds

    @property
    def conversion_bits(self) -> float:
        """Bits of one conversion; a comparator's has one."""
        return 1.0 if self.adc_type == "comparator" else self.adc_bits

    @property
    def cycles(self) -> float:
        """Steps in which the inputs enter during one use; none counted for one long pulse."""
        if self.input_coding == "pulse width":
            return 0.0
        if self.input_coding == "pulses":
            return float(self.phases * 2 ** (self.input_bits / self.phases - 1))
        return self.input_bits


def check_unit(unit: object) -> None:
    """Raise an error unless ``unit`` is one; a chip states figures of an MVM, not what they follow from."""
    if isinstance(unit, MVMUnit):
        return
    got = (
        f"the chip {getattr(unit, 'name', '')!r}"
        if hasattr(unit, "mvm_energy")
        else value_text(unit)
    )
    raise InvalidArgumentError(
        f"`unit` must be an MVMUnit, which describes an array, but got {got}; presets are `find_unit(name)`."
    )
