"""Searches by training, as the command line asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError

if TYPE_CHECKING:
    from ..builder import MeasurementSettings
    from ..evaluators import Evaluator, TrainedEvaluator
    from ..spaces import Space

__all__ = [
    "check_train_fits",
    "logged_training",
    "specified_search",
    "trained_evaluator",
    "training_sources",
]


def trained_evaluator(
    space: Space, chosen: Path | dict[str, Any], root: Path | None, *, seed: int
) -> TrainedEvaluator:
    """Return what trains and measures the networks of a search.

    Args:
        space: The space.
        chosen: File with settings of a measurement, or with the specification of a table, whose ``measurement``
            is taken; or the settings as plain values.
        root: Folder or file of the data; None: as the settings say, in ``ANALOGNAS_DATA`` where that is a
            relative path.
        seed: Of everything random in the networks.

    Raises:
        AnalogNASError: Whatever is wrong with the file, in one line.
    """
    from ..builder.specification import data_place
    from ..evaluators import TrainedEvaluator

    settings = _settings(chosen)
    place = data_place(settings.root, root)
    if place is not None:
        place = str(Path(place).absolute())
    return TrainedEvaluator(space, settings.replace(root=place), seed=seed)


def _settings(chosen: Path | dict[str, Any]) -> MeasurementSettings:
    from ..builder import MeasurementSettings
    from ..builder.specification import BuildSettings
    from ..core.config_files import read_mapping

    if isinstance(chosen, dict):
        return MeasurementSettings.from_dict(chosen)
    if "measurement" in read_mapping(chosen, "measurement"):
        return BuildSettings.load(chosen).measurement
    return MeasurementSettings.load(chosen)


def specified_search(chosen: Path | dict[str, Any] | None) -> tuple[Space | None, tuple[str, ...]]:
    """Return space and constraints of the specification of a table that ``--train`` names; else nothing.

    Args:
        chosen: What ``--train`` says.
    """
    if not isinstance(chosen, Path):
        return None, ()
    # Loads torch, which other searches do not need.
    from ..builder.specification import BuildSettings
    from ..core.config_files import read_mapping

    if "measurement" not in read_mapping(chosen, "measurement"):
        return None, ()
    specification = BuildSettings.load(chosen)
    return specification.make_space(), specification.sample.constraints


def check_train_fits(typed: dict[str, Any]) -> None:
    """Refuse options that contradict ``--train``, or need it.

    Raises:
        InvalidArgumentError: If there are any.
    """
    if typed["train"] is None and typed["root"] is not None:
        raise InvalidArgumentError(
            "--root is where the data of trainings are; give it with --train SPEC.yaml."
        )
    if typed["train"] is None:
        return
    for name in ("noise", "dataset", "table"):
        if typed[name] is not None:
            raise InvalidArgumentError(
                f"--{name} is a matter of measured tables; leave it out where networks are trained (--train)."
            )


def logged_training(logged: dict[str, Any]) -> dict[str, Any] | None:
    """Return the settings of the trainings of a search that is continued; None where it trains nothing.

    Args:
        logged: What the search's log says of it.
    """
    definition = logged.get("evaluator_definition") or {}
    for source in definition.get("sources", [definition]):
        if source.get("kind") == "trained":
            settings: dict[str, Any] = source["settings"]
            return settings
    return None


def training_sources(evaluator: Evaluator) -> list[TrainedEvaluator]:
    """Return what trains networks among the sources of a search."""
    from ..evaluators import TrainedEvaluator

    sources = getattr(evaluator, "sources", [evaluator])
    return [source for source in sources if isinstance(source, TrainedEvaluator)]
