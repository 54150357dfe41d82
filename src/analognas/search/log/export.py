"""Trials for other programs: CSV, Parquet, and a study that Optuna's dashboard shows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core import InvalidArgumentError, atomic_write, check_choice, new_file
from ...optimizers.optuna_space import (
    constraint_values,
    gene_name,
    import_optuna,
    quiet,
)
from ...spaces import Space
from ...spaces.hyperparameters import ContinuousInterval, Hyperparameter, IntegerInterval
from .arrow_table import arrow_table
from .reader import Trials

FORMATS = {".csv": "csv", ".parquet": "parquet", ".db": "optuna", ".sqlite3": "optuna"}
"""Format by the ending of the file."""


def export_trials(
    trials: Trials, path: str | os.PathLike[str], *, format: str | None = None
) -> Path:
    """Write trials to a file that must not exist; if that fails, no file is left.

    Args:
        trials: The trials.
        path: The file.
        format: ``"csv"``, ``"parquet"`` or ``"optuna"`` (a study in SQLite); by the file's ending if None.

    Returns:
        The file.

    Raises:
        InvalidArgumentError: If the ending is of no format, or Optuna is needed and not installed.
        UnknownNameError: If there is no such format.
        OutputFolderError: If the file exists or cannot be written.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas import Worker
        >>> from analognas.search import read_trials
        >>> _ = Worker(optimizer="random_search", runs=1, budget=5, out=f"{folder}/s").search()
        >>> _ = export_trials(read_trials(f"{folder}/s"), f"{folder}/trials.csv")
        >>> sorted(os.listdir(folder))
        ['s', 'trials.csv']
    """
    file = Path(path)
    if format is None and file.suffix not in FORMATS:
        raise InvalidArgumentError(
            f"`path` must end in {', '.join(FORMATS)}, or `format` be given, but got {str(file)!r}."
        )
    kind = check_choice("format", format or FORMATS[file.suffix], ("csv", "parquet", "optuna"))
    if kind == "optuna":
        optuna = import_optuna()
        with new_file(file) as part, quiet(optuna):
            _fill_study(trials, optuna, f"sqlite:///{part}")
        return file
    from pyarrow import csv, parquet

    with atomic_write(file, new=True) as stream:
        (csv.write_csv if kind == "csv" else parquet.write_table)(arrow_table(trials), stream)
    return file


def _fill_study(trials: Trials, optuna: Any, url: str) -> None:
    """Make a study at ``url``; objectives keep their own units and directions."""
    storage = optuna.storages.RDBStorage(url)
    try:
        study = optuna.create_study(
            study_name=trials.path.resolve().parent.name,
            storage=storage,
            directions=[
                "maximize" if trials.definition(name).higher_is_better else "minimize"
                for name in trials.objectives
            ],
        )
        study.set_metric_names(trials.objectives)
        for key, value in trials.settings.items():
            study.set_user_attr(key, value)
        study.add_trials(_optuna_trials(trials, optuna))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _optuna_trials(trials: Trials, optuna: Any) -> list[Any]:
    """Each trial with its active genes, objectives, constraints, and all else as user attributes."""
    parameters = _parameters(trials, optuna)
    space = trials.space
    active = (
        np.ones(trials.genotypes.shape, dtype=bool)
        if space is None
        else space.active(trials.genotypes.astype(space.dtype))
    )
    bounds = {
        str(bound): constraint_values(bound, trials.values[bound.metric])
        for bound in trials.constraints
    }
    made = []
    for row, facts in enumerate(trials.rows()):
        row_genes = trials.genotypes[row].tolist()
        shown = [(parameters[gene], row_genes[gene]) for gene in np.flatnonzero(active[row])]
        measured = np.isfinite(trials.violation[row])
        state = optuna.trial.TrialState.COMPLETE if measured else optuna.trial.TrialState.FAIL
        made.append(
            optuna.trial.create_trial(
                state=state,
                values=[facts[name] for name in trials.objectives] if measured else None,
                params={one.name: one.value(index) for one, index in shown},
                distributions={one.name: one.distribution for one, _ in shown},
                user_attrs=facts | {"constraints": {n: float(v[row]) for n, v in bounds.items()}}
                if measured
                else facts,
                constraints={name: float(values[row]) for name, values in bounds.items()}
                if measured
                else None,
            )
        )
    return made


def _parameters(trials: Trials, optuna: Any) -> list[Parameter]:
    """Parameters of the genes; indices as high as what was seen where the space is not known here."""
    if trials.space is not None:
        return study_parameters(trials.space)
    highest = trials.genotypes.max(axis=0, initial=0).tolist()
    return [
        Parameter(gene_name(gene), optuna.distributions.IntDistribution(0, high), int)
        for gene, high in enumerate(highest)
    ]


class Parameter(NamedTuple):
    """One gene as a study shows it.

    Attributes:
        name: Its name.
        distribution: What it may be.
        value: Makes an index a value.
    """

    name: str
    distribution: Any
    value: Callable[[int], Any]


def study_parameters(space: Space) -> list[Parameter]:
    """Return the parameter of every gene, with the names and values of :meth:`.Space.parameters`."""
    optuna = import_optuna()
    return [_of(entry, optuna) for entry in space.parameters()]


def _of(entry: Hyperparameter, optuna: Any) -> Parameter:
    kinds = optuna.distributions
    if isinstance(entry, IntegerInterval):
        high = entry.value(entry.n_choices - 1)  # the last that the step reaches
        integers = kinds.IntDistribution(entry.min_value, high, step=entry.step)
        return Parameter(entry.name, integers, entry.value)
    if isinstance(entry, ContinuousInterval):
        numbers = kinds.FloatDistribution(entry.min_value, entry.max_value, log=entry.log)
        return Parameter(entry.name, numbers, entry.value)

    def value(index: int) -> Any:
        found = entry.value(index)
        return str(found) if isinstance(found, tuple) else found  # which Optuna has no category for

    choices = tuple(value(index) for index in range(entry.n_choices))
    return Parameter(entry.name, kinds.CategoricalDistribution(choices), value)
