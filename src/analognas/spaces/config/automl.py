"""Import from and export to the JSON of the ``ConfigSpace`` package (version 1.2, format 0.4).

Intervals, ordinals, categoricals and constants, conditions joined by "and", and forbidden combinations are
supported. Continuous values lie on a fine grid here; weights, normal and beta distributions become uniform,
with a warning. The step ``q`` and the ``probabilities`` of files from before version 1.0 are read too.

Source of the format: the package's documentation, and files of version 1.2.0.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, check_float, check_int
from ...core.limits import parse_json, shown
from ..hyperparameters import LEVELS, ContinuousInterval, Hyperparameter, IntegerInterval
from .conditions import Condition, Forbidden

FORMAT_VERSION = 0.4
MODULE_VERSION = "1.2.0"

_COMPARISONS = {"EQ": "==", "NEQ": "!=", "LT": "<", "GT": ">", "IN": "in"}
_KEY = "analognas"
_LISTED = 1000
_SLACK = 1e-6


def to_dict(
    name: str,
    hyperparameters: Sequence[Hyperparameter],
    conditions: Mapping[str, Sequence[Condition]],
    forbidden: Sequence[Forbidden],
    *,
    default: NDArray[np.integer[Any]],
) -> dict[str, Any]:
    """Return the parts of a space as a dictionary in that format.

    Args:
        name: Name of the space.
        hyperparameters: Hyperparameters in the order of the genes.
        conditions: Conditions by name of the child.
        forbidden: Forbidden combinations.
        default: Genotype of an allowed architecture, shape ``(n_genes,)``; its values become the defaults,
            which that package checks.

    Raises:
        InvalidArgumentError: If a value cannot be represented in that format.
    """
    by_name = {entry.name: entry for entry in hyperparameters}
    return {
        "name": name,
        "hyperparameters": [
            _hyperparameter(entry, entry.value(index))
            for entry, index in zip(hyperparameters, default.tolist(), strict=True)
        ],
        "conditions": [
            row for child, rows in conditions.items() if (row := _joined(child, rows, by_name))
        ],
        "forbiddens": [_clause(clause) for clause in forbidden],
        "python_module_version": MODULE_VERSION,
        "format_version": FORMAT_VERSION,
    }


def to_definition(payload: Any) -> dict[str, Any]:
    """Convert that format, as text or dictionary, to a definition.

    Raises:
        InvalidArgumentError: If it is invalid, or has unsupported parts.
    """
    if isinstance(payload, str | bytes):
        where = "A serialized ConfigurationSpace"
        payload = parse_json(payload, where=where, error=InvalidArgumentError)
    if not isinstance(payload, Mapping) or "hyperparameters" not in payload:
        named = f" of {sorted(map(str, payload))}" if isinstance(payload, Mapping) else ""
        raise InvalidArgumentError(
            "A serialized ConfigurationSpace must be a mapping with `hyperparameters`, but got "
            f"{type(payload).__name__}{named}."
        )
    try:
        rows = {one["name"]: one for one in payload["hyperparameters"]}
        _check_unique([one["name"] for one in payload["hyperparameters"]])
        hyperparameters = {name: _settings(one) for name, one in rows.items()}
        for row in payload.get("conditions", ()):
            for one in row["conditions"] if row["type"] == "AND" else [row]:
                condition = _condition(one, rows)
                hyperparameters[row["child"]].setdefault("when", []).append(condition)
        forbidden = [_combination(one) for one in payload.get("forbiddens", ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(
            f"The serialized ConfigurationSpace is incomplete: {error}."
        ) from None
    name = payload.get("name") or "config"
    return {"name": name, "hyperparameters": hyperparameters, "forbidden": forbidden}


def _hyperparameter(entry: Hyperparameter, default: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {} if entry.inactive is None else {"inactive": entry.inactive}
    row: dict[str, Any] = {"name": entry.name}
    if isinstance(entry, ContinuousInterval):
        row |= {"type": "uniform_float", "lower": entry.min_value, "upper": entry.max_value}
        row |= {"default_value": default, "log": entry.log}
        meta |= {} if entry.n_choices == LEVELS else {"levels": entry.n_choices}
    elif isinstance(entry, IntegerInterval) and entry.step == 1 and entry.n_choices > 1:
        row |= {"type": "uniform_int", "lower": entry.min_value, "upper": entry.max_value}
        row |= {"default_value": default, "log": False}
    else:
        if entry.n_choices > _LISTED:
            raise InvalidArgumentError(
                f"{entry.name!r} has {entry.n_choices} values in steps; the ConfigSpace package only has "
                f"lists of them, of which {_LISTED} are written at most."
            )
        values = [entry.value(index) for index in range(entry.n_choices)]
        if isinstance(entry, IntegerInterval):
            meta |= {"step": entry.step}
        if entry.ordered:
            row |= {"type": "ordinal", "sequence": values}
        else:
            row |= {"type": "categorical", "choices": values, "weights": None}
        row["default_value"] = default
    return {**row, "meta": {_KEY: meta} if meta else None}


def _joined(
    name: str, rows: Sequence[Condition], by_name: Mapping[str, Hyperparameter]
) -> dict[str, Any] | None:
    written = [one for row in rows if (one := _written(name, row, by_name[row.parent])) is not None]
    if len(written) > 1:
        return {"type": "AND", "child": name, "conditions": written}
    return written[0] if written else None


def _written(name: str, row: Condition, parent: Hyperparameter) -> dict[str, Any] | None:
    """Return one condition; None if it always holds."""
    ends = {"child": name, "parent": row.parent}
    if row.comparison in ("==", "!="):
        return {"type": "EQ" if row.comparison == "==" else "NEQ", **ends, "value": row.value}
    holds = row.holds(parent)
    if holds.all():
        return None
    exact = isinstance(parent, ContinuousInterval) and row.comparison != "in"
    if row.comparison == "in" or (not exact and parent.n_choices <= _LISTED):
        values = parent.values(holds.indices()).tolist()
        return {"type": "IN", **ends, "values": values}
    value = row.value
    if row.comparison in (">=", "<="):
        step = -math.inf if row.comparison == ">=" else math.inf
        whole = isinstance(parent, IntegerInterval)
        value = value + math.copysign(1, step) if whole else float(np.nextafter(value, step))
    return {"type": "GT" if row.comparison[0] == ">" else "LT", **ends, "value": value}


def _clause(clause: Forbidden) -> dict[str, Any]:
    parts = [
        {"type": "EQUALS", "name": name, "value": values[0]}
        if len(values) == 1
        else {"type": "IN", "name": name, "values": list(values)}
        for name, values in clause.values.items()
    ]
    return parts[0] if len(parts) == 1 else {"type": "AND", "clauses": parts}


def _settings(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one hyperparameter."""
    kind = row["type"]
    meta = (row.get("meta") or {}).get(_KEY, {})
    inactive = {"inactive": meta["inactive"]} if "inactive" in meta else {}
    if kind == "constant":
        return {"type": "categorical", "range": [row["value"]], **inactive}
    if kind == "categorical":
        for weights in ("weights", "probabilities"):
            if len(set(row.get(weights) or ())) > 1:
                _warn_uniform(row["name"], weights)
        return {"type": "categorical", "range": _list(row, "choices"), **inactive}
    if kind == "ordinal":
        values = _list(row, "sequence")
        if "step" in meta:
            ends = {"min_value": values[0], "max_value": values[-1], "step": meta["step"]}
            return {"type": "discrete", **ends, **inactive}
        return {"type": "discrete", "range": values, **inactive}
    form, _, number = kind.partition("_")
    if form not in ("uniform", "normal", "beta") or number not in ("int", "float"):
        raise InvalidArgumentError(
            f"{row['name']!r} has the type {kind!r}; known are constant, categorical, ordinal, and uniform, "
            "normal and beta int and float."
        )
    ends = _ends(row)
    step = _step(row, ends)
    if form != "uniform":
        _warn_uniform(row["name"], f"{form} distribution")
    if step and row.get("log"):
        _warn_uniform(row["name"], "logarithmic scale of values in steps")
    elif number == "int" and row.get("log"):
        _warn_uniform(row["name"], "logarithmic scale of integers")
    if number == "int":
        return {"type": "discrete", **ends, **step, **inactive}
    more = step or {"log": bool(row.get("log")), "levels": meta.get("levels", LEVELS)}
    return {"type": "continuous", **ends, **more, **inactive}


