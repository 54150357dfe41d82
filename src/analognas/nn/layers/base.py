"""The base of all analog layers: their state, their three modes, clipping and remapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError, NotProgrammedError, check_choice, check_float, check_int
from ..config import AnalogConfig, WeightModifier
from ..hwa.autograd import NO_MODIFIER, HWAFunction, Pass
from ..hwa.input_ranges import MIN_RANGE, is_warming, observe, register, take_batch
from ..kernels import passes as kernels
from ..kernels.buffers import flat_array, takes_kernels
from ..tile.chips import LayerChips
from ..tile.products import Product
from ..tile.scales import clip_limit, weight_scales
from ..tile.tiled_layer import Plan
from ..tile.tiling import TileGrid
from .input_checks import check_type

MODES = ("train", "chip", "ideal")
"""Modes of an analog layer."""

_OWN_STATE = ("weight_scale", "input_range", "input_range_batches", "out_scale")


class AnalogLayer(nn.Module):
    """A layer whose weights are on analog tiles.

    ``mode`` is ``"train"`` (hardware-aware: converters and output noise, and in training the weight
    modifier), ``"chip"`` (on the simulated chips of :meth:`program`, with all their noise, whether in
    training or evaluation, without gradients) or ``"ideal"`` (the digital layer).

    Beside the parameters of the torch layer, with the same names and values, the state dict holds
    ``input_range`` (a parameter, no dimensions), ``weight_scale`` (a buffer, ``(row tiles, out)``),
    ``input_range_batches`` (a buffer: batches seen while the range was initialised) and, where configured,
    ``out_scale`` (a parameter, ``(out,)``). A state dict of the torch layer loads as well: scales are then
    taken from the weights.

    A subclass inherits from this class and from the torch layer, calls :meth:`_make_analog` at the end of
    its constructor and states :meth:`_digital`, :meth:`_to_tiles` and :meth:`_from_tiles`.
    """

    weight: Tensor
    weight_scale: Tensor
    input_range: Tensor
    input_range_batches: Tensor
    out_scale: Tensor | None
    plan: Plan
    _n_batches_seen: int
    _warming: bool

    def _make_analog(
        self,
        config: AnalogConfig,
        product: Product,
        *,
        channels: int,
        outputs: int,
        kernel: int = 1,
        groups: int = 1,
    ) -> None:
        """Add the analog state. Called once, at the end of a constructor."""
        if not isinstance(config, AnalogConfig):
            raise InvalidArgumentError(
                f"`config` must be an AnalogConfig, but got {type(config).__name__}."
            )
        check_weights(type(self).__name__, self.weight)
        grid = TileGrid.cut(
            config.tile, channels=channels, kernel=kernel, outputs=outputs, groups=groups
        )
        self.plan = Plan(config, product, grid)
        self.mode = "train"
        self.modifier_factor = 1.0
        self._chips: LayerChips | None = None
        device, dtype = self.weight.device, self.weight.dtype
        learned = config.input_range.kind == "learned"
        self.input_range = nn.Parameter(
            torch.full((), config.input_range.init, device=device, dtype=dtype),
            requires_grad=learned,
        )
        self.register_buffer(
            "weight_scale",
            torch.ones(grid.n_row_tiles, outputs * groups, device=device, dtype=dtype),
        )
        self.register_buffer(
            "input_range_batches", torch.zeros((), dtype=torch.int64, device=self.weight.device)
        )
        self.register_parameter(
            "out_scale",
            nn.Parameter(torch.ones(outputs * groups, device=device, dtype=dtype))
            if config.scaling.learned
            else None,
        )
        self._number = register(self)
        self._count_batches(0)
        if self.weight.device.type != "meta":
            self.reset_analog()

    @torch.no_grad()
    def reset_analog(self) -> None:
        """Set scales and ranges to what they are before any training."""
        self.forget_range()
        if self.out_scale is not None:
            self.out_scale.fill_(1.0)
        self.remap()

    @torch.no_grad()
    def forget_range(self) -> None:
        """Set the input range to what it is before any data were seen."""
        self.input_range.fill_(self.config.input_range.init)
        self.input_range_batches.zero_()
        self._count_batches(0)

    @property
    def config(self) -> AnalogConfig:
        """The configuration."""
        return self.plan.config

    @property
    def n_chips(self) -> int | None:
        """Chips of the leading dimension; None if there is none, or before :meth:`program`."""
        return None if self._chips is None else self._chips.n_chips

    @property
    def chips(self) -> LayerChips:
        """What :meth:`program` made.

        Raises:
            NotProgrammedError: Before it was called.
        """
        if self._chips is None:
            raise NotProgrammedError(
                f"This {type(self).__name__} is not on a chip: call program() first "
                "(again after moving the model to another device or type)."
            )
        return self._chips

    def forward(self, x: Tensor) -> Tensor:
        """Return what the torch layer returns, as the analog tiles would."""
        if self.mode == "ideal":
            return self._digital(x)
        check_type(type(self).__name__, x, self.weight)
        if x.numel() == 0:
            if self.mode == "train" and self.training and self._warming:
                self._initialise_range(x)  # other processes of a distributed training wait for it
            return self._digital(x)
        tiles = self._to_tiles(x)
        y = self._on_chips(tiles) if self.mode == "chip" else self._hardware_aware(tiles)
        return self._from_tiles(y, x)

    def _scaled(self, y: Tensor) -> Tensor:
        """Apply the learned factors, and the bias if it comes after them."""
        if self.out_scale is None:
            return y
        y = y * self.plan.product.per_output(self.out_scale).to(y.dtype)
        bias = self._parameters.get("bias")
        return y if bias is None else y + self.plan.product.per_output(bias).to(y.dtype)

    def set_mode(self, mode: str) -> None:
        """Switch to ``"train"``, ``"chip"`` or ``"ideal"``.

        Raises:
            UnknownNameError: If there is no such mode.
            NotProgrammedError: If ``"chip"`` is asked for before :meth:`program`.
        """
        check_choice("mode", mode, MODES)
        if mode == "chip":
            _ = self.chips
        self.mode = mode

    @torch.no_grad()
    def program(self, *, generator: torch.Generator, chips: int | None = None) -> None:
        """Put the present weights on simulated chips and switch to the mode ``"chip"``, at t = 0.

        An earlier chip and its compensation are forgotten. Where remapping is configured, scales are first
        set to the present weights.

        Args:
            generator: Source of all draws: of programming and of every later reading and forward.
            chips: Number of chips in a leading dimension; None for one chip without it.

        Raises:
            InvalidArgumentError: If ``chips`` is no positive integer, or a weight NaN or infinite.
        """
        if chips is not None:
            check_int("chips", chips, minimum=1)
        check_weights(type(self).__name__, self.weight)
        if self.config.scaling.remap:
            self.remap()
        exact = self.weight.dtype if self.weight.dtype == torch.float64 else torch.float32
        self._chips = LayerChips(
            self.plan,
            self.weight.detach().flatten(1).to(exact),
            self.weight_scale.to(exact),
            self.input_range.detach().to(exact),
            n_chips=chips,
            generator=generator,
        )
        self.mode = "chip"

    @torch.no_grad()
    def at_time(self, t: float) -> None:
        """Move the chips to ``t`` seconds after programming: read them, measure the compensation.

        Raises:
            NotProgrammedError: Before :meth:`program`.
            PhysicalRangeError: If the device's model does not reach that time.
        """
        self.chips.at_time(t)

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the weights as configured, in place."""
        limit = clip_limit(self.weight, self.weight_scale, self.plan)
        if isinstance(limit, float) and takes_kernels(self.weight):
            kernels.clip(flat_array(self.weight), limit)
            torch.autograd.graph.increment_version(self.weight)
        elif isinstance(limit, float):
            self.weight.clamp_(-limit, limit)
        elif limit is not None:
            self.weight.copy_(torch.clamp(self.weight, -limit, limit))
        if self.config.input_range.kind == "learned":
            self.input_range.clamp_(min=MIN_RANGE)

    @torch.no_grad()
    def remap(self) -> None:
        """Set the weight scales to the largest weights. The layer's function stays what it is."""
        self.weight_scale.copy_(weight_scales(self.weight, self.plan))

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Take a batch of inputs into the input range: a running mean of ``init_std`` deviations."""
        n, settings = self._n_batches_seen, self.config.input_range
        observe(x, self.input_range, self.input_range_batches, n, settings, shared=False)
        self._n_batches_seen = n + 1

    def extra_repr(self) -> str:
        """Return the torch layer's text, tiles and mode."""
        return f"{super().extra_repr()}, tiles={self.plan.grid.n_tiles}, mode={self.mode!r}"

    def _digital(self, x: Tensor) -> Tensor:
        """Return what the torch layer returns. Called in the mode ``"ideal"``."""
        raise NotImplementedError

    def _to_tiles(self, x: Tensor) -> Tensor:
        """Shape inputs for the product: ``(n, in)`` or ``(n, channels, *positions)``."""
        raise NotImplementedError

    def _from_tiles(self, y: Tensor, x: Tensor) -> Tensor:
        """Shape outputs as the torch layer does for inputs ``x``."""
        raise NotImplementedError

    def _hardware_aware(self, x: Tensor) -> Tensor:
        """Run the tiles for training, or in evaluation before programming."""
        warming = is_warming(self)
        if warming and self.training:
            self._initialise_range(x)
        modifier = self.config.modifier if self.training else NO_MODIFIER
        return self._run_tiles(x, self.weight, modifier, learn_range=not warming)

    def _count_batches(self, n: int) -> None:
        """Note how many batches have set the input range, and whether more will."""
        settings = self.config.input_range
        self._n_batches_seen = n
        # A flag, and no count, is what compiled code depends on: it changes once.
        self._warming = settings.kind == "learned" and n < settings.init_batches

    def _run_tiles(
        self, x: Tensor, weight: Tensor, modifier: WeightModifier, *, learn_range: bool
    ) -> Tensor:
        """Run the tiles with given weights; gradients go to them and to the input range."""
        settings = self.config.input_range
        kind = x.device.type
        autocast = torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if autocast else self.weight.dtype
        step = Pass(
            self.plan,
            modifier,
            self.modifier_factor,
            dtype,
            settings.kind == "learned" and learn_range,
        )
        if settings.kind == "absmax":
            input_range = self.plan.product.largest(x.detach()).clamp_(
                min=torch.finfo(x.dtype).tiny
            )
        else:
            # While data still set the range in place, what autograd keeps is a copy.
            input_range = self.input_range if learn_range else self.input_range.clone()
        bias = self._parameters.get("bias") if self.out_scale is None else None
        with torch.autocast(kind, enabled=False):
            y = HWAFunction.apply(  # type: ignore[no-untyped-call]
                x, weight, bias, input_range, self.weight_scale, step
            )
        return self._scaled(cast(Tensor, y))

    def _initialise_range(self, x: Tensor) -> None:
        """Let the first batches of training set the input range."""
        take_batch(x.detach(), self.input_range, self.input_range_batches, self._number)

    @torch.no_grad()
    def _on_chips(self, x: Tensor) -> Tensor:
        chips = self.chips
        exact = chips.scale.dtype
        bias = self._parameters.get("bias") if self.out_scale is None else None
        with torch.autocast(x.device.type, enabled=False):
            if chips.n_chips is None:
                return self._scaled(chips.forward(x.to(exact), bias)).to(x.dtype)
            if x.shape[0] % chips.n_chips:
                raise InvalidArgumentError(
                    f"The first dimension of the inputs must be a multiple of the {chips.n_chips} chips, "
                    f"chip by chip, but got {x.shape[0]}; see run_chips()."
                )
            y = chips.forward(torch.unflatten(x.to(exact), 0, (chips.n_chips, -1)), bias)
            return self._scaled(y.flatten(0, 1)).to(x.dtype)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Move to another device or type; a programmed chip does not move along."""
        before = (self.weight.device, self.weight.dtype)
        result = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if before != (self.weight.device, self.weight.dtype):
            self._chips = None
        return result

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of another layer: a copy is found by a number of its own."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._number = register(self)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Load; what only an analog layer has may be missing."""
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        absent = [name for name in _OWN_STATE if prefix + name in missing_keys]
        missing_keys[:] = [key for key in missing_keys if key not in {prefix + x for x in absent}]
        if "weight_scale" in absent and prefix + "weight" in state_dict:
            self.remap()
        self._count_batches(int(self.input_range_batches))
        self._chips = None


