"""The configuration of an analog layer: a frozen tree of plain values, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..core import InvalidArgumentError, check_choice, check_float, check_int
from ..physics import PCM, Device, DifferentialPair, Mapping

RANGE_KINDS = ("learned", "fixed", "absmax")
MODIFIER_KINDS = (
    "none",
    "additive",
    "multiplicative",
    "programming",
    "polynomial",
    "discretize",
)
CLIP_KINDS = ("none", "gaussian", "fixed")
SCALINGS = ("layer", "tile", "column")
COMPENSATION_KINDS = ("none", "global", "column", "exact")
READ_NOISE_KINDS = ("pcm", "constant")
NOISE_SOURCES = ("exact", "bank")


@dataclass(frozen=True, kw_only=True)
class TileSize:
    """Largest matrix that one tile holds.

    A layer's matrix is split into near-equal tiles; a convolution is its unfolded matrix, cut between
    input channels where a channel's kernel fits a tile.

    Attributes:
        rows: Inputs of a tile; None: all inputs of the layer.
        columns: Outputs of a tile; None: all outputs of the layer.
    """

    rows: int | None = 512
    columns: int | None = 512

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            if getattr(self, name) is not None:
                _store(self, f"tile.{name}", check_int, minimum=1)


@dataclass(frozen=True, kw_only=True)
class DAC:
    """Converter of the inputs: 2^bits - 2 equal steps on [-1, 1] of the input range, clipped.

    Attributes:
        bits: Resolution; None: no rounding (inputs are still clipped to their range).
        noise: Standard deviation of the noise on the converted inputs, in units of the input range.
    """

    bits: int | None = 8
    noise: float = 0.0

    def __post_init__(self) -> None:
        _store_bits(self, "dac.bits")
        _store(self, "dac.noise", check_float, minimum=0.0)

    @property
    def steps(self) -> int | None:
        """Steps from 0 to full scale: half of 2^bits - 2."""
        return None if self.bits is None else 2 ** (self.bits - 1) - 1


@dataclass(frozen=True, kw_only=True)
class ADC:
    """Converter of the outputs: clipped to the bound, 2^bits - 2 equal steps between its ends.

    Attributes:
        bits: Resolution; None: no rounding.
        bound: Largest output, in units of the largest weight times the largest input; None: no clipping
            (then there can be no rounding either).
        bound_management: In evaluation, halve the inputs of a vector as long as one of its outputs
            saturates.
    """

    bits: int | None = 8
    bound: float | None = 10.0
    bound_management: bool = False

    def __post_init__(self) -> None:
        _store_bits(self, "adc.bits")
        _check_bool("adc.bound_management", self.bound_management)
        if self.bound is not None:
            _store(self, "adc.bound", _positive)
        elif self.bits is not None or self.bound_management:
            raise InvalidArgumentError(
                "`adc.bound` must be a positive number where `adc.bits` or `adc.bound_management` is "
                "set, but got None."
            )

    @property
    def steps(self) -> int | None:
        """Steps from 0 to the bound: half of 2^bits - 2."""
        return None if self.bits is None else 2 ** (self.bits - 1) - 1


@dataclass(frozen=True, kw_only=True)
class InputRange:
    """The input that drives a tile at full scale.

    Attributes:
        kind: ``"learned"`` (initialised from data, then trained), ``"fixed"`` (``init`` for ever, or what
            :func:`~analognas.nn.calibrate` found), or ``"absmax"`` (the largest absolute value of each
            input vector).
        init: Value before any data were seen, in units of the inputs.
        init_std: After initialisation: this many standard deviations of the inputs.
        init_batches: Training batches that initialise a learned range; 0: it is learned from ``init``.
        decay: Gradient that shrinks the range, in units of the range.
        min_unclipped: The range shrinks only while at least this share of the inputs is not clipped.
    """

    kind: str = "learned"
    init: float = 3.0
    init_std: float = 3.0
    init_batches: int = 50
    decay: float = 0.01
    min_unclipped: float = 0.995

    def __post_init__(self) -> None:
        check_choice("input_range.kind", self.kind, RANGE_KINDS)
        _store(self, "input_range.init", _positive)
        _store(self, "input_range.init_std", _positive)
        _store(self, "input_range.init_batches", check_int, minimum=0)
        _store(self, "input_range.decay", check_float, minimum=0.0)
        _store(self, "input_range.min_unclipped", check_float, minimum=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class ReadNoise:
    r"""Noise of the weights from one matrix-vector product to the next.

    Attributes:
        std: Its size, in units of the largest weight.
        kind: ``"pcm"``: the output varies by :math:`std \sqrt{\sum |w| x^2}`; ``"constant"``: by
            :math:`std \sqrt{\sum x^2}`.
    """

    std: float = 0.0
    kind: str = "pcm"

    def __post_init__(self) -> None:
        _store(self, "read_noise.std", check_float, minimum=0.0)
        check_choice("read_noise.kind", self.kind, READ_NOISE_KINDS)


@dataclass(frozen=True, kw_only=True)
class WeightModifier:
    """What training does to the weights of each forward pass; gradients go to the clean weights.

    Attributes:
        kind: ``"additive"``: normal noise; ``"multiplicative"``: the same times the weight's size;
            ``"programming"``: normal noise by the polynomial, a weight keeps its sign;
            ``"polynomial"``: the same without keeping the sign; ``"discretize"``: rounded to ``bits``;
            ``"none"``.
        std: Standard deviation in units of the largest weight; the factor on the polynomial.
        coeffs: The polynomial in rising powers of |weight| / largest weight, in units of the largest
            weight.
        bits: Resolution of ``"discretize"``.
        drop_connect: Probability that a weight is 0, with any kind.
    """

    kind: str = "additive"
    std: float = 0.06
    coeffs: tuple[float, ...] = (0.26348 / 25.0, 1.9650 / 25.0, -1.1731 / 25.0)
    bits: int = 8
    drop_connect: float = 0.0

    def __post_init__(self) -> None:
        check_choice("modifier.kind", self.kind, MODIFIER_KINDS)
        _store(self, "modifier.std", check_float, minimum=0.0)
        _store_bits(self, "modifier.bits")
        _store(self, "modifier.coeffs", _floats)
        _store(self, "modifier.drop_connect", check_float, minimum=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Clipping of the weights after each optimizer step.

    Attributes:
        kind: ``"gaussian"``: at ``sigma`` standard deviations of the layer's weights; ``"fixed"``: at
            ``value`` times the weight scale; ``"none"``.
        sigma: See ``kind``.
        value: See ``kind``.
    """

    kind: str = "gaussian"
    sigma: float = 2.5
    value: float = 1.0

    def __post_init__(self) -> None:
        check_choice("clip.kind", self.kind, CLIP_KINDS)
        _store(self, "clip.sigma", _positive)
        _store(self, "clip.value", _positive)


