"""Direct mapping: a network that was trained without any thought of hardware, put on chips as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from ..core import InvalidArgumentError
from ..data import DataSet
from ..models import digital_parts
from ..nn import AnalogConfig, AnalogLayer, DriftCompensation, calibrate, to_analog

CALIBRATION_BATCHES = 50
CALIBRATION_SIZE = 64


def direct_mapping(
    model: nn.Module,
    data: DataSet | Iterable[Tensor],
    config: AnalogConfig | None = None,
    *,
    compensation: bool = True,
) -> nn.Module:
    """Return a digital network on analog tiles, with input ranges from data and nothing learned.

    Args:
        model: The digital network; it is not changed.
        data: Where input ranges come from: training examples of a data set, the first 50 batches of 64; or
            batches of inputs.
        config: The hardware; its defaults if None.
        compensation: Whether drift compensation stays as the hardware has it; False leaves it out.

    Returns:
        An analog network in evaluation mode.

    Raises:
        InvalidArgumentError: If the network is analog already, or there is no batch.
    """
    if any(isinstance(module, AnalogLayer) for module in model.modules()):
        raise InvalidArgumentError(
            "`model` must be digital, but has analog layers: use to_digital() first."
        )
    config = AnalogConfig() if config is None else config
    if not compensation:
        config = config.replace(compensation=DriftCompensation(kind="none"))
    analog = to_analog(model, config, exclude=digital_parts(model)).eval()
    return calibrate(analog, _batches(data))


def _batches(data: DataSet | Iterable[Tensor]) -> Iterable[Any]:
    if not isinstance(data, DataSet):
        return data
    made = data.batches("train", CALIBRATION_SIZE)
    return (inputs for _, (inputs, _) in zip(range(CALIBRATION_BATCHES), made, strict=False))
