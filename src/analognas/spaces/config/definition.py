"""The definition of a configuration space as a dictionary, and as YAML.

```yaml
name: mlp
hyperparameters:
  depth: {type: discrete, min_value: 1, max_value: 3}
  width: {type: discrete, range: [16, 32, 64]}
  dropout: {type: continuous, min_value: 0, max_value: 0.5, when: [[depth, '>', 1]]}
forbidden:
  - {depth: [3], width: [64]}
```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...core import InvalidArgumentError, check_choice, check_float
from ..hyperparameters import LEVELS, Choices, ContinuousInterval, Hyperparameter, IntegerInterval
from .conditions import Condition, Forbidden, read_conditions

_ENTRIES = ("name", "dataset", "settings", "hyperparameters", "forbidden")
_SETTINGS = ("type", "range", "min_value", "max_value", "step", "log", "levels", "inactive", "when")

Parts = tuple[list[Hyperparameter], dict[str, list[Condition]], list[Forbidden]]


def to_dict(
    name: str,
    dataset: str | None,
    hyperparameters: Sequence[Hyperparameter],
    conditions: Mapping[str, Sequence[Condition]],
    forbidden: Sequence[Forbidden],
) -> dict[str, Any]:
    """Return the parts of a space as YAML types; :func:`read` is the inverse."""
    entries: dict[str, Any] = {"name": name}
    if dataset is not None:
        entries["dataset"] = dataset
    entries["hyperparameters"] = {
        entry.name: {
            **entry.settings(),
            **({} if entry.inactive is None else {"inactive": entry.inactive}),
            **_when(conditions.get(entry.name, ())),
        }
        for entry in hyperparameters
    }
    if forbidden:
        entries["forbidden"] = [
            {name: _plain(values) for name, values in clause.values.items()} for clause in forbidden
        ]
    return entries


def read(entries: Any) -> Parts:
    """Return hyperparameters, conditions and forbidden combinations of a definition.

    Raises:
        InvalidArgumentError: If an entry is unknown or invalid.
    """
    _check_mapping("definition of a space", entries, _ENTRIES)
    named = entries.get("hyperparameters", {})
    if not isinstance(named, Mapping):
        raise InvalidArgumentError(
            f"`hyperparameters` must map names to settings, but got {named!r}."
        )
    hyperparameters: list[Hyperparameter] = []
    conditions: dict[str, list[Condition]] = {}
    for name, settings in named.items():
        _check_mapping(f"hyperparameter {name!r}", settings, _SETTINGS)
        if "range" in settings:
            hyperparameters.append(choices(name, settings))
        else:
            hyperparameters.append(interval(name, settings))
        if rows := read_conditions(name, settings.get("when")):
            conditions[name] = rows
    forbidden = entries.get("forbidden") or []
    if not isinstance(forbidden, list):
        raise InvalidArgumentError(f"`forbidden` must be a list, but got {forbidden!r}.")
    return hyperparameters, conditions, [Forbidden.read(one) for one in forbidden]


def interval(name: str, settings: Mapping[str, Any]) -> Hyperparameter:
    """Return the interval with the given settings.

    Raises:
        UnknownNameError: If the type is not known.
        InvalidArgumentError: If a bound is missing, the interval is empty, the step is 0, or settings are
            incompatible.
    """
    kind = check_choice("type of interval", settings.get("type"), ("discrete", "continuous"))
    for end in ("min_value", "max_value"):
        if settings.get(end) is None:
            raise InvalidArgumentError(
                f"{name!r} must have `range`, or `min_value` and `max_value`."
            )
    low, high = settings["min_value"], settings["max_value"]
    step, inactive = settings.get("step"), settings.get("inactive")
    log, levels = settings.get("log", False), settings.get("levels")
    if kind == "discrete":
        if log or levels is not None:
            raise InvalidArgumentError(
                f"`log` and `levels` are for continuous intervals; {name!r} is discrete."
            )
        step = 1 if step is None else step
        return IntegerInterval(name, _whole(low), _whole(high), step=step, inactive=inactive)
    if step is not None:
        if log or levels is not None:
            raise InvalidArgumentError(
                f"{name!r} must have either `step`, or `log` and `levels`: a step is the distance of equally "
                "spaced values."
            )
        levels = _levels(name, low, high, step)
    levels = LEVELS if levels is None else levels
    return ContinuousInterval(name, low, high, log=log, levels=levels, inactive=inactive)


def _levels(name: str, low: Any, high: Any, step: Any) -> int:
    """Return the number of grid points of a continuous interval with a step."""
    low, high = (
        check_float(f"min_value of {name!r}", low),
        check_float(f"max_value of {name!r}", high),
    )
    step = check_float(f"step of {name!r}", step)
    steps = (high - low) / step if step > 0 else 0.0
    if steps < 0.5 or abs(steps - round(steps)) > 1e-6:
        raise InvalidArgumentError(
            f"`step` of {name!r} must be positive and divide {low} to {high} evenly, but got {step}."
        )
    return round(steps) + 1


def choices(name: str, settings: Mapping[str, Any]) -> Choices:
    """Return the list of values with the given settings.

    Raises:
        UnknownNameError: If the type is not known.
        InvalidArgumentError: If the list is empty, or bounds are given too.
    """
    kind = check_choice(
        "type of range", settings.get("type"), ("discrete", "categorical", "continuous")
    )
    for other in ("min_value", "max_value", "step", "log", "levels"):
        if other in settings:
            raise InvalidArgumentError(
                f"{name!r} must have either `range` or `{other}`, but has both."
            )
    return Choices(
        name, settings["range"], ordered=kind != "categorical", inactive=settings.get("inactive")
    )


def check_settings(settings: Any, known: Mapping[str, Any]) -> None:
    """Raise an error for settings that the class of a space does not have.

    Raises:
        InvalidArgumentError: If they are not a mapping, or the class has none.
        UnknownNameError: If one is not known.
    """
    if not known:
        raise InvalidArgumentError(
            "`settings` are those of a space of a `dataset`, but there is none."
        )
    _check_mapping("set of settings", settings, list(known))


def to_yaml(entries: Mapping[str, Any]) -> str:
    """Return entries as YAML text, with one line per hyperparameter."""
    from ...core.config_files import Line, yaml_text

    named = {name: Line(settings) for name, settings in entries["hyperparameters"].items()}
    lines = {**entries, "hyperparameters": named}
    if "forbidden" in entries:
        lines["forbidden"] = [Line(clause) for clause in entries["forbidden"]]
    return yaml_text(lines)


def read_yaml(text: str) -> dict[str, Any]:
    """Parse a YAML text.

    Raises:
        InvalidArgumentError: If it is not valid YAML, has repeated keys, or is not a mapping.
    """
    from ...core.config_files import parse_yaml

    return parse_yaml(text, "definition of a space")


def digest(entries: Mapping[str, Any]) -> str:
    """Return a digest of a definition, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]


def _when(conditions: Sequence[Condition]) -> dict[str, Any]:
    if not conditions:
        return {}
    return {
        "when": [
            [one.parent, one.comparison, _plain(one.value) if one.comparison == "in" else one.value]
            for one in conditions
        ]
    }


def _plain(values: Sequence[Any]) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in values]


def _check_mapping(what: str, entries: Any, known: Sequence[str]) -> None:
    if not isinstance(entries, Mapping):
        raise InvalidArgumentError(f"A {what} must be a mapping, but got {entries!r}.")
    for key in entries:
        check_choice(f"entry of {what}", key, known)


def _whole(value: Any) -> Any:
    """Convert an integral float to an integer; return anything else unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
