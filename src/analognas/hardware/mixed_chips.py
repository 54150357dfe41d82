"""Networks on crossbars of several kinds, such as weights of two devices beside weights of four."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core import InvalidArgumentError
from ..spaces import NamedLayers
from .chip import AIMCChip
from .chip_cost import ChipCost, LayerCost
from .cost import cost_of_layers
from .uncertain_value import estimated, summed

__all__ = ["mixed_cost"]


def mixed_cost(parts: Sequence[tuple[Sequence[NamedLayers], AIMCChip]]) -> ChipCost:
    """Return what an inference costs whose layers lie on crossbars of several kinds of one chip.

    The kinds share the crossbars of the chip: a crossbar of 512 x 2,048 devices holds 512 x 512 weights of four
    devices, or 1,024 x 512 of two. Layers follow one another, whatever their kind.

    Args:
        parts: Layers of each kind with the chip as it is for that kind. Their ``n_tiles`` and ``schedule``
            must be equal, and none may ``replicate``.

    Returns:
        The cost, with the first chip; areas of digital parts count once. Programming and recalibration are
        those of its ``parts``, in any order.

    Raises:
        InvalidArgumentError: If there is no part, the chips differ in what they must share, or have too few
            crossbars.

    Example:
        >>> from analognas.hardware import find_chip
        >>> from analognas.spaces import Layers
        >>> def layer(name):
        ...     return [NamedLayers(name, "Linear", Layers(1024, 512, 1, 1))]
        >>> four, two = find_chip("ambrogio2023"), find_chip("ambrogio2023-two-devices")
        >>> mixed_cost([(layer("a"), four), (layer("b"), two)]).tiles
        3
    """
    if not parts:
        raise InvalidArgumentError("`parts` must hold layers and their chip, but is empty.")
    first = parts[0][1]
    for _, chip in parts:
        if chip.replicate or (chip.n_tiles, chip.schedule) != (first.n_tiles, first.schedule):
            raise InvalidArgumentError(
                "`parts` must have chips of equal `n_tiles` and `schedule` without `replicate`, but got "
                f"{first.name!r} and {chip.name!r}."
            )
    costs = [cost_of_layers(layers, chip.replace(n_tiles=None)) for layers, chip in parts]
    tiles = sum(cost.tiles for cost in costs)
    if first.n_tiles is not None and tiles > first.n_tiles:
        raise InvalidArgumentError(
            f"The network needs {tiles} crossbars, but {first.name!r} has {first.n_tiles}: "
            f"{tiles - first.n_tiles} are missing."
        )
    cells = sum(cost.chip.rows * cost.chip.columns * cost.tiles for cost in costs)
    used = sum(c.utilisation * c.chip.rows * c.chip.columns * c.tiles for c in costs)
    latency = summed([cost.latency for cost in costs], "ms")
    pipelined = first.schedule == "pipelined"
    crossbars = [_without_digital_area(cost) for cost in costs]
    area = summed([*crossbars, first.digital_area], "mm2")
    return replace(
        costs[0],
        chip=first,
        tiles=tiles,
        utilisation=used / max(cells, 1),
        latency=latency,
        interval=max((cost.interval for cost in costs), key=float) if pipelined else latency,
        energy=summed([cost.energy for cost in costs], "mJ"),
        components={
            name: summed([cost.components[name] for cost in costs], "mJ")
            for name in costs[0].components
        },
        area=area,
        program_energy=sum(cost.program_energy for cost in costs),
        macs=sum(cost.macs for cost in costs),
        layers=_shared(costs),
        parts=tuple(costs),
    )


def _without_digital_area(cost: ChipCost) -> float:
    """Area of the crossbars of one kind, with its factor."""
    return estimated(float(cost.area) - cost.chip.digital_area, cost.chip.area_factor, "mm2")


def _shared(costs: Sequence[ChipCost]) -> tuple[LayerCost, ...]:
    """All layers, with shares of the whole."""
    layers = [layer for cost in costs for layer in cost.layers]
    time = sum(layer.latency for layer in layers) or 1.0
    energy = sum(layer.energy for layer in layers) or 1.0
    return tuple(
        replace(layer, latency_share=layer.latency / time, energy_share=layer.energy / energy)
        for layer in layers
    )
