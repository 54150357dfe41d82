"""``analognas bench``: build tables of measured networks, and look at them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import InvalidArgumentError, check_int, dump_json
from ..core.text_tables import wrapped
from .exits import to_continue
from .tables import parse_architecture

if TYPE_CHECKING:
    from ..builder import BuildResult
    from ..tables import AnalogNASBench, MeasuredTable

bench_app = typer.Typer(name="bench")

_Folder = Annotated[Path, typer.Argument(help="Folder of a build.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_N = Annotated[
    int | None, typer.Option("--workers", help="Workers. [default: one a core; on Ray, too]")
]
_Backend = Annotated[
    str | None,
    typer.Option("--backend", help="serial, pool or ray. [default: pool; serial for one worker]"),
]
_Address = Annotated[
    str | None, typer.Option("--address", help="Ray cluster, 'auto' for the one here.")
]
_Gpus = Annotated[
    float | None,
    typer.Option("--gpus", help="GPUs that each worker on Ray takes; fractions share one."),
]
_Root = Annotated[Path | None, typer.Option("--root", help="Folder or file of the data.")]
_Retry = Annotated[bool, typer.Option("--retry-failed", help="Try failed units again.")]


@bench_app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Build tables of measured networks: train, simulate chips, merge, compare.

    Example: analognas bench build nb201-check --out my-table
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@bench_app.command("build", short_help="Measure networks and write their table.")
def build(
    specification: Annotated[
        str, typer.Argument(metavar="SPEC", help="YAML file, or the name of a specification.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder: new, empty, or of the same build. [default: analognas-bench/NAME]"
        ),
    ] = None,
    root: _Root = None,
    workers: _N = None,
    backend: _Backend = None,
    address: _Address = None,
    gpus: _Gpus = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change an entry, such as sample.n=20; may be repeated.",
        ),
    ] = None,
    known: Annotated[
        list[Path] | None,
        typer.Option(
            "--known",
            metavar="TABLE",
            help="Table, or folder of a build, with rows that were measured alike: they count as done; may be "
            "repeated.",
        ),
    ] = None,
) -> int:
    """Measure the networks of a specification and write their table; several processes may share the folder.

    Example: analognas bench build nb201-check --out my-table
    """
    from ..builder import find_specification, run_build

    settings = find_specification(specification).with_settings(setting or [])
    folder = Path("analognas-bench") / settings.name if out is None else out
    work = partial(run_build, settings, folder, known=known or [], root=root)
    return _run(folder, work, workers, backend, address, gpus)


@bench_app.command("resume", short_help="Continue a build, or join a running one.")
def resume(
    folder: _Folder,
    root: _Root = None,
    workers: _N = None,
    backend: _Backend = None,
    address: _Address = None,
    gpus: _Gpus = None,
    retry_failed: _Retry = False,
) -> int:
    """Continue a build, or join a running one.

    Example: analognas bench resume my-table
    """
    from ..builder import resume_build

    work = partial(resume_build, folder, root=root, retry_failed=retry_failed)
    return _run(folder, work, workers, backend, address, gpus)


@bench_app.command("status", short_help="Show the state of a build.")
def status(folder: _Folder, as_json: _Json = False) -> None:
    """Show the state of a build.

    Example: analognas bench status my-table
    """
    from ..builder import Build, status_of, status_text

    found = Build(folder)
    facts = status_of(found)
    print(dump_json(facts) if as_json else status_text(facts))


@bench_app.command("merge", short_help="Write the table of finished rows; join tables.")
def merge(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE...", help="Folder of a build, or several and tables."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The table. [default: table.parquet in the folder, for one folder]"),
    ] = None,
) -> None:
    """Write the table of the finished rows of a build, even while it runs; or join several tables.

    Example: analognas bench merge my-table
    """
    from ..builder import Build, merge_build, merge_tables

    if len(sources) == 1 and sources[0].is_dir():
        print(merge_build(Build(sources[0]), out))
    elif out is None:
        raise InvalidArgumentError("Name the table to write with --out when merging tables.")
    else:
        print(merge_tables(sources, out))


@bench_app.command("verify", short_help="Check checksums, queue and specification.")
def verify(
    target: Annotated[Path, typer.Argument(help="Folder of a build, or a measured table.")],
    again: Annotated[
        int, typer.Option("--again", help="Rows of the build that are measured a second time.")
    ] = 0,
    root: _Root = None,
) -> int:
    """Check checksums, queue and specification; with --again, whether results can be repeated.

    Example: analognas bench verify my-table --again 1
    """
    from ..builder import Build, verify_build, verify_table

    if target.is_dir():
        build = Build(target)
        check_int("--again", again, minimum=0)
        measurement = build.measurement(root) if again else None
        report = verify_build(build, again=again, measurement=measurement)
    elif again:
        raise InvalidArgumentError("--again needs the folder of a build, not a table.")
    else:
        report = verify_table(target)
    print(report)
    return 1 if report.problems else 0


@bench_app.command("info", short_help="Show a table, a build or a specification.")
def info(
    target: Annotated[
        str, typer.Argument(help="Folder of a build, measured table, specification, or its name.")
    ],
    quality: Annotated[
        bool, typer.Option("--quality", help="Of a table: failures and label noise, too.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Show a table, the state of a build, or the settings of a specification.

    Example: analognas bench info my-table/table.parquet --quality
    """
    from .tables import show_table

    path = Path(target)
    if path.is_dir():
        _show_build(path, as_json)
    elif path.suffix == ".parquet":
        show_table(path, quality, as_json)
    else:
        _show_specification(target, as_json)


