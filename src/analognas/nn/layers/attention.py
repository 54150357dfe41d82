"""Analog multi-head attention: projections on tiles; scores, softmax and weighted sums digital."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core import InvalidArgumentError
from ..config import AnalogConfig
from ..convert.module_surgery import change_class
from ..tile.products import LinearProduct
from .composite import AnalogComposite, MatrixTiles
from .input_checks import check_dimensions, check_features
from .linear import AnalogLinear

PROJECTIONS = ("q_proj", "k_proj", "v_proj")
"""Names of the tiles; the fourth projection is the module ``out_proj``."""


class AnalogMultiheadAttention(AnalogComposite, nn.MultiheadAttention):
    """Multi-head attention with its four projections on analog tiles; an :class:`AnalogComposite`.

    The projections of queries, keys and values have separate tiles and input ranges, even if torch keeps their
    weights in one parameter. Nested tensors are not supported.

    Args:
        args: Arguments of :class:`torch.nn.MultiheadAttention`, whose keyword arguments are accepted too.
        config: Configuration of the hardware.

    Example:
        >>> import torch
        >>> layer = AnalogMultiheadAttention(32, 4, batch_first=True)
        >>> x = torch.zeros(2, 7, 32)
        >>> y, scores = layer(x, x, x)
        >>> y.shape, scores.shape
        (torch.Size([2, 7, 32]), torch.Size([2, 7, 7]))
    """

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **kwargs: Any) -> None:
        nn.MultiheadAttention.__init__(self, *args, **kwargs)
        config = config or AnalogConfig()
        n = self.embed_dim
        out = change_class(self.out_proj, AnalogLinear)
        out._make_analog(config, LinearProduct(), channels=n, outputs=n)
        self.add_module("out_proj", out)
        self._make_projections(config)

    def _make_projections(self, config: AnalogConfig) -> None:
        if self._qkv_same_embed_dim:
            n = self.embed_dim
            tiles = {
                name: MatrixTiles(self, "in_proj_weight", config, rows=slice(i * n, (i + 1) * n))
                for i, name in enumerate(PROJECTIONS)
            }
        else:
            tiles = {name: MatrixTiles(self, f"{name}_weight", config) for name in PROJECTIONS}
        self._make_tiles(tiles)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the outputs of the torch layer, computed on analog tiles."""
        if self._runs_digitally():
            return nn.MultiheadAttention.forward(
                self, query, key, value, key_padding_mask, need_weights, attn_mask,
                average_attn_weights, is_causal,
            )  # fmt: skip
        if query.is_nested or key.is_nested or value.is_nested:
            raise InvalidArgumentError(
                "Analog attention does not support nested tensors: "
                "pass a padded tensor and `key_padding_mask`."
            )
        if is_causal and attn_mask is None:
            raise InvalidArgumentError("`attn_mask` must be given if `is_causal` is true.")
        name = type(self).__name__
        widths = (self.embed_dim, self.kdim, self.vdim)
        for x, width in zip((query, key, value), widths, strict=True):
            check_dimensions(name, x, (2, 3), "samples or none, positions, features")
            check_features(name, x, -1, width)
        batched = query.ndim == 3
        self._check_batched(batched)
        inputs = [self._samples_first(x, batched) for x in (query, key, value)]
        if key_padding_mask is not None and not batched:
            key_padding_mask = key_padding_mask.unsqueeze(0)
        q, k, v = (self._project(i, x) for i, x in enumerate(inputs))
        k, v, extra = self._with_extra_keys(k, v)
        mask = self._merge_masks(attn_mask, key_padding_mask, q, extra)
        y, weights = self._attend(q, k, v, mask, need_weights)
        y = self.out_proj(y)
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return y.squeeze(0), None if weights is None else weights.squeeze(0)
        return y if self.batch_first else y.transpose(0, 1), weights

    def _samples_first(self, x: Tensor, batched: bool) -> Tensor:
        if not batched:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _project(self, i: int, x: Tensor) -> Tensor:
        """Return queries, keys or values, ``(n, length, embed_dim)``."""
        y: Tensor = self.tiles[PROJECTIONS[i]](x)
        bias: Tensor | None = self.in_proj_bias
        if bias is None:
            return y
        part = slice(i * self.embed_dim, (i + 1) * self.embed_dim)
        return y + bias[part].to(y.dtype)

    def _with_extra_keys(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, int]:
        """Append the learned key and value and the zeros, if configured, and return their number."""
        n, length = k.shape[0], k.shape[1]
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat([k, self.bias_k.to(k.dtype).expand(n, 1, -1)], dim=1)
            v = torch.cat([v, self.bias_v.to(v.dtype).expand(n, 1, -1)], dim=1)
        if self.add_zero_attn:
            k, v = (torch.cat([x, x.new_zeros(n, 1, x.shape[-1])], dim=1) for x in (k, v))
        return k, v, k.shape[1] - length

    def _merge_masks(
        self, attn_mask: Tensor | None, padding: Tensor | None, q: Tensor, extra: int
    ) -> Tensor | None:
        """Return the sum of the masks, in a shape that broadcasts to scores ``(n, heads, length, keys)``."""
        total: Tensor | None = None
        if attn_mask is not None:
            total = _additive(attn_mask, q.dtype)
            if total.ndim == 3:
                n, heads = total.shape[0] // self.num_heads, self.num_heads
                total = total.view(n, heads, *total.shape[1:])
        if padding is not None:
            added = _additive(padding, q.dtype)[:, None, None, :]
            total = added if total is None else total + added
        return total if total is None else functional.pad(total, (0, extra))

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return the weighted values, ``(n, length, embed_dim)``, and the attention weights of all heads."""
        head = self.embed_dim // self.num_heads
        q, k, v = (x.view(*x.shape[:2], self.num_heads, head).transpose(1, 2) for x in (q, k, v))
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
            weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
            weights = functional.dropout(weights, dropout)
            y = weights @ v
        else:
            y = functional.scaled_dot_product_attention(q, k, v, mask, dropout)
        return y.transpose(1, 2).flatten(-2), weights


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a mask as numbers to add to scores. True entries are not attended to."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, float("-inf"))
