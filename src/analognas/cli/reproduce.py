"""``analognas reproduce``: published tables, made again by one command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, ResumeError, claim_output, dump_json, hold_folder
from .exits import EXIT_FAILED, to_continue
from .options import Json, Out, Seed

if TYPE_CHECKING:
    from ..reproduce import ExperimentSettings, Reproduction

_COMPARE = "compare"


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EXPERIMENT | compare FOLDER STORED]",
            help="Name of an experiment, such as robustness, or a YAML file; with --quick, none is all of "
            "them. `compare` says whether an experiment agrees with a stored JSON.",
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may be repeated.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small networks and few examples: minutes.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="As published: hours on a GPU.")] = False,
    chips: Annotated[int | None, typer.Option(help="Chips of each network. [default: 10]")] = None,
    trainings: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of an experiment whose trainings are used; may be repeated."),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of an experiment to continue.")
    ] = None,
    json: Json = False,
) -> int:
    """Train and measure the networks of a published table, and write it with intervals.

    Example: analognas reproduce robustness --root DATA --quick
    """
    from ..core.memory import keep_freed_memory
    from ..report.reproduction import write_reproduction_report
    from ..reproduce import resume_reproduction, run_reproduction
    from ..reproduce.several import resume_several, run_several, several_in

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def show(result: Reproduction, home: Path) -> None:
        write_reproduction_report(result, home)
        typer.echo(dump_json(result.to_dict()) if json else str(result))
        typer.echo(f"Results in {home}", err=json)

    keep_freed_memory()
    if quick and full:
        raise InvalidArgumentError("Give --quick or --full, not both.")
    typed: dict[str, Any] = {
        "root": None if root is None else str(root),
        "scale": "quick" if quick else "full" if full else None,
        "chips": chips,
        "seed": seed,
    }
    given = {name: value for name, value in typed.items() if value is not None}
    chosen = names or []
    others = {"experiment": chosen, "task": tasks, "trainings": trainings}
    if chosen[:1] == [_COMPARE]:
        return _compare(
            chosen[1:], [*given, *(name for name in ("task", "trainings") if others[name])]
        )
    if len(chosen) > 1:
        raise InvalidArgumentError(f"Give one experiment, but got {' '.join(chosen)!r}.")
    if resume is not None:
        if wrong := [*given, *(name for name, value in others.items() if value)]:
            raise ResumeError(
                f"--resume continues with the settings of the experiment; omit {', '.join(wrong)}."
            )
        experiments: list[ExperimentSettings] = []
        claimed = hold_folder(resume)
        several = not (resume / "experiment.yaml").is_file() and bool(several_in(resume))
    else:
        several = not chosen
        experiments = _experiments(chosen, others, given, say)
        label = "all" if several else experiments[0].name
        claimed = claim_output(out, f"reproduce-{label}")
    with claimed as folder:
        try:
            if several:
                if resume is None:
                    run_several(experiments, folder, say, show)
                else:
                    resume_several(folder, say, show)
            elif resume is None:
                show(run_reproduction(experiments[0], folder, say, trainings or ()), folder)
            else:
                show(resume_reproduction(folder, say), folder)
        except KeyboardInterrupt:
            raise to_continue("reproduce --resume", folder) from None
    return 0


def _experiments(
    names: list[str],
    others: dict[str, Any],
    given: dict[str, Any],
    say: Callable[[str], None],
) -> list[ExperimentSettings]:
    """Return the named experiment, or all of them in the quick size, with the given entries."""
    from ..reproduce import find_experiment
    from ..reproduce.several import available_experiments

    if not names and given.get("scale") != "quick":
        raise InvalidArgumentError(
            "Give an experiment: analognas reproduce robustness --root DATA. With --quick, all of them are "
            "made in a small size."
        )
    if not names and (wrong := [name for name in ("task", "trainings") if others[name]]):
        raise InvalidArgumentError(f"Name one experiment, or omit {', '.join(wrong)}.")
    known = names or available_experiments(say)
    experiments = [find_experiment(name).replace(**given) for name in known]
    if others["task"]:
        experiments = [experiments[0].chosen(tuple(others["task"]))]
    return experiments


def _compare(paths: list[str], others: list[str]) -> int:
    """Compare an experiment with a stored one; 1 if they do not agree."""
    from ..reproduce import compare_reproductions, read_reproduction

    if len(paths) != 2 or others:
        raise InvalidArgumentError(
            "Give two results and nothing else: analognas reproduce compare FOLDER STORED."
        )
    found = compare_reproductions(*map(read_reproduction, paths))
    typer.echo(str(found))
    return 0 if found.agrees else EXIT_FAILED
