"""What ``analognas bench`` shows of builds and specifications."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import dump_json

if TYPE_CHECKING:
    from ..tables import AnalogNASBench, MeasuredTable


def show_build(folder: Path, as_json: bool) -> None:
    """Print the specification of a build and how far it is."""
    from ..builder import Build, status_of, status_text
    from ..core.config_files import yaml_text

    build = Build(folder)
    facts = status_of(build)
    if as_json:
        print(dump_json({**facts, "specification": build.settings.to_dict()}))
        return
    print(yaml_text(build.settings.to_dict()), end="")
    print(status_text(facts))


def show_specification(name: str, as_json: bool) -> None:
    """Print a specification with the number of its architectures and units."""
    from ..builder import choose_architectures, find_specification
    from ..core.config_files import yaml_text

    settings = find_specification(name)
    space = settings.make_space()
    rows = choose_architectures(space, settings.sample)
    n = len(rows)
    n_rows = sum(len(settings.seeds_of(position, n)) for position in range(n))
    units = settings.measurement.units
    metrics = [metric for unit in units for metric in settings.measurement.metrics(unit)]
    facts = {"architectures": n, "rows": n_rows, "units": n_rows * len(units), "metrics": metrics}
    if as_json:
        print(dump_json({**facts, "specification": settings.to_dict()}))
        return
    print(yaml_text(settings.to_dict()), end="")
    print(f"{facts['architectures']} architectures, {facts['rows']} rows, {facts['units']} units")
    print(f"metrics: {', '.join(metrics)}")


def open_table(name: str) -> AnalogNASBench | MeasuredTable:
    """Return a table by name or file, or that of the rows of a build that have ended."""
    from ..tables import MeasuredTable, find_table

    if not Path(name).is_dir():
        return find_table(name)
    from ..builder import Build, merge_build

    with tempfile.TemporaryDirectory() as folder:
        return MeasuredTable(merge_build(Build(name), Path(folder) / "table.parquet").path)
