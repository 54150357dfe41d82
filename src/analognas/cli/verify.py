"""``analognas verify``: whether the results of a folder can be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core import InvalidArgumentError


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a search, drift evaluation or build.")],
    again: Annotated[
        int | None,
        typer.Option(
            help="How many evaluations, chips or rows are repeated. [default: 10 evaluations, 2 chips, 1 row]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw of evaluations.")] = 0,
) -> int:
    """Repeat a sample of the results in a folder, and say whether they agree.

    Example: analognas verify found
    """
    from ..builder.folder import SPECIFICATION_FILE
    from ..drift.study import STUDY_FILE
    from ..search.log.trial_log import FILE_NAME

    if (folder / FILE_NAME).is_file():
        from ..search.verify import verify_search

        report = verify_search(folder, again=10 if again is None else again, seed=seed)
    elif (folder / SPECIFICATION_FILE).is_file():
        from ..builder import Build, verify_build

        build = Build(folder)
        report = verify_build(
            build, again=1 if again is None else again, measurement=build.measurement()
        )
    elif (folder / STUDY_FILE).is_file():
        from ..drift import verify_drift

        report = verify_drift(folder, again=2 if again is None else again)
    else:
        raise InvalidArgumentError(
            f"{str(folder)!r} is not the folder of a search, drift evaluation or build. A table is checked by "
            "`analognas bench verify`."
        )
    print(report)
    return 1 if report.problems else 0
