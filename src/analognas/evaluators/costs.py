"""Costs that need no measurement of a network: counts, a model of an analog chip, HW-NAS-Bench."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice
from ..hardware import AIMCChip, chip_from_dict, find_chip, population_costs
from ..spaces import Population, Space
from ..tables import HWNASBench
from .base import COUNTED, Evaluation, Evaluator

__all__ = [
    "COUNTED",
    "ChipCostEvaluator",
    "CountEvaluator",
    "DeviceCostEvaluator",
    "check_counted",
    "check_described",
    "counted_dataset",
    "known_space",
    "network_input_of",
]

_DATASETS = {"nasbench201": "cifar10", "fbnet": "cifar100", "fbnet_imagenet": "ImageNet"}
"""Default data set of HW-NAS-Bench, by name of the space."""


class _Costs(Evaluator):
    """Base of evaluators of costs without standard errors."""

    costly = False

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """All of its metrics."""
        return tuple(self.metrics)

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Return the same as :meth:`evaluate`."""
        return self.evaluate(population, metrics)

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: costs are exact, or their errors are unknown."""
        return []

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return all costs of one architecture; missing ones are null."""
        means = self.evaluate(np.asarray(row)[None], self.metrics).means
        plain = {name: values[0].item() for name, values in means.items()}
        return {
            "metrics": {name: value if value == value else None for name, value in plain.items()}
        }


def counted_dataset(space: Space, dataset: str | None) -> str | None:
    """Check a data set of HW-NAS-Bench, and return it if its networks are counted; None: that of the space.

    Args:
        space: The space.
        dataset: The requested data set.

    Raises:
        InvalidArgumentError: If the space does not count networks of that data set.
        UnknownNameError: If there is no such data set.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> counted_dataset(NASBench201Space(), "ImageNet16-120")
        'ImageNet16-120'
    """
    own = next(iter(space.datasets), None)
    if dataset is None or dataset == own:
        return None
    if own is None:
        raise InvalidArgumentError(
            f"`dataset` must be left out for the space {space.name!r}, but got {dataset!r}: its networks are "
            "counted for the input that the space has."
        )
    if len(space.datasets) > 1:
        return check_choice("data set", dataset, space.datasets)
    others = {name: known for known, name in _DATASETS.items() if known.startswith("fbnet")}
    check_choice("data set", dataset, others)
    raise InvalidArgumentError(
        f"`dataset` must be {own!r} where what networks of {space.name!r} cost is counted, but got "
        f"{dataset!r}: their strides differ; search the space {others[dataset]!r}."
    )


