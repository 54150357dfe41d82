"""``analognas cost --upkeep``: accuracy over a year and the energy spent, by how a network is kept accurate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError
from ..core.folders import remove_empty
from ..core.progress import ProgressLines
from .cost_networks import without_nan
from .exits import SearchInterruptedError

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
    resume: bool,
    as_json: bool,
) -> None:
    """Compare policies for a saved network or the example, draw and print them.

    Args:
        network: ``example``, or a saved network.
        chip: The chip of the cost model.
        typed: Entries of the upkeep settings by name; None where an option was not given.
        sources: Entries of the drift settings that say what a saved network is measured on, likewise.
        config: A file of upkeep settings.
        out: File of the figure. Until it is written, a folder beside it holds the chips that were measured.
        resume: Whether to continue with them.
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
    costs = analog_cost(model, data, chip)
    with _measured_chips(out, resume) as journal:
        found = upkeep(model, data, costs, settings, journal=journal, on_progress=_telling())
        save_figure(upkeep_figure(found), out)
    if as_json:
        print(dump_json(without_nan(found.to_dict())))
        return
    print(found)
    print(out)


@contextmanager
def _measured_chips(out: Path, resume: bool) -> Iterator[Path]:
    """Hold the folder of a comparison's journals, which is removed after a block that ends without an error.

    Args:
        out: File of the figure.
        resume: Whether to keep what the folder holds.

    Raises:
        ResumeError: If there is nothing to continue.
        SearchInterruptedError: After Ctrl-C; says how to continue.
    """
    from ..core import ResumeError, hold_folder

    folder = out.with_suffix(".journal")
    if resume and not folder.is_dir():
        raise ResumeError(f"There is nothing to continue in {str(folder)!r}; omit --resume.")
    with hold_folder(folder, make=True):
        if not resume:
            _remove_journals(folder)
        try:
            yield folder
        except KeyboardInterrupt:
            raise SearchInterruptedError("continue with the same command and --resume") from None
        _remove_journals(folder)
    remove_empty(folder)


def _remove_journals(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.unlink()


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
