"""Direct mapping: a digital network on analog hardware without further training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn

from ..core import InvalidArgumentError
from ..data import DataSet
from ..models import digital_parts
from ..nn import (
    AnalogConfig,
    AnalogLayer,
    DriftCompensation,
    calibrate,
    network_config,
    to_analog,
)
from ..nn.run_batch import check_batches

CALIBRATION_BATCHES = 50
CALIBRATION_SIZE = 64


def direct_mapping(
    model: nn.Module,
    data: DataSet | Iterable[Tensor],
    config: AnalogConfig | None = None,
    *,
    compensation: bool = True,
    examples: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> nn.Module:
    """Return a digital network with analog layers and input ranges from data; nothing is trained.

    Args:
        model: The digital network; it is not changed.
        data: Data for the input ranges: a data set, of which the first 50 training batches of 64 are used; or
            batches of inputs.
        config: The hardware; None: the default configuration.
        compensation: Whether to use the drift compensation of the hardware.
        examples: Number of training examples of a data set, with classes in the same proportions; None: the
            first 3,200.
        on_batch: Called after each batch of a data set, with its number of examples.

    Returns:
        An analog network in evaluation mode.

    Raises:
        InvalidArgumentError: If the network has analog layers, there is no batch, or the data set has fewer
            training examples.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> type(direct_mapping(net, [torch.ones(8, 4)])[0]).__name__
        'AnalogLinear'
    """
    if any(isinstance(module, AnalogLayer) for module in model.modules()):
        raise InvalidArgumentError(
            "`model` must be digital, but has analog layers: use to_digital() first."
        )
    config = AnalogConfig() if config is None else config
    if not compensation:
        config = config.replace(compensation=DriftCompensation(kind="none"))
    if not isinstance(data, DataSet):
        check_batches(data)
    analog = to_analog(model, config, exclude=digital_parts(model)).eval()
    return calibrate(analog, _batches(data, examples, on_batch))


def without_compensation(model: nn.Module, mapped: nn.Module) -> nn.Module:
    """Return the direct mapping of a network without drift compensation, without calibration.

    Args:
        model: The digital network.
        mapped: The result of :func:`direct_mapping` for it; its hardware and input ranges are used.
    """
    config = network_config(mapped).replace(compensation=DriftCompensation(kind="none"))
    plain = to_analog(model, config, exclude=digital_parts(model)).eval()
    plain.load_state_dict(mapped.state_dict())
    return plain


def _batches(
    data: DataSet | Iterable[Tensor], examples: int | None, on_batch: Callable[[int], None] | None
) -> Iterable[Any]:
    if not isinstance(data, DataSet):
        yield from data
        return
    if examples is not None:
        data = data.subset(train=examples)
    made = data.batches("train", CALIBRATION_SIZE)
    most = itertools.count() if examples is not None else range(CALIBRATION_BATCHES)
    for _, (inputs, _) in zip(most, made, strict=False):
        yield inputs
        if on_batch is not None:
            on_batch(len(inputs))
