"""A device that a user has measured: the predictor of its costs from either of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..evaluators import CostPredictor
    from ..spaces import Space


def measured_device(path: Path, space: Space) -> CostPredictor:
    """Load what ``analognas cost --keep`` kept (``.parquet``), or learn from a CSV file of measurements.

    Raises:
        DataNotFoundError: If there is no such CSV file.
        TableIntegrityError: If the file cannot be read, or was kept for another space.
        InvalidArgumentError: If there are too few measurements.
        UnknownNameError: If a column is the name of no cost.
    """
    from ..evaluators import CostPredictor
    from ..tables import read_csv_table

    if path.suffix.lower() == ".parquet":
        return CostPredictor.load(path, space=space)
    return CostPredictor(space).fit(*read_csv_table(path, space))
