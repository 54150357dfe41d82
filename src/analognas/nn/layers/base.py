"""The base class of analog layers: state, modes, clipping and remapping."""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError, NotProgrammedError, check_choice, check_int
from ..config import AnalogConfig, WeightModifier
from ..distributed.gather_ranges import install_hooks
from ..distributed.sharded_weights import StoredWeight, assign_number, local_part, whole
from ..hwa.autograd import NO_MODIFIER, ForwardOptions, HWAFunction
from ..hwa.input_ranges import (
    MIN_RANGE,
    RangeObservation,
    is_warming,
    observe,
    present_range,
    register,
    take_batch,
)
from ..kernels import passes as kernels
from ..kernels.buffers import can_use_kernels, flat_array
from ..tile.chips import LayerChips
from ..tile.dac import largest_inputs
from ..tile.products import Product
from ..tile.scales import clip_limit, weight_scales
from ..tile.tiled_layer import TiledLayer
from ..tile.tiling import TileGrid
from .input_checks import check_not_traced, check_type, check_weights, refuse_scripting
from .loading import are_of_larger_tiles, with_one_dimension, without_foreign_scales

MODES = ("train", "chip", "ideal")
"""Modes of an analog layer."""

_OWN_STATE = ("weight_scale", "input_range", "input_range_batches", "out_scale")


