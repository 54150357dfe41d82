"""The page of a training: what was trained on what, and how it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...core.text_files import read_json
from ...training.run_folder import HISTORY_FILE, RESULT_FILE
from .charts import Axis, Chart
from .document import (
    Document,
    columns_table,
    command_block,
    definitions,
    paragraph,
    settings_block,
    version_entries,
)

__all__ = ["training_page"]


def training_page(folder: Path) -> Document:
    """Make the page of a finished training from its folder.

    Args:
        folder: Folder with ``config.yaml``, ``result.json`` and ``epochs.jsonl``.

    Raises:
        TableIntegrityError: If a file is damaged.
    """
    result = read_json(folder / RESULT_FILE, sealed=True)
    lines = (folder / HISTORY_FILE).read_text(encoding="utf-8").splitlines()
    history = [json.loads(line) for line in lines if line.strip()]
    recipe = result["recipe"]
    metrics = result.get("metrics", {})
    said = ", ".join(f"{_words(name)} {value:.2f}" for name, value in metrics.items())
    page = Document(
        f"Training of {result['model']}",
        f"{result['model']} was trained on {result['data']['name']} by the recipe “{recipe['kind']}”"
        + (f": {said}." if said else "."),
    )
    page.section(
        "What was trained",
        definitions(
            {
                "Network": str(result["model"]),
                "Data": str(result["data"]["name"]),
                "Recipe": str(recipe["kind"]),
                "Epochs": str(recipe.get("epochs", "-")),
                "Status": str(result["status"])
                + (f": {result['reason']}" if result["reason"] else ""),
            }
        ),
    )
    page.section("How it went", *_charts(history))
    page.section(
        "How to repeat it",
        command_block(
            [
                "analognas train --config config.yaml",
                "analognas drift FOLDER   # accuracy over a year",
            ]
        ),
        paragraph("FOLDER is the folder of this page, and config.yaml lies in it."),
        definitions(version_entries(result.get("seed"))),
        settings_block("Result and settings (result.json)", result),
    )
    heads = list(dict.fromkeys(key for entry in history for key in entry))
    page.section(
        "Every epoch",
        page.download(
            "epochs.csv", heads, [[entry.get(key) for key in heads] for entry in history]
        ),
        columns_table(
            [_words(key) for key in heads],
            [[_text(entry.get(key)) for key in heads] for entry in history],
            texts=(),
        ),
    )
    return page


def _charts(history: list[dict[str, Any]]) -> list[str]:
    """A chart for the accuracies (or perplexities), and one for the losses."""
    drawn = []
    for word in ("accuracy", "perplexity", "loss"):
        names = [name for name in (history[0] if history else {}) if name.endswith(word)]
        values: dict[str, list[float]] = {
            name: [entry[name] for entry in history]
            for name in names
            if all(entry.get(name) is not None for entry in history)
        }
        if not values:
            continue
        unit = " (%)" if word == "accuracy" else ""
        epochs = [entry["epoch"] for entry in history]
        every = [value for each in values.values() for value in each]
        chart = Chart(
            f"The {word} at the end of each epoch.",
            Axis.over("epoch", epochs, integer=True),
            Axis.over(word + unit, every, least=0.0, most=100.0 if unit else float("inf")),
        )
        for colour, (name, each) in enumerate(values.items()):
            tips = [
                f"epoch {epoch}, {_words(name)} {value:.4g}"
                for epoch, value in zip(epochs, each, strict=True)
            ]
            chart.line(epochs, each, _words(name), colour=colour, tips=tips)
        drawn.append(chart.html())
    return drawn or [paragraph("The training has no epochs.")]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
