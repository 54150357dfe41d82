"""Layer sensitivity: the accuracy lost by each layer, alone on a chip while the others are digital."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..core import check_choice, check_int
from ..core.optional_packages import ArrowView, arrow_rows
from ..core.text_tables import ShownTable, TableView, with_unit
from ..core.times import time_name
from ..data import DataSet
from ..nn import AnalogComposite, AnalogLayer, analog_layers, set_mode
from ..physics import split_generator
from ..training import Task
from ..training.tasks import lost_unit
from .chips import MONTH, ChipSimulator, as_analog, check_times
from .examples import Examples
from .intervals import CONFIDENCE, Estimate, estimate, possible_loss
from .journal import DriftJournal, fingerprint
from .result import finite_or_none, write_rows
from .variance_components import Array

WHOLE = "all layers"
"""Name of the whole network among the layers."""
KINDS = ("alone", "spared")


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(TableView, ArrowView):
    """Accuracy lost by each layer.

    Attributes:
        layers: Names, in the order of the network; :data:`WHOLE` is the last.
        costs: Digital metric minus the metric of each chip, positive is loss, shape ``(K, L)``.
        parameters: Weights of each layer, shape ``(L,)``.
        kind: ``"alone"``: only the layer is analog; ``"spared"``: only the layer is digital.
        time: Time since programming, s.
        digital: Metric of the digital network.
        task: The task.
        confidence: Confidence level of the intervals.

    Example:
        >>> import torch
        >>> from analognas.drift import direct_mapping, layer_sensitivity
        >>> x, y = torch.randn(20, 4), torch.arange(20) % 2
        >>> model = direct_mapping(torch.nn.Sequential(torch.nn.Linear(4, 2)), [x])
        >>> len(layer_sensitivity(model, (x, y), chips=2).ranked())
        1
    """

    layers: tuple[str, ...]
    costs: Array
    parameters: tuple[int, ...]
    kind: str
    time: float
    digital: float
    task: Task
    confidence: float = CONFIDENCE

    def cost(self, layer: str) -> Estimate:
        """Return the loss of a layer on these examples, in the unit of the metric.

        Raises:
            UnknownNameError: If there is no such layer.
        """
        check_choice("analog layer", layer, self.layers)
        possible = possible_loss(self.task, self.digital)
        return self._estimate(self.costs[:, self.layers.index(layer)], possible)

    def share(self, layer: str) -> Estimate:
        """Return the loss of a layer minus the mean loss of all layers on the same chips."""
        check_choice("analog layer", layer, self.layers)
        single = self.costs[:, :-1]
        return self._estimate(self.costs[:, self.layers.index(layer)] - single.mean(axis=1))

    def ranked(self) -> list[tuple[str, Estimate]]:
        """Return the single layers and their losses, the most sensitive first.

        For ``"spared"`` that is the layer whose digital version loses least.
        """
        pairs = [(name, self.cost(name)) for name in self.layers[:-1]]
        return sorted(pairs, key=lambda pair: pair[1].value, reverse=self.kind == "alone")

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each layer and for the whole network: loss, standard error, interval."""
        result = []
        for name, parameters in zip(self.layers, self.parameters, strict=True):
            found = self.cost(name)
            result.append(
                {
                    "layer": name,
                    "parameters": parameters,
                    "cost": found.value,
                    "sem": found.sem,
                    "low": found.low,
                    "high": found.high,
                }
            )
        return result

    def shown_table(self) -> ShownTable:
        """Return what is printed: the loss of each layer, the most sensitive first, and of all of them."""
        pairs = [*self.ranked(), (self.layers[-1], self.cost(self.layers[-1]))]
        sizes = dict(zip(self.layers, self.parameters, strict=True))
        named = {"alone": "alone on a chip", "spared": "digital while the others are on a chip"}
        return ShownTable(
            f"Loss with each layer {named[self.kind]}, {time_name(self.time)} after programming, "
            f"{len(self.costs)} chip{'s' * (len(self.costs) > 1)}; digital {self.task.metric_name} "
            f"{self.digital:.2f}{f' {self.task.unit}' if self.task.unit else ''}",
            (
                "layer",
                with_unit("loss", lost_unit(self.task)),
                f"{100 * self.confidence:g} % interval",
                "weights",
            ),
            tuple(
                (name, f"{cost.value:.2f}", cost.interval, f"{sizes[name]:,}")
                for name, cost in pairs
            ),
        )

    def to_arrow(self) -> Any:
        """Return :meth:`rows` as a ``pyarrow.Table``."""
        return arrow_rows(self.rows())

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`rows` as ``.csv`` or ``.parquet``, atomically."""
        write_rows(path, self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; unknown numbers, as with one chip, are None."""
        return {
            "kind": self.kind,
            "time": self.time,
            "metric": self.task.metric_name,
            "digital": self.digital,
            "confidence": self.confidence,
            "layers": finite_or_none(self.rows()),
            "costs": self.costs.tolist(),
        }

    def _estimate(
        self, values: Array, possible: tuple[float, float] = (-np.inf, np.inf)
    ) -> Estimate:
        k = len(values)
        variance = float(values.var(ddof=1)) / k if k > 1 else float("inf")
        return estimate(
            float(values.mean()),
            [(variance, k - 1.0)],
            confidence=self.confidence,
            possible=possible,
        )


