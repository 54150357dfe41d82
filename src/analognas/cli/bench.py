"""``analognas bench``: build tables of measured networks, and look at them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from .exits import SearchInterruptedError

if TYPE_CHECKING:
    from ..builder import Build, Workers

bench_app = typer.Typer(name="bench", help="Build tables of measured networks.")

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
    """Build tables of measured networks: train, simulate chips, merge, compare."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@bench_app.command("build")
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
) -> int:
    """Measure the networks of a specification and write their table; several may work on one folder."""
    from ..builder import Build, find_specification

    settings = find_specification(specification).with_settings(setting or [])
    crew = _workers(workers, backend, address, gpus)
    folder = Path("analognas-bench") / settings.name if out is None else out
    return _run(Build.start(settings, folder, root=root), crew, None)


@bench_app.command("resume")
def resume(
    folder: _Folder,
    root: _Root = None,
    workers: _N = None,
    backend: _Backend = None,
    address: _Address = None,
    gpus: _Gpus = None,
    retry_failed: _Retry = False,
) -> int:
    """Continue a build, or help one that is running."""
    from ..builder import Build

    found = Build(folder)
    if retry_failed:
        print(f"{found.retry_failed()} failed units are tried again", file=sys.stderr)
    return _run(found, _workers(workers, backend, address, gpus), root)


@bench_app.command("status")
def status(folder: _Folder, as_json: _Json = False) -> None:
    """Show how far a build is."""
    from ..builder import Build, status_of, status_text

    found = Build(folder)
    facts = status_of(found)
    print(dump_json(facts) if as_json else status_text(facts))


@bench_app.command("merge")
def merge(
    folder: _Folder,
    out: Annotated[
        Path | None, typer.Option(help="The table. [default: table.parquet in the folder]")
    ] = None,
) -> None:
    """Write the table of a build from all rows that have ended, also while it goes on."""
    from ..builder import Build, merge_build

    print(merge_build(Build(folder), out))


def _workers(
    n: int | None, backend: str | None, address: str | None, gpus: float | None
) -> Workers:
    from ..builder import WORKERS, default_workers

    of_ray = {"address": address, "gpus_per_worker": gpus}
    options: dict[str, Any] = {name: value for name, value in of_ray.items() if value is not None}
    if options and backend != "ray":
        flag = "--gpus" if address is None else "--address"
        raise InvalidArgumentError(f"{flag} is an option of Ray clusters; add --backend ray.")
    if backend is None:
        return default_workers(n)
    if n is None:
        n = 1 if backend == "serial" else default_workers(None).n
    return WORKERS.get(backend)(n, **options)


def _run(build: Build, workers: Workers, root: Path | None) -> int:
    from ..builder import merge_build
    from ..core.memory import keep_freed_memory
    from .bench_progress import bench_progress

    keep_freed_memory()
    try:
        with bench_progress() as listen:
            counts = build.run(workers, root=root, listen=listen)
    except KeyboardInterrupt:
        raise SearchInterruptedError(
            f"continue with: analognas bench resume {build.folder}"
        ) from None
    if counts.total("done"):
        print(merge_build(build))
    if failed := counts.total("failed"):
        print(
            f"note: {failed} units failed; see `analognas bench status {build.folder}`, and try them again "
            "with `analognas bench resume --retry-failed`.",
            file=sys.stderr,
        )
    return 1 if failed else 0