@dataclass(frozen=True, kw_only=True)
class WeightScaling:
    """The weight that the largest conductance stands for.

    Attributes:
        per: One scale a ``"layer"``, ``"tile"`` or ``"column"`` (output of a tile).
        remap: Set the scales to the largest weights anew after each optimizer step; otherwise they stay
            as they were when the layer was made.
        learned: Whether each output has a learned digital factor, 1 at first.
    """

    per: str = "layer"
    remap: bool = True
    learned: bool = False

    def __post_init__(self) -> None:
        check_choice("scaling.per", self.per, SCALINGS)
        _check_bool("scaling.remap", self.remap)
        _check_bool("scaling.learned", self.learned)


@dataclass(frozen=True, kw_only=True)
class DriftCompensation:
    """Digital factor on a tile's outputs, measured through its own noisy, quantised forward.

    Attributes:
        kind: ``"global"``: one factor a tile; ``"column"``: one for each output; ``"exact"``: one a tile,
            against the outputs that the weights should give; ``"none"``.
        n_repeats: Readings that are averaged.
    """

    kind: str = "global"
    n_repeats: int = 1

    def __post_init__(self) -> None:
        check_choice("compensation.kind", self.kind, COMPENSATION_KINDS)
        _store(self, "compensation.n_repeats", check_int, minimum=1)


