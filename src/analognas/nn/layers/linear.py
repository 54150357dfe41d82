"""The analog linear layers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..config import AnalogConfig
from ..tile.products import LinearProduct
from .base import AnalogLayer
from .composite import AnalogComposite, MatrixTiles
from .input_checks import check_features


class AnalogLinear(AnalogLayer, nn.Linear):
    """A linear layer on analog tiles; the bias is digital.

    Args:
        in_features: Number of inputs.
        out_features: Number of outputs.
        bias: Whether there is a bias.
        config: Configuration of the hardware.
        device: Torch device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InvalidArgumentError: If the weights cannot be on tiles.

    Example:
        >>> import torch
        >>> layer = AnalogLinear(1024, 10)
        >>> layer.program(generator=torch.Generator().manual_seed(0))
        >>> layer.at_time(3600.0)
        >>> layer(torch.ones(4, 1024)).shape
        torch.Size([4, 10])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        config: AnalogConfig | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias, device=device, dtype=dtype)
        self._make_analog(
            config or AnalogConfig(), LinearProduct(), channels=in_features, outputs=out_features
        )

    def _digital(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def _to_tiles(self, x: Tensor) -> Tensor:
        check_features(type(self).__name__, x, -1, self.in_features)
        return x if x.ndim == 2 else x.reshape(-1, self.in_features)

    def _from_tiles(self, y: Tensor, x: Tensor) -> Tensor:
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], self.out_features)


class AnalogTransposedLinear(AnalogComposite):
    """A linear layer with the weight ``(inputs, outputs)`` on analog tiles; the bias is digital.

    :func:`~analognas.nn.to_analog` makes this layer from ``transformers.pytorch_utils.Conv1D``, the linear
    layer of GPT-2.
    """

    weight: Tensor
    bias: Tensor

    def _make_transposed(self, config: AnalogConfig) -> None:
        self._make_tiles({"weight": MatrixTiles(self, "weight", config, transposed=True)})

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight + bias``, computed on analog tiles."""
        if self._runs_digitally():
            return functional.linear(x, self.weight.t(), self.bias)
        y: Tensor = self.tiles["weight"](x)
        return y + self.bias.to(y.dtype)
