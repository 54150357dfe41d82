"""Read-only access to trial logs, also while another process writes to them.

Columns are read by name, so the same code reads logs of all known versions.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import (
    AnalogNASError,
    Constraint,
    InvalidArgumentError,
    Metric,
    TableIntegrityError,
    UnknownNameError,
    check_choice,
    check_int,
    parse_constraints,
)
from ...core.limits import parse_json, shown
from ...core.optional_packages import ArrowView
from ...core.sqlite_files import read_consistently, reason
from ...core.text_tables import ShownTable, TableView, with_unit
from ...evaluators import COUNTED, Evaluation, Problem
from ...spaces import Space, architecture_labels
from ...spaces.genotypes import row_texts
from ..results_folder import RESULT_FILE
from .arrow_table import arrow_table
from .content import Content, check_ranges, read_content
from .definitions import CHECKED_FIRST, logged_metric, logged_metrics, logged_space
from .logged_run import in_space
from .schema import EVALUATOR_DEFINITION, FILE_NAME, SETTINGS, DamagedLogError

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]

_PREFIX = "arch_"
"""Beginning of the column name of a hyperparameter."""


@dataclass(frozen=True, repr=False)
class Trials(TableView, ArrowView):
    """All trials of a log, in the order of run and number.

    Attributes:
        path: The log.
        settings: What identifies the search, and its runs and budget.
        run: Number of the run, shape ``(n,)``.
        number: Number within the run, shape ``(n,)``.
        time: Unix time of the batch, s, shape ``(n,)``.
        new: Whether the architecture was new to the run, shape ``(n,)``.
        genotypes: Genotypes, shape ``(n, n_genes)``.
        architectures: Architectures by name as JSON text, shape ``(n,)``; None in logs of earlier versions.
        values: Metrics, and standard errors as ``METRIC_sem``, shape ``(n,)`` each; NaN where there is none.
        errors: Why a trial has no values; empty text where it has, shape ``(n,)``.

    Example:
        >>> from analognas.search import read_trials
        >>> trials = read_trials("my-search")
        >>> len(trials), trials.objectives, trials.finished
        (40, ['analog_drift_2592000'], True)
    """

    path: Path
    settings: dict[str, Any]
    run: NDArray[np.int64]
    number: NDArray[np.int64]
    time: Floats
    new: NDArray[np.bool_]
    genotypes: NDArray[np.int64]
    architectures: NDArray[np.object_]
    values: dict[str, Floats]
    errors: NDArray[np.str_]

    @property
    def objectives(self) -> list[str]:
        """Names of the metrics that the search improves."""
        return list(self.settings["objectives"])

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The bounds of the search."""
        return parse_constraints(self.settings["constraints"])

    @property
    def finished(self) -> bool:
        """Whether the search has left a result beside its log."""
        return (self.path.parent / RESULT_FILE).exists()

    @cached_property
    def space(self) -> Space | None:
        """The space, if it is registered with the same definition or the log defines it; else None."""
        space = logged_space(self.settings)
        known = space is not None and self.genotypes.shape[1] in (0, space.n_genes)
        return space if known else None

    @cached_property
    def problem(self) -> Problem:
        """Objectives and constraints of the search."""
        first = tuple(self.settings.get(CHECKED_FIRST, ()))
        definitions = tuple(map(self.definition, self.objectives))
        return Problem(
            tuple(self.objectives), self.constraints, definitions=definitions, checked_first=first
        )

    @cached_property
    def violation(self) -> Floats:
        """Total violation of the constraints, shape ``(n,)``; infinite where an objective was not measured."""
        return self.problem.violation(Evaluation(self.values))

    @cached_property
    def _definitions(self) -> dict[str, Metric]:
        return logged_metrics(self.settings)

    def definition(self, name: str) -> Metric:
        """Return the definition of a metric from the log, or from the vocabulary for logs of former versions.

        Raises:
            UnknownNameError: If nothing says what it is.
        """
        return logged_metric(self._definitions, name)

    def definitions(self, names: Iterable[str]) -> list[Metric]:
        """Return the definitions of metrics; those that neither log nor vocabulary defines are omitted."""
        found = []
        for name in names:
            with contextlib.suppress(UnknownNameError):
                found.append(self.definition(name))
        return found

    def best_first(self) -> NDArray[np.int64]:
        """Positions, feasible before infeasible, then the better first objective, then the older."""
        scores = self.problem.scores(Evaluation(self.values))[:, 0]
        return np.lexsort((np.arange(len(self)), -scores, self.violation))

    def shown_table(self, top: int = 10) -> ShownTable:
        """Return what is printed: the best trials."""
        shown = self.take(self.best_first()[:top])
        found = list(shown.rows())
        labels = architecture_labels([row["architecture"] for row in found], self.space)
        rows = [
            (
                label,
                *("-" if row[name] is None else f"{row[name]:.6g}" for name in self.objectives),
                "yes" if row["feasible"] else "no",
                str(row["run"]),
            )
            for label, row in zip(labels.texts, found, strict=True)
        ]
        heads = [with_unit(name, self.definition(name).unit) for name in self.objectives]
        title = f"{len(self)} trials of {len(set(self.run.tolist()))} runs in {str(self.path)!r}"
        notes = (labels.note,) if labels.note else ()
        return ShownTable(title, ("architecture", *heads, "feasible", "run"), tuple(rows), notes)

    def matching(
        self, *, run: int | None = None, where: Any = (), feasible: bool = False
    ) -> NDArray[np.bool_]:
        """Return a mask of trials by run, by further bounds and by those of the search, shape ``(n,)``.

        Args:
            run: Number of the run; None: any.
            where: Bounds such as ``"params<=1e6"`` on metrics that were logged, or that the space counts.
            feasible: Whether the search's constraints must be met.

        Raises:
            InvalidArgumentError: If a bound cannot be read, or the search has no such run.
            UnknownNameError: If a metric is neither in the log nor counted.
        """
        kept = np.ones(len(self), dtype=bool) if run is None else self.run == self._checked_run(run)
        for bound in parse_constraints(where):
            kept &= bound.satisfied(self.metric(bound.metric))
        return kept & (self.violation == 0) if feasible else kept

    def _checked_run(self, run: int) -> int:
        """Check that the search has, or will have, a run."""
        n_planned = self.settings.get("runs")
        planned = range(n_planned) if isinstance(n_planned, int) else range(0)
        known = sorted({*planned, *self.run.tolist()})
        if check_int("run", run, minimum=0) not in known:
            listed = (
                f"one of {', '.join(map(str, known))}"
                if known
                else "omitted, as the log has no run yet"
            )
            raise InvalidArgumentError(f"`run` must be {listed}, but got {run}.")
        return run

    def metric(self, name: str) -> Floats:
        """Return a column of the log, or what the space counts of each architecture, shape ``(n,)``.

        Raises:
            UnknownNameError: If it is neither.
        """
        counts = {} if self.space is None else self.space.counts()
        counted = [one for one in COUNTED if one in counts]
        check_choice("metric", name, dict.fromkeys([*self.values, *counted]))
        if name in self.values:
            return self.values[name]
        assert self.space is not None  # it counts
        population = self.genotypes.astype(self.space.dtype)
        return np.asarray(counts[name](population), dtype=np.float64)

    def architecture(self, row: int) -> Any:
        """The architecture of one trial as JSON types; its genotype where nothing says what that means."""
        text, genotype = self.architectures[row], self.genotypes[row]
        if text is not None:
            return parse_json(text, where=f"An architecture in {str(self.path)!r}")
        if self.space is None:
            return genotype.tolist()
        return self.space.describe(genotype.astype(self.space.dtype))["architecture"]

    def architecture_texts(self) -> list[str]:
        """Return :meth:`architecture` of all trials as JSON texts, all at once."""
        if None not in self.architectures:
            return [str(text) for text in self.architectures]
        if self.space is None:
            texts = row_texts(self.genotypes)
        else:
            texts = self.space.json_texts(self.genotypes.astype(self.space.dtype))
        both = zip(self.architectures, texts, strict=True)
        return [text if logged is None else logged for logged, text in both]

    def to_pandas(self) -> DataFrame:
        """All trials as a table of pandas, one row each, in order.

        Columns are ``run``, ``number``, ``time`` (UTC), ``new``, ``architecture``, then ``arch_NAME`` for
        each hyperparameter where architectures have names (missing where it is inactive), ``feasible``,
        metrics, standard errors (``METRIC_sem``) and ``error``.

        Raises:
            InvalidArgumentError: If pandas is not installed.
        """
        columns = {
            "run": self.run,
            "number": self.number,
            "time": self.time,
            "new": self.new,
            "feasible": self.violation == 0,
            **self.values,
            "error": [str(error) or None for error in self.errors],
        }
        return _frame(columns, [self.architecture(row) for row in range(len(self))])

    def to_arrow(self) -> Any:
        """Return all trials as a ``pyarrow.Table``, one row each; architectures are JSON."""
        return arrow_table(self)

    def take(self, rows: NDArray[Any]) -> Trials:
        """Return some trials, by positions or a mask."""
        names = ("run", "number", "time", "new", "genotypes", "architectures", "errors")
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in names}
        return replace(
            self, values={name: column[rows] for name, column in self.values.items()}, **columns
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each trial as JSON types."""
        violation = self.violation
        for row in range(len(self)):
            values = {name: float(column[row]) for name, column in self.values.items()}
            yield {
                "run": int(self.run[row]),
                "number": int(self.number[row]),
                "time": float(self.time[row]),
                "new": bool(self.new[row]),
                "architecture": self.architecture(row),
                "feasible": bool(violation[row] == 0),
                **{name: value if np.isfinite(value) else None for name, value in values.items()},
                "error": str(self.errors[row]) or None,
            }

    def __len__(self) -> int:
        return len(self.run)


def find_logs(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the trial logs in a folder and in those below it, sorted by path.

    Raises:
        TableIntegrityError: If there is no such folder.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas import Worker
        >>> _ = Worker(optimizer="random_search", runs=1, budget=5, out=f"{folder}/s").search()
        >>> len(find_logs(folder))
        1
    """
    top = Path(folder)
    if not top.is_dir():
        raise TableIntegrityError(f"There is no folder {str(top)!r} to look for trial logs in.")
    return sorted(top.rglob(FILE_NAME))


def read_trials(path: str | os.PathLike[str]) -> Trials:
    """Read a trial log as it is now.

    Args:
        path: The log, or the folder of a search.

    Raises:
        TableIntegrityError: If there is none, or it is damaged, of another kind, or of a newer version.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas import Worker
        >>> _ = Worker(optimizer="random_search", runs=1, budget=5, out=f"{folder}/s").search()
        >>> len(read_trials(f"{folder}/s"))
        5
    """
    file = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise TableIntegrityError(
            f"There is no trial log at {str(file)!r}; give the folder of a search, or its {FILE_NAME}."
        )
    try:
        content = read_consistently(file, read_content)
        check_ranges(content)
        return _trials(file, content)
    except (sqlite3.Error, AnalogNASError, OSError) as error:
        raise TableIntegrityError(
            f"{str(file)!r} cannot be read as a trial log of analognas: {reason(error, file)}."
        ) from None


def _trials(file: Path, content: Content) -> Trials:
    settings = _without_evaluator(content.settings)
    for key in ("objectives", "constraints"):
        listed = settings.get(key)
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise DamagedLogError(f"it does not say its {key}")
    for name in settings["objectives"]:
        if name not in content.columns:
            raise DamagedLogError(f"it has no column {shown(name)!r}")
    if not settings["objectives"]:
        raise DamagedLogError("it does not say its objectives")
    failed = {(run, number): error for run, number, error in content.failures}
    keys = zip(content.run.tolist(), content.number.tolist(), strict=True)
    found = Trials(
        file,
        settings,
        content.run,
        content.number,
        content.time,
        content.new,
        content.genotypes,
        np.array(content.sealed.architectures, dtype=np.object_),
        dict(zip(content.columns, content.values.T.copy(), strict=True)),
        np.array([failed.get(key, "") for key in keys], dtype=np.str_),
    )
    if (space := logged_space(settings)) is not None:
        in_space(found.genotypes, space)
    _ = found.violation  # the constraints can be read
    for name in found.objectives:
        found.definition(name)
    return found


def _without_evaluator(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without the definition of the evaluator: it holds all data that a surrogate was fitted to."""
    found = {key: value for key, value in settings.items() if key != EVALUATOR_DEFINITION}
    tree = found.get(SETTINGS)
    if isinstance(tree, dict) and isinstance(tree.get("evaluator"), dict):
        found[SETTINGS] = {**tree, "evaluator": {**tree["evaluator"], "definition": None}}
    return found


def _frame(columns: Mapping[str, Any], architectures: Sequence[Any]) -> DataFrame:
    """Return a table of pandas from all columns but ``architecture``, whose place is after ``new``."""
    pandas = _import_pandas()
    names = dict.fromkeys(name for one in architectures if isinstance(one, dict) for name in one)
    table: dict[str, Any] = {}
    for name, column in columns.items():
        table[name] = pandas.to_datetime(column, unit="s", utc=True) if name == "time" else column
        if name == "new":
            table["architecture"] = architectures
            for entry in names:
                table[f"{_PREFIX}{entry}"] = [_hashable(one.get(entry)) for one in architectures]
    frame: DataFrame = pandas.DataFrame(table)
    return frame


def _hashable(value: Any) -> Any:
    """A value as it can be grouped by: JSON has lists for tuples."""
    return tuple(value) if isinstance(value, list) else value


def _import_pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise InvalidArgumentError(
            "pandas is not installed: pip install pandas. Without it, export_trials writes CSV and Parquet."
        ) from None
    return pandas
