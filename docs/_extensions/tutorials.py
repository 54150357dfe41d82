"""Makes the tutorial pages from their scripts: ``python docs/_extensions/tutorials.py``.

The scripts have cells in the percent format, which Jupyter (with jupytext), VS Code, PyCharm and Spyder open as
notebooks. ``--notebooks FOLDER`` also writes them as ``.ipynb``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tutorials"
_NOTE = "This page is the script [`{name}.py`]({name}.py), which also opens as a notebook. Tests run it.\n"


def cells(script: str) -> list[tuple[str, str]]:
    r"""Return ``("markdown" or "code", text)`` of each cell of a script.

    Example:
        >>> cells("# %% [markdown]\n# # Title\n\n# %%\nprint(1)\n")
        [('markdown', '# Title'), ('code', 'print(1)')]
    """
    found = []
    for part in script.split("# %%")[1:]:
        head, _, body = part.partition("\n")
        if "[markdown]" in head:
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().split("\n")]
            found.append(("markdown", "\n".join(lines).strip()))
        else:
            found.append(("code", body.strip()))
    return found


def page(script: Path) -> str:
    """Return the page of a script; a note follows the title."""
    parts = []
    for kind, text in cells(script.read_text(encoding="utf-8")):
        if kind == "markdown" and not parts:
            title, _, rest = text.partition("\n")
            parts += [title, _NOTE.format(name=script.stem).strip(), rest.strip()]
        else:
            parts.append(text if kind == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def notebook(script: Path) -> str:
    """Return a script as a Jupyter notebook, format 4.5."""
    made = []
    for number, (kind, text) in enumerate(cells(script.read_text(encoding="utf-8"))):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        cell["source"] = text.splitlines(keepends=True)
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": made,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the pages, and notebooks on request."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--notebooks", type=Path, help="folder for .ipynb files")
    folder = parser.parse_args().notebooks
    for script in sorted(FOLDER.glob("*.py")):
        script.with_suffix(".md").write_text(page(script), encoding="utf-8")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{script.stem}.ipynb"
            target.write_text(notebook(script), encoding="utf-8")


if __name__ == "__main__":
    main()