def check_weights(name: str, weight: Tensor) -> None:
    """Check that a layer's weights can be put on tiles.

    Raises:
        InvalidArgumentError: If they are complex, integers, none, NaN or infinite.
    """
    if not weight.is_floating_point():
        raise InvalidArgumentError(
            f"The weights of {name} must be real floating-point numbers, but are {weight.dtype}."
        )
    if weight.numel() == 0:
        raise InvalidArgumentError(
            f"The weights of {name} must not be empty, but have the shape {tuple(weight.shape)}."
        )
    if weight.device.type != "meta" and not bool(torch.isfinite(weight).all()):
        raise InvalidArgumentError(
            f"The weights of {name} must be finite, but hold NaN or infinity."
        )


def analog_layers(model: nn.Module) -> Iterable[tuple[str, AnalogLayer]]:
    """Yield names and analog layers of a model, each once.

    Raises:
        InvalidArgumentError: If it has none.
    """
    found = [
        (name, layer) for name, layer in model.named_modules() if isinstance(layer, AnalogLayer)
    ]
    if not found:
        raise InvalidArgumentError(
            "The model must have analog layers, but has none: see to_analog()."
        )
    return found


def set_modifier_factor(model: nn.Module, factor: float) -> None:
    """Multiply the noise of all weight modifiers by ``factor``: for a ramp over the first epochs.

    Raises:
        InvalidArgumentError: If ``factor`` is negative, or the model has no analog layer.
    """
    check_float("factor", factor, minimum=0.0)
    for _, layer in analog_layers(model):
        layer.modifier_factor = float(factor)
