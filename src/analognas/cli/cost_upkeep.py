"""``analognas cost --upkeep``: accuracy over a year and the energy spent, by how a network is kept accurate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError
from ..core.progress import ProgressLines
from .cost_json import without_nan

if TYPE_CHECKING:
    from ..drift import DriftProgress
    from ..hardware import AIMCChip

__all__ = ["print_upkeep"]


def print_upkeep(
    network: str,
    chip: AIMCChip,
    typed: dict[str, Any],
    sources: dict[str, Any],
    config: Path | None,
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Compare policies for a saved network or the example, draw and print them.

    Args:
        network: ``example``, or a saved network.
        chip: The chip of the cost model.
        typed: Entries of the upkeep settings by name; None where an option was not given.
        sources: Entries of the drift settings that say what a saved network is measured on, likewise.
        config: A file of upkeep settings.
        out: File of the figure.
        as_json: Print JSON.
    """
    from ..core import dump_json
    from ..hardware import UpkeepSettings, upkeep
    from ..hardware.upkeep_networks import analog_cost
    from ..report import save_figure
    from ..report.upkeep import upkeep_figure

    known = {name: value for name, value in typed.items() if value is not None}
    entries = {} if config is None else UpkeepSettings.load(config).to_dict()
    settings = UpkeepSettings.from_dict(entries | known)
    if not str(out).lower().endswith(".png"):
        raise InvalidArgumentError(f"A figure is written as .png, but got {str(out)!r}.")
    model, data = _network(network, settings, sources)
    found = upkeep(model, data, analog_cost(model, data, chip), settings, on_progress=_telling())
    save_figure(upkeep_figure(found), out)
    if as_json:
        print(dump_json(without_nan(found.to_dict())))
        return
    print(found)
    print(out)


def _network(network: str, settings: Any, sources: dict[str, Any]) -> tuple[Any, Any]:
    from ..hardware.upkeep_networks import EXAMPLE, example_network, saved_network

    given = {name: value for name, value in sources.items() if value is not None}
    if network == EXAMPLE and not Path(network).exists():
        if given:
            raise InvalidArgumentError(
                f"The example has its own data and hardware; omit {', '.join(f'--{name}' for name in given)}."
            )
        model, data = example_network()
        return model, data if settings.examples is None else data.subset(test=settings.examples)
    if not Path(network).exists():
        raise InvalidArgumentError(
            f"`--upkeep` needs a trained network: a file, the folder of `analognas train`, or {EXAMPLE!r}, but "
            f"got {network!r}."
        )
    from ..drift import DriftSettings

    entries = {"checkpoint": network, "examples": settings.examples, **given}
    return saved_network(DriftSettings.from_dict(entries))


def _telling() -> Callable[[str, DriftProgress], None]:
    """Return what shows the chips of each policy, a line every few seconds."""
    lines = ProgressLines()
    return lambda name, progress: lines.show(name, progress.chips, progress.n_chips, unit="chips")
