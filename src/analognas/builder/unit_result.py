"""The result of one unit of a measurement, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core import CheckpointMismatchError, TableIntegrityError, check_choice, write_json
from ..core.limits import shown
from ..core.text_files import read_json
from .queue_rows import checksum

__all__ = ["UnitResult", "read_unit", "write_unit"]

_FORMAT = "analognas unit 1"


@dataclass(frozen=True)
class UnitResult:
    """One network under one condition.

    Attributes:
        values: Metrics by name (:data:`analognas.core.METRICS`).
        stds: Standard deviations from chip to chip, of those metrics that are measured on chips.
        sems: Standard errors of the values from the choice of chips and examples, not of the training seed.
        seconds: Wall-clock time, s, including saved time before an interruption.
        cpu_seconds: Processor time of this process, s, likewise.

    Example:
        >>> UnitResult({"baseline_accuracy": 90.0}, sems={"baseline_accuracy": 1.5}).columns()
        {'baseline_accuracy': 90.0, 'baseline_accuracy_sem': 1.5}
    """

    values: dict[str, float]
    stds: dict[str, float] = field(default_factory=dict)
    sems: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def columns(self) -> dict[str, float]:
        """Return metrics, each followed by its ``_std`` and ``_sem``, as in a table."""
        found: dict[str, float] = {}
        for name, value in self.values.items():
            found[name] = value
            for ending, known in (("std", self.stds), ("sem", self.sems)):
                if name in known:
                    found[f"{name}_{ending}"] = known[name]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> UnitResult:
        """Make it from what :meth:`to_dict` returned.

        Raises:
            UnknownNameError: If an entry is unknown.
        """
        known = [entry.name for entry in fields(cls)]
        for name in payload:
            check_choice("unit result entry", name, known)
        return cls(**payload)


def write_unit(path: Path, result: UnitResult, identity: Mapping[str, Any]) -> None:
    """Write a result and the settings it depends on, atomically.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    found = result.to_dict()
    stamp = checksum(found, identity)
    payload = {"format": _FORMAT, "identity": identity, "result": found, "sha256": stamp}
    write_json(path, payload)


def read_unit(path: Path, identity: Mapping[str, Any]) -> UnitResult | None:
    """Return the result in a file; None if there is no such file.

    Raises:
        CheckpointMismatchError: If it belongs to another ``identity``; names the differing entries.
        TableIntegrityError: If the file is damaged.
    """
    try:
        payload = read_json(path)
        found, result = payload["identity"], UnitResult.from_dict(payload["result"])
        damaged = payload["format"] != _FORMAT
        # Results of earlier versions have no checksum.
        if payload.get("sha256", stamp := checksum(payload["result"], found)) != stamp:
            raise ValueError("it does not match its checksum")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableIntegrityError(
            f"{str(path)!r} is damaged: {shown(error)}; remove it and measure again."
        ) from None
    if damaged:
        raise TableIntegrityError(f"{str(path)!r} is not the result of a measurement.")
    differing = [key for key, value in identity.items() if found.get(key) != value]
    if differing:
        raise CheckpointMismatchError(
            f"{str(path)!r} belongs to another measurement: {', '.join(differing)} differ(s); give another "
            "folder."
        )
    return result
