"""Layers with several matrices, and the tiles of one such matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core import InvalidArgumentError
from .. import lifecycle
from ..config import AnalogConfig
from ..hwa.autograd import NO_MODIFIER
from ..hwa.input_ranges import is_warming
from ..hwa.modifiers import modified
from ..hwa.noise import training_source
from ..tile.products import LinearProduct
from .base import AnalogLayer
from .input_checks import refuse_scripting


class MatrixTiles(AnalogLayer):
    """The tiles of one weight matrix that is a parameter of another module, the owner.

    The state dict holds scales and ranges only. The weights are in the state dict of the owner, under torch's
    name.

    Args:
        owner: The module with the parameter.
        parameter: Name of the parameter, which has the shape ``(outputs, inputs)``.
        config: Configuration of the hardware.
        rows: Rows of the parameter that form the matrix; None: all rows.
        transposed: Whether the parameter has the shape ``(inputs, outputs)``.

    Example:
        >>> from analognas.nn import AnalogLSTM
        >>> tiles = AnalogLSTM(4, 8).tiles["weight_hh_l0"]
        >>> tiles.weight.shape
        torch.Size([32, 8])
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
        # A tuple, so that torch does not register the owner as a submodule.
        self._source = (owner, parameter, rows, transposed)
        self.train(owner.training)
        outputs, inputs = self.weight.shape
        self._make_analog(config, LinearProduct(), channels=inputs, outputs=outputs)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The weights, ``(outputs, inputs)``, as a view of the owner's parameter."""
        owner, parameter, rows, transposed = self._source
        value: Tensor = getattr(owner, parameter)
        if rows is not None:
            value = value[rows]
        return value.t() if transposed else value

    bias = None
    """None: the owner adds the bias."""

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
        """Return the product for all time steps of one pass over a sequence.

        Recurrent layers call it once per pass. The weight modifier is drawn once, and all other noise at each
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
        """Whether hooks observe this module's inputs, as those of :func:`~analognas.nn.calibrate` do."""
        return bool(self._forward_pre_hooks or self._forward_hooks)

    @property
    def wants_inputs(self) -> bool:
        """Whether to pass the inputs of :meth:`time_steps` to :meth:`take_inputs`."""
        warming = self.mode == "train" and self.training and self._warming
        return warming or (self.mode == "ideal" and self.is_watched)

    def take_inputs(self, x: Tensor) -> None:
        """Update the input range with all inputs of one pass, ``(n, in)``."""
        if self.mode == "ideal":
            self(x)
        else:
            self._initialise_range(x)

    def _modified_once(self) -> Tensor:
        weight, config = self.weight, self.config
        rows = self.tiled.row_scales(self.weight_scale)
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
        """Load after the owner. A state dict of the torch module has no scales."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        if prefix + "weight_scale" not in state_dict and self.weight.device.type != "meta":
            self.remap()


class AnalogComposite(nn.Module):
    """A layer with several analog matrices, whose tiles are in ``tiles`` by name.

    A subclass of this package has the arguments of the torch layer, and ``config``. It is called like the torch
    layer. Weights that cannot be on tiles raise an :class:`~analognas.core.InvalidArgumentError`. With several
    chips, the sample dimension has the length chips times samples, chip by chip.

    A subclass inherits from this class and from the torch layer, and calls :meth:`_make_tiles` at the end of
    its constructor.

    Example:
        >>> import torch
        >>> from analognas.nn import AnalogLSTM
        >>> layer = AnalogLSTM(4, 8)
        >>> isinstance(layer, AnalogComposite), sorted(layer.tiles)
        (True, ['weight_hh_l0', 'weight_ih_l0'])
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
        """Number of chips in the leading dimension of all inputs, in the mode ``"chip"``."""
        return next((part.n_chips for part in self.matrices if part.mode == "chip"), None)

    def program(self, *, generator: torch.Generator, chips: int | None = None) -> None:
        """Program all matrices on simulated chips; see :func:`analognas.nn.program`."""
        lifecycle.program(self, generator=generator, chips=chips)

    def at_time(self, t: float, *, compensate: bool = True) -> None:
        """Move the chips to ``t`` seconds after programming; see :func:`analognas.nn.at_time`."""
        lifecycle.at_time(self, t, compensate=compensate)

    def set_mode(self, mode: str) -> None:
        """Switch to ``"train"``, ``"chip"`` or ``"ideal"``; see :func:`analognas.nn.set_mode`."""
        lifecycle.set_mode(self, mode)

    def _runs_digitally(self) -> bool:
        """Whether torch's forward can be used: all tiles are ideal and no hook observes them."""
        layers = [part for part in self.modules() if isinstance(part, AnalogLayer)]
        return all(
            layer.mode == "ideal" and not (layer._forward_pre_hooks or layer._forward_hooks)
            for layer in layers
        )

    def __prepare_scriptable__(self) -> nn.Module:
        """Raise an error: ``torch.jit.script`` does not support tiles."""
        refuse_scripting(type(self).__name__)

    def _check_batched(self, batched: bool) -> None:
        if not batched and self.n_chips is not None:
            raise InvalidArgumentError(
                f"With several chips, the inputs of {type(self).__name__} must have a dimension of samples, of "
                "length chips times samples, but have none."
            )
