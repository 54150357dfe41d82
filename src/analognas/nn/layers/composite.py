"""Tiles of one matrix of a larger layer, and what layers with several matrices share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core import InvalidArgumentError
from .. import lifecycle as model
from ..config import AnalogConfig
from ..hwa.autograd import NO_MODIFIER
from ..hwa.input_ranges import is_warming
from ..hwa.modifiers import modified
from ..hwa.noise import training_source
from ..tile.products import LinearProduct
from .base import AnalogLayer
from .input_checks import refuse_scripting


class MatrixTiles(AnalogLayer):
    """The tiles of one weight matrix that is a parameter of another module, its owner.

    Its state dict has scales and ranges only: the weights are in the owner's, under torch's name.

    Args:
        owner: The module that has the parameter.
        parameter: Name of the parameter, of shape ``(outputs, inputs)``.
        config: The hardware.
        rows: Which rows of the parameter; None: all of them.
        transposed: Whether the parameter is ``(inputs, outputs)``.
    """

    def __init__(
        self,
        owner: nn.Module,
        parameter: str,
        config: AnalogConfig,
        *,
        rows: slice | None = None,
        transposed: bool = False,
    ) -> None:
        nn.Module.__init__(self)
        # In a tuple, so that the owner does not become a part of this module.
        self._source = (owner, parameter, rows, transposed)
        self.train(owner.training)
        outputs, inputs = self.weight.shape
        self._make_analog(config, LinearProduct(), channels=inputs, outputs=outputs)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The weights, ``(outputs, inputs)``: a view of the owner's parameter."""
        owner, parameter, rows, transposed = self._source
        value: Tensor = getattr(owner, parameter)
        if rows is not None:
            value = value[rows]
        return value.t() if transposed else value

    bias = None
    """The owner's, which adds it."""

    @property
    def stored_weight(self) -> Tensor:
        """The owner's parameter."""
        owner, parameter, _, _ = self._source
        stored: Tensor = getattr(owner, parameter)
        return stored

    def _part_of(self, stored: Tensor) -> Tensor:
        _, _, rows, transposed = self._source
        if rows is not None:
            stored = stored[rows]
        return stored.t() if transposed else stored

    def time_steps(self) -> Callable[[Tensor], Tensor]:
        """Return the product for all steps of one pass over a sequence.

        Called once a pass by recurrent layers: the weight modifier is drawn once, all other noise at each
        step.
        """
        if self.mode == "ideal":
            return self._digital
        if self.mode == "chip":
            return self._on_chips
        weight = self._modified_once() if self.training else self.weight
        learn = not is_warming(self)
        return lambda h: self._run_tiles(h, weight, NO_MODIFIER, learn_range=learn)

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits for this module's inputs, as :func:`~analognas.nn.calibrate` does."""
        return bool(self._forward_pre_hooks or self._forward_hooks)

    @property
    def wants_inputs(self) -> bool:
        """Whether the inputs of :meth:`time_steps` should be given to :meth:`take_inputs`."""
        warming = self.mode == "train" and self.training and self._warming
        return warming or (self.mode == "ideal" and self.is_watched)

    def take_inputs(self, x: Tensor) -> None:
        """Take all inputs of one pass, ``(n, in)``, into the input range."""
        if self.mode == "ideal":
            self(x)
        else:
            self._initialise_range(x)

    def _modified_once(self) -> Tensor:
        weight, config = self.weight, self.config
        rows = self.plan.row_scales(self.weight_scale)
        noise = training_source(config.noise_source)
        noisy = modified(weight.detach(), rows, config.modifier, noise, self.modifier_factor)
        return noisy + (weight - weight.detach())

    def _digital(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight)

    def _to_tiles(self, x: Tensor) -> Tensor:
        return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])

    def _from_tiles(self, y: Tensor, x: Tensor) -> Tensor:
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], -1)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Load after the owner did; a state dict of the torch module has no scales."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        if prefix + "weight_scale" not in state_dict and self.weight.device.type != "meta":
            self.remap()


class AnalogComposite(nn.Module):
    """A layer with several analog matrices, each on tiles of its own: ``tiles``, by name.

    A layer of the package takes all arguments of the torch layer, and ``config``, the hardware; it is called
    likewise. Weights that cannot be put on tiles are refused with an
    :class:`~analognas.core.InvalidArgumentError`. On several chips the samples, in whatever dimension, are
    chips times samples, chip by chip.

    A subclass inherits from this class and from the torch layer, and calls :meth:`_make_tiles` at the end
    of its constructor.
    """

    tiles: nn.ModuleDict

    def _make_tiles(self, matrices: dict[str, MatrixTiles]) -> None:
        self.tiles = nn.ModuleDict(matrices)

    @property
    def matrices(self) -> list[MatrixTiles]:
        """All tiles."""
        return [part for part in self.tiles.values() if isinstance(part, MatrixTiles)]

    @property
    def n_chips(self) -> int | None:
        """Chips of the leading dimension of all inputs, in the mode ``"chip"``."""
        return next((part.n_chips for part in self.matrices if part.mode == "chip"), None)

    def program(self, *, generator: torch.Generator, chips: int | None = None) -> None:
        """Put all matrices on simulated chips: see :func:`analognas.nn.program`."""
        model.program(self, generator=generator, chips=chips)

    def at_time(self, t: float) -> None:
        """Move the chips to ``t`` seconds after programming: see :func:`analognas.nn.at_time`."""
        model.at_time(self, t)

    def set_mode(self, mode: str) -> None:
        """Switch to ``"train"``, ``"chip"`` or ``"ideal"``: see :func:`analognas.nn.set_mode`."""
        model.set_mode(self, mode)

    def _runs_digitally(self) -> bool:
        """Whether torch's own forward does it: all tiles ideal, and nobody watches them."""
        layers = [part for part in self.modules() if isinstance(part, AnalogLayer)]
        return all(
            layer.mode == "ideal" and not (layer._forward_pre_hooks or layer._forward_hooks)
            for layer in layers
        )

    def __prepare_scriptable__(self) -> nn.Module:
        """Refuse ``torch.jit.script``, which knows nothing of tiles."""
        refuse_scripting(type(self).__name__)

    def _check_batched(self, batched: bool) -> None:
        if not batched and self.n_chips is not None:
            raise InvalidArgumentError(
                f"On several chips the inputs of {type(self).__name__} must have a dimension of samples, "
                "chips times samples, but have none."
            )
