"""Trials as a table of Arrow."""

from __future__ import annotations

from typing import Any

from ...spaces.genotypes import row_texts

__all__ = ["arrow_table"]


def arrow_table(trials: Any) -> Any:
    """Return a ``pyarrow.Table`` of :class:`.Trials`: one row each; architectures are JSON."""
    import pyarrow as pa

    return pa.table(
        {
            "run": trials.run,
            "number": trials.number,
            "time": trials.time,
            "new": trials.new,
            "architecture": pa.array(trials.architecture_texts(), pa.string()),
            "genotype": pa.array(row_texts(trials.genotypes), pa.string()),
            "feasible": trials.violation == 0,
            **{name: pa.array(column, from_pandas=True) for name, column in trials.values.items()},
            "error": pa.array([error or None for error in trials.errors.tolist()], pa.string()),
        }
    )
