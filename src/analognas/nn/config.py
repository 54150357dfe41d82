"""The configuration of analog layers."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ..core import InvalidArgumentError
from ..core.settings import Settings
from ..physics import PCM, Device, DifferentialPair, MultiPair, WeightMapping
from .aihwkit_entries import aihwkit_entries

_Bits: TypeAlias = Annotated[int, Field(ge=2, le=24)]

PAIRS_OF_DOUBLED = MultiPair((1.0, 1.0))
"""Devices of a weight of a doubled layer: two pairs."""


class TileSize(Settings):
    """Size of a tile.

    A layer's matrix is split into tiles of nearly equal size. A convolution is split as its unfolded matrix,
    between input channels if the kernel of one channel fits a tile.

    Attributes:
        rows: Largest number of inputs; None: all inputs of the layer.
        columns: Largest number of outputs; None: all outputs of the layer.

    Example:
        >>> TileSize(rows=256, columns=256).rows
        256
    """

    settings_name = "tile"

    rows: Annotated[int, Field(ge=1)] | None = Field(
        default=512, description="Largest number of inputs."
    )
    columns: Annotated[int, Field(ge=1)] | None = Field(
        default=512, description="Largest number of outputs."
    )


class DAC(Settings):
    """Converter of the inputs: clipping at the input range, 2^bits - 2 equal steps over [-1, 1] of the range.

    Attributes:
        bits: Resolution; None: no rounding. Inputs are clipped in both cases.
        noise: Standard deviation of the noise of converted inputs, in units of the input range.

    Example:
        >>> AnalogConfig(dac=DAC(bits=6, noise=0.01)).dac.bits
        6
    """

    settings_name = "dac"

    bits: _Bits | None = Field(default=8, description="Resolution; null: no rounding.")
    noise: float = Field(default=0.0, ge=0.0, description="Noise, in units of the input range.")

    @property
    def steps(self) -> int | None:
        """Steps from 0 to full scale: half of 2^bits - 2."""
        return _steps(self.bits)


class ADC(Settings):
    """Converter of the outputs: clipping at the bound, and 2^bits - 2 equal steps between its ends.

    Attributes:
        bits: Resolution; None: no rounding.
        bound: Largest output, in units of the largest weight times the largest input. None: no clipping, which
            requires ``bits=None``.
        bound_management: In evaluation, halve the inputs of a vector until none of its outputs saturates.

    Example:
        >>> config = AnalogConfig(adc=ADC(bits=None, bound=None))
        >>> config.adc.bits is None
        True
    """

    settings_name = "adc"

    bits: _Bits | None = Field(default=8, description="Resolution; null: no rounding.")
    bound: Annotated[float, Field(gt=0.0)] | None = Field(
        default=10.0,
        description="Largest output, in units of the largest weight times the largest input.",
    )
    bound_management: bool = Field(
        default=False, description="Whether evaluation halves the inputs of saturated vectors."
    )

    @model_validator(mode="after")
    def _check_bound(self) -> ADC:
        if self.bound is None and (self.bits is not None or self.bound_management):
            raise InvalidArgumentError(
                "`bound` must be a positive number if `bits` or `bound_management` is set, but got None."
            )
        return self

    @property
    def steps(self) -> int | None:
        """Steps from 0 to the bound: half of 2^bits - 2."""
        return _steps(self.bits)


def _steps(bits: int | None) -> int | None:
    return None if bits is None else 2 ** (bits - 1) - 1


class InputRange(Settings):
    """The input that corresponds to the full scale of the DAC.

    Attributes:
        kind: ``"learned"``: initialised from data, then trained. ``"fixed"``: ``init``, or the result of
            :func:`~analognas.nn.calibrate`. ``"absmax"``: the largest absolute value of each input vector.
        init: Initial value, in units of the inputs.
        init_std: Value after initialisation, in standard deviations of the inputs.
        init_batches: Number of training batches that initialise a learned range. With 0, the range is learned
            from ``init``.
        decay: Gradient that shrinks the range, in units of the range.
        min_unclipped: The range shrinks only if at least this share of the inputs is not clipped.

    Example:
        >>> AnalogConfig(input_range=InputRange(kind="fixed", init=4.0)).input_range.kind
        'fixed'
    """

    settings_name = "input range"

    kind: Literal["learned", "fixed", "absmax"] = Field(
        default="learned", description="How the range is set."
    )
    init: float = Field(default=3.0, gt=0.0, description="Initial value, in units of the inputs.")
    init_std: float = Field(
        default=3.0,
        gt=0.0,
        description="Value after initialisation, in standard deviations of the inputs.",
    )
    init_batches: int = Field(
        default=50, ge=0, description="Batches that initialise a learned range."
    )
    decay: float = Field(default=0.01, ge=0.0, description="Gradient that shrinks the range.")
    min_unclipped: float = Field(
        default=0.995,
        ge=0.0,
        le=1.0,
        description="Share of unclipped inputs from which the range shrinks.",
    )


class ReadNoise(Settings):
    r"""Weight noise that is drawn again for each matrix-vector product.

    Attributes:
        std: Standard deviation, in units of the largest weight.
        kind: ``"pcm"``: the standard deviation of an output is :math:`std \sqrt{\sum |w| x^2}`. ``"constant"``:
            it is :math:`std \sqrt{\sum x^2}`.

    Example:
        >>> AnalogConfig(read_noise=ReadNoise(std=0.01, kind="constant")).read_noise.std
        0.01
    """

    settings_name = "read noise"

    std: float = Field(default=0.0, ge=0.0, description="Size, in units of the largest weight.")
    kind: Literal["pcm", "constant"] = Field(default="pcm", description="Dependence on the weight.")


class WeightModifier(Settings):
    """Noise on the weights in each forward pass of training. Gradients go to the clean weights.

    Attributes:
        kind: ``"additive"``: normal noise. ``"multiplicative"``: normal noise times the weight.
            ``"polynomial"``: normal noise with a polynomial of the weight as standard deviation.
            ``"programming"``: the same, but a weight keeps its sign. ``"discretize"``: rounding to ``bits``.
            ``"none"``: no noise.
        std: Standard deviation, in units of the largest weight; for a polynomial, a factor on it.
        coeffs: Coefficients of the polynomial in ascending powers of |weight| / largest weight, in units of the
            largest weight.
        bits: Resolution of ``"discretize"``.
        drop_connect: Probability that a weight is set to 0, with any kind.

    Example:
        >>> WeightModifier(kind="additive", std=0.06).std
        0.06
    """

    settings_name = "modifier"

    kind: Literal[
        "none", "additive", "multiplicative", "programming", "polynomial", "discretize"
    ] = Field(default="additive", description="Kind of noise.")
    std: float = Field(default=0.06, ge=0.0, description="Size, in units of the largest weight.")
    coeffs: tuple[float, ...] = Field(
        default=(0.26348 / 25.0, 1.9650 / 25.0, -1.1731 / 25.0),
        min_length=1,
        description="Polynomial in |weight| / largest weight.",
    )
    bits: _Bits = Field(default=8, description="Resolution of discretize.")
    drop_connect: float = Field(
        default=0.0, ge=0.0, le=1.0, description="Probability that a weight is set to 0."
    )


class Clip(Settings):
    """Clipping of the weights after each optimizer step.

    Attributes:
        kind: ``"gaussian"``: at ``sigma`` standard deviations of the layer's weights. ``"fixed"``: at ``value``
            times the weight scale. ``"none"``: no clipping.
        sigma: Limit of ``"gaussian"``.
        value: Limit of ``"fixed"``.

    Example:
        >>> Clip(kind="gaussian", sigma=2.0).sigma
        2.0
    """

    settings_name = "clip"

    kind: Literal["none", "gaussian", "fixed"] = Field(
        default="gaussian", description="Kind of limit."
    )
    sigma: float = Field(
        default=2.5, gt=0.0, description="Limit in standard deviations of the weights."
    )
    value: float = Field(default=1.0, gt=0.0, description="Limit in units of the weight scale.")


class WeightScaling(Settings):
    """The weight that corresponds to the largest conductance.

    Attributes:
        per: One scale for each ``"layer"``, ``"tile"`` or ``"column"`` (output of a tile), its largest weight.
            ``"fan_in"``: the constant ``sqrt(3 / n)`` for a layer of n inputs, whatever its weights are;
            larger weights are clipped when a chip is programmed.
        remap: Set the scales to the largest weights after each optimizer step. Otherwise the initial scales
            stay.
        learned: Whether each output has a learned digital scale, initially 1.

    Example:
        >>> WeightScaling(per="column").per
        'column'
    """

    settings_name = "scaling"

    per: Literal["layer", "tile", "column", "fan_in"] = Field(
        default="layer",
        description="What shares one scale; fan_in: the constant sqrt(3 / inputs of the layer).",
    )
    remap: bool = Field(default=True, description="Whether training updates the scales.")
    learned: bool = Field(
        default=False, description="Whether each output has a learned digital scale."
    )


class DriftCompensation(Settings):
    """Digital factor on a tile's outputs, measured through its own noisy, quantised forward.

    Attributes:
        kind: ``"global"``: one factor for each tile. ``"column"``: one for each output. ``"exact"``: one for
            each tile, relative to the outputs of the target weights. ``"none"``: no factor.
        n_repeats: Number of readings to average.

    Example:
        >>> DriftCompensation(kind="none").kind
        'none'
    """

    settings_name = "compensation"

    kind: Literal["none", "global", "column", "exact"] = Field(
        default="global", description="What shares one factor."
    )
    n_repeats: int = Field(default=1, ge=1, description="Number of readings to average.")


class AnalogConfig(Settings):
    """The assumed hardware, and how training prepares for it.

    Attributes:
        device: Model of the memory devices.
        weight_mapping: Mapping of weights to devices; ``pair`` in files.
        tile: Size of a tile.
        dac: Converter of the inputs.
        adc: Converter of the outputs.
        input_range: The input that corresponds to the full scale of the DAC.
        out_noise: Standard deviation of the output noise, in units of the largest weight times the largest
            input.
        read_noise: Weight noise that is drawn for each product.
        ir_drop: Factor on the voltage loss along a column; 1 is nominal, 0 is none.
        modifier: Weight noise in training.
        clip: Clipping of the weights in training.
        scaling: Weight scales.
        compensation: Drift compensation.
        stuck_devices: Share of devices that are stuck: they keep a random conductance, whatever is programmed.
        digital: Layers that stay digital: ``"first"``, ``"last"``, or patterns of module names (``*`` and ``?``
            as in file names).
        doubled: Layers with two pairs of devices per weight in place of ``weight_mapping``, named in the same
            way. A layer that stays digital is not doubled.
        noise_source: Source of normal numbers in training: ``"exact"`` draws, or a ``"bank"`` of numbers.
            Evaluation on chips always uses exact draws.

    Raises:
        InvalidArgumentError: If a value has the wrong type or is outside its range.
        UnknownNameError: If an entry or a choice is unknown.

    Example:
        >>> AnalogConfig(tile=TileSize(rows=256)).tile.rows
        256
    """

    settings_name = "configuration"

    device: SerializeAsAny[Device] = Field(
        default_factory=PCM, description="Model of the memory devices."
    )
    weight_mapping: SerializeAsAny[WeightMapping] = Field(
        default_factory=DifferentialPair,
        validation_alias="pair",
        serialization_alias="pair",
        description="Mapping of weights to devices.",
    )
    tile: TileSize = Field(default=TileSize(), description="Size of a tile.")
    dac: DAC = Field(default=DAC(), description="Converter of the inputs.")
    adc: ADC = Field(default=ADC(), description="Converter of the outputs.")
    input_range: InputRange = Field(
        default=InputRange(), description="Input that is the full scale of the DAC."
    )
    out_noise: float = Field(
        default=0.04,
        ge=0.0,
        description="Output noise, in units of the largest weight times the largest input.",
    )
    read_noise: ReadNoise = Field(
        default=ReadNoise(), description="Weight noise drawn for each product."
    )
    ir_drop: float = Field(
        default=0.0, ge=0.0, description="Factor on the voltage loss along a column; 1 is nominal."
    )
    modifier: WeightModifier = Field(
        default=WeightModifier(), description="Weight noise in training."
    )
    clip: Clip = Field(default=Clip(), description="Clipping of weights in training.")
    scaling: WeightScaling = Field(default=WeightScaling(), description="Weight scales.")
    compensation: DriftCompensation = Field(
        default=DriftCompensation(), description="Drift compensation."
    )
    stuck_devices: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Share of devices that keep a random conductance, whatever is programmed.",
    )
    digital: tuple[str, ...] = Field(
        default=(), description="Layers that stay digital: first, last, or patterns of names."
    )
    doubled: tuple[str, ...] = Field(
        default=(),
        description="Layers with two pairs of devices per weight: first, last, or patterns of names.",
    )
    noise_source: Literal["exact", "bank"] = Field(
        default="exact", description="Source of normal numbers in training."
    )

    @model_serializer(mode="wrap")
    def _without_later_entries(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write files as versions without ``doubled`` and ``stuck_devices`` did, if nothing is."""
        entries: dict[str, Any] = write(self)
        for name in ("doubled", "stuck_devices"):
            if not getattr(self, name):
                entries.pop(name, None)
        return entries

    def of_doubled(self) -> AnalogConfig:
        """Return the configuration of a layer with two pairs of devices per weight."""
        return self.replace(weight_mapping=PAIRS_OF_DOUBLED)

    @classmethod
    def from_aihwkit(cls, config: Any) -> AnalogConfig:
        """Return the configuration for an ``InferenceRPUConfig`` of aihwkit, which need not be installed.

        Args:
            config: The object; its fields are read by name.

        Raises:
            InvalidArgumentError: If a field has no counterpart and is not switched off; names the field.

        Example:
            >>> from types import SimpleNamespace
            >>> rpu = SimpleNamespace(forward=SimpleNamespace(inp_res=1 / 254, out_res=-1, out_bound=0))
            >>> AnalogConfig.from_aihwkit(rpu).dac.bits
            8
        """
        return cls.from_dict(aihwkit_entries(config))

    @property
    def pair(self) -> WeightMapping:
        """Former name of ``weight_mapping``."""
        warnings.warn(
            "`AnalogConfig.pair` was renamed to `weight_mapping`. The old name will be removed in version 0.3.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.weight_mapping
