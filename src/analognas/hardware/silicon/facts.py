"""Published figures of analog in-memory computing chips, each with its source: reader of ``facts.csv``."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...core import DataNotFoundError, TableIntegrityError
from ...core.foreign_numbers import parse_number
from ...core.text_files import read_text

__all__ = ["FACTS_FILE", "Fact", "read_facts"]

FACTS_FILE = Path(__file__).parent / "facts.csv"
"""445 figures of 78 chips and systems."""


@dataclass(frozen=True)
class Fact:
    """One published figure; numbers that the source does not state are NaN.

    Attributes:
        chip: Name of the chip.
        operating_point: What was measured: supply, bits, mode.
        year: Year of publication.
        technology_nm: Technology node, nm.
        device: Memory of the weights.
        array_rows: Rows of an array.
        array_cols: Columns of an array.
        n_arrays: Arrays of the chip.
        input_bits: Bits of an input in one use of the array.
        weight_bits: Bits of a weight.
        output_bits: Bits of an output.
        adc_bits: Bits of a conversion.
        adc_count_or_sharing: How converters are shared.
        supply_v: Supply, V.
        rows_active: Rows that are on.
        outputs_parallel: Outputs that are converted at a time.
        phases: Uses of the array for one MVM.
        core_kb: Thousand cells of an array.
        workload: What the figure is of.
        quantity: What is stated, with its unit.
        value: The number.
        normalisation: ``"1-bit"``: operations times input and weight bits; ``"native"``: as they are.
        kind: How it was found: measured, simulated, claimed.
        source: Where it was read.
        note: Remarks.
    """

    chip: str
    operating_point: str
    year: float
    technology_nm: float
    device: str
    array_rows: float
    array_cols: float
    n_arrays: float
    input_bits: float
    weight_bits: float
    output_bits: float
    adc_bits: float
    adc_count_or_sharing: str
    supply_v: float
    rows_active: float
    outputs_parallel: float
    phases: float
    core_kb: float
    workload: str
    quantity: str
    value: float
    normalisation: str
    kind: str
    source: str
    note: str


_COLUMNS = {field.name: field.type == "float" for field in fields(Fact)}
_MUST = ("chip", "quantity", "value", "source")


def read_facts(path: str | os.PathLike[str] = FACTS_FILE) -> list[Fact]:
    """Read figures of chips from a CSV file with the columns of :class:`Fact`.

    Raises:
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If it cannot be read, or a line does not fit; names the line and the column.

    Example:
        >>> facts = read_facts()
        >>> len(facts), facts[0].chip
        (445, 'Su 2021 ISSCC')
    """
    where = repr(os.fspath(path))
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise DataNotFoundError(f"There is no file {where} of published figures.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TableIntegrityError(f"Cannot read {where}: {why}.") from None
    reader = csv.DictReader(io.StringIO(text))
    if list(reader.fieldnames or ()) != list(_COLUMNS):
        raise TableIntegrityError(
            f"The first line of {where} must name the columns {', '.join(_COLUMNS)}, but got "
            f"{', '.join(reader.fieldnames or ()) or 'none'}."
        )
    return [_fact(row, f"Line {reader.line_num} of {where}") for row in reader]


def _fact(row: dict[str, str], where: str) -> Fact:
    if None in row or None in row.values():
        raise TableIntegrityError(f"{where} must have {len(_COLUMNS)} cells.")
    for name in _MUST:
        if not row[name]:
            raise TableIntegrityError(f"{where} must have a `{name}`, but it is empty.")
    values: dict[str, Any] = {
        name: _number(row[name], name, where) if is_number else row[name]
        for name, is_number in _COLUMNS.items()
    }
    return Fact(**values)


def _number(text: str, name: str, where: str) -> float:
    try:
        return parse_number(text)
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{where}: `{name}`: {error}") from None
