"""The analog part of one tile: product, read noise and IR drop, in this order.

Inputs are in steps of the DAC. Outputs are in steps of the ADC, but not yet rounded.

Source: Rasch et al., Nat. Commun. 14:5282, 2023, and the equations of aihwkit 1.2.0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..hwa.noise import NoiseSource
from .tiled_layer import TiledLayer

G_RATIO = 1.0 / (0.35 * 5e-6)
"""Conductance of a wire segment over the largest conductance of a device (0.35 ohm, 5 uS)."""


def tile_outputs(
    x: Tensor, matrix: Tensor, tiled: TiledLayer, i: int, noise: NoiseSource, factor: float = 1.0
) -> Tensor:
    """Return the outputs of row tile ``i`` before output noise and ADC, in steps of the ADC, as a new tensor.

    Args:
        x: Inputs of the tile in steps of the DAC, ``(*chips, n, ...)``.
        matrix: Weights of the tile, ``(*chips, out, in)``.
        tiled: The layer's configuration, product and tiles.
        i: Index of the row tile.
        noise: Source of the read noise.
        factor: Factor on the weights, such that steps of inputs give steps of outputs.
    """
    config, product = tiled.config, tiled.product
    y = product.multiply(x, matrix, factor)
    if factor != 1.0 and (config.read_noise.std > 0.0 or config.ir_drop > 0.0):
        matrix = matrix * factor
    if config.read_noise.std > 0.0:
        y = y + noise.normal(y, _read_noise_std(x, matrix, tiled))
    if config.ir_drop > 0.0:
        a = product.multiply(x.abs(), matrix.abs())
        weighted = product.multiply(x, matrix * positions(tiled, i, matrix))
        y = y - ir_drop_share(a.mul_(tiled.output_step), tiled, i).mul_(weighted)
    return y


def read_noise_std(variance: Tensor, tiled: TiledLayer) -> Tensor:
    """Return the standard deviation of the outputs due to read noise, in steps of the ADC.

    Args:
        variance: Sum over squared inputs times the variance of their weights for ``std = 1``, with normalised
            inputs and weights. The tensor is modified.
        tiled: The layer's configuration, product and tiles.
    """
    return variance.sqrt_().mul_(tiled.config.read_noise.std / tiled.output_step)


def ir_drop_share(a: Tensor, tiled: TiledLayer, i: int) -> Tensor:
    r"""Return the share of its position-weighted sum that an output loses to IR drop: ``ir_drop * c``.

    .. math:: c = a\,[a\,(0.05 a - 0.2) + 0.5], \quad a = \frac{n}{G} \sum_j |w_j| |x_j|

    Args:
        a: Sum of absolute normalised weights times absolute inputs. The tensor is modified.
        tiled: The layer's configuration, product and tiles.
        i: Index of the row tile; n is its number of rows.
    """
    rows = tiled.grid.row_slices[i]
    a.mul_((rows.stop - rows.start) / G_RATIO)
    return (a * 0.05).sub_(0.2).mul_(a).add_(0.5).mul_(a).mul_(tiled.config.ir_drop)


def positions(tiled: TiledLayer, i: int, like: Tensor) -> Tensor:
    r"""Return the weight of each row j in the IR drop, :math:`1 - (1 - j / n)^2`, shape ``(in,)``."""
    grid = tiled.grid
    rows, channels = grid.row_slices[i], grid.channel_slices[i]
    n = rows.stop - rows.start
    flat = torch.arange(
        channels.start * grid.kernel, channels.stop * grid.kernel, device=like.device
    )
    j = (flat - rows.start).to(like.dtype)
    place: Tensor = 1.0 - (1.0 - j / n).square()
    return place


def _read_noise_std(x: Tensor, matrix: Tensor, tiled: TiledLayer) -> Tensor:
    squares = x.square().div_(tiled.input_steps**2)
    if tiled.config.read_noise.kind == "pcm":
        sizes = matrix.abs().div_(tiled.weight_factor)
    else:
        sizes = torch.ones_like(matrix)
    return read_noise_std(tiled.product.multiply(squares, sizes).clamp_(min=0.0), tiled)
