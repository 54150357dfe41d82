"""A tiled analog chip, described by what its crossbars and its digital parts do."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..core import InvalidArgumentError, check_choice, check_float, check_int
from ..core.checks import value_text

__all__ = ["BRANCHES", "CUTS", "DEPTHWISE", "MAPPINGS", "SCHEDULES", "AIMCChip"]

MAPPINGS = ("naive", "packed")
SCHEDULES = ("layer_by_layer", "pipelined")
DEPTHWISE = ("analog", "digital")
CUTS = ("channels", "elements")
BRANCHES = ("sequential", "parallel")

_CHOICES = {
    "mapping": MAPPINGS,
    "cut": CUTS,
    "schedule": SCHEDULES,
    "depthwise": DEPTHWISE,
    "branches": BRANCHES,
}
_COUNTS = ("rows", "columns", "activation_bits", "operations_per_output")
_FLAGS = ("replicate", "latency_bound")
_FACTORS = ("energy_factor", "latency_factor", "area_factor")
_OPTIONAL = (
    "n_tiles",
    "mvm_latency",
    "mvm_energy",
    "tile_area",
    "digital_energy",
    "digital_throughput",
    "link_bandwidth",
    "program_energy",
    "operation_throughput",
    *_FACTORS,
)
_MAY_BE_FREE = ("digital_energy", "program_energy")
_TEXTS = ("name", "source")
_MOST = 2**31 - 1
_SMALLEST, _LARGEST = 1e-15, 1e15


@dataclass(frozen=True, kw_only=True)
class AIMCChip:
    """An analog chip.

    A matrix layer lies on crossbars for good (weight-stationary); one use of a crossbar, a matrix-vector
    multiplication (MVM), serves one output position. What is None is not known: costs that need it are NaN,
    and others are not; only the time of links is not counted then. Energies that are 0 cost nothing: they are
    in ``mvm_energy``, or left out.

    Args:
        name: What it is called.
        source: Where the numbers come from.
        rows: Inputs of a crossbar.
        columns: Outputs of a crossbar, in weights: a weight of several devices counts once.
        n_tiles: Crossbars that there are; None: as many as a network needs.
        mapping: ``"naive"``: every matrix on crossbars of its own, cut as analog layers cut it; ``"packed"``:
            blocks of a grouped convolution lie on the diagonal of a crossbar, and matrices share crossbars.
        cut: Where a matrix that is too high is cut: between ``"channels"``, as analog layers are, or anywhere
            between ``"elements"``, which takes fewest crossbars.
        schedule: ``"layer_by_layer"``: one layer works at a time; ``"pipelined"``: while a layer works on one
            input, the layer before works on the next.
        replicate: Fill the crossbars that are left with copies of the layers with most positions, so that the
            longest layer becomes as short as possible; needs ``n_tiles``.
        depthwise: Where convolutions with one channel a group run: ``"analog"`` or ``"digital"``.
        mvm_latency: Time of one MVM with its conversions, ns.
        mvm_energy: Energy of one MVM of a crossbar, with whatever the source includes, nJ.
        dac_energy: Energy of one input conversion, where ``mvm_energy`` does not include it, pJ.
        adc_energy: Energy of one output conversion, likewise, pJ.
        add_energy: Energy of adding one partial sum of crossbars that lie one below the other, pJ.
        digital_energy: Energy of one digital multiply-accumulate, pJ.
        digital_throughput: Digital multiply-accumulates a ns.
        link_energy: Energy of moving one byte of outputs to where it is used, pJ.
        link_bandwidth: Bytes moved a ns; None: their time is not counted.
        activation_bits: Bits of an activation that is moved.
        idle_power: Power that a crossbar draws all the time, mW.
        program_energy: Energy of writing one weight, nJ.
        tile_area: Area of a crossbar with its periphery, mm2.
        digital_area: Area of all the rest, mm2.
        fixed_share: Share of ``mvm_energy`` that an MVM takes however few cells of its crossbar hold weights;
            the rest follows the share of cells that do.
        operations_per_output: Digital operations an output of a matrix layer: by default three, for scale and
            offset with the normalisation folded in, activation or gate, and the addition of a branch or of the
            other matrix of a gate. Additions of partial sums are counted beside it.
        operation_energy: Energy of one such operation, pJ; products and softmax of attention count too.
        operation_throughput: Operations a ns of the digital unit of one crossbar; None: their time is not
            counted.
        link_hops: Links that a value passes on its way.
        buffer_energy: Energy of writing and reading one byte of a buffer on its way, pJ.
        branches: Branches side by side run ``"sequential"`` or ``"parallel"``; in parallel, time follows the
            longest path.
        latency_bound: ``mvm_latency`` is an upper bound: times are at most what is stated.
        energy_factor: Error factor of the energy: it lies between its value divided and multiplied by it.
        latency_factor: That of the latency.
        area_factor: That of the area.

    Raises:
        InvalidArgumentError: If a value is of the wrong kind or out of range.
        UnknownNameError: If a choice is unknown.

    Example:
        >>> chip = AIMCChip(name="mine", rows=128, columns=128, mvm_latency=100.0, mvm_energy=5.0)
        >>> round(chip.tops, 4), round(chip.tops_per_watt, 4)
        (0.3277, 6.5536)
    """

    name: str
    source: str = ""
    rows: int
    columns: int
    n_tiles: int | None = None
    mapping: str = "naive"
    cut: str = "channels"
    schedule: str = "layer_by_layer"
    replicate: bool = False
    depthwise: str = "analog"
    mvm_latency: float | None = None
    mvm_energy: float | None = None
    dac_energy: float = 0.0
    adc_energy: float = 0.0
    add_energy: float = 0.0
    digital_energy: float | None = None
    digital_throughput: float | None = None
    link_energy: float = 0.0
    link_bandwidth: float | None = None
    activation_bits: int = 8
    idle_power: float = 0.0
    program_energy: float | None = None
    tile_area: float | None = None
    digital_area: float = 0.0
    fixed_share: float = 1.0
    operations_per_output: int = 3
    operation_energy: float = 0.0
    operation_throughput: float | None = None
    link_hops: float = 1.0
    buffer_energy: float = 0.0
    branches: str = "sequential"
    latency_bound: bool = False
    energy_factor: float | None = None
    latency_factor: float | None = None
    area_factor: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in _OPTIONAL:
                continue
            object.__setattr__(self, field.name, _checked(field.name, value))
        if self.replicate and self.n_tiles is None:
            raise InvalidArgumentError(
                "`n_tiles` must be given where `replicate` is true: copies fill the crossbars that are left."
            )
        if self.mapping == "packed" and self.schedule == "pipelined":
            raise InvalidArgumentError(
                "`schedule` must be 'layer_by_layer' where `mapping` is 'packed', but got 'pipelined': "
                "layers that share a crossbar cannot work at once."
            )

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


def _checked(name: str, value: object) -> object:
    if name in _TEXTS:
        if not isinstance(value, str):
            raise InvalidArgumentError(f"`{name}` must be text, but got {value_text(value)}.")
        return value
    if name in _CHOICES:
        return check_choice(name, value, _CHOICES[name])
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise InvalidArgumentError(
                f"`{name}` must be true or false, but got {value_text(value)}."
            )
        return value
    if name in _COUNTS or name == "n_tiles":
        least = 0 if name == "operations_per_output" else 1
        return check_int(name, value, minimum=least, maximum=_MOST)
    number = check_float(
        name,
        value,
        minimum=1.0 if name in _FACTORS else 0.0,
        maximum=1.0 if name == "fixed_share" else None,
    )
    if number > _LARGEST or 0.0 < number < _SMALLEST:
        raise InvalidArgumentError(
            f"`{name}` must be 0, or between {_SMALLEST:g} and {_LARGEST:g}, but got {value_text(value)}."
        )
    if number == 0.0 and name in _OPTIONAL and name not in _MAY_BE_FREE:
        raise InvalidArgumentError(
            f"`{name}` must be positive, or left out where it is not known, but got {value_text(value)}."
        )
    return number