def _ends(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bounds of an interval; before version 1.0, normal distributions had none."""
    if row.get("lower") is None or row.get("upper") is None:
        raise InvalidArgumentError(
            f"{row['name']!r} of type {row['type']!r} must have the bounds `lower` and `upper`, which the "
            "ConfigSpace package requires since version 1.0; add them."
        )
    return {"min_value": row["lower"], "max_value": row["upper"]}


def _step(row: Mapping[str, Any], ends: Mapping[str, Any]) -> dict[str, Any]:
    """Return the step ``q`` of an interval, if any."""
    if row.get("q") is None:
        return {}
    name = f"q of {row['name']!r}"
    whole = row["type"].endswith("_int")
    step = check_int(name, row["q"], minimum=1) if whole else check_float(name, row["q"])
    width = ends["max_value"] - ends["min_value"]
    n_steps = width / step if step > 0 else 0.0
    if n_steps < 0.5 or abs(n_steps - round(n_steps)) > _SLACK:
        raise InvalidArgumentError(
            f"`{name}` must be positive and divide {ends['min_value']} to {ends['max_value']} evenly, but got "
            f"{step}."
        )
    return {"step": step}


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    values = row[key]
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InvalidArgumentError(
            f"`{key}` of {row['name']!r} must be a list of values, but got {shown(repr(values))}."
        )
    return list(values)


def _check_unique(names: Sequence[str]) -> None:
    for name, n in Counter(names).items():
        if n > 1:
            raise InvalidArgumentError(
                f"Hyperparameters must have distinct names, but {name!r} occurs {n} times."
            )


def _condition(row: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    if row["type"] not in _COMPARISONS:
        raise InvalidArgumentError(
            f"The condition of {row['child']!r} is of type {row['type']!r}; known are AND of "
            f"{', '.join(_COMPARISONS)}. Replace an OR by several hyperparameters, or by IN."
        )
    comparison = _COMPARISONS[row["type"]]
    value = row["values"] if comparison == "in" else row["value"]
    parent = rows[row["parent"]]
    if (
        comparison in ("<", ">")
        and parent["type"] == "ordinal"
        and not _ascends(parent["sequence"])
    ):
        # That package compares positions in the sequence.
        sequence = _list(parent, "sequence")
        if value not in sequence:
            raise InvalidArgumentError(
                f"The condition of {row['child']!r} must compare {row['parent']!r} with one of its values, but "
                f"got {shown(repr(value))}."
            )
        place = sequence.index(value)
        chosen = sequence[place + 1 :] if comparison == ">" else sequence[:place]
        return [row["parent"], "in", chosen]
    return [row["parent"], comparison, value]


def _ascends(values: Sequence[Any]) -> bool:
    """Return whether values are ascending numbers, so that comparing positions or values is the same."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    return numbers and all(low < high for low, high in itertools.pairwise(values))


def _combination(row: Mapping[str, Any]) -> dict[str, Any]:
    combination: dict[str, Any] = {}
    for one in row["clauses"] if row["type"] == "AND" else [row]:
        if one["type"] not in ("EQUALS", "IN"):
            raise InvalidArgumentError(
                f"A forbidden clause is of type {one['type']!r}; known are AND of EQUALS and IN."
            )
        values = [one["value"]] if one["type"] == "EQUALS" else list(one["values"])
        name = one["name"]
        both = combination.get(name)
        combination[name] = values if both is None else [value for value in both if value in values]
    return combination


def _warn_uniform(name: str, what: str) -> None:
    warnings.warn(f"Ignoring the {what} of {name!r}: values are uniform here.", stacklevel=5)
