"""Analog LSTM and GRU: matrices on tiles; gates, biases and states digital."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..config import AnalogConfig
from .composite import AnalogComposite, MatrixTiles
from .input_checks import check_dimensions

State = tuple[Tensor, ...]
"""Hidden state, and the cell state of an LSTM; each ``(n, features)`` or ``(layers, n, features)``."""
Products = dict[str, Callable[[Tensor], Tensor]]
"""Products of one time step, by the name of their matrix."""


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences in one shape: samples first, padded, with a mask of the valid steps.

    Attributes:
        data: Shape ``(n, steps, features)``. Shorter sequences are padded with zeros.
        valid: Mask of the valid steps, ``(n, steps)``; None if all are valid.
        source: The sequences as they were given.
        batch_first: Whether ``source``, if it is a tensor, has its samples first.
    """

    data: Tensor
    valid: Tensor | None
    source: Tensor | PackedSequence
    batch_first: bool

    @classmethod
    def read(cls, source: Tensor | PackedSequence, *, batch_first: bool) -> Sequences:
        """Read packed sequences, or a tensor in any of the shapes that torch's layers accept."""
        if isinstance(source, PackedSequence):
            data, lengths = pad_packed_sequence(source, batch_first=True)
            steps = torch.arange(data.shape[1], device=data.device)
            return cls(data, steps < lengths.to(data.device)[:, None], source, batch_first)
        if source.ndim == 2:
            return cls(source.unsqueeze(0), None, source, batch_first)
        return cls(source if batch_first else source.transpose(0, 1), None, source, batch_first)

    @property
    def batched(self) -> bool:
        """Whether the source has a sample dimension."""
        return isinstance(self.source, PackedSequence) or self.source.ndim == 3

    def shape_like_source(self, data: Tensor) -> Tensor | PackedSequence:
        """Return outputs ``(n, steps, features)`` in the form of the source."""
        source = self.source
        if isinstance(source, PackedSequence):
            assert self.valid is not None
            valid, order = self.valid, source.sorted_indices
            if order is not None:
                data, valid = data[order], valid[order]
            packed = data.transpose(0, 1)[valid.t()]
            return PackedSequence(packed, source.batch_sizes, order, source.unsorted_indices)
        if source.ndim == 2:
            return data.squeeze(0)
        return data if self.batch_first else data.transpose(0, 1)


class _AnalogRecurrent(AnalogComposite):
    """Common base of LSTM and GRU."""

    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    _all_weights: list[list[str]]

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make_recurrent(config or AnalogConfig())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        _exclude_from_compilation()

    def _make_recurrent(self, config: AnalogConfig) -> None:
        _exclude_from_compilation()
        names = [name for group in self._all_weights for name in group if name.startswith("weight")]
        self._make_tiles({name: MatrixTiles(self, name, config) for name in names})

    def reset_parameters(self) -> None:
        """Initialise weights and biases as the torch layer does."""
        bound = self.hidden_size**-0.5 if self.hidden_size > 0 else 0.0
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound)
        for part in self.matrices if "tiles" in self._modules else ():
            part.reset_analog()

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> Any:
        """Return the outputs of the torch layer, computed on analog tiles."""
        if self._runs_digitally():
            return super().forward(input, hx)
        if isinstance(input, Tensor):
            check_dimensions(type(self).__name__, input, (2, 3), "samples or none, steps, features")
        sequences = Sequences.read(input, batch_first=self.batch_first)
        self._check_batched(sequences.batched)
        self.check_input(sequences.data, None)  # type: ignore[operator]
        given = self._read_state(sequences, hx)
        x = sequences.data
        last: list[State] = []
        suffixes = ["", "_reverse"] if self.bidirectional else [""]
        for layer in range(self.num_layers):
            if layer > 0 and self.dropout > 0.0:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in suffixes:
                state = tuple(part[len(last)] for part in given)
                y, state = self._run(x, sequences.valid, state, f"_l{layer}{suffix}", hx is None)
                outputs.append(y)
                last.append(state)
            x = torch.cat(outputs, dim=-1) if self.bidirectional else outputs[0]
        final = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        if not sequences.batched:
            final = tuple(part.squeeze(1) for part in final)
        return sequences.shape_like_source(x), self._state_out(final)

    def _read_state(self, sequences: Sequences, hx: Any) -> State:
        """Return the initial states, ``(layers * directions, n, features)``."""
        n_samples, data = sequences.data.shape[0], sequences.data
        n_layers = self.num_layers * (2 if self.bidirectional else 1)
        if hx is None:
            return tuple(data.new_zeros(n_layers, n_samples, size) for size in self._state_sizes())
        given: State = self._state_in(hx)
        given = given if sequences.batched else tuple(part.unsqueeze(1) for part in given)
        for part, size in zip(given, self._state_sizes(), strict=True):
            self.check_hidden_size(part, (n_layers, n_samples, size))  # type: ignore[operator]
        return given

    def _run(
        self, x: Tensor, valid: Tensor | None, state: State, suffix: str, starts_at_zero: bool
    ) -> tuple[Tensor, State]:
        """Run one direction of one layer over all steps.

        Returns:
            Outputs ``(n, steps, features)`` and the last state.
        """
        gates = self._input_gates(x, valid, f"_ih{suffix}")
        steps = range(x.shape[1])
        watched: dict[str, list[Tensor]] = {}
        products = {
            name: self._watch(f"weight_{name}{suffix}", watched)
            for name in ("hh", "hr")
            if f"weight_{name}{suffix}" in self.tiles
        }
        outputs: list[Tensor] = []
        order = list(reversed(steps)) if suffix.endswith("_reverse") else list(steps)
        for t in order:
            new = self._cell(gates[:, t], state, products, suffix)
            if valid is not None:
                now = valid[:, t, None]
                new = tuple(torch.where(now, a, b) for a, b in zip(new, state, strict=True))
            state = new
            outputs.append(state[0])
        for name, seen in watched.items():
            first = 1 if starts_at_zero and "_hh" in name else 0
            rows = [
                h if valid is None else h[valid[:, t]]
                for h, t in list(zip(seen, order, strict=True))[first:]
            ]
            if rows:
                self._tiles(name).take_inputs(torch.cat(rows))
        if suffix.endswith("_reverse"):
            outputs.reverse()
        return torch.stack(outputs, dim=1), state

    def _input_gates(self, x: Tensor, valid: Tensor | None, suffix: str) -> Tensor:
        """Return the products of the inputs of all steps, with one draw of the weight modifier."""
        tiles = self._tiles(f"weight{suffix}")
        if valid is None or self.n_chips is not None:
            gates = tiles(x)
        else:
            # Padding must not affect the input range. On chips, all need the same number of rows.
            rows = tiles(x[valid])
            gates = rows.new_zeros(*valid.shape, rows.shape[-1])
            gates[valid] = rows
        return self._add_bias(gates, f"bias{suffix}")

    def _watch(self, name: str, watched: dict[str, list[Tensor]]) -> Callable[[Tensor], Tensor]:
        """Return the product of one step with the matrix ``name``. Record its inputs if they are needed."""
        tiles = self._tiles(name)
        product = tiles.time_steps()
        if not tiles.wants_inputs:
            return product
        seen = watched.setdefault(name, [])

        def noted(h: Tensor) -> Tensor:
            seen.append(h.detach())
            return product(h)

        return noted

    def _tiles(self, name: str) -> MatrixTiles:
        tiles = self.tiles[name]
        assert isinstance(tiles, MatrixTiles)
        return tiles

    def _add_bias(self, y: Tensor, name: str) -> Tensor:
        return y + getattr(self, name).to(y.dtype) if self.bias else y

    @abstractmethod
    def _state_sizes(self) -> tuple[int, ...]:
        """Return the features of each part of the state."""

    @abstractmethod
    def _state_in(self, hx: Any) -> State:
        """Return the given state as a tuple."""

    @abstractmethod
    def _state_out(self, state: State) -> Any:
        """Return a state in the form of the torch layer."""

    @abstractmethod
    def _cell(self, gates: Tensor, state: State, products: Products, suffix: str) -> State:
        """Return the next state, given the input part of the gates."""


