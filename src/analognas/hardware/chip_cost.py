"""Costs of a network on a chip: totals and a table of layers."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import check_int
from ..core.text_tables import ShownTable, TableView
from .chip import AIMCChip
from .uncertain_value import with_factor

__all__ = ["COMPONENTS", "ChipCost", "LayerCost"]

_MOST_SHOWN, _LONGEST_NAME = 12, 33

COMPONENTS = ("mvm", "dac", "adc", "adds", "digital", "operations", "links", "idle")
"""Where energy goes: crossbars with what their source includes, conversions and additions of partial sums
beside it, digital multiply-accumulates, digital operations on outputs and of attention, moving values, and
power drawn all the time."""


@dataclass(frozen=True)
class LayerCost:
    """Costs of one matrix of a network.

    Attributes:
        name: Its name.
        kind: Class of its layer.
        rows: Inputs of one group.
        columns: Outputs of one group.
        groups: Number of groups, each with its own matrix.
        positions: How often it is used in an inference.
        tiles: Crossbars it lies on, copies included; packed ones it may share.
        copies: How often it is there.
        utilisation: Share of the cells of these crossbars that hold its weights.
        latency: Time that it takes, ms.
        energy: Energy without what is drawn all the time, mJ.
        latency_share: Share of the time of all.
        energy_share: Share of that energy of all.

    Example:
        >>> import torch
        >>> from analognas.hardware import find_chip, network_cost
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> network_cost(net, find_chip("hermes"), input_shape=(4,)).layers[0].name
        '0'
    """

    name: str
    kind: str
    rows: int
    columns: int
    groups: int
    positions: int
    tiles: int
    copies: int
    utilisation: float
    latency: float
    energy: float
    latency_share: float
    energy_share: float


@dataclass(frozen=True, repr=False)
class ChipCost(TableView):
    """Costs of one inference of a network. Its text is a table. What the chip does not tell is NaN.

    Costs print with the chip's typical error factor: ``0.50 mJ (x1.2)``. So do components and layers.

    Attributes:
        chip: The chip.
        tiles: Crossbars, copies included.
        utilisation: Share of their cells that hold a weight.
        latency: Time of one inference, ms.
        interval: Time between two inferences, ms: with a pipeline that of the longest layer.
        energy: Energy of one inference, mJ.
        components: Energy by :data:`COMPONENTS`, mJ.
        area: Area of the crossbars used and of the digital parts, mm2.
        program_energy: Energy of writing all weights once, copies included, mJ.
        macs: Multiply-accumulates of one inference.
        layers: Costs of each matrix.
        parts: Costs by kind of crossbars where there are several (:func:`mixed_cost`); empty otherwise.

    Example:
        >>> import torch
        >>> from analognas.hardware import find_chip, network_cost
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> network_cost(net, find_chip("hermes"), input_shape=(4,)).tiles
        1
    """

    chip: AIMCChip
    tiles: int
    utilisation: float
    latency: float
    interval: float
    energy: float
    components: dict[str, float]
    area: float
    program_energy: float
    macs: int
    layers: tuple[LayerCost, ...]
    parts: tuple[ChipCost, ...] = ()

    @property
    def kinds(self) -> tuple[ChipCost, ...]:
        """Costs of each kind of crossbars; a chip of one kind is its own."""
        return self.parts or (self,)

    @property
    def throughput(self) -> float:
        """Inferences a second."""
        return 1e3 / self.interval if self.interval else float("inf")

    @property
    def metrics(self) -> dict[str, float]:
        """The costs under the names that they have everywhere."""
        return {
            "aimc_latency": self.latency,
            "aimc_energy": self.energy,
            "aimc_area": self.area,
            "aimc_tiles": self.tiles,
        }

    def batch_latency(self, batch: int) -> float:
        """Time of a batch, ms: inputs follow one another after the interval between two inferences.

        Args:
            batch: Inputs of the batch. Its energy is that many times that of one.

        Raises:
            InvalidArgumentError: If it is not a positive integer.
        """
        batch = check_int("batch", batch, minimum=1)
        return float(self.latency) + (batch - 1) * float(self.interval)

    def shown_table(self) -> ShownTable:
        """Return what is printed: totals, and the layers that take most time and energy."""
        order = sorted(
            range(len(self.layers)),
            key=lambda i: -(self.layers[i].latency_share + self.layers[i].energy_share),
        )
        shown = [self.layers[i] for i in sorted(order[:_MOST_SHOWN])]
        rest = [self.layers[i] for i in order[_MOST_SHOWN:]]
        rows = [
            (
                layer.name[-_LONGEST_NAME:],
                str(layer.tiles),
                f"{layer.latency_share:.1%}",
                f"{layer.energy_share:.1%}",
                f"{layer.utilisation:.1%}",
                _matrix(layer),
                f"{layer.positions:,}",
            )
            for layer in shown
        ]
        if rest:
            latency, energy = (
                sum(getattr(layer, name) for layer in rest)
                for name in ("latency_share", "energy_share")
            )
            tiles = str(sum(layer.tiles for layer in rest))
            rows.append(
                (f"{len(rest)} other layers", tiles, f"{latency:.1%}", f"{energy:.1%}", "", "", "")
            )
        return ShownTable(
            f"{self.chip.name}: {self.tiles} crossbars ({self.utilisation:.1%} used), "
            f"{'at most ' * self.chip.latency_bound}{self.latency:.4g} ms{with_factor(self.latency)}, "
            f"{self.energy:.4g} mJ{with_factor(self.energy)}, {self.area:.4g} mm2{with_factor(self.area)}, "
            f"{self.throughput:.4g} inferences/s",
            ("layer", "crossbars", "time", "energy", "used", "matrix", "positions"),
            tuple(rows),
        )


def _matrix(layer: LayerCost) -> str:
    return f"{layer.rows}x{layer.columns}" + (f"x{layer.groups}" if layer.groups > 1 else "")
