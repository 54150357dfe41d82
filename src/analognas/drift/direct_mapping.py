"""Direct mapping: a network that was trained without any thought of hardware, put on chips as it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn

from ..core import InvalidArgumentError
from ..data import DataSet
from ..models import digital_parts
from ..nn import AnalogConfig, AnalogLayer, DriftCompensation, analog_layers, calibrate, to_analog
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
    """Return a digital network on analog tiles, with input ranges from data and nothing learned.

    Args:
        model: The digital network; it is not changed.
        data: Where input ranges come from: training examples of a data set, the first 50 batches of 64; or
            batches of inputs.
        config: The hardware; its defaults if None.
        compensation: Whether drift compensation stays as the hardware has it; False leaves it out.
        examples: How many training examples of a data set are used, with classes in the same proportions; by
            default the first 3,200.
        on_batch: Called after each batch of a data set, with its number of examples.

    Returns:
        An analog network in evaluation mode.

    Raises:
        InvalidArgumentError: If the network is analog already, there is no batch, or the data set has fewer
            training examples.
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
    """Return the direct mapping of a network without drift compensation; nothing is run.

    Args:
        model: The digital network.
        mapped: The network as :func:`direct_mapping` returned it, whose hardware and input ranges are taken.
    """
    config = next(iter(analog_layers(mapped)))[1].config
    config = config.replace(compensation=DriftCompensation(kind="none"))
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
