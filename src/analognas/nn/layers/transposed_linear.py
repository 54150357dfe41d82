"""The linear layer of GPT-2 and its kin, whose weight is stored as ``(inputs, outputs)``."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ..config import AnalogConfig
from .composite import AnalogComposite, MatrixTiles


class AnalogTransposedLinear(AnalogComposite):
    """A linear layer with the weight ``(inputs, outputs)`` on analog tiles; the bias is digital.

    It stands for ``transformers.pytorch_utils.Conv1D`` and is made by :func:`~analognas.nn.to_analog` only.
    """

    weight: Tensor
    bias: Tensor

    def _make_transposed(self, config: AnalogConfig) -> None:
        self._make_tiles({"weight": MatrixTiles(self, "weight", config, transposed=True)})

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight + bias``, as the analog tiles would."""
        if self._runs_digitally():
            return functional.linear(x, self.weight.t(), self.bias)
        y: Tensor = self.tiles["weight"](x)
        return y + self.bias.to(y.dtype)
