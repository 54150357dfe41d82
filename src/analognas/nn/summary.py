"""Summary of a model: which layers are on tiles, and why others are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from .convert.converters import find_converter
from .convert.module_surgery import STAYS_DIGITAL
from .convert.unsupported import obstacle
from .layers.base import AnalogLayer
from .layers.composite import AnalogComposite, MatrixTiles

_RIGHT = ("Tiles", "Rows x columns", "Used", "Parameters")
_HEADINGS = ("Layer", "Class", "Where", *_RIGHT, "Why")


@dataclass(frozen=True)
class LayerSummary:
    """One layer, or one matrix of a layer that has several.

    Attributes:
        name: Name in the model; ``layer.matrix`` for a matrix, ``""`` for the model itself.
        kind: Name of the class.
        analog: Whether it is on tiles.
        reason: Why it is digital, or another remark; may be empty.
        tiles: Number of tiles on one chip.
        rows: Inputs of the matrix (of one group); 0 if digital.
        columns: Outputs of the matrix (of one group); 0 if digital.
        groups: Number of groups, which have separate tiles.
        cells: Number of weights that fit on its tiles.
        utilisation: Share of the cells that hold a weight; 0 if digital.
        parameters: Number of weights and biases, without those shared with a layer above. Input ranges and
            output scales do not count.

    Example:
        >>> import torch
        >>> from analognas.nn import summary, to_analog
        >>> found = summary(to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2))))
        >>> found.layers[0].name
        '0'
    """

    name: str
    kind: str
    analog: bool
    reason: str
    tiles: int
    rows: int
    columns: int
    groups: int
    cells: int
    utilisation: float
    parameters: int


@dataclass(frozen=True)
class ModelSummary:
    """All layers with weights, in the order of the model. ``str`` gives a table.

    Attributes:
        layers: One entry for each layer or matrix.

    Example:
        >>> import torch
        >>> from analognas.nn import summary, to_analog
        >>> type(summary(to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2))))).__name__
        'ModelSummary'
    """

    layers: tuple[LayerSummary, ...]

    @property
    def tiles(self) -> int:
        """Number of tiles on one chip."""
        return sum(layer.tiles for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Number of weights and biases; shared ones count once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def analog_parameters(self) -> int:
        """Number of weights and biases of analog layers."""
        return sum(layer.parameters for layer in self.layers if layer.analog)

    @property
    def utilisation(self) -> float:
        """Share of the cells of all tiles that hold a weight."""
        used = sum(layer.groups * layer.rows * layer.columns for layer in self.layers)
        return used / max(1, sum(layer.cells for layer in self.layers))

    def __str__(self) -> str:
        rows = [_HEADINGS, *(_cells(layer) for layer in self.layers), self._totals()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            padded = [
                text.rjust(width) if heading in _RIGHT else text.ljust(width)
                for text, width, heading in zip(row, widths, _HEADINGS, strict=True)
            ]
            lines.append("  ".join(padded).rstrip())
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _totals(self) -> tuple[str, ...]:
        analog = sum(layer.analog for layer in self.layers)
        where = f"{analog} of {len(self.layers)}"
        share = 100.0 * self.analog_parameters / max(1, self.parameters)
        used, why = f"{self.utilisation:.1%}", f"{share:.1f} % of parameters analog"
        return ("Total", "", where, str(self.tiles), "", used, f"{self.parameters:,}", why)


def summary(model: nn.Module) -> ModelSummary:
    """Return which layers of a model are on tiles, the number of tiles, and why other layers are digital.

    Example:
        >>> from analognas.nn import to_analog
        >>> net = nn.Sequential(nn.Linear(600, 100), nn.BatchNorm1d(100), nn.Linear(100, 10))
        >>> print(summary(to_analog(net, exclude="2")))
        Layer  Class         Where    Tiles  Rows x columns   Used  Parameters  Why
        ---------------------------------------------------------------------------------------------------
        0      AnalogLinear  analog       2       600 x 100  11.4%      60,100
        1      BatchNorm1d   digital      0                                200  no matrix product
        2      Linear        digital      0                              1,010  excluded
        ---------------------------------------------------------------------------------------------------
        Total                1 of 3       2                  11.4%      61,310  98.0 % of parameters analog
    """
    return ModelSummary(tuple(_summarise(model)))


def _summarise(model: nn.Module) -> Iterator[LayerSummary]:
    owners: dict[int, str] = {}
    counted: set[tuple[int, int]] = set()
    inside = {
        id(part): parent
        for parent in model.modules()
        if isinstance(parent, AnalogComposite)
        for part in parent.matrices
    }
    names = {id(module): name for name, module in model.named_modules()}
    for name, module in model.named_modules():
        if isinstance(module, MatrixTiles):
            parent = inside[id(module)]
            label = f"{names[id(parent)]}.{name.rpartition('.')[2]}".lstrip(".")
            key = (module.weight.data_ptr(), module.weight.numel())
            shared = "" if key not in counted else "shares its weight"
            new = 0 if key in counted else module.weight.numel()
            counted.add(key)
            yield _analog(label, type(parent).__name__, module, shared, new)
            continue
        own = [
            parameter
            for key_name, parameter in module.named_parameters(recurse=False)
            if key_name not in ("input_range", "out_scale")
        ]
        matrices: set[int] = set()
        if isinstance(module, AnalogComposite):
            matrices = {id(module._parameters[part._source[1]]) for part in module.matrices}
        own = [parameter for parameter in own if id(parameter) not in matrices]
        first = next((owners[id(p)] for p in own if id(p) in owners), None)
        new = sum(parameter.numel() for parameter in own if id(parameter) not in owners)
        owners.update({id(parameter): name for parameter in own if id(parameter) not in owners})
        shared = "" if first is None else f"shares its weight with {first!r}"
        if isinstance(module, AnalogLayer):
            yield _analog(name, type(module).__name__, module, shared, new)
        elif own or STAYS_DIGITAL in module.__dict__:
            reasons = [_why_digital(module), shared]
            reason = "; ".join(text for text in reasons if text)
            yield LayerSummary(name, type(module).__name__, False, reason, 0, 0, 0, 1, 0, 0.0, new)


def _analog(name: str, kind: str, layer: AnalogLayer, reason: str, parameters: int) -> LayerSummary:
    grid, tile = layer.tiled.grid, layer.config.tile
    rows = grid.channels * grid.kernel
    capacity = (tile.rows or rows) * (tile.columns or grid.outputs)
    cells = grid.n_tiles * capacity
    used = grid.groups * rows * grid.outputs / cells
    return LayerSummary(
        name,
        kind,
        True,
        reason,
        grid.n_tiles,
        rows,
        grid.outputs,
        grid.groups,
        cells,
        used,
        parameters,
    )


def _why_digital(module: nn.Module) -> str:
    if isinstance(module, AnalogComposite):
        return "biases and all but the products"
    if STAYS_DIGITAL in module.__dict__:
        return str(module.__dict__[STAYS_DIGITAL])
    converter, base = find_converter(module)
    if converter is not None:
        return "not converted"
    return obstacle(module, base) or "no matrix product"


def _cells(layer: LayerSummary) -> tuple[str, ...]:
    size = f"{layer.rows} x {layer.columns}" if layer.analog else ""
    size = f"{layer.groups} x ({size})" if layer.groups > 1 else size
    return (
        layer.name or "(model)",
        layer.kind,
        "analog" if layer.analog else "digital",
        str(layer.tiles),
        size,
        f"{layer.utilisation:.1%}" if layer.analog else "",
        f"{layer.parameters:,}",
        layer.reason,
    )