@dataclass(frozen=True, kw_only=True)
class AnalogConfig:
    """All that is assumed of the hardware, and how training prepares for it.

    Attributes:
        device: Model of a memory device.
        pair: How a weight is put on devices.
        tile: Largest tile.
        dac: Converter of the inputs.
        adc: Converter of the outputs.
        input_range: The input that drives a tile at full scale.
        out_noise: Standard deviation of the noise on a tile's outputs, in units of the largest weight
            times the largest input.
        read_noise: Noise of the weights from one product to the next.
        ir_drop: Factor on the loss of voltage along a column; 1 is nominal, 0 none.
        modifier: What training does to the weights.
        clip: Clipping of the weights while training.
        scaling: Weight scales, and whether training maps them anew.
        compensation: Drift compensation.
        digital: What stays digital: ``"first"``, ``"last"``, or patterns of module names (``*`` and ``?``
            as in file names).
        noise_source: Where training draws normal numbers: ``"exact"`` or from a ``"bank"``. Evaluation
            on chips always draws exactly.

    Raises:
        InvalidArgumentError: If a value has the wrong type or is outside its range.
        UnknownNameError: If a choice is unknown.

    Example:
        >>> AnalogConfig(tile=TileSize(rows=256)).tile.rows
        256
    """

    device: Device = field(default_factory=PCM)
    pair: Mapping = field(default_factory=DifferentialPair)
    tile: TileSize = field(default_factory=TileSize)
    dac: DAC = field(default_factory=DAC)
    adc: ADC = field(default_factory=ADC)
    input_range: InputRange = field(default_factory=InputRange)
    out_noise: float = 0.04
    read_noise: ReadNoise = field(default_factory=ReadNoise)
    ir_drop: float = 0.0
    modifier: WeightModifier = field(default_factory=WeightModifier)
    clip: Clip = field(default_factory=Clip)
    scaling: WeightScaling = field(default_factory=WeightScaling)
    compensation: DriftCompensation = field(default_factory=DriftCompensation)
    digital: tuple[str, ...] = ()
    noise_source: str = "exact"

    def __post_init__(self) -> None:
        for name, kind in PARTS.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise InvalidArgumentError(
                    f"`{name}` must be an instance of {kind.__name__}, but got {value!r}."
                )
        _store(self, "out_noise", check_float, minimum=0.0)
        _store(self, "ir_drop", check_float, minimum=0.0)
        check_choice("noise_source", self.noise_source, NOISE_SOURCES)
        _store(self, "digital", _names)

    def replace(self, **changes: Any) -> AnalogConfig:
        """Return a copy with some fields changed.

        Example:
            >>> AnalogConfig().replace(out_noise=0.0).out_noise
            0.0
        """
        for name in changes:
            check_choice("AnalogConfig argument", name, self.__dataclass_fields__)
        return replace(self, **changes)


PARTS: dict[str, type] = {
    "device": Device,
    "pair": Mapping,
    "tile": TileSize,
    "dac": DAC,
    "adc": ADC,
    "input_range": InputRange,
    "read_noise": ReadNoise,
    "modifier": WeightModifier,
    "clip": Clip,
    "scaling": WeightScaling,
    "compensation": DriftCompensation,
}
"""Fields of :class:`AnalogConfig` that are objects, and their classes."""


def _store(part: Any, name: str, check: Callable[..., Any], **limits: Any) -> None:
    """Replace a field, named as users know it, by the plain value that its check returns."""
    field_name = name.rpartition(".")[2]
    object.__setattr__(part, field_name, check(name, getattr(part, field_name), **limits))


def _store_bits(part: Any, name: str) -> None:
    if part.bits is not None:
        _store(part, name, check_int, minimum=2, maximum=24)


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"`{name}` must be true or false, but got {value!r}.")


def _positive(name: str, value: Any) -> float:
    number = check_float(name, value, minimum=0.0)
    if number == 0.0:
        raise InvalidArgumentError(f"`{name}` must be positive, but got {value!r}.")
    return number


def _floats(name: str, values: Any) -> tuple[float, ...]:
    if isinstance(values, str) or not hasattr(values, "__iter__") or len(tuple(values)) == 0:
        raise InvalidArgumentError(f"`{name}` must be a list of numbers, but got {values!r}.")
    return tuple(check_float(f"{name}[{i}]", value) for i, value in enumerate(values))


def _names(name: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, tuple | list) or not all(isinstance(entry, str) for entry in values):
        raise InvalidArgumentError(f"`{name}` must be a tuple of names, but got {values!r}.")
    return tuple(values)
