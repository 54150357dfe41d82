"""``analognas info``: versions, tables, spaces, optimizers and metrics."""

from __future__ import annotations

import platform
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import METRICS, dump_json
from ..core.text_tables import hanging, with_unit
from ..version import __version__
from .tables import show_table

_PACKAGES = ("numpy", "pyarrow", "torch", "matplotlib")


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quality: Annotated[
        bool, typer.Option("--quality", help="Examine the table: impossible rows, label noise.")
    ] = False,
    table: Annotated[
        Path | None, typer.Option("--table", help="Show a measured table instead.")
    ] = None,
) -> None:
    """Show versions, tables, spaces, optimizers and metrics.

    Example: analognas info --quality
    """
    if table is not None:
        show_table(table, quality, as_json)
        return
    from ..optimizers import OPTIMIZERS
    from ..spaces import SPACES
    from ..tables import AnalogNASBench

    bench = AnalogNASBench()
    provenance = bench.metadata["provenance"]
    facts: dict[str, Any] = {
        "analognas": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "spaces": SPACES.names(),
        "optimizers": OPTIMIZERS.names(),
        "table": {
            "name": bench.metadata["name"],
            "architectures": len(bench),
            "dataset": provenance["dataset"],
            "paper": provenance["paper"],
            "source": provenance["source"],
            "licence": bench.metadata["licence"],
            "checksum": f"sha256:{bench.checksum}",
        },
        "metrics": {name: METRICS[name].description for name in bench.metrics},
    }
    if as_json:
        print(dump_json(facts))
        return
    _print(facts)
    if quality:
        print(f"\nquality of the table\n{bench.quality()}")


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _about_space(name: str) -> str:
    from ..spaces import SPACES

    space = SPACES.get(name)()
    size = f"{space.size:,}" if space.size < 10**9 else f"{Decimal(space.size):.2e}"
    return f"{space.n_genes} genes, {size} architectures"


def _print(facts: dict[str, Any]) -> None:
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    versions = f"{facts['analognas']}, Python {facts['python']}, {packages}"
    print(hanging("analognas", versions, 12))
    print(hanging("optimizers", ", ".join(facts["optimizers"]), 12))
    print("\nspaces")
    for name in facts["spaces"]:
        print(f"  {name:<26}{_about_space(name)}")
    print("\ntable")
    for key, value in facts["table"].items():
        shown = f"{value:,}" if isinstance(value, int) else value
        print(hanging(f"  {key}", shown, 17))
    print("\nmetrics")
    for name, description in facts["metrics"].items():
        unit = METRICS[name].unit
        print(hanging(f"  {name}", with_unit(description, unit), 28))
