"""A tiled analog chip, described by what its crossbars and its digital parts do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from ..core import InvalidArgumentError, Registry
from ..core.checks import value_text
from ..core.settings import Settings, quantity
from .programming import Programming

__all__ = ["CHIPS", "NETWORK_FACTOR", "AIMCChip"]

CHIPS: Registry[AIMCChip] = Registry("chip", {})
"""Chips by the name that ``analognas cost --chip`` takes."""

_Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
_Known = Annotated[float, Field(ge=1e-15, le=1e15)]
"""What is positive where it is known."""
_Free = Annotated[float, Field(ge=0.0, le=1e15)]
"""What may cost nothing."""
_Factor = Annotated[float, Field(ge=1.0, le=1e15)]

NETWORK_FACTOR = 1.6
"""Typical error of a network's time and energy that are scaled from figures of an MVM: geometric mean over the
published systems of ``benchmarks/silicon_systems.py``, 1.6 for times and for energies."""


def _with_base(schema: dict[str, Any]) -> None:
    """Add what files may hold beside the fields."""
    about = "Name of a chip to start from; then nothing else is required."
    schema["properties"]["base"] = {"type": "string", "description": about}
    schema.pop("required", None)


class AIMCChip(Settings):
    """An analog chip.

    A matrix layer lies on crossbars for good (weight-stationary); one use of a crossbar, a matrix-vector
    multiplication (MVM), serves one output position. What is None is not known: costs that need it are NaN,
    and others are not; only the time of links is not counted then. Energies that are 0 cost nothing: they are
    in ``mvm_energy``, or left out.

    Files may start from a chip that has a name, and state what differs: ``{base: hermes, n_tiles: 256}``.

    Raises:
        InvalidArgumentError: If a value is of the wrong kind or out of range.
        UnknownNameError: If an entry, a choice or the base is unknown; names the nearest.

    Example:
        >>> chip = AIMCChip(name="mine", rows=128, columns=128, mvm_latency=100.0, mvm_energy=5.0)
        >>> round(chip.tops, 4), round(chip.tops_per_watt, 4)
        (0.3277, 6.5536)
        >>> AIMCChip.from_dict({"base": "hermes", "n_tiles": 256}).mvm_latency
        133.0
    """

    model_config = ConfigDict(json_schema_extra=_with_base)
    settings_name = "chip"

    name: str = Field(description="What it is called.")
    source: str = Field(default="", description="Where the numbers come from.")
    rows: _Count = Field(description="Inputs of a crossbar.")
    columns: _Count = Field(
        description="Outputs of a crossbar, in weights: a weight of several devices counts once.",
    )
    n_tiles: _Count | None = Field(
        default=None,
        description="Crossbars that there are; null: as many as a network needs.",
    )
    mapping: Literal["naive", "packed"] = Field(
        default="naive",
        description="naive: every matrix on crossbars of its own, cut as analog layers cut it; packed: blocks "
        "of a grouped convolution lie on the diagonal of a crossbar, and matrices share crossbars.",
    )
    cut: Literal["channels", "elements"] = Field(
        default="channels",
        description="Where a matrix that is too high is cut: between channels, as analog layers are, or "
        "anywhere between elements, which takes fewest crossbars.",
    )
    schedule: Literal["layer_by_layer", "pipelined"] = Field(
        default="layer_by_layer",
        description="layer_by_layer: one layer works at a time; pipelined: while a layer works on one input, "
        "the layer before works on the next.",
    )
    replicate: bool = Field(
        default=False,
        description="Fill the crossbars that are left with copies of the layers with most positions, so that "
        "the longest layer becomes as short as possible; needs `n_tiles`.",
    )
    depthwise: Literal["analog", "digital"] = Field(
        default="analog", description="Where convolutions with one channel a group run."
    )
    mvm_latency: _Known | None = quantity(None, "ns", "Time of one MVM with its conversions.")
    mvm_energy: _Known | None = quantity(
        None, "nJ", "Energy of one MVM of a crossbar, with whatever the source includes."
    )
    dac_energy: _Free = quantity(
        0.0, "pJ", "Energy of one input conversion, where `mvm_energy` does not include it."
    )
    adc_energy: _Free = quantity(0.0, "pJ", "Energy of one output conversion, likewise.")
    add_energy: _Free = quantity(
        0.0, "pJ", "Energy of adding one partial sum of crossbars that lie one below the other."
    )
    digital_energy: _Free | None = quantity(
        None, "pJ", "Energy of one digital multiply-accumulate."
    )
    digital_throughput: _Known | None = quantity(None, "1/ns", "Digital multiply-accumulates a ns.")
    link_energy: _Free = quantity(
        0.0, "pJ", "Energy of moving one byte of outputs to where it is used."
    )
    link_bandwidth: _Known | None = quantity(
        None, "bytes/ns", "Bytes moved a ns; null: their time is not counted."
    )
    activation_bits: _Count = Field(default=8, description="Bits of an activation that is moved.")
    idle_power: _Free = quantity(0.0, "mW", "Power that a crossbar draws all the time.")
    program_energy: _Free | None = quantity(None, "nJ", "Energy of writing one weight.")
    tile_area: _Known | None = quantity(None, "mm2", "Area of a crossbar with its periphery.")
    digital_area: _Free = quantity(0.0, "mm2", "Area of all the rest.")
    fixed_share: float = Field(
        default=1.0,
        ge=0.0,
        le=1.0,
        description="Share of `mvm_energy` that an MVM takes however few cells of its crossbar hold weights; "
        "the rest follows the share of cells that do.",
    )
    operations_per_output: int = Field(
        default=3,
        ge=0,
        le=2**31 - 1,
        description="Digital operations an output of a matrix layer: by default three, for scale and offset "
        "with the normalisation folded in, activation or gate, and the addition of a branch or of the other "
        "matrix of a gate. Additions of partial sums are counted beside it.",
    )
    operation_energy: _Free = quantity(
        0.0, "pJ", "Energy of one such operation; products and softmax of attention count too."
    )
    operation_throughput: _Known | None = quantity(
        None,
        "1/ns",
        "Operations a ns of the digital unit of one crossbar; null: their time is not counted.",
    )
    link_hops: _Free = Field(default=1.0, description="Links that a value passes on its way.")
    buffer_energy: _Free = quantity(
        0.0, "pJ", "Energy of writing and reading one byte of a buffer on its way."
    )
    branches: Literal["sequential", "parallel"] = Field(
        default="sequential",
        description="How branches side by side run; in parallel, time follows the longest path.",
    )
    latency_bound: bool = Field(
        default=False,
        description="`mvm_latency` is an upper bound: times are at most what is stated.",
    )
    energy_factor: _Factor | None = Field(
        default=NETWORK_FACTOR,
        description="Typical error factor of energies, a geometric mean and not a bound; by default that of "
        "networks on published systems. null: none is printed.",
    )
    latency_factor: _Factor | None = Field(
        default=NETWORK_FACTOR,
        description="The same of times. A time that is an upper bound has none.",
    )
    area_factor: _Factor | None = Field(
        default=None,
        description="The same of the area; null: the area of a crossbar is measured and only multiplied.",
    )

    programming: Programming | None = Field(
        default=None, description="How weights are written; null: not published."
    )

    @model_validator(mode="wrap")  # type: ignore[misc]
    @classmethod
    def _read(cls, entries: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Check entries, which may start from a chip with a name."""
        if isinstance(entries, Mapping) and "base" in entries:
            changes = {name: value for name, value in entries.items() if name != "base"}
            if not isinstance(entries["base"], str):
                raise InvalidArgumentError(
                    f"`base` must be the name of a chip as text, but got {value_text(entries['base'])}."
                )
            entries = dict(CHIPS.get(entries["base"])) | changes
        return cls._read_own(entries, handler)

    @model_validator(mode="after")
    def _check_choices(self) -> AIMCChip:
        if self.replicate and self.n_tiles is None:
            raise InvalidArgumentError(
                "`n_tiles` must be given where `replicate` is true: copies fill the crossbars that are left."
            )
        if self.mapping == "packed" and self.schedule == "pipelined":
            raise InvalidArgumentError(
                "`schedule` must be 'layer_by_layer' where `mapping` is 'packed', but got 'pipelined': "
                "layers that share a crossbar cannot work at once."
            )
        return self

    def __repr__(self) -> str:
        number = "any number of" if self.n_tiles is None else self.n_tiles
        return f"AIMCChip({self.name}: {number} crossbars of {self.rows} x {self.columns})"

    __str__ = __repr__

    @property
    def time_factor(self) -> float | None:
        """Error factor that times print with: none where they are upper bounds."""
        return None if self.latency_bound else self.latency_factor

    @property
    def ops_per_mvm(self) -> int:
        """Operations of one MVM: a multiplication and an addition a weight."""
        return 2 * self.rows * self.columns

    @property
    def tops(self) -> float:
        """Peak throughput of all crossbars, of one where their number is open, 10^12 operations a second."""
        return self.ops_per_mvm * (self.n_tiles or 1) / _known(self.mvm_latency) / 1e3

    @property
    def tops_per_watt(self) -> float:
        """Peak efficiency, 10^12 operations a joule."""
        per_mvm = self.dac_energy * self.rows + self.adc_energy * self.columns
        return self.ops_per_mvm / (_known(self.mvm_energy) + 1e-3 * per_mvm) / 1e3

    @property
    def tops_per_mm2(self) -> float:
        """Peak throughput of a crossbar by its area, 10^12 operations a second and mm2."""
        return self.ops_per_mvm / _known(self.mvm_latency) / _known(self.tile_area) / 1e3


def _known(value: float | None) -> float:
    return float("nan") if value is None else value
