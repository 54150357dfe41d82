"""What a log says of its search: settings, space, and metrics with name, unit and direction."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any

from ...core import (
    METRICS,
    AnalogNASError,
    InvalidArgumentError,
    Metric,
    ResumeError,
    check_definitions,
    device_metric,
    get_metric,
)
from ...evaluators import EXTRAPOLATION
from ...spaces import SPACES, ConfigSpace, Space
from ...tables import SHIPPED_CHECKSUM
from ..settings import EvaluatorSettings, SearchSettings
from .schema import EVALUATOR_CLASS, EVALUATOR_DEFINITION, SETTINGS, SPACE_DEFINITION

KEY = "metrics"
"""Key of the metrics among the entries of a log."""

CHECKED_FIRST = "checked_first"
"""Key of the constrained metrics that are checked before anything is measured."""

RESERVED = frozenset(
    ("run", "number", "batch", "time", "new", "genotype", "architecture", "feasible", "error")
)
"""Names of a log's other columns, which no metric may have."""


_OPTIONAL = ("start", "prior", "pending", "cost_metric")
"""Keys of the identity of a search that are absent where their setting is not used."""


def logged_settings(logged: Mapping[str, Any], where: str) -> SearchSettings:
    """Return the settings of the search of a log.

    Logs of former versions have them in several entries, and do not always say how their evaluator is made.

    Args:
        logged: The entries of the log.
        where: The log, for messages.

    Raises:
        ResumeError: If an entry is missing or cannot be read.
    """
    try:
        if SETTINGS in logged:
            return SearchSettings.from_dict(logged[SETTINGS])
        return _former_settings(logged)
    except KeyError as error:
        raise ResumeError(
            f"The log {where} does not say its {error.args[0]}; continue it with the version that began it."
        ) from None
    except (AnalogNASError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ResumeError(
            f"The settings in the log {where} cannot be read: {error} Continue it with the version that began "
            "it."
        ) from None


def _former_settings(logged: Mapping[str, Any]) -> SearchSettings:
    """Settings from the entries of a log without a tree of settings."""
    space = logged_space(logged)
    same = (
        space is not None
        and space.name == logged["space"]
        and space.fingerprint() == logged.get("space_fingerprint")
    )
    entry = logged["space"] if logged["space"] in SPACES else logged.get(SPACE_DEFINITION)
    definition = logged.get(EVALUATOR_DEFINITION)
    objects = {}
    if definition is None and (kind := _former_kind(logged, same)):
        objects["evaluator"] = kind
    if not same:
        objects["space"] = str(logged["space"])
    entries: dict[str, Any] = {
        name: logged[name] for name in ("runs", "budget", "objectives", "constraints", "seed")
    }
    limits = ("max_seconds", "max_cost", "cost_metric")
    entries |= {name: logged[name] for name in limits if logged.get(name) is not None}
    return SearchSettings(
        space=entry if same else None,
        optimizer=logged["optimizer"],
        evaluator=EvaluatorSettings(definition=definition, **_former_options(logged["evaluator"])),
        objects=objects,
        **entries,
    )


def _former_kind(logged: Mapping[str, Any], known_space: bool) -> str:
    """Class of an evaluator that a log does not define; empty where its identity says enough."""
    if EVALUATOR_CLASS in logged:
        return str(logged[EVALUATOR_CLASS])
    for source in logged["evaluator"].get("sources", [logged["evaluator"]]):
        if source.get("surrogate") == "CostPredictor":
            return "CostPredictor"
        checksum = str(source.get("checksum", "")).removeprefix("sha256:")
        if "table" in source and checksum != SHIPPED_CHECKSUM:
            return "TableEvaluator"
    return "" if known_space else "unknown"


def _former_options(evaluator: Mapping[str, Any]) -> dict[str, Any]:
    """Chip, data set and noise of an evaluator, from its identity."""
    options: dict[str, Any] = {}
    for source in evaluator.get("sources", [evaluator]):
        for key, name in (("chip", "chip"), ("n_readings", "noise"), ("dataset", "dataset")):
            if key in source:
                options[name] = source[key]
    return options


def check_identity(logged: Mapping[str, Any], identity: Mapping[str, Any], file: str) -> None:
    """Check that a log belongs to a search.

    Raises:
        ResumeError: If any entry differs; names the first one.
    """
    for key in [*identity, *(key for key in _OPTIONAL if key in logged and key not in identity)]:
        before, wanted = logged.get(key), json.loads(json.dumps(identity.get(key)))
        if before != wanted:
            raise ResumeError(
                f"The log {file!r} belongs to another search: its {key} is {json.dumps(before)}, but this "
                f"search has {json.dumps(wanted)}."
            )


def logged_space(logged: Mapping[str, Any]) -> Space | None:
    """Return the space of a log, or None where neither its name nor a definition says what it is.

    Args:
        logged: The entries of the log.
    """
    name = logged.get("space")
    if name in SPACES.names():
        space = SPACES.get(name)()
        if logged.get("space_fingerprint") == space.fingerprint():
            return space
    settings = logged.get(SETTINGS)
    definition = settings.get("space") if isinstance(settings, dict) else None
    if not isinstance(definition, dict):
        definition = logged.get(SPACE_DEFINITION)
    if not isinstance(definition, dict):
        return None
    # Settings are those of a derived class, which is not known here; names and values are all there.
    entries = {key: value for key, value in definition.items() if key != "settings"}
    try:
        return ConfigSpace.from_definition(entries)
    except AnalogNASError:
        return None


def check_names(definitions: Iterable[Metric]) -> tuple[Metric, ...]:
    """Check that a log can store the metrics of a search as columns, and return them.

    Raises:
        InvalidArgumentError: If two have one name, or one has that of another column.
    """
    for name in (by_name := check_definitions(definitions)):
        if name.lower() in RESERVED:
            raise InvalidArgumentError(
                f"A metric must not be called {name!r}, as a column of the trial log is; rename it."
            )
    return tuple(by_name.values())


def noted(definitions: Iterable[Metric]) -> dict[str, Any]:
    """Return the entry of a log about its metrics, JSON types."""
    return {KEY: [metric.to_dict() for metric in definitions]}


def logged_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the definitions of the metrics of a log by name; none for logs of former versions.

    Raises:
        InvalidArgumentError: If it cannot be read.
    """
    entries = settings.get(KEY, [])
    if not isinstance(entries, list):
        raise InvalidArgumentError(f"`{KEY}` must be a list of metrics, but got {entries!r}.")
    return check_definitions(map(Metric.from_dict, entries))


def logged_metric(known: Mapping[str, Metric], name: str) -> Metric:
    """Return one metric of a log, by its definition there or by its name.

    Raises:
        UnknownNameError: If nothing says what it is.
    """
    for source in (known, METRICS, {EXTRAPOLATION.name: EXTRAPOLATION}):
        if name in source:
            return source[name]
    return device_metric(name) or get_metric(name)


def checked_first(settings: Mapping[str, Any], known: Container[str], file: str) -> tuple[str, ...]:
    """Return the metrics whose bounds are checked before an evaluation; none for logs of former versions.

    Args:
        settings: What the log says of the search.
        known: Metrics that the evaluator knows without measuring.
        file: The log, for messages.

    Raises:
        ResumeError: If the evaluator does not know one of them.
    """
    names = settings.get(CHECKED_FIRST, [])
    for name in names:
        if name not in known:
            raise ResumeError(
                f"The search of the log {file!r} checked bounds on {name!r} before it measured, but this "
                "evaluator does not know it beforehand (`cheap_metrics`); give the evaluator that began the "
                "search."
            )
    return tuple(names)


def check_unchanged(settings: Mapping[str, Any], definitions: Iterable[Metric], file: str) -> None:
    """Check that the metrics of a search have the units and directions of its log.

    Raises:
        ResumeError: If one differs.
    """
    before = logged_metrics(settings)
    for now in definitions:
        was = before.get(now.name, now)
        for attribute in ("unit", "higher_is_better"):
            if getattr(was, attribute) != getattr(now, attribute):
                raise ResumeError(
                    f"The log {file!r} belongs to another search: its metric {now.name!r} has the {attribute} "
                    f"{getattr(was, attribute)!r}, but this search has {getattr(now, attribute)!r}."
                )