@cache
def _exclude_from_compilation() -> None:
    """Exclude recurrent layers from compilation, which would unroll all time steps.

    Called when the first layer is made, since it loads torch's compiler, which takes a second.
    """
    disable: Any = torch.compiler.disable
    _AnalogRecurrent.forward = disable(_AnalogRecurrent.forward)  # type: ignore[method-assign]


class AnalogLSTM(_AnalogRecurrent, nn.LSTM):
    """An LSTM with its matrices on analog tiles; gates and biases are digital.

    It is an :class:`AnalogComposite`: each matrix has its own tiles. In training the weight modifier is drawn
    once per forward pass. Converters and read noise act at each time step.

    Args:
        args: Arguments of :class:`torch.nn.LSTM`, which also accepts its keyword arguments.
        config: Configuration of the hardware.

    Example:
        >>> import torch
        >>> layer = AnalogLSTM(16, 32, num_layers=2, batch_first=True)
        >>> y, (h, c) = layer(torch.zeros(4, 10, 16))
        >>> y.shape, h.shape
        (torch.Size([4, 10, 32]), torch.Size([2, 4, 32]))
    """

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def _state_in(self, hx: Any) -> State:
        return tuple(hx)

    def _state_out(self, state: State) -> Any:
        return state

    def _cell(self, gates: Tensor, state: State, products: Products, suffix: str) -> State:
        h, c = state
        both = gates + self._add_bias(products["hh"](h), f"bias_hh{suffix}")
        i, f, g, o = both.chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return (products["hr"](h) if "hr" in products else h), c


class AnalogGRU(_AnalogRecurrent, nn.GRU):
    """A GRU with its matrices on analog tiles; gates and biases are digital.

    Like :class:`AnalogLSTM`, with the arguments of :class:`torch.nn.GRU`.

    Example:
        >>> import torch
        >>> layer = AnalogGRU(2, 3)
        >>> layer.eval()(torch.zeros(4, 1, 2))[0].shape
        torch.Size([4, 1, 3])
    """

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.hidden_size,)

    def _state_in(self, hx: Any) -> State:
        return (hx,)

    def _state_out(self, state: State) -> Any:
        return state[0]

    def _cell(self, gates: Tensor, state: State, products: Products, suffix: str) -> State:
        (h,) = state
        r_x, z_x, n_x = gates.chunk(3, dim=-1)
        r_h, z_h, n_h = self._add_bias(products["hh"](h), f"bias_hh{suffix}").chunk(3, dim=-1)
        z = torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
        return ((1.0 - z) * n + z * h,)
