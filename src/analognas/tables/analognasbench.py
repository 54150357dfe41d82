"""AnalogNAS-Bench: measured accuracies of all 15,625 NAS-Bench-201 cells on simulated analog chips.

Bessalah et al., "AnalogNAS-Bench: A NAS Benchmark for Analog In-Memory Computing", arXiv:2506.18495, 2025.
What the table is: CIFAR-10; accuracies in percent; ``analog_accuracy`` carries no programming noise, the drift
readings do; each drift reading is the mean over 25 evaluations of one programming draw, so its ``_std``
understates the spread from chip to chip; its test images were cropped and flipped at random.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    DRIFT_TIMES,
    METRICS,
    InvalidArgumentError,
    Metric,
    OutOfSpaceError,
    check_choice,
    current_metric_name,
    parse_constraints,
    total_violation,
)
from ..core.text_tables import hanging
from ..spaces import NASBench201Space, Population
from .lenient_bench import LenientBench
from .quality import QualityReport, assess
from .readings import DriftReading
from .table_file import read_table
from .true_values import LabelNoiseModel, TrueValues

if TYPE_CHECKING:
    import pandas as pd

SHIPPED_TABLE = Path(__file__).with_name("data") / "analognasbench.parquet"

SHIPPED_CHECKSUM = "ab38c5765522d9ad3857b0bedd6e95b13fc1d18789186e3b439341631552b33b"
"""SHA-256 of the shipped table's content."""

READINGS = 25
"""Evaluations behind each drift reading (arXiv:2506.18495)."""

_ACCURACIES = [f"{kind}_accuracy" for kind in ("baseline", "ptq", "qat", "noisy", "analog")]
_DRIFT = [f"{kind}_drift_{time}" for kind in ("noisy", "analog") for time in DRIFT_TIMES]
_STORED = _ACCURACIES + [name for drift in _DRIFT for name in (drift, f"{drift}_std")]


