r"""Integer layers, which compute the results of an 8-bit integer unit and can be trained.

Weights are symmetric with one scale for each output, activations affine with one scale and zero point for
each tensor:

.. math::

    y_j = s_x s_j \sum_i (q_i - z)\, w_{ji} + b_j, \qquad
    q_i = \mathrm{clamp}(\mathrm{round}(x_i / s_x) + z,\ 0,\ 2^b - 1), \qquad
    w_{ji} = \mathrm{round}(W_{ji} / s_j) \in [-127, 127]

The sum is over integers. In evaluation it is exact (in double precision if it could exceed 2^24); in training
it has the precision of the network. Batch normalisation is not folded into the weights, because it scales
outputs, as the scales of the outputs do. Gradients pass straight through roundings.

Source: Jacob et al., CVPR 2018; Nagel et al., arXiv:2106.08295.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core import InvalidArgumentError
from .. import StaysDigitalWarning
from ..convert.module_surgery import change_class, close_fast_paths, replace_modules
from ..convert.selection import select
from ..convert.unsupported import weight_obstacle
from ..kernels.pointwise import cropped
from ..run_batch import check_batches, run_batch
from .quantizers import ActivationQuantizer, Quantization, RangeObserver, integer_weights

_EXACT = float(2**24)  # integers up to here are exact in single precision

Product = Callable[[Tensor, Tensor], Any]
"""From inputs and weights to outputs, without bias."""


class QuantizedLayer(nn.Module):
    """Base of quantized layers: settings, and a quantizer for the inputs of each matrix."""

    settings: Quantization
    quantizers: nn.ModuleDict

    def _make_quantized(self, settings: Quantization, names: Iterable[str] = ("input",)) -> None:
        """Add the quantizers. Called once, after the class of the layer was changed."""
        self.settings = settings
        self.quantizers = nn.ModuleDict({name: ActivationQuantizer(settings) for name in names})
        self.quantizers.train(self.training)

    def integer_weight(self, name: str = "weight") -> tuple[Tensor, Tensor]:
        """Return a matrix as int8 integers, and the scale of each output."""
        steps, scale = integer_weights(getattr(self, name).detach(), self.settings.weight_bits)
        return steps.to(torch.int8), scale

    def _product(
        self,
        x: Tensor,
        weight: Tensor,
        product: Product,
        *,
        name: str = "input",
        positions: int = 0,
    ) -> Tensor:
        """Return the outputs of one matrix, without bias.

        Args:
            x: Inputs.
            weight: Weights, outputs first.
            product: Function of inputs and weights that returns the outputs.
            name: Name of the quantizer.
            positions: Number of dimensions after the channels of the outputs.
        """
        quantizer = self.quantizers[name]
        assert isinstance(quantizer, ActivationQuantizer)
        if quantizer.observer is not None:
            quantizer.observer.take(x.detach())
            plain: Tensor = product(x, weight)
            return plain
        steps, scale = quantizer(x)
        integers, scales = integer_weights(weight, self.settings.weight_bits)
        factors = (scale * scales).view(-1, *(1,) * positions)
        if self.training or _fits(integers, quantizer.levels):
            y: Tensor = product(steps, integers) * factors
            return y
        with torch.autocast(x.device.type, enabled=False):
            total: Tensor = product(steps.double(), integers.double())
        exact: Tensor = (total * factors).to(weight.dtype)
        return exact


def _fits(integers: Tensor, levels: int) -> bool:
    """Whether single precision represents all sums of products exactly."""
    return bool(integers.flatten(1).abs().sum(1).max() * levels < _EXACT)


class QuantizedLinear(QuantizedLayer, nn.Linear):
    """A linear layer on integers; made by :func:`quantize`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``(*, out_features)`` from ``(*, in_features)``."""
        y = self._product(input, self.weight, functional.linear)
        return y if self.bias is None else y + self.bias


class _QuantizedConv(QuantizedLayer):
    """Base of the convolutions: torch's convolution on integers."""

    weight: Tensor
    bias: Tensor | None
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any
    groups: int

    def forward(self, input: Tensor) -> Tensor:
        """Return ``(n, out_channels, *positions)`` from ``(n, in_channels, *positions)``."""
        positions = len(self.kernel_size)
        convolve: Any = self._conv_forward
        geometry = self.kernel_size, self.stride, self.padding, self.groups
        y = self._product(
            input,
            self.weight,
            lambda x, w: convolve(cropped(x, *geometry), w, None),
            positions=positions,
        )
        return y if self.bias is None else y + self.bias.view(-1, *(1,) * positions)