class CountEvaluator(_Costs):
    """Parameters and multiply-accumulates, counted by the space.

    Args:
        space: The space.
        dataset: Data set of HW-NAS-Bench whose networks are counted; by default that of the space.

    Raises:
        InvalidArgumentError: If the space does not count networks of that data set.
        UnknownNameError: If there is no such data set.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> evaluator = CountEvaluator(NASBench201Space())
        >>> row = evaluator.space.population([(2, 2, 0, 4, 2, 1)])
        >>> evaluator.evaluate(row, ["params"]).means["params"].tolist()
        [802426.0]
    """

    def __init__(self, space: Space, *, dataset: str | None = None) -> None:
        self.space = space
        self.dataset = counted_dataset(space, dataset)

    @property
    def metrics(self) -> list[str]:
        """``params`` and ``macs``, if the space counts them."""
        return [name for name in COUNTED if name in self.space.counts()]

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Count parameters and multiply-accumulates.

        Raises:
            UnknownNameError: If the space does not count a metric.
        """
        names = [check_choice("metric", name, self.metrics) for name in metrics]
        shape, classes = _input_of(self.space, self.dataset)
        counts = self.space.counts()
        return Evaluation(
            {name: counts[name](population, shape, classes).astype(np.float64) for name in names}
        )

    def identity(self) -> dict[str, Any]:
        """Return the requested data set, if any."""
        return {"counts": self.metrics, **_asked(self.dataset)}

    def definition(self) -> dict[str, Any]:
        """Return the requested data set, if any."""
        return _asked(self.dataset)

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> CountEvaluator:
        """Rebuild the evaluator."""
        return cls(known_space(space, cls), **definition)


class ChipCostEvaluator(_Costs):
    """Crossbars, latency, energy and area of networks on an analog chip.

    Values are those of :func:`.population_costs`. Latency and energy of a network that does not fit the chip
    are NaN, so that a search for either does not choose it.

    Args:
        space: A space that lists the layers of its networks: ``nasbench201``, ``resnet`` or ``fbnet``.
        chip: The chip, its name or its YAML file.
        dataset: Data set of HW-NAS-Bench whose networks are counted; by default that of the space.
        input_shape: Channels, height and width of the networks' input, instead of a data set.
        n_classes: Number of classes.
        options: Options of the networks that the space can count, such as ``cells`` of ``nasbench201``.

    Raises:
        InvalidArgumentError: If the space does not list the layers of its networks, or not for that data set.
        UnknownNameError: If there is no such chip or data set, or the space cannot count with an option.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> space = NASBench201Space()
        >>> costs = ChipCostEvaluator(space).evaluate(space.population([[0, 1, 1, 1, 1, 1]]), ["aimc_tiles"])
        >>> costs.means["aimc_tiles"].tolist()
        [12.0]
    """

    def __init__(
        self,
        space: Space,
        chip: AIMCChip | str = "hermes",
        *,
        dataset: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        n_classes: int | None = None,
        **options: Any,
    ) -> None:
        if not space.has_layers:
            raise InvalidArgumentError(
                f"The space {space.name!r} does not list the layers of its networks, so that their costs on a "
                "chip cannot be computed; give it a method `layers`, see analognas.spaces.LayerCounts."
            )
        self.space = space
        self.chip = find_chip(chip) if isinstance(chip, str) else chip
        self.dataset = counted_dataset(space, dataset)
        if self.dataset is not None and (input_shape is not None or n_classes is not None):
            raise InvalidArgumentError(
                f"`dataset` must be omitted where the input is given, but got {dataset!r}."
            )
        self._shape: Any = input_shape
        self._n_classes = n_classes
        for option in options:
            check_choice(f"counted option of {space.name!r}:", option, space.counted_options)
        self._options = options

    @property
    def metrics(self) -> list[str]:
        """``aimc_tiles``, and latency, energy and area if the chip's description suffices."""
        known = {
            "aimc_latency": self.chip.mvm_latency,
            "aimc_energy": self.chip.mvm_energy,
            "aimc_area": self.chip.tile_area,
            "aimc_tiles": 1.0,
        }
        return [name for name, price in known.items() if price is not None]

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Compute costs of networks on the chip.

        Raises:
            UnknownNameError: If the chip's description does not suffice for a metric.
        """
        names = [check_choice("metric", name, self.metrics) for name in metrics]
        shape, classes = self._shape, self._n_classes
        if shape is None and classes is None:
            shape, classes = _input_of(self.space, self.dataset)
        costs = population_costs(
            self.space, population, self.chip, input_shape=shape, n_classes=classes, **self._options
        )
        return Evaluation({name: np.asarray(costs[name], dtype=np.float64) for name in names})

    def identity(self) -> dict[str, Any]:
        """Return the description of the chip, and the requested data set or input."""
        given = self.dataset is None and self._shape is not None
        return {
            "chip": _chip_identity(self.chip),
            **_asked(self.dataset),
            **({"input": [*self._shape, self._n_classes]} if given else {}),
            **({"network": self._options} if self._options else {}),
        }

    def definition(self) -> dict[str, Any]:
        """Return the same as :meth:`identity`."""
        return self.identity()

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> ChipCostEvaluator:
        """Rebuild the evaluator."""
        chip = chip_from_dict(definition["chip"])
        *shape, n_classes = definition.get("input", [None])
        return cls(
            known_space(space, cls),
            chip,
            dataset=definition.get("dataset"),
            input_shape=tuple(shape) or None,
            n_classes=n_classes,
            **definition.get("network", {}),
        )


class DeviceCostEvaluator(_Costs):
    """Latencies and energies on commercial devices, from HW-NAS-Bench.

    Args:
        space: ``nasbench201``, ``fbnet`` or ``fbnet_imagenet``.
        table: The table; by default the one that was added with ``analognas data add hw-nas-bench``.
        dataset: Data set of the table; by default CIFAR-10 for ``nasbench201``, and that of an FBNet space.

    Raises:
        InvalidArgumentError: If the table is of another space.
        DataNotFoundError: If no table was added; the message says how.
        UnknownNameError: If the table has no such data set.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> from analognas.tables import CellCosts, HWNASBench
        >>> costs = CellCosts(np.ones((15625, 3, 10)), np.ones((15625, 3, 10), dtype=np.uint8))
        >>> evaluator = DeviceCostEvaluator(NASBench201Space(), HWNASBench(costs))
        >>> sorted(evaluator.metrics)[:2]
        ['average_hw_metric', 'edgegpu_energy']
    """

    def __init__(
        self, space: Space, table: HWNASBench | None = None, dataset: str | None = None
    ) -> None:
        if space.name not in _DATASETS:
            raise InvalidArgumentError(
                f"HW-NAS-Bench measures devices in the spaces {', '.join(_DATASETS)}, but got {space.name!r}; "
                "for your own measurements write an Evaluator (docs/multi_objective.md)."
            )
        kind = "fbnet" if space.name.startswith("fbnet") else space.name
        self.space = space
        self.table = HWNASBench(search_space=kind) if table is None else table
        if self.table.search_space != kind:
            raise InvalidArgumentError(
                f"`table` must be about {kind!r}, but it is about {self.table.search_space!r}."
            )
        self.dataset = check_choice(
            "data set", dataset or _DATASETS[space.name], self.table.datasets
        )

    @property
    def metrics(self) -> list[str]:
        """Names of the table's metrics."""
        return self.table.metrics

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Look up a population; NaN where the table has no value.

        Raises:
            OutOfSpaceError: If a row is not in the space.
            UnknownNameError: If a metric is not in the table.
        """
        return Evaluation(dict(self.table.query(population, list(metrics), self.dataset)))

    def identity(self) -> dict[str, Any]:
        """Return name, data set and checksum of the table."""
        about = self.table.metadata
        checksum = about.get("checksum", {}).get("table", about.get("source_sha256"))
        return {
            "device_table": about.get("name", "HW-NAS-Bench"),
            "dataset": self.dataset,
            "checksum": checksum and f"sha256:{checksum}",
        }

    def definition(self) -> dict[str, Any]:
        """Return the data set; the table is the one that was added."""
        return {"dataset": self.dataset}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> DeviceCostEvaluator:
        """Rebuild the evaluator with the table that was added."""
        return cls(known_space(space, cls), dataset=definition["dataset"])


def network_input_of(evaluators: Sequence[Evaluator]) -> Mapping[str, Any]:
    """Return what the networks that are evaluated are built for, if an evaluator says so."""
    return next((source.network_input for source in evaluators if source.network_input), {})


def check_counted(evaluator: Evaluator, wanted: Collection[str]) -> None:
    """Check that counts by the space would be those of the networks that are evaluated."""
    if evaluator.network_input:
        raise InvalidArgumentError(
            f"The space {evaluator.space.name!r} cannot count {', '.join(sorted(wanted))} of networks with "
            f"{dict(evaluator.network_input)}; omit the metric, or the options of the networks."
        )


def check_described(costs: ChipCostEvaluator, wanted: Sequence[str]) -> ChipCostEvaluator:
    """Check that the chip's description suffices for the metrics."""
    needed = {
        "aimc_latency": "mvm_latency",
        "aimc_energy": "mvm_energy",
        "aimc_area": "tile_area",
    }
    for name in wanted:
        if name in needed and name not in costs.metrics:
            raise InvalidArgumentError(
                f"The description of the chip {costs.chip.name!r} does not suffice for {name!r}, only for "
                f"{', '.join(costs.metrics)}; choose another chip, or describe one with {needed[name]!r} in a "
                "YAML file."
            )
    return costs


def _chip_identity(chip: AIMCChip) -> dict[str, Any]:
    """Return the arguments of a chip, without defaults that former versions did not have: logs stay valid."""
    known = {name: field.default for name, field in AIMCChip.model_fields.items()}
    names = list(known)
    later = names[names.index("digital_area") + 1 :]
    # How a chip is programmed changes none of the costs that are evaluated.
    arguments = chip.replace(programming=None).to_dict()
    return {k: v for k, v in arguments.items() if k not in later or v != known[k]}


def known_space(space: Space | None, kind: type[Evaluator]) -> Space:
    """Return the given space; for definitions of evaluators that do not name their space.

    Raises:
        InvalidArgumentError: If it is None.
    """
    if space is None:
        raise InvalidArgumentError(f"{kind.__name__} needs `space`, the space that is searched.")
    return space


def _input_of(space: Space, dataset: str | None) -> tuple[tuple[int, int, int] | None, int | None]:
    """Return input shape and number of classes of a data set; None: those of the space."""
    return (None, None) if dataset is None else space.datasets[dataset]


def _asked(dataset: str | None) -> dict[str, Any]:
    return {} if dataset is None else {"dataset": dataset}
