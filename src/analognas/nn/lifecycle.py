"""What is done with a whole analog model: program it, move it in time, switch its mode, clip, remap."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..core import InvalidArgumentError, NotFiniteError, check_int
from ..physics import split_generator
from .distributed.gather_ranges import keep_observed, writable
from .distributed.sharded_weights import whole
from .layers.loading import give_dimensions
from .layers.of_model import analog_layers, check_trained
from .run_batch import check_batches, run_batch


def set_mode(model: nn.Module, mode: str) -> nn.Module:
    """Switch all analog layers to ``"train"``, ``"chip"`` or ``"ideal"``; return the model.

    ``"train"`` is hardware-aware training, and evaluation without a chip; ``"chip"`` runs on the chips of
    :func:`program`; ``"ideal"`` is the digital network.

    Raises:
        UnknownNameError: If there is no such mode.
        NotProgrammedError: If ``"chip"`` is asked for before :func:`program`.
        InvalidArgumentError: If the model has no analog layer.
    """
    for _, layer in analog_layers(model):
        layer.set_mode(mode)
    return model


def program(model: nn.Module, *, generator: torch.Generator, chips: int | None = None) -> nn.Module:
    """Put the model on simulated chips, at t = 0, and switch it to the mode ``"chip"``; return it.

    Args:
        model: A model with analog layers; it is changed.
        generator: Source of all draws, on the model's device. Layers get generators of their own, derived
            from it in their order in the model.
        chips: Number of chips; None for one. With several, the first dimension of a layer's inputs counts
            chips times samples, chip by chip: see :func:`run_chips`.

    Raises:
        InvalidArgumentError: If ``chips`` is no positive integer, or the model has no analog layer.
    """
    layers = list(analog_layers(model))
    if chips is not None:
        check_int("chips", chips, minimum=1)
    unseen = [
        name
        for name, layer in layers
        if layer.config.input_range.kind == "learned"
        and layer.config.input_range.init_batches > 0
        and int(layer.input_range_batches) == 0
    ]
    if unseen:
        warnings.warn(
            f"Input ranges of {len(unseen)} layer(s) have seen no data, first {unseen[0]!r}: "
            "they are as configured. Train the model or call calibrate() first.",
            stacklevel=2,
        )
    children = split_generator(generator, len(layers))
    with writable(model):
        for (_, layer), child in zip(layers, children, strict=True):
            layer.program(generator=child, chips=chips)
    return model


def at_time(model: nn.Module, t: float) -> nn.Module:
    """Move the model's chips to ``t`` seconds after programming; return the model.

    Devices are read anew and the compensation is measured. Any order of times is allowed.

    Raises:
        NotProgrammedError: Before :func:`program`.
        PhysicalRangeError: If a device's model does not reach that time.
        InvalidArgumentError: If the model has no analog layer.
    """
    for _, layer in analog_layers(model):
        layer.at_time(t)
    return model


@torch.no_grad()
def run_chips(model: nn.Module, *inputs: Tensor) -> Any:
    """Run all chips of a programmed model on the same inputs.

    Inputs are repeated for each chip in front of their first dimension, which must be that of the samples;
    digital layers see a larger batch.

    Args:
        model: A model programmed on several chips, in evaluation mode.
        inputs: Its inputs, samples first.

    Returns:
        Its output with a leading chip dimension, if it is a tensor ``(chips * n, ...)``.

    Raises:
        NotProgrammedError: Before :func:`program`.
        InvalidArgumentError: If the model has no analog layer, or is on one chip without a leading
            dimension.
    """
    _, layer = next(iter(analog_layers(model)))
    n_chips = layer.programmed_chips().n_chips
    if n_chips is None:
        raise InvalidArgumentError(
            "The model must be on several chips, but is on one: call program(model, chips=...)."
        )
    repeated = [x.expand(n_chips, *x.shape).flatten(0, 1) for x in inputs]
    return model(*repeated).unflatten(0, (n_chips, -1))


@torch.no_grad()
def clip_and_remap(model: nn.Module) -> None:
    """Clip the weights and set the weight scales anew, as configured.

    Called after each optimizer step, by the user or by :func:`attach`. Shared weights are clipped once.

    Raises:
        InvalidArgumentError: If the model has no analog layer.
    """
    clipped: set[tuple[int, int]] = set()
    layers = analog_layers(model)
    with writable(model):
        for _, layer in layers:
            key = layer.weight_place
            if key not in clipped:
                layer.clip()
                clipped.add(key)
            if layer.config.scaling.remap:
                layer.remap()


def attach(model: nn.Module, optimizer: torch.optim.Optimizer) -> RemovableHandle:
    """Clip and remap after every step of ``optimizer``, whatever optimizer it is.

    Returns:
        A handle; ``handle.remove()`` ends it.

    Raises:
        InvalidArgumentError: If the model has no analog layer, or the optimizer does not train it: it was made
            before :func:`~analognas.nn.to_analog`, or not from this model.
    """
    check_trained(model, optimizer)
    give_dimensions(optimizer)
    optimizer.register_load_state_dict_post_hook(give_dimensions)

    def after_step(*_: Any) -> None:
        clip_and_remap(model)

    return optimizer.register_step_post_hook(after_step)


@torch.no_grad()
def calibrate(
    model: nn.Module,
    batches: Iterable[Any],
    run: Callable[[nn.Module, Any], Any] | None = None,
) -> nn.Module:
    """Set the input ranges from data, without training: for a network put on a chip as it is.

    Args:
        model: A model with analog layers.
        batches: Batches of inputs, or of inputs and labels, as a data loader gives them.
        run: Runs the model on one batch; ``model(inputs)`` if None.

    Returns:
        The model, with ranges of ``init_std`` standard deviations of what its digital layers pass on. A
        warning says how many analog layers the model never called.

    Raises:
        InvalidArgumentError: If the model has no analog layer, there is no batch with an example, ``batches``
            is one, or a batch cannot be taken.
        NotFiniteError: If a layer is given NaN or infinity; ranges stay as they were.
    """
    check_batches(batches)
    named = list(analog_layers(model))
    layers = [layer for _, layer in named]
    modes, training = [layer.mode for layer in layers], model.training
    with writable(model):
        ranges = [
            (float(whole(layer.input_range)), int(layer.input_range_batches)) for layer in layers
        ]
        for layer in layers:
            layer.forget_range()
    handles = [
        layer.register_forward_pre_hook(partial(_observe, name), with_kwargs=True)
        for name, layer in named
    ]
    try:
        model.eval()
        set_mode(model, "ideal")
        if not sum(run_batch(model, batch, run) for batch in batches):
            raise InvalidArgumentError(
                "`batches` must hold at least one batch with an example, but is empty."
            )
    except BaseException:
        with writable(model):
            for layer, (value, count) in zip(layers, ranges, strict=True):
                layer.put_range(value, count)
        raise
    finally:
        for handle in handles:
            handle.remove()
        for layer, mode in zip(layers, modes, strict=True):
            layer.mode = mode
        model.train(training)
    keep_observed(model)
    missed = [name for name, layer in named if int(layer.input_range_batches) == 0]
    if missed:
        warnings.warn(
            f"{len(missed)} layer(s) were never called, first {missed[0]!r}: the model does not use them, or "
            "it reads their weights itself and passes their tiles by.",
            stacklevel=2,
        )
    return model


def _observe(name: str, layer: Any, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
    x = next(iter((*inputs, *named.values())))
    if isinstance(x, Tensor) and not bool(torch.isfinite(x).all()):
        raise NotFiniteError(
            f"Inputs of analog layer {name!r} must be finite for calibration, but hold NaN or infinity: check "
            "the batches, and the weights of the layers before it."
        )
    layer.observe(x)
