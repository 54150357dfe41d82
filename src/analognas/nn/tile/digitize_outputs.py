"""From the product of a tile to digital outputs: noise, clipping, rounding, scale and bias."""

from __future__ import annotations

import math
from math import prod

import numpy as np
import torch
from torch import Tensor

from ..hwa.noise import NoiseSource, Recipe, no_recipe
from ..kernels import passes as kernels
from ..kernels.buffers import flat_array, takes_kernels
from ..kernels.threads import run_all
from .tiled_layer import Plan

_NO_MARKS = np.empty(0, dtype=np.bool_)


def settle(
    y: Tensor,
    plan: Plan,
    noise: NoiseSource,
    *,
    factor: Tensor | float = 1.0,
    bias: Tensor | None = None,
    total: Tensor | None = None,
    marked: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Add the noise of the outputs, convert them, scale them and add what is digital.

    Args:
        y: Products of one row tile in steps of its ADC, a new tensor; changed.
        plan: The layer.
        noise: Where normal numbers come from.
        factor: Multiplies the converted outputs; a number or broadcast to ``y``.
        bias: Added last; broadcast to ``y``.
        total: Outputs of other row tiles, to which these are added in place.
        marked: Whether to tell where outputs were clipped.

    Returns:
        Outputs, ``total`` or in the memory of ``y``; and marks, true where an output was not clipped; None if
        not asked for or where all are true.
    """
    marked = marked and plan.output_limit is not None
    if takes_kernels(y):
        result, marks = _settle_at_once(y, plan, noise, factor, total, marked)
    else:
        result, marks = _settle_in_passes(y, plan, noise, factor, total, marked)
    if bias is not None:
        add_bias(result, bias)
    return result, marks


def _settle_at_once(
    y: Tensor,
    plan: Plan,
    noise: NoiseSource,
    factor: Tensor | float,
    total: Tensor | None,
    marked: bool,
) -> tuple[Tensor, Tensor | None]:
    single = isinstance(factor, float)
    adds = single and total is not None and total.stride() == y.stride()
    std = plan.config.out_noise / plan.output_step
    marks = torch.empty_like(y, dtype=torch.bool) if marked else None
    outputs, flags = flat_array(y), _NO_MARKS if marks is None else flat_array(marks)
    sums = flat_array(total) if adds and total is not None else outputs
    scale = factor if isinstance(factor, float) else 1.0
    limit, rounds = plan.output_limit or math.inf, plan.config.adc.steps is not None

    def run(recipe: Recipe) -> int:
        part = recipe.part
        own, target, marking = outputs[part], sums[part], flags[part]
        return kernels.settle(own, target, adds, marking, *recipe[1:], limit, rounds, scale)

    recipes = noise.recipes(y, std) if std > 0.0 else no_recipe(y.numel()).cut()
    n_clipped = run_all(run, recipes, y.numel())
    if not single:
        y.mul_(factor)
    if total is not None:
        y = total if adds else total.add_(y)
    return y, marks if n_clipped else None


def _settle_in_passes(
    y: Tensor,
    plan: Plan,
    noise: NoiseSource,
    factor: Tensor | float,
    total: Tensor | None,
    marked: bool,
) -> tuple[Tensor, Tensor | None]:
    """Do the same by torch: compiled, on other devices, in other types."""
    limit = plan.output_limit
    if plan.config.out_noise > 0.0:
        noise.add(y, plan.config.out_noise / plan.output_step)
    marks = y.abs() < limit if marked and limit is not None else None
    if limit is not None:
        y.clamp_(-limit, limit)
    if plan.config.adc.steps is not None:
        y.round_()
    y.mul_(factor)
    return y if total is None else total.add_(y), marks


def add_bias(y: Tensor, bias: Tensor) -> None:
    """Add a bias in place: one number for each output, with a dimension of 1 for each of the positions."""
    n = bias.numel()
    axis = y.ndim - bias.ndim + bias.shape.index(n) if n in bias.shape else -1
    # In any other memory format the outputs, axis 1, lie next to each other.
    if axis < 0 or not takes_kernels(y) or bias.dtype != y.dtype or n != y.shape[axis]:
        y.add_(bias)
    elif y.is_contiguous():
        kernels.add_bias(flat_array(y), flat_array(bias), prod(y.shape[axis + 1 :]))
    elif axis == 1:
        kernels.add_bias(flat_array(y), flat_array(bias), 1)
    else:
        y.add_(bias)