class AnalogNASBench:
    """The table: every metric of every cell, without building or training a network.

    An architecture is a six-tuple, list or array, an ``arch_str``, or the integer NAS-Bench-201 index No.i.
    Metric names are those of :data:`analognas.core.METRICS`; the old names ``baseline_drift_*`` work too.

    Args:
        path: A table file; the shipped one by default.

    Raises:
        TableIntegrityError: If the file is missing, damaged, truncated or another kind of table.

    Example:
        >>> bench = AnalogNASBench()
        >>> bench.query_metric((0, 0, 0, 4, 3, 2), "baseline_drift_3600").std
        3.28
        >>> bench.find_best("analog_drift_2592000")
        ((2, 2, 0, 4, 2, 1), DriftReading(90.0, std=0.3))
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.space = NASBench201Space()
        table = read_table(
            SHIPPED_TABLE if path is None else path,
            checksum=SHIPPED_CHECKSUM if path is None else None,
        )
        self.path = None if path is None else os.path.abspath(path)
        self.metadata = table.metadata
        self.checksum = table.checksum
        codes = table.columns["architecture_code"]
        if not np.array_equal(codes, np.arange(self.space.size)):
            raise InvalidArgumentError(
                f"{path!r} must hold one row for each of the {self.space.size} cells in code order."
            )
        self._columns = {name: table.columns[name] for name in _STORED}
        self._code_of_bytes: dict[bytes, int] = {}
        self._plain: dict[str, tuple[list[Any], list[Any] | None]] = {}
        self._noise: dict[str, LabelNoiseModel] = {}

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics that can be queried, measured ones first."""
        return [*_STORED, "avm", "params", "macs"]

    def query_metric(self, architecture: Any, metric: str) -> Any:
        """Return one metric of one architecture.

        Args:
            architecture: The architecture in any form.
            metric: Name of the metric, or ``"architecture"`` for the six-tuple itself.

        Returns:
            A ``float``; for a drift accuracy a :class:`DriftReading`, a float with ``.std``; for counts an
            ``int``.

        Raises:
            OutOfSpaceError: If there is no such architecture.
            UnknownNameError: If there is no such metric.
        """
        try:
            # The common case is two look-ups; bytes() raises for floats and text.
            code = self._code_of_bytes[bytes(architecture)] if type(architecture) is tuple else -1
        except (KeyError, TypeError, ValueError):
            code = -1
        if code < 0:
            code = int(self.space.codes(self.space.encode(architecture)[None])[0])
        plain = self._plain.get(metric) if isinstance(metric, str) else None
        if plain is None:
            if metric == "architecture":
                return self.space.decode(self.space.from_codes([code])[0])
            plain = self._plain_lists(metric)
        values, spread = plain
        return values[code] if spread is None else DriftReading(values[code], spread[code])

    def query(self, population: Any, metrics: str | Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return metrics of many architectures at once.

        Args:
            population: Integer matrix of shape ``(n, 6)``, or a sequence of architectures in any form.
            metrics: One name or several.

        Returns:
            For each metric, under the name it was asked by, its values, shape ``(n,)``; integers for
            counts, else float64.

        Raises:
            OutOfSpaceError: If an architecture does not exist.
            UnknownNameError: If a metric does not exist.
        """
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        columns = [self._column(name)[1] for name in names]
        codes = self.space.codes(self.space.population(population))
        return {name: values[codes] for name, values in zip(names, columns, strict=True)}

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics that have a standard error: the drift accuracies."""
        return list(_DRIFT)

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Name, unit and direction of the metrics."""
        return tuple(METRICS[name] for name in self.metrics)

    def standard_errors(
        self, population: Any, metrics: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the standard error of drift accuracies, shape ``(n,)`` each: their ``_std`` over 5.

        The 25 readings behind each share one programming draw, so it does not cover the spread from chip to
        chip.
        """
        columns = self.query(population, [f"{name}_std" for name in metrics])
        return {name: columns[f"{name}_std"] / READINGS**0.5 for name in metrics}

    def find_best(
        self, metric: str, constraints: Any = ()
    ) -> tuple[tuple[int, ...], float | DriftReading]:
        """Return the architecture with the best value of ``metric``, and that value.

        Args:
            metric: Name of the metric; its own direction says whether the largest or smallest is best.
            constraints: Bounds such as ``"params<=1e6"``, one or several.

        Raises:
            InvalidArgumentError: If no architecture meets the constraints, or one cannot be read.
        """
        name, values = self._column(metric)
        bounds = parse_constraints(constraints)
        limited = {bound.metric: self._column(bound.metric)[1] for bound in bounds}
        violation = total_violation(bounds, limited, len(self))
        if violation.min() > 0:
            nearest = self.space.from_codes([int(violation.argmin())])[0]
            found = ", ".join(f"{key} {limited[key][violation.argmin()]:.12g}" for key in limited)
            raise InvalidArgumentError(
                f"No architecture meets {' and '.join(map(str, bounds))}; the nearest is "
                f"{self.space.decode(nearest)} with {found}. Loosen a bound."
            )
        signed = METRICS[name].sign * values
        best = int(np.where(violation > 0, -np.inf, signed).argmax())
        architecture = self.space.decode(self.space.from_codes([best])[0])
        return architecture, self.query_metric(architecture, name)

    def get_architecture_details(self, architecture: Any) -> str:
        """Return everything known of one architecture as text.

        Raises:
            OutOfSpaceError: If there is no such architecture.
        """
        row = self.space.encode(architecture)
        about = self.space.describe(row)
        lines = [
            f"Architecture          {tuple(about['architecture'])}",
            hanging("NAS-Bench-201", f"No.{about['nasbench201_index']}  {about['arch_str']}", 22),
        ]
        for name in self.metrics:
            if not name.endswith("_std"):
                value = self.query_metric(row, name)
                shown = f"{value:,}" if isinstance(value, int) else f"{float(value):.2f}"
                spread = f" ± {value.std:.2f}" if isinstance(value, DriftReading) else ""
                unit = METRICS[name].unit
                text = f"{name:<22}{shown}{spread} {unit}".rstrip()
                lines.append(hanging(text, METRICS[name].description, 50))
        return "\n".join(lines)

    def show(self, architecture: Any) -> None:
        """Print everything known of one architecture."""
        print(self.get_architecture_details(architecture))

    def list_available_architectures(self) -> list[tuple[int, ...]]:
        """Return all architectures as six-tuples, in the order of the table."""
        return list(self)

    def query_index_by_arch(self, architecture: Any) -> int:
        """Return the NAS-Bench-201 index No.i of one architecture in any form."""
        return self.space.index(architecture)

    def isomorphic(self, architecture: Any) -> Population:
        """Return all cells that are the same network as ``architecture``, itself included, ``(n, 6)``."""
        row = self.space.encode(architecture)
        population = self.space.from_codes(np.arange(len(self)))
        classes = self.space.isomorphism_class(population)
        members: Population = population[classes == classes[self.space.codes(row[None])[0]]]
        return members

    def true_values(self, population: Any, metric: str) -> TrueValues | None:
        """Return what the readings of a metric say about the true values of cells.

        The true value of a cell is the mean over all trainings of its network; isomorphic cells are repeated
        trainings.

        Args:
            population: Cells, as :meth:`query` takes them.
            metric: Name of the metric.

        Returns:
            Estimates with intervals; None for counts and for spreads, which have no label noise.

        Raises:
            OutOfSpaceError: If an architecture does not exist.
            UnknownNameError: If the metric does not exist.
        """
        name, values = self._column(metric)
        if name in ("params", "macs") or name.endswith("_std"):
            return None
        every = self.space.isomorphism_class(self.space.from_codes(np.arange(len(self))))
        if name not in self._noise:
            self._noise[name] = LabelNoiseModel(values, every)
        return self._noise[name].estimate(
            every[self.space.codes(self.space.population(population))]
        )

    def random(self, *, generator: np.random.Generator | None = None) -> tuple[int, ...]:
        """Return an architecture drawn uniformly; give a generator to make the draw repeatable."""
        generator = np.random.default_rng() if generator is None else generator
        return self.space.decode(self.space.sample(1, generator=generator)[0])

    def quality(self) -> QualityReport:
        """Examine the table: impossible rows, label noise, and the ceiling it sets for any predictor."""
        return assess(self.space, {name: self._column(name)[1] for name in self.metrics})

    def to_pandas(self) -> pd.DataFrame:
        """Return the whole table, one architecture a row, indexed by the six-tuple.

        Raises:
            InvalidArgumentError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise InvalidArgumentError("to_pandas() needs pandas: pip install pandas.") from None
        population = self.space.from_codes(np.arange(len(self)))
        named = {
            "arch_str": [self.space.arch_str(row) for row in population],
            "nasbench201_index": self.space.indices(population),
        }
        columns = {name: self._column(name)[1] for name in self.metrics}
        index = pd.Index(list(self), name="architecture", tupleize_cols=False)
        return pd.DataFrame({**named, **columns}, index=index)

    def __len__(self) -> int:
        return self.space.size

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        population = self.space.from_codes(np.arange(len(self)))
        return map(tuple, population.tolist())

    def __contains__(self, architecture: object) -> bool:
        try:
            self.space.encode(architecture)
        except OutOfSpaceError:
            return False
        return True

    def lenient(self) -> LenientBench:
        """Return the table with texts for unknown architectures, as scripts of AnalogNAS-Bench expect."""
        return LenientBench(self)

    def __repr__(self) -> str:
        return f"AnalogNASBench({len(self)} architectures, sha256:{self.checksum[:12]})"

    def _plain_lists(self, metric: str) -> tuple[list[Any], list[Any] | None]:
        """Values and, if any, spread of a metric as lists, which are faster for single look-ups."""
        name, values = self._column(metric)
        spread = self._columns.get(f"{name}_std")
        if not self._code_of_bytes:
            raw = self.space.from_codes(np.arange(len(self))).tobytes()
            width = self.space.n_genes
            starts = range(0, len(raw), width)
            self._code_of_bytes = {raw[at : at + width]: at // width for at in starts}
        self._plain[metric] = values.tolist(), None if spread is None else spread.tolist()
        return self._plain[metric]

    def _column(self, metric: str) -> tuple[str, NDArray[Any]]:
        values = self._columns.get(metric) if isinstance(metric, str) else None
        if values is not None:
            return metric, values
        name = current_metric_name(metric) if isinstance(metric, str) else metric
        check_choice("metric", name, self.metrics)
        if name not in self._columns:
            self._columns[name] = self._derived(name)
        return name, self._columns[name]

    def _derived(self, name: str) -> NDArray[Any]:
        if name == "avm":
            # The earliest reading, at 60 s, replaces 1 s after programming.
            avm: NDArray[Any] = (
                self._columns["analog_drift_60"] - self._columns["analog_drift_2592000"]
            )
            return avm
        population = self.space.from_codes(np.arange(len(self)))
        return self.space.params(population) if name == "params" else self.space.macs(population)
