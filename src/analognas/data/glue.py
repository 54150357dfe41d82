"""Tasks of GLUE with classes, from their tab-separated files.

Source: Wang et al., "GLUE: A Multi-Task Benchmark and Analysis Platform for Natural Language Understanding",
    ICLR 2019.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core import TableIntegrityError
from .archives import Archive, check_members, missing, read_members
from .dataset import DataSet
from .tokens import Text, Tokenizer, text_data


@dataclass(frozen=True)
class _GLUETask:
    """Files and columns of a task. Columns are names in the header, or numbers if there is no header."""

    archive: Archive
    texts: tuple[str | int, ...]
    label: str | int
    classes: tuple[str, ...]
    dev: str = "dev.tsv"
    names: tuple[str, ...] | None = None
    """Names of the classes, if the labels are numbers."""


_ENTAILMENT = ("entailment", "not_entailment")
_TASKS = {
    "sst2": _GLUETask(
        Archive("SST-2.zip", "9f81648d4199384278b86e315dac217c", "SST-2", 7_439_277),
        ("sentence",),
        "label",
        ("0", "1"),
        names=("negative", "positive"),
    ),
    "cola": _GLUETask(
        Archive("CoLA.zip", folder="CoLA"), (3,), 1, ("0", "1"), names=("unacceptable", "acceptable")
    ),
    "qnli": _GLUETask(
        Archive("QNLIv2.zip", folder="QNLI"), ("question", "sentence"), "label", _ENTAILMENT
    ),
    "rte": _GLUETask(
        Archive("RTE.zip", folder="RTE"), ("sentence1", "sentence2"), "label", _ENTAILMENT
    ),
    "wnli": _GLUETask(
        Archive("WNLI.zip", folder="WNLI"), ("sentence1", "sentence2"), "label", ("0", "1")
    ),
    "mnli": _GLUETask(
        Archive("MNLI.zip", folder="MNLI"),
        ("sentence1", "sentence2"),
        "gold_label",
        ("entailment", "neutral", "contradiction"),
        dev="dev_matched.tsv",
    ),
}  # fmt: skip


def load_glue(
    root: Path | None,
    *,
    task: Literal["sst2", "cola", "qnli", "rte", "wnli", "mnli"] = "sst2",
    tokenizer: str | os.PathLike[str] | Tokenizer | None = None,
    vocabulary_size: int = 20000,
    max_length: int = 64,
) -> DataSet:
    """Load a task of GLUE: ``sst2``, ``cola``, ``qnli``, ``rte``, ``wnli`` or ``mnli``.

    Labels of the test files are not public, so the test split is the published ``dev`` file.
    :func:`~analognas.data.load_data` takes the validation split from the training texts.

    Args:
        root: Folder of the archive, the archive, or the unpacked folder.
        task: Name of the task.
        tokenizer: ``tokenizer.json`` of a pretrained encoder, or its folder; None: words are tokens.
        vocabulary_size: Largest number of words in the vocabulary.
        max_length: Largest number of tokens of a text; longer texts are truncated.

    Raises:
        DataNotFoundError: If the files do not exist.
        TableIntegrityError: If a file is damaged.
    """
    layout = _TASKS[task]
    files = {"train": "train.tsv", "test": layout.dev}
    members = read_members(task, root, layout.archive, list(files.values()))
    if members is None:
        raise missing(task, root, [layout.archive])
    check_members(task, members, files.values())
    splits = {split: _rows(members.lines(file), file, layout) for split, file in files.items()}
    return text_data(
        task,
        splits,
        classes=layout.names or layout.classes,
        tokenizer=tokenizer,
        vocabulary_size=vocabulary_size,
        max_length=max_length,
        note=members.note,
    )


def _rows(lines: list[str], name: str, task: _GLUETask) -> tuple[list[Text], list[int]]:
    columns, first = _columns(lines, name, task)
    texts: list[Text] = []
    labels = []
    for number, line in enumerate(lines[first:], first + 1):
        fields = line.split("\t")
        if len(fields) <= max(columns):
            raise TableIntegrityError(
                f"{name!r}, line {number}: must have {max(columns) + 1} columns, but has {len(fields)}."
            )
        *parts, label = (fields[column] for column in columns)
        if label not in task.classes:
            raise TableIntegrityError(
                f"{name!r}, line {number}: the label must be one of {', '.join(task.classes)}, but "
                f"is {label!r}."
            )
        texts.append(parts[0] if len(parts) == 1 else (parts[0], parts[1]))
        labels.append(task.classes.index(label))
    return texts, labels


def _columns(lines: list[str], name: str, task: _GLUETask) -> tuple[list[int], int]:
    """Return the numbers of the text columns and the label column, and the index of the first data line."""
    wanted = [*task.texts, task.label]
    numbers = [column for column in wanted if isinstance(column, int)]
    if numbers:
        return numbers, 0
    header = lines[0].split("\t") if lines else []
    absent = [str(column) for column in wanted if column not in header]
    if absent:
        raise TableIntegrityError(
            f"{name!r} must have the columns {', '.join(map(str, wanted))}, but lacks {', '.join(absent)}."
        )
    return [header.index(str(column)) for column in wanted], 1