class QuantizedConv1d(_QuantizedConv, nn.Conv1d):
    """A convolution on integers; made by :func:`quantize`."""


class QuantizedConv2d(_QuantizedConv, nn.Conv2d):
    """A convolution on integers; made by :func:`quantize`."""


class QuantizedConv3d(_QuantizedConv, nn.Conv3d):
    """A convolution on integers; made by :func:`quantize`."""


class QuantizedLSTM(QuantizedLayer, nn.LSTM):
    """An LSTM with matrix products on integers; gates, biases and states are in floating point."""

    def forward(self, input: Tensor, hx: Any = None) -> Any:  # type: ignore[override]
        """Return what the torch layer returns, for a tensor of batched sequences.

        Raises:
            InvalidArgumentError: If the sequences are packed or have no dimension of samples.
        """
        if not isinstance(input, Tensor) or input.ndim != 3:
            raise InvalidArgumentError(
                "A quantized LSTM needs a tensor with dimensions of samples, steps and features; for packed or "
                "single sequences, keep it digital (`quantization.digital`)."
            )
        x = input if self.batch_first else input.transpose(0, 1)
        suffixes = ["", "_reverse"] if self.bidirectional else [""]
        n_states = self.num_layers * len(suffixes)
        zeros = x.new_zeros(n_states, x.shape[0], self.hidden_size)
        h_0, c_0 = (zeros, zeros) if hx is None else hx
        last: list[tuple[Tensor, Tensor]] = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in suffixes:
                state = (h_0[len(last)], c_0[len(last)])
                y, state = self._run(x, state, f"_l{layer}{suffix}")
                outputs.append(y)
                last.append(state)
            x = torch.cat(outputs, -1)
        h_n, c_n = (torch.stack(parts) for parts in zip(*last, strict=True))
        return (x if self.batch_first else x.transpose(0, 1)), (h_n, c_n)

    def _run(
        self, x: Tensor, state: tuple[Tensor, Tensor], suffix: str
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        gates = self._matrix(x, f"ih{suffix}")
        steps = range(x.shape[1])
        outputs: list[Tensor] = []
        for t in reversed(steps) if suffix.endswith("_reverse") else steps:
            i, f, g, o = (gates[:, t] + self._matrix(h, f"hh{suffix}")).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        if suffix.endswith("_reverse"):
            outputs.reverse()
        return torch.stack(outputs, 1), (h, c)

    def _matrix(self, x: Tensor, name: str) -> Tensor:
        y = self._product(x, getattr(self, f"weight_{name}"), functional.linear, name=name)
        return y + getattr(self, f"bias_{name}") if self.bias else y


_KINDS: dict[type[nn.Module], type[QuantizedLayer]] = {
    nn.Linear: QuantizedLinear,
    nn.Conv1d: QuantizedConv1d,
    nn.Conv2d: QuantizedConv2d,
    nn.Conv3d: QuantizedConv3d,
    nn.LSTM: QuantizedLSTM,
}


def quantize(model: nn.Module, settings: Quantization | None = None) -> nn.Module:
    """Return a copy of ``model`` with its linear, convolutional and LSTM layers on integers.

    Parameters keep their names. Call :func:`calibrate_quantization` to set the ranges of the activations. Other
    layers with weight matrices stay in floating point, and a warning names them. Embeddings stay as well.

    Args:
        model: A digital model.
        settings: Settings of the quantisation; the defaults if None.

    Raises:
        UnknownNameError: If an entry of ``settings.digital`` matches no layer.
        InvalidArgumentError: If the model has no layer that can be quantised.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> [type(layer).__name__ for layer in quantize(net)]
        ['QuantizedLinear', 'ReLU', 'QuantizedLinear']
    """
    settings = settings or Quantization()
    model = copy.deepcopy(model)
    excluded = select(model, settings.digital, "quantization.digital")
    left = [
        f"{name!r} ({type(module).__name__})"
        for name, module in model.named_modules()
        if id(module) not in excluded and _stays(module)
    ]

    def change(module: nn.Module) -> nn.Module | None:
        kind = _KINDS.get(type(module))
        if kind is None or id(module) in excluded or _stays(module):
            return None
        made = change_class(module, kind)
        if isinstance(module, nn.LSTM):
            weights = [name for group in module._all_weights for name in group if "weight" in name]
            made._make_quantized(settings, [name.removeprefix("weight_") for name in weights])
        else:
            made._make_quantized(settings)
        return made

    result = replace_modules(model, change)
    if not any(True for _ in quantized_layers(result)):
        raise InvalidArgumentError("The model must have a layer to quantise, but has none.")
    close_fast_paths(result, QuantizedLayer)
    if left:
        warnings.warn(
            f"{len(left)} layer(s) are not quantised: {', '.join(left)}.",
            StaysDigitalWarning,
            stacklevel=2,
        )
    return result


def _stays(module: nn.Module) -> bool:
    """Whether a layer has matrices that cannot be quantised."""
    if weight_obstacle(module) is not None:
        return True
    if isinstance(module, nn.LSTM) and type(module) is nn.LSTM:
        return module.proj_size > 0
    matrices = any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
    return matrices and type(module) not in _KINDS and not isinstance(module, nn.Embedding)


def quantized_layers(model: nn.Module) -> Iterator[tuple[str, QuantizedLayer]]:
    """Yield the names and quantised layers of a model, each layer once.

    Example:
        >>> net = quantize(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
        >>> [name for name, layer in quantized_layers(net)]
        ['0', '2']
    """
    for name, module in model.named_modules():
        if isinstance(module, QuantizedLayer):
            yield name, module


@torch.no_grad()
def calibrate_quantization(
    model: nn.Module,
    batches: Iterable[Any],
    run: Callable[[nn.Module, Any], Any] | None = None,
) -> nn.Module:
    """Set the ranges of all activations from data; the model runs in floating point.

    Args:
        model: A model from :func:`quantize`.
        batches: Batches of inputs, or of inputs and labels; used twice, or once for ``"minmax"``.
        run: Function that runs the model on one batch; ``model(inputs)`` if None.

    Returns:
        The model.

    Raises:
        InvalidArgumentError: If there is no batch with an example, ``batches`` is a single batch, or the model
            has no quantised layer.
        NotFiniteError: If activations are NaN or infinite.

    Example:
        >>> net = quantize(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
        >>> model = calibrate_quantization(net, [torch.randn(64, 4)])
        >>> model(torch.randn(3, 4)).shape
        torch.Size([3, 2])
    """
    check_batches(batches)
    kept = list(batches)
    named = [x for x in model.named_modules() if isinstance(x[1], ActivationQuantizer)]
    if not named:
        raise InvalidArgumentError("The model must be quantised, but is not: see quantize().")
    quantizers = [quantizer for _, quantizer in named]
    observers = [RangeObserver(name.rpartition(".quantizers.")[0]) for name, _ in named]
    training = model.training
    model.eval()
    try:
        for quantizer, observer in zip(quantizers, observers, strict=True):
            quantizer.observer = observer
        for counting in (False, True):
            if counting and quantizers[0].settings.calibration == "minmax":
                break
            for observer in observers if counting else ():
                observer.start_counting()
            if not sum(run_batch(model, batch, run) for batch in kept):
                raise InvalidArgumentError(
                    "`batches` must hold at least one batch with an example, but is empty."
                )
    finally:
        for quantizer in quantizers:
            quantizer.observer = None
        model.train(training)
    for quantizer, observer in zip(quantizers, observers, strict=True):
        quantizer.set_range(*observer.choose(quantizer.settings))
    return model
