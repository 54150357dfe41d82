"""Where the files of a pretrained model are on this machine."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from ..core import DataNotFoundError


def pretrained_folder(source: str | os.PathLike[str], *, holding: str) -> Path:
    """Return the folder of a pretrained model, from a folder or an installed package, which is not run.

    Args:
        source: The folder, one around it, or the name of a package that has it inside.
        holding: File that tells it; of several folders with one the outermost is taken.

    Raises:
        DataNotFoundError: If there is none.
    """
    folder = Path(source)
    if folder.is_dir():
        candidates = [folder]
    else:
        name = os.fspath(source).replace("-", "_")
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
        candidates = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    for candidate in candidates:
        # Parts of a model, such as its pooling, have such files of their own, further down.
        found = sorted(candidate.rglob(holding), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent
    raise DataNotFoundError(
        f"{os.fspath(source)!r} must be a folder with {holding} or an installed package with one, "
        "but is neither."
    )
