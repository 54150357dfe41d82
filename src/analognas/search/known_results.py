"""Architectures, and results where they are known, from files that a search starts from or takes as a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import AnalogNASError, DataNotFoundError, InvalidArgumentError
from ..core.limits import parse_json, read_bytes
from ..core.text_files import decoded
from ..evaluators import FIDELITY
from ..spaces import Population, Space
from ..tables import find_table, read_csv_table
from .log.schema import FILE_NAME

__all__ = ["KnownResults", "read_known_results"]

_LOG_ENDINGS = (".sqlite", ".db")
_FORMS = (
    "the folder of a search, a table (.parquet, or .csv with the column architecture), or a list of "
    "architectures (.json, or .txt with one a line)"
)


@dataclass(frozen=True)
class KnownResults:
    """Distinct architectures of a space with what is known of them.

    Attributes:
        population: Shape ``(n, n_genes)``.
        values: Metrics and standard errors (``METRIC_sem``) by name, shape ``(n,)`` each, NaN where one is
            missing; empty for a list of architectures.
    """

    population: Population
    values: dict[str, NDArray[np.float64]]

    def take(self, rows: Any) -> KnownResults:
        """Return some of them, by positions or a mask."""
        return KnownResults(
            self.population[rows], {name: values[rows] for name, values in self.values.items()}
        )

    def columns(self, names: Sequence[str]) -> KnownResults:
        """Return them with some of the metrics only."""
        return KnownResults(self.population, {name: self.values[name] for name in names})

    def entry(self) -> dict[str, Any]:
        """Return them as JSON types, from which :func:`read_known_results` reads them again."""
        values = {
            name: [float(x) if np.isfinite(x) else None for x in column]
            for name, column in self.values.items()
        }
        return {"genotypes": self.population.tolist(), "values": values}


def read_known_results(
    source: str | Sequence[Any] | Mapping[str, Any], space: Space, *, name: str
) -> KnownResults:
    """Read architectures and results.

    Of a search, successful trials at full fidelity count, of one architecture the first.

    Args:
        source: A file or folder, ``"analognasbench"``, a list of architectures in any form of the space, or an
            :meth:`.KnownResults.entry`.
        space: The space of the architectures; those outside of it raise an error.
        name: Name of the setting, for messages.

    Raises:
        InvalidArgumentError: If the source has another form, is about another space, or holds nothing.
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If a file is damaged.
        OutOfSpaceError: If an architecture is not in the space.
    """
    if isinstance(source, Mapping):
        found = _of_entry(source, space, name)
    elif isinstance(source, str):
        found = _of_file(source, space, name)
    else:
        found = KnownResults(space.population(list(source)), {})
    if not len(found.population):
        raise InvalidArgumentError(
            f"`{name}` must hold at least one architecture, but {source!r} has none."
        )
    first = np.unique(space.codes(found.population), return_index=True)[1]
    return found.take(np.sort(first))


def _of_entry(entry: Mapping[str, Any], space: Space, name: str) -> KnownResults:
    try:
        genotypes = np.array(entry["genotypes"], dtype=np.int64)
        values = {
            str(key): np.array([np.nan if x is None else x for x in column], dtype=np.float64)
            for key, column in entry["values"].items()
        }
        population = genotypes.astype(space.dtype).reshape(len(genotypes), space.n_genes)
        within = (genotypes >= 0).all() and (genotypes < space.n_choices).all()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidArgumentError(f"`{name}` must be {_FORMS}, but got {error!r}.") from None
    if not within or any(len(column) != len(population) for column in values.values()):
        raise InvalidArgumentError(
            f"`{name}` must hold genotypes of the space {space.name!r} and as many values of each metric."
        )
    return KnownResults(population, values)


def _of_file(source: str, space: Space, name: str) -> KnownResults:
    path = Path(source)
    ending = path.suffix.lower()
    if source == "analognasbench" or ending == ".parquet":
        return _of_table(source, space, name)
    if not path.exists():
        raise DataNotFoundError(f"`{name}`: there is no {source!r}; give {_FORMS}.")
    if path.is_dir() or ending in _LOG_ENDINGS:
        return _of_search(source, space, name)
    if ending == ".csv":
        population, values = read_csv_table(source, space)
        return KnownResults(population, values)
    if ending in (".json", ".txt"):
        return KnownResults(_listed(path, space, name), {})
    raise InvalidArgumentError(f"`{name}` must be {_FORMS}, but got {source!r}.")


def _of_table(source: str, space: Space, name: str) -> KnownResults:
    table = find_table(source)
    _check_space(table.space, space, source, name)
    population = table.space.every()
    kept = space.allowed(population)
    population = population[kept]
    names = list(table.metrics)
    sems = table.standard_errors(population, table.metrics_with_sem)
    columns = {
        key: np.asarray(values, dtype=np.float64)
        for key, values in table.query(population, names).items()
    }
    columns |= {f"{key}_sem": np.asarray(values, np.float64) for key, values in sems.items()}
    return KnownResults(population, columns)


def _of_search(source: str, space: Space, name: str) -> KnownResults:
    from .log.reader import read_trials

    path = Path(source)
    if path.is_dir() and not (path / FILE_NAME).exists():
        raise InvalidArgumentError(
            f"`{name}` is the folder {source!r}, which holds no search ({FILE_NAME}); give {_FORMS}."
        )
    trials = read_trials(source)
    if trials.space is None:
        raise InvalidArgumentError(
            f"`{name}`: the space of the search in {source!r} is not known; register it, or give its "
            "architectures as a list."
        )
    _check_space(trials.space, space, source, name)
    sound = np.array([not error for error in trials.errors], dtype=bool)
    if FIDELITY in trials.values:
        sound &= trials.values[FIDELITY] == np.nanmax(trials.values[FIDELITY])
    sound &= np.isfinite(trials.values[trials.objectives[0]])
    found = trials.take(np.flatnonzero(sound))
    return KnownResults(space.population(found.genotypes.astype(space.dtype)), dict(found.values))


def _check_space(known: Space, space: Space, source: str, name: str) -> None:
    if known.name != space.name or known.fingerprint() != space.fingerprint():
        raise InvalidArgumentError(
            f"`{name}` {source!r} is about the space {known.name!r}, but the search about {space.name!r}; the "
            "two must be the same."
        )


def _listed(path: Path, space: Space, name: str) -> Population:
    try:
        text, _ = decoded(read_bytes(path, error=DataNotFoundError))
    except ValueError as error:
        raise InvalidArgumentError(f"`{name}` {str(path)!r} is not a text file: {error}.") from None
    if path.suffix.lower() == ".txt":
        lines = [line.strip() for line in text.splitlines()]
        listed: Any = [line for line in lines if line and not line.startswith("#")]
    else:
        listed = parse_json(text, where=f"`{name}` {str(path)!r}")
    if not isinstance(listed, list):
        raise InvalidArgumentError(f"`{name}` {str(path)!r} must be a JSON list of architectures.")
    rows = []
    for number, one in enumerate(listed, start=1):
        try:
            rows.append(space.encode(tuple(one) if isinstance(one, list) else one))
        except AnalogNASError as error:
            raise InvalidArgumentError(
                f"`{name}` {str(path)!r}, architecture {number}: {error}"
            ) from None
    return np.array(rows, dtype=space.dtype).reshape(len(rows), space.n_genes)