@bench_app.command("add", short_help="Add architectures, seeds or rows to a build.")
def add(
    folder: _Folder,
    n: Annotated[
        int | None,
        typer.Option("--n", help="Further architectures, drawn as the specification says."),
    ] = None,
    architecture: Annotated[
        list[str] | None,
        typer.Option("--arch", help="An architecture, in any form of the space; may be repeated."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", help="Further seeds: of the --arch named, or of all architectures."
        ),
    ] = None,
    suggest: Annotated[
        int | None,
        typer.Option(
            "--suggest",
            help="Further architectures that a surrogate learns most from, by the finished rows.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", help="With --suggest: what to learn about. [default: analog_drift_2592000]"
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Rows of a table, or a build, that was measured alike."),
    ] = None,
) -> None:
    """Add architectures, seeds or the rows of another table to a build; `bench resume` then measures them.

    Example: analognas bench add my-table --n 5
    """
    from ..builder import Build, add_architectures, add_further, add_seeds, add_table

    build = Build(folder)
    named = [parse_architecture(text) for text in architecture or []]
    options = (n, seeds, table, suggest)
    if sum(option is not None for option in options) + bool(named and seeds is None) != 1:
        raise InvalidArgumentError("Say what to add: --n, --suggest, --arch, --seeds or --table.")
    if metric is not None and suggest is None:
        raise InvalidArgumentError("--metric goes with --suggest.")
    if table is not None:
        print(
            f"{add_table(build, table)} rows taken from {table}; write the table with `bench merge`"
        )
        return
    if n is not None:
        added = add_further(build, n)
    elif suggest is not None:
        from ..evaluators.build_suggestions import suggest_for_build

        rows = suggest_for_build(build, suggest, metric)
        added = add_architectures(build, [build.space.decode(row) for row in rows])
    elif seeds is not None:
        added = add_seeds(build, seeds, named or None)
    else:
        added = add_architectures(build, named)
    print(f"{added} units added; measure them with: analognas bench resume {folder}")


@bench_app.command("compare", short_help="Compare two tables metric by metric.")
def compare(
    one: Annotated[
        str, typer.Argument(help="A measured table, folder of a build, or analognasbench.")
    ],
    other: Annotated[str, typer.Argument(help="Another one.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Metric to compare; may be repeated. [default: all in both]"),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Scatter figure, such as comparison.png.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.")] = 0,
    as_json: _Json = False,
) -> None:
    """Rank correlations of two tables by metric, with intervals and the ceiling that label noise sets.

    Example: analognas bench compare my-table analognasbench
    """
    from ..builder import compare_tables

    found = compare_tables(_open_table(one), _open_table(other), metric, seed=seed)
    print(dump_json(found.to_dict()) if as_json else found)
    if figure is not None:
        from ..report import comparison_figure, save_figure

        save_figure(comparison_figure(found), figure)
        print(f"Figure in {figure}", file=sys.stderr)


def _run(
    folder: Path,
    work: Callable[..., BuildResult],
    n: int | None,
    backend: str | None,
    address: str | None,
    gpus: float | None,
) -> int:
    """Run a build with its progress, and print its table."""
    from ..builder import make_workers
    from ..builder.folder import SPECIFICATION_FILE
    from ..report.html import write_page
    from .bench_progress import bench_progress

    workers = make_workers(n, backend, address=address, gpus_per_worker=gpus)
    try:
        with bench_progress() as listen:
            result = work(workers=workers, listen=listen)
    except KeyboardInterrupt:
        if not (folder / SPECIFICATION_FILE).is_file():
            raise
        raise to_continue("bench resume", folder) from None
    if result.table is not None:
        print(result.table)
        write_page(folder)
    if failed := result.counts.total("failed"):
        print(
            f"note: {failed} units failed; see `analognas bench status {folder}`, and try them again "
            "with `analognas bench resume --retry-failed`.",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _show_build(folder: Path, as_json: bool) -> None:
    """Print the specification and the state of a build."""
    from ..builder import Build, status_of, status_text
    from ..core.config_files import yaml_text

    build = Build(folder)
    facts = status_of(build)
    if as_json:
        print(dump_json({**facts, "specification": build.settings.to_dict()}))
        return
    print(yaml_text(build.settings.to_dict()), end="")
    print(status_text(facts))


def _show_specification(name: str, as_json: bool) -> None:
    """Print a specification, and the number of its architectures and units."""
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
    print(wrapped(f"metrics: {', '.join(metrics)}"))


def _open_table(name: str) -> AnalogNASBench | MeasuredTable:
    """Return a table by name or file, or the table of the finished rows of a build."""
    from ..tables import MeasuredTable, find_table

    if not Path(name).is_dir():
        return find_table(name)
    from ..builder import Build, merge_build

    with tempfile.TemporaryDirectory() as folder:
        return MeasuredTable(merge_build(Build(name), Path(folder) / "table.parquet").path)
