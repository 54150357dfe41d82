"""The base of all analog layers: their state, their three modes, clipping and remapping."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError, NotProgrammedError, check_choice, check_int
from ..config import AnalogConfig, WeightModifier
from ..distributed.gather_ranges import listen
from ..distributed.sharded_weights import assign_number, local_part, whole
from ..hwa.autograd import NO_MODIFIER, HWAFunction, Pass
from ..hwa.input_ranges import (
    MIN_RANGE,
    Tally,
    is_warming,
    observe,
    present_range,
    register,
    take_batch,
)
from ..kernels import passes as kernels
from ..kernels.buffers import flat_array, takes_kernels
from ..tile.chips import LayerChips
from ..tile.forward import largest_inputs
from ..tile.products import Product
from ..tile.scales import clip_limit, weight_scales
from ..tile.tiled_layer import Plan
from ..tile.tiling import TileGrid
from .input_checks import check_not_traced, check_type, check_weights, refuse_scripting
from .loading import are_of_larger_tiles, with_one_dimension, without_foreign_scales
from .stored_weight import StoredWeight

MODES = ("train", "chip", "ideal")
"""Modes of an analog layer."""

_OWN_STATE = ("weight_scale", "input_range", "input_range_batches", "out_scale")


class AnalogLayer(StoredWeight, nn.Module):
    """A layer whose weights are on analog tiles.

    ``mode`` is ``"train"`` (hardware-aware: converters and output noise, and in training the weight
    modifier), ``"chip"`` (on the simulated chips of :meth:`program`, with all their noise, whether in
    training or evaluation, without gradients) or ``"ideal"`` (the digital layer).

    Beside the parameters of the torch layer, with the same names and values, the state dict holds
    ``input_range`` (a parameter, ``(1,)``), ``weight_scale`` (a buffer, ``(row tiles, out)``),
    ``input_range_batches`` (a buffer: batches seen while the range was initialised) and, where configured,
    ``out_scale`` (a parameter, ``(out,)``). A state dict of the torch layer loads as well: scales are then
    taken from the weights, as they are where those of the state dict are of other tiles.

    A subclass inherits from this class and from the torch layer, calls :meth:`_make_analog` at the end of
    its constructor and states :meth:`_digital`, :meth:`_to_tiles` and :meth:`_from_tiles`.
    """

    weight_scale: Tensor
    input_range: Tensor
    input_range_batches: Tensor
    out_scale: Tensor | None
    plan: Plan
    _n_batches_seen: int
    _warming: bool
    _tally: Tally | None

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
            torch.full((1,), config.input_range.init, device=device, dtype=dtype),
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
        listen()
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

    def forget_range(self) -> None:
        """Set the input range to what it is before any data were seen."""
        self.put_range(self.config.input_range.init, 0)

    @torch.no_grad()
    def put_range(self, value: float, n_batches: int) -> None:
        """Set the input range, and how many batches have set it."""
        assign_number(self.input_range, value)
        self.input_range_batches.fill_(n_batches)
        self._count_batches(n_batches)

    @property
    def config(self) -> AnalogConfig:
        """The configuration."""
        return self.plan.config

    @property
    def n_chips(self) -> int | None:
        """Chips of the leading dimension; None if there is none, or before :meth:`program`."""
        return None if self._chips is None else self._chips.n_chips

    @property
    def chips(self) -> LayerChips | None:
        """What :meth:`program` made; None before."""
        return self._chips

    def programmed_chips(self) -> LayerChips:
        """Return what :meth:`program` made.

        Raises:
            NotProgrammedError: Before it was called.
        """
        if self._chips is None:
            raise NotProgrammedError(
                f"This {type(self).__name__} is not on a chip: call program() first "
                "(again after moving the model to another device or type)."
            )
        return self._chips

    def forward(self, input: Tensor) -> Tensor:
        """Return what the torch layer returns, as the analog tiles would."""
        if self.mode == "ideal":
            return self._digital(input)
        check_not_traced(type(self).__name__)
        check_type(type(self).__name__, input, self.weight)
        if input.numel() == 0:
            return self._nothing(input)
        tiles = self._to_tiles(input)
        y = self._on_chips(tiles) if self.mode == "chip" else self._hardware_aware(tiles)
        return self._from_tiles(y, input)

    def _scaled(self, y: Tensor) -> Tensor:
        """Apply the learned factors, and the bias if it comes after them."""
        if self.out_scale is None:
            return y
        y = y * self.plan.product.per_output(self.out_scale).to(y.dtype)
        bias = self._bias()
        return y if bias is None else y + self.plan.product.per_output(bias).to(y.dtype)

    def set_mode(self, mode: str) -> None:
        """Switch to ``"train"``, ``"chip"`` or ``"ideal"``.

        Raises:
            UnknownNameError: If there is no such mode.
            NotProgrammedError: If ``"chip"`` is asked for before :meth:`program`.
        """
        check_choice("mode", mode, MODES)
        if mode == "chip":
            self.programmed_chips()
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
        weight = self._whole_weight().detach()
        check_weights(type(self).__name__, weight)
        if self.config.scaling.remap:
            self.remap()
        exact = weight.dtype if weight.dtype == torch.float64 else torch.float32
        self._chips = LayerChips(
            self.plan,
            weight.flatten(1).to(exact),
            self.weight_scale.to(exact),
            whole(self.input_range).detach().view(()).to(exact),
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
        self.programmed_chips().at_time(t)

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the weights as configured, in place."""
        weight = self._whole_weight()
        limit = clip_limit(weight, self.weight_scale, self.plan)
        if isinstance(limit, float) and takes_kernels(weight):
            kernels.clip(flat_array(weight), limit)
            torch.autograd.graph.increment_version(weight)
        elif isinstance(limit, float):
            weight.clamp_(-limit, limit)
        elif limit is not None:
            weight.copy_(torch.clamp(weight, -limit, limit))
        if limit is not None:
            self._keep_weight(weight)
        if self.config.input_range.kind == "learned":
            local_part(self.input_range).clamp_(min=MIN_RANGE)

    @torch.no_grad()
    def remap(self) -> None:
        """Set the weight scales to the largest weights. The layer's function stays what it is."""
        self.weight_scale.copy_(weight_scales(self._whole_weight(), self.plan))

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Take a batch of inputs into the input range: a running mean of ``init_std`` deviations."""
        settings = self.config.input_range
        observe(self, x, self.input_range.detach(), self.input_range_batches, settings)

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
        self._n_batches_seen, self._tally = n, None
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
            input_range = largest_inputs(x.detach(), self.plan)
        else:
            # While data still set the range in place, what autograd keeps is a copy.
            input_range = self.input_range if learn_range else present_range(self)
        bias = self._bias() if self.out_scale is None else None
        with torch.autocast(kind, enabled=False):
            y = HWAFunction.apply(  # type: ignore[no-untyped-call]
                x, weight, bias, input_range, self.weight_scale, step
            )
        return self._scaled(cast(Tensor, y))

    def _nothing(self, x: Tensor) -> Tensor:
        """Return the outputs of no inputs; all parameters have gradients: other processes wait for them."""
        if self.mode == "train" and self.training and self._warming:
            self._initialise_range(x)
        y = self._digital(x)
        for parameter in (self.input_range, self.out_scale):
            if parameter is not None and parameter.requires_grad:
                y = y + 0.0 * parameter.sum()
        return y

    def _bias(self) -> Tensor | None:
        """Return the digital bias. Sharded parameters are no parameters of the module during a forward."""
        bias: Tensor | None = getattr(self, "bias", None)
        return bias

    def _initialise_range(self, x: Tensor) -> None:
        """Let the first batches of training set the input range."""
        take_batch(x.detach(), self.input_range, self.input_range_batches, self._number)

    @torch.no_grad()
    def _on_chips(self, x: Tensor) -> Tensor:
        chips = self.programmed_chips()
        exact = chips.scale.dtype
        bias = self._bias() if self.out_scale is None else None
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
        before = (self.weight_scale.device, self.weight_scale.dtype)
        result = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if before != (self.weight_scale.device, self.weight_scale.dtype):
            self._chips = self._tally = None
        return result

    def __prepare_scriptable__(self) -> nn.Module:
        """Refuse ``torch.jit.script``, which knows nothing of tiles."""
        refuse_scripting(type(self).__name__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of another layer: a copy is found by a number of its own."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._number = register(self)
        listen()

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Load; what only an analog layer has may be missing."""
        given = with_one_dimension(state_dict, prefix, ("input_range",))
        given = without_foreign_scales(given, prefix, self.weight_scale, self.plan)
        super()._load_from_state_dict(
            given, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        absent = [name for name in _OWN_STATE if prefix + name in missing_keys]
        missing_keys[:] = [key for key in missing_keys if key not in {prefix + x for x in absent}]
        weights_given = prefix + "weight" in state_dict or prefix + "weight_scale" in state_dict
        if ("weight_scale" in absent and weights_given) or (
            self._is_whole
            and are_of_larger_tiles(self.weight_scale, self._whole_weight(), self.plan)
        ):
            self.remap()
        self._count_batches(int(self.input_range_batches))
        self._chips = None
