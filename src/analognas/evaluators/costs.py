"""Evaluation of what needs no measurement of a network: counts, an analog chip, devices with a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice
from ..hardware import AIMCChip, chip_from_dict, chip_to_dict, find_chip, population_costs
from ..spaces import Population, Space
from ..tables import HWNASBench
from .base import COUNTED, Evaluation, Evaluator

__all__ = ["COUNTED", "ChipCostEvaluator", "CountEvaluator", "DeviceCostEvaluator"]

_DATASETS = {"nasbench201": "cifar10", "fbnet": "cifar100", "fbnet_imagenet": "ImageNet"}
"""Data set that a device table is asked about unless it is told otherwise, by name of the space."""


class _Costs(Evaluator):
    """Costs without standard errors, and all of them reported."""

    costly = False

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """All of its metrics."""
        return tuple(self.metrics)

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """The same as :meth:`evaluate`."""
        return self.evaluate(population, metrics)

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: costs are exact, or their errors are not known."""
        return []

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """All costs of one architecture; null where there is none."""
        means = self.evaluate(np.asarray(row)[None], self.metrics).means
        plain = {name: values[0].item() for name, values in means.items()}
        return {
            "metrics": {name: value if value == value else None for name, value in plain.items()}
        }


def counted_dataset(space: Space, dataset: str | None) -> str | None:
    """Return the data set of HW-NAS-Bench whose networks are counted; None: what the space is made for.

    Args:
        space: The space.
        dataset: The data set that was asked for.

    Raises:
        InvalidArgumentError: If the space does not count networks for that data set.
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
    """Parameters and multiply-accumulates, as the space counts them.

    Args:
        space: The space.
        dataset: Data set of HW-NAS-Bench whose networks are counted; by default what the space is made for.

    Raises:
        InvalidArgumentError: If the space does not count networks for that data set.
        UnknownNameError: If there is no such data set.
    """

    def __init__(self, space: Space, *, dataset: str | None = None) -> None:
        self.space = space
        self.dataset = counted_dataset(space, dataset)

    @property
    def metrics(self) -> list[str]:
        """``params`` and ``macs``, where the space counts them."""
        return [name for name in COUNTED if name in self.space.counts()]

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Count.

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
        """That it counts, and for which data set if that was asked."""
        return {"counts": self.metrics, **_asked(self.dataset)}

    def definition(self) -> dict[str, Any]:
        """The data set if it was asked for."""
        return _asked(self.dataset)

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> CountEvaluator:
        """Count again."""
        return cls(known_space(space, cls), **definition)


class ChipCostEvaluator(_Costs):
    """Crossbars, latency, energy and area of networks on an analog chip, whole populations at once.

    The values are those of :func:`.population_costs`. A network that does not fit the chip has no latency and
    energy (NaN), so that a search for either does not choose it.

    Args:
        space: A space that tells the layers of its networks: ``nasbench201``, ``resnet`` or ``fbnet``.
        chip: The chip, its name or its YAML file.
        dataset: Data set of HW-NAS-Bench whose networks are counted; by default what the space is made for.
        input_shape: Channels, height and width of the input of the networks, instead of a data set.
        n_classes: Their number of classes.

    Raises:
        InvalidArgumentError: If the space does not tell the layers of its networks, or not for that data set.
        UnknownNameError: If there is no such chip or data set.

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
    ) -> None:
        if not space.has_layers:
            raise InvalidArgumentError(
                f"The space {space.name!r} does not tell the layers of its networks, so that what they cost on "
                "a chip cannot be counted; give it a method `layers`, see analognas.spaces.LayerCounts."
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

    @property
    def metrics(self) -> list[str]:
        """``aimc_tiles``, and latency, energy and area where the chip's description tells enough."""
        known = {
            "aimc_latency": self.chip.mvm_latency,
            "aimc_energy": self.chip.mvm_energy,
            "aimc_area": self.chip.tile_area,
            "aimc_tiles": 1.0,
        }
        return [name for name, price in known.items() if price is not None]

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Count what the networks need and multiply with what the chip takes.

        Raises:
            UnknownNameError: If the chip's description does not tell enough for a metric.
        """
        names = [check_choice("metric", name, self.metrics) for name in metrics]
        shape, classes = self._shape, self._n_classes
        if shape is None and classes is None:
            shape, classes = _input_of(self.space, self.dataset)
        costs = population_costs(
            self.space, population, self.chip, input_shape=shape, n_classes=classes
        )
        return Evaluation({name: np.asarray(costs[name], dtype=np.float64) for name in names})

    def identity(self) -> dict[str, Any]:
        """Everything that the chip is, and the data set if it was asked for."""
        given = self.dataset is None and self._shape is not None
        return {
            "chip": chip_to_dict(self.chip),
            **_asked(self.dataset),
            **({"input": [*self._shape, self._n_classes]} if given else {}),
        }

    def definition(self) -> dict[str, Any]:
        """The same as the identity."""
        return self.identity()

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> ChipCostEvaluator:
        """Describe the chip again."""
        chip = chip_from_dict(definition["chip"])
        *shape, n_classes = definition.get("input", [None])
        return cls(
            known_space(space, cls),
            chip,
            dataset=definition.get("dataset"),
            input_shape=tuple(shape) or None,
            n_classes=n_classes,
        )


class DeviceCostEvaluator(_Costs):
    """Latencies and energies on today's devices, from HW-NAS-Bench's table.

    Args:
        space: ``nasbench201``, ``fbnet`` or ``fbnet_imagenet``.
        table: The table; by default the one that ``analognas data add hw-nas-bench`` has put into the user's
            folder.
        dataset: Data set of the table; by default CIFAR-10 for ``nasbench201``, and what FBNet's space is made
            for.

    Raises:
        InvalidArgumentError: If the table is not about the space.
        DataNotFoundError: If no table was added; says what to download.
        UnknownNameError: If the table has no such data set.
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
        """Look a population up; NaN where the table has no value.

        Raises:
            OutOfSpaceError: If a row is not of the space.
            UnknownNameError: If a metric is not in the table.
        """
        return Evaluation(dict(self.table.query(population, list(metrics), self.dataset)))

    def identity(self) -> dict[str, Any]:
        """Name, data set and checksum of the table."""
        about = self.table.metadata
        checksum = about.get("checksum", {}).get("table", about.get("source_sha256"))
        return {
            "device_table": about.get("name", "HW-NAS-Bench"),
            "dataset": self.dataset,
            "checksum": checksum and f"sha256:{checksum}",
        }

    def definition(self) -> dict[str, Any]:
        """The data set; the table is the one in the user's folder."""
        return {"dataset": self.dataset}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> DeviceCostEvaluator:
        """Open the table in the user's folder."""
        return cls(known_space(space, cls), dataset=definition["dataset"])


def known_space(space: Space | None, kind: type[Evaluator]) -> Space:
    """Return the space of an evaluator that does not say itself which it is.

    Raises:
        InvalidArgumentError: If there is none.
    """
    if space is None:
        raise InvalidArgumentError(f"{kind.__name__} needs the space that is searched; give it.")
    return space


def _input_of(space: Space, dataset: str | None) -> tuple[tuple[int, int, int] | None, int | None]:
    """Shape and classes of a data set; None: those of the space."""
    return (None, None) if dataset is None else space.datasets[dataset]


def _asked(dataset: str | None) -> dict[str, Any]:
    return {} if dataset is None else {"dataset": dataset}