def layer_sensitivity(
    model: nn.Module,
    data: DataSet | Sequence[Tensor] | Examples,
    *,
    t: float = MONTH,
    chips: int = 10,
    kind: str = "alone",
    seed: int = 0,
    batch_size: int = 256,
    task: Task | str | None = None,
    confidence: float = CONFIDENCE,
    journal: str | os.PathLike[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Measure the accuracy lost by each layer of an analog network, and by all of them.

    A single layer has the same devices as on the whole chip of the same number. Layers are therefore paired
    with the whole network, and with a :class:`~analognas.drift.DriftEvaluator` of the same seed. Layers with
    several matrices (recurrent layers, attention) count as one.

    Args:
        model: A network with analog layers and input ranges; it is not changed.
        data: Data as for :class:`~analognas.drift.Examples`.
        t: Time since programming, s.
        chips: Number of chips.
        kind: ``"alone"``: one layer analog at a time; ``"spared"``: one layer digital at a time.
        seed: Seed of all draws.
        batch_size: Examples of a batch.
        task: Task or its name.
        confidence: Confidence level of the intervals.
        journal: File to continue from, if it exists, and to write after each chip.
        on_progress: Called after each pass with the passes done and their total.

    Raises:
        InvalidArgumentError: If the model has no analog layer, or a number is out of range.
        UnknownNameError: If there is no such kind.
        PhysicalRangeError: If ``t`` is outside the range of a device's model.
        ResumeError: If the journal belongs to another evaluation.

    Example:
        >>> import torch
        >>> from analognas.drift import direct_mapping
        >>> x, y = torch.randn(20, 4), torch.arange(20) % 2
        >>> model = direct_mapping(torch.nn.Sequential(torch.nn.Linear(4, 2)), [x])
        >>> len(layer_sensitivity(model, (x, y), chips=2).ranked())
        1
    """
    check_int("chips", chips, minimum=1)
    check_choice("kind", kind, KINDS)
    (time,) = check_times(as_analog(model), [t])
    examples = (
        data if isinstance(data, Examples) else Examples(data, task=task, batch_size=batch_size)
    )
    bench = ChipSimulator(model, seed)
    units = analog_units(bench.model)
    digital, _ = bench.digital(examples)
    metric = examples.task.metric
    base = metric(float(digital.mean()))
    sign = 1.0 if examples.task.higher_is_better else -1.0
    book = None if journal is None else DriftJournal(journal)
    identity = {
        "kind": kind,
        "time": time,
        "seed": seed,
        "model": fingerprint(bench.model),
        "examples": fingerprint(nn.Identity(), digital),
        "batch_size": examples.batch_size,
    }
    saved = None if book is None else book.load(identity)
    costs = np.empty((0, len(units) + 1)) if saved is None else saved[0]["costs"][:chips]
    for k in range(len(costs), chips):
        row = []
        for i, chosen in enumerate([*([name] for name in units), list(units)]):
            whole = i == len(units)
            put = chosen if kind == "alone" or whole else [x for x in units if x not in chosen]
            program_units(bench, units, put, k, time)
            score = float(examples.scores(bench.model).mean()) if put else float(digital.mean())
            row.append(sign * (base - metric(score)))
            if on_progress is not None:
                on_progress(k * (len(units) + 1) + i + 1, chips * (len(units) + 1))
        costs = np.vstack([costs, row])
        if book is not None:
            book.save(identity, {"costs": costs}, {})
    sizes = [sum(layer.weight.numel() for _, layer in layers) for layers in units.values()]
    return Sensitivity(
        (*units, WHOLE), costs, (*sizes, sum(sizes)), kind, time, base, examples.task, confidence
    )


def analog_units(model: nn.Module) -> dict[str, list[tuple[str, AnalogLayer]]]:
    """Return the layers by name, each with the names and layers of its matrices.

    Example:
        >>> from analognas.nn import to_analog
        >>> list(analog_units(to_analog(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LSTM(4, 2)))))
        ['0', '2']
    """
    composites = [name for name, part in model.named_modules() if isinstance(part, AnalogComposite)]
    units: dict[str, list[tuple[str, AnalogLayer]]] = {}
    for name, layer in analog_layers(model):
        owners = [owner for owner in composites if not owner or name.startswith(f"{owner}.")]
        unit = min(owners, key=len) if owners else name
        units.setdefault(unit, []).append((name, layer))
    return units


def program_units(
    bench: ChipSimulator,
    units: dict[str, list[tuple[str, AnalogLayer]]],
    chosen: list[str],
    k: int,
    time: float,
) -> None:
    """Put the chosen units on chip ``k`` at a time, with the draws of the whole chip; others are digital."""
    layers = [name for name, _ in analog_layers(bench.model)]
    device = next(bench.model.parameters()).device
    children = split_generator(bench.streams.torch("chip", k, device=device), len(layers))
    set_mode(bench.model, "ideal")
    for unit in chosen:
        for name, layer in units[unit]:
            layer.program(generator=children[layers.index(name)])
            layer.at_time(time)