class AnalogLayer(StoredWeight, nn.Module):
    """A layer whose weights are on analog tiles.

    The layer has three modes. ``"train"`` is hardware-aware: converters and output noise, and in training the
    weight modifier. ``"chip"`` runs on the simulated chips of :meth:`program` with all their noise and without
    gradients. ``"ideal"`` is the digital layer.

    The state dict holds the parameters of the torch layer under the same names, and ``input_range`` (a
    parameter, ``(1,)``), ``weight_scale`` (a buffer, ``(row tiles, out)``), ``input_range_batches`` (a buffer:
    number of batches that initialised the range) and, if configured, ``out_scale`` (a parameter, ``(out,)``). A
    state dict of the torch layer can be loaded too. The weight scales are then computed from the weights;
    likewise if the scales of the state dict belong to other tile sizes.

    A subclass inherits from this class and from the torch layer, calls :meth:`_make_analog` at the end of its
    constructor, and defines :meth:`_digital`, :meth:`_to_tiles` and :meth:`_from_tiles`.

    Example:
        >>> from analognas.nn import AnalogLinear
        >>> layer = AnalogLinear(4, 2)
        >>> layer.set_mode("ideal")
        >>> isinstance(layer, AnalogLayer), sorted(layer.state_dict())
        (True, ['bias', 'input_range', 'input_range_batches', 'weight', 'weight_scale'])
    """

    weight_scale: Tensor
    input_range: Tensor
    input_range_batches: Tensor
    out_scale: Tensor | None
    tiled: TiledLayer
    _n_batches_seen: int
    _warming: bool
    _observation: RangeObservation | None

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
        self.tiled = TiledLayer(config, product, grid)
        self.mode = "train"
        self.modifier_factor = 1.0
        self._chips: LayerChips | None = None
        device, dtype = self.weight.device, self.weight.dtype
        init = torch.full((1,), config.input_range.init, device=device, dtype=dtype)
        learned = config.input_range.kind == "learned"
        self.input_range = nn.Parameter(init, requires_grad=learned)
        scale = torch.ones(grid.n_row_tiles, outputs * groups, device=device, dtype=dtype)
        self.register_buffer("weight_scale", scale)
        n_batches = torch.zeros((), dtype=torch.int64, device=device)
        self.register_buffer("input_range_batches", n_batches)
        self.register_parameter(
            "out_scale",
            nn.Parameter(torch.ones(outputs * groups, device=device, dtype=dtype))
            if config.scaling.learned
            else None,
        )
        self._index = register(self)
        install_hooks()
        self._count_batches(0)
        if self.weight.device.type != "meta":
            self.reset_analog()

    @torch.no_grad()
    def reset_analog(self) -> None:
        """Reset scales and ranges to their values before training."""
        self.forget_range()
        if self.out_scale is not None:
            self.out_scale.fill_(1.0)
        self.remap()

    def forget_range(self) -> None:
        """Reset the input range to its initial value."""
        self.put_range(self.config.input_range.init, 0)

    @torch.no_grad()
    def put_range(self, value: float, n_batches: int) -> None:
        """Set the input range and the number of batches that determined it."""
        assign_number(self.input_range, value)
        self.input_range_batches.fill_(n_batches)
        self._count_batches(n_batches)

    @property
    def plan(self) -> TiledLayer:
        """Former name of ``tiled``."""
        text = "`AnalogLayer.plan` was renamed to `tiled`. The old name will be removed in version 0.3."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return self.tiled

    @property
    def config(self) -> AnalogConfig:
        """The configuration."""
        return self.tiled.config

    @property
    def n_chips(self) -> int | None:
        """Number of chips in the leading dimension; None without that dimension or before :meth:`program`."""
        return None if self._chips is None else self._chips.n_chips

    @property
    def chips(self) -> LayerChips | None:
        """The programmed chips; None before :meth:`program`."""
        return self._chips

    def programmed_chips(self) -> LayerChips:
        """Return the programmed chips.

        Raises:
            NotProgrammedError: Before :meth:`program`.
        """
        if self._chips is None:
            raise NotProgrammedError(
                f"This {type(self).__name__} is not on a chip: call program() first "
                "(again after moving the model to another device or type)."
            )
        return self._chips

    def forward(self, input: Tensor) -> Tensor:
        """Return the outputs of the torch layer, computed on analog tiles."""
        if self.mode == "ideal":
            return self._digital(input)
        check_not_traced(type(self).__name__)
        check_type(type(self).__name__, input, self.weight)
        if input.numel() == 0:
            return self._empty_outputs(input)
        tiles = self._to_tiles(input)
        y = self._on_chips(tiles) if self.mode == "chip" else self._hardware_aware(tiles)
        return self._from_tiles(y, input)

    def _scaled(self, y: Tensor) -> Tensor:
        """Apply the learned output scales and the bias, which is added after them."""
        if self.out_scale is None:
            return y
        y = y * self.tiled.product.per_output(self.out_scale).to(y.dtype)
        bias = self._bias()
        return y if bias is None else y + self.tiled.product.per_output(bias).to(y.dtype)

    def set_mode(self, mode: str) -> None:
        """Switch to ``"train"``, ``"chip"`` or ``"ideal"``.

        Raises:
            UnknownNameError: If the mode is unknown.
            NotProgrammedError: If the mode is ``"chip"`` and :meth:`program` was not called.
        """
        check_choice("mode", mode, MODES)
        if mode == "chip":
            self.programmed_chips()
        self.mode = mode

    @torch.no_grad()
    def program(self, *, generator: torch.Generator, chips: int | None = None) -> None:
        """Program the current weights on simulated chips, at t = 0, and switch to the mode ``"chip"``.

        Former chips are discarded. If remapping is configured, the weight scales are updated first.

        Args:
            generator: Generator of all random draws: programming, and all later readings and forwards.
            chips: Number of chips in a leading dimension; None for one chip without that dimension.

        Raises:
            InvalidArgumentError: If ``chips`` is not a positive integer, or a weight is NaN or infinite.
        """
        if chips is not None:
            check_int("chips", chips, minimum=1)
        weight = self._whole_weight().detach()
        check_weights(type(self).__name__, weight)
        if self.config.scaling.remap:
            self.remap()
        exact = weight.dtype if weight.dtype == torch.float64 else torch.float32
        self._chips = LayerChips(
            self.tiled,
            weight.flatten(1).to(exact),
            self.weight_scale.to(exact),
            whole(self.input_range).detach().view(()).to(exact),
            n_chips=chips,
            generator=generator,
        )
        self.mode = "chip"

    @torch.no_grad()
    def at_time(self, t: float, *, compensate: bool = True) -> None:
        """Move the chips to ``t`` seconds after programming: read them and measure the drift compensation.

        Args:
            t: The time, s.
            compensate: Measure the compensation; otherwise the last one stays.

        Raises:
            NotProgrammedError: Before :meth:`program`.
            PhysicalRangeError: If the device model is not valid at that time.
        """
        self.programmed_chips().at_time(t, compensate=compensate)

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the weights as configured, in place."""
        weight = self._whole_weight()
        limit = clip_limit(weight, self.weight_scale, self.tiled)
        if isinstance(limit, float) and can_use_kernels(weight):
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
        """Set the weight scales to the largest weights. The function of the layer does not change."""
        self.weight_scale.copy_(weight_scales(self._whole_weight(), self.tiled))

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Update the input range with a batch: a running mean of ``init_std`` standard deviations."""
        settings = self.config.input_range
        observe(self, x, self.input_range.detach(), self.input_range_batches, settings)

    def extra_repr(self) -> str:
        """Return the text of the torch layer, the number of tiles, and the mode."""
        return f"{super().extra_repr()}, tiles={self.tiled.grid.n_tiles}, mode={self.mode!r}"

    def _digital(self, x: Tensor) -> Tensor:
        """Return the outputs of the torch layer. Called in the mode ``"ideal"``."""
        raise NotImplementedError

    def _to_tiles(self, x: Tensor) -> Tensor:
        """Reshape inputs for the product: ``(n, in)`` or ``(n, channels, *positions)``."""
        raise NotImplementedError

    def _from_tiles(self, y: Tensor, x: Tensor) -> Tensor:
        """Reshape outputs to those of the torch layer for inputs ``x``."""
        raise NotImplementedError

    def _hardware_aware(self, x: Tensor) -> Tensor:
        """Run the tiles in training, or in evaluation before programming."""
        warming = is_warming(self)
        if warming and self.training:
            self._initialise_range(x)
        modifier = self.config.modifier if self.training else NO_MODIFIER
        return self._run_tiles(x, self.weight, modifier, learn_range=not warming)

    def _count_batches(self, n: int) -> None:
        """Store the number of batches that set the input range, and whether further batches will."""
        settings = self.config.input_range
        self._n_batches_seen, self._observation = n, None
        # Compiled code depends on a flag, which changes once, instead of the count.
        self._warming = settings.kind == "learned" and n < settings.init_batches

    def _run_tiles(
        self, x: Tensor, weight: Tensor, modifier: WeightModifier, *, learn_range: bool
    ) -> Tensor:
        """Run the tiles with the given weights. Gradients go to the weights and to the input range."""
        settings = self.config.input_range
        kind = x.device.type
        autocast = torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if autocast else self.weight.dtype
        options = ForwardOptions(
            self.tiled,
            modifier,
            self.modifier_factor,
            dtype,
            settings.kind == "learned" and learn_range,
        )
        if settings.kind == "absmax":
            input_range = largest_inputs(x.detach(), self.tiled)
        else:
            # Data may still modify the range in place, so autograd stores a copy.
            input_range = self.input_range if learn_range else present_range(self)
        bias = self._bias() if self.out_scale is None else None
        with torch.autocast(kind, enabled=False):
            y = HWAFunction.apply(  # type: ignore[no-untyped-call]
                x, weight, bias, input_range, self.weight_scale, options
            )
        return self._scaled(cast(Tensor, y))

    def _empty_outputs(self, x: Tensor) -> Tensor:
        """Return outputs for empty inputs. All parameters receive gradients, which other processes wait for."""
        if self.mode == "train" and self.training and self._warming:
            self._initialise_range(x)
        y = self._digital(x)
        for parameter in (self.input_range, self.out_scale):
            if parameter is not None and parameter.requires_grad:
                y = y + 0.0 * parameter.sum()
        return y

    def _bias(self) -> Tensor | None:
        """Return the digital bias. A sharded bias is a plain attribute during a forward."""
        bias: Tensor | None = getattr(self, "bias", None)
        return bias

    def _initialise_range(self, x: Tensor) -> None:
        """Update the input range with one of the first training batches."""
        take_batch(x.detach(), self.input_range, self.input_range_batches, self._index)

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
        """Move to another device or type. Programmed chips are discarded."""
        before = (self.weight_scale.device, self.weight_scale.dtype)
        result = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if before != (self.weight_scale.device, self.weight_scale.dtype):
            self._chips = self._observation = None
        return result

    def __prepare_scriptable__(self) -> nn.Module:
        """Raise an error: ``torch.jit.script`` does not support tiles."""
        refuse_scripting(type(self).__name__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state of a copied or unpickled layer, and register the layer."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._index = register(self)
        install_hooks()

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Load a state dict, in which the state of the analog layer may be missing."""
        given = with_one_dimension(state_dict, prefix, ("input_range",))
        given = without_foreign_scales(given, prefix, self.weight_scale, self.tiled)
        super()._load_from_state_dict(
            given, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        absent = [name for name in _OWN_STATE if prefix + name in missing_keys]
        missing_keys[:] = [key for key in missing_keys if key not in {prefix + x for x in absent}]
        weights_given = prefix + "weight" in state_dict or prefix + "weight_scale" in state_dict
        if ("weight_scale" in absent and weights_given) or (
            self._is_whole
            and are_of_larger_tiles(self.weight_scale, self._whole_weight(), self.tiled)
        ):
            self.remap()
        self._count_batches(int(self.input_range_batches))
        self._chips = None
