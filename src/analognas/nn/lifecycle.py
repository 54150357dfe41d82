"""Functions of a whole analog model: calibrate, program, move in time, switch the mode, clip, remap."""

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
from .distributed.gather_ranges import finish_observation, writable
from .distributed.sharded_weights import whole
from .layers.loading import give_dimensions
from .layers.model_layers import analog_layers, check_trained
from .run_batch import check_batches, run_batch


def set_mode(model: nn.Module, mode: str) -> nn.Module:
    """Switch all analog layers to ``"train"``, ``"chip"`` or ``"ideal"``, and return the model.

    ``"train"`` is hardware-aware training, and evaluation without a chip. ``"chip"`` runs on the chips of
    :func:`program`. ``"ideal"`` is the digital network.

    Raises:
        UnknownNameError: If the mode is unknown.
        NotProgrammedError: If the mode is ``"chip"`` and :func:`program` was not called.
        InvalidArgumentError: If the model has no analog layer.

    Example:
        >>> import torch
        >>> from analognas.nn import to_analog
        >>> model = to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        >>> _ = set_mode(model, "ideal")
        >>> model[0].mode
        'ideal'
    """
    for _, layer in analog_layers(model):
        layer.set_mode(mode)
    return model


def program(model: nn.Module, *, generator: torch.Generator, chips: int | None = None) -> nn.Module:
    """Program the model on simulated chips, at t = 0, switch it to the mode ``"chip"``, and return it.

    Args:
        model: A model with analog layers; modified.
        generator: Generator of all random draws, on the device of the model. Each layer gets its own generator,
            derived from this one in the order of the layers.
        chips: Number of chips; None for one chip without a chip dimension. With several chips, the first
            dimension of a layer's inputs has the length chips times samples, chip by chip; see
            :func:`run_chips`.

    Raises:
        InvalidArgumentError: If ``chips`` is not a positive integer, or the model has no analog layer.

    Example:
        >>> import torch
        >>> from analognas.nn import calibrate, to_analog
        >>> model = calibrate(to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2))), [torch.ones(8, 4)])
        >>> _ = program(model.eval(), generator=torch.Generator().manual_seed(0), chips=3)
        >>> model[0].n_chips
        3
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
            f"Input ranges of {len(unseen)} layer(s) were not set from data, first {unseen[0]!r}: "
            "they have their initial values. Train the model or call calibrate() first.",
            stacklevel=2,
        )
    children = split_generator(generator, len(layers))
    with writable(model):
        for (_, layer), child in zip(layers, children, strict=True):
            layer.program(generator=child, chips=chips)
    return model


def at_time(model: nn.Module, t: float, *, compensate: bool = True) -> nn.Module:
    """Move the model's chips to ``t`` seconds after programming, and return the model.

    The devices are read again and the drift compensation is measured. Times may be in any order.

    Args:
        model: A programmed model.
        t: The time, s.
        compensate: Measure the compensation; otherwise the last one stays, none after :func:`program`.

    Raises:
        NotProgrammedError: Before :func:`program`.
        PhysicalRangeError: If the device model is not valid at that time.
        InvalidArgumentError: If the model has no analog layer.

    Example:
        >>> import torch
        >>> from analognas.nn import calibrate, program, to_analog
        >>> model = calibrate(to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2))), [torch.ones(8, 4)])
        >>> _ = program(model.eval(), generator=torch.Generator().manual_seed(0))
        >>> _ = at_time(model, 86400.0)
        >>> model(torch.ones(1, 4)).shape
        torch.Size([1, 2])
    """
    for _, layer in analog_layers(model):
        layer.at_time(t, compensate=compensate)
    return model


@torch.no_grad()
def run_chips(model: nn.Module, *inputs: Tensor) -> Any:
    """Run all chips of a programmed model on the same inputs.

    Inputs are repeated for each chip along their first dimension, which must be that of the samples. Digital
    layers therefore receive a larger batch.

    Args:
        model: A model on several chips, in evaluation mode.
        inputs: Inputs of the model, samples first.

    Returns:
        The output with a leading chip dimension. The model must return a tensor ``(chips * n, ...)``.

    Raises:
        NotProgrammedError: Before :func:`program`.
        InvalidArgumentError: If the model has no analog layer, or has no chip dimension.

    Example:
        >>> from analognas.nn import calibrate, program, to_analog
        >>> model = calibrate(to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2))), [torch.ones(8, 4)])
        >>> _ = program(model.eval(), generator=torch.Generator().manual_seed(0), chips=3)
        >>> run_chips(model, torch.ones(5, 4)).shape
        torch.Size([3, 5, 2])
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
    """Clip the weights and update the weight scales, as configured.

    Call it after each optimizer step, or use :func:`attach`. Shared weights are clipped once.

    Raises:
        InvalidArgumentError: If the model has no analog layer.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = to_analog(nn.Sequential(nn.Linear(4, 2)))
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> model(torch.ones(8, 4)).sum().backward()
        >>> optimizer.step()
        >>> clip_and_remap(model)
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
    """Clip and remap after each step of an optimizer of any class.

    Returns:
        A handle; ``handle.remove()`` removes the hook.

    Raises:
        InvalidArgumentError: If the model has no analog layer, or the optimizer does not have its parameters:
            it was created before :func:`~analognas.nn.to_analog`, or for another model.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = to_analog(nn.Sequential(nn.Linear(4, 2)))
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> hook = attach(model, optimizer)
        >>> model(torch.ones(8, 4)).sum().backward()
        >>> optimizer.step()
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
    """Set the input ranges from data, without training, for a network that is mapped to a chip as it is.

    Args:
        model: A model with analog layers.
        batches: Batches of inputs, or of inputs and labels, as from a data loader.
        run: Function that runs the model on one batch; ``model(inputs)`` if None.

    Returns:
        The model. Its ranges are ``init_std`` standard deviations of the inputs of its layers in the digital
        network. A warning reports analog layers that the model did not call.

    Raises:
        InvalidArgumentError: If the model has no analog layer, there is no batch with an example, ``batches``
            is a single batch, or the model does not run on a batch.
        NotFiniteError: If the inputs of a layer contain NaN or infinity. The ranges are then restored.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = calibrate(to_analog(nn.Sequential(nn.Linear(4, 2))), [torch.randn(100, 4)])
        >>> model[0].input_range.shape
        torch.Size([1])
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
    finish_observation(model)
    missed = [name for name, layer in named if int(layer.input_range_batches) == 0]
    if missed:
        warnings.warn(
            f"{len(missed)} layer(s) were never called, first {missed[0]!r}: the model does not use them, or "
            "it reads their weights directly and bypasses their tiles.",
            stacklevel=2,
        )
    return model


def _observe(name: str, layer: Any, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
    x = next(iter((*inputs, *named.values())))
    if isinstance(x, Tensor) and not bool(torch.isfinite(x).all()):
        raise NotFiniteError(
            f"Inputs of analog layer {name!r} must be finite for calibration, but contain NaN or infinity: "
            "check the batches, and the weights of the layers before it."
        )
    layer.observe(x)
