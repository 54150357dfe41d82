"""What a surrogate rests on: the measured table that it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..core import TableIntegrityError
from ..tables import MeasuredTable

__all__ = ["Provenance"]

_NOISE_SHOWN = ("analog_drift_86400", "analog_accuracy", "baseline_accuracy")
"""Metrics whose label noise a summary shows: the first that was measured."""


@dataclass(frozen=True)
class Provenance:
    """Facts about the table that a surrogate was fitted to.

    Attributes:
        table: Name of the table.
        sha256: Checksum of the table's content.
        n_networks: Networks that the surrogate was fitted to.
        n_rows: Rows of the table: networks times seeds.
        complete: Whether the build of the table had ended.
        data: Name of the data set.
        fidelity: Fidelity of the measurements, by name.
        label_noise: Pooled standard deviation between repeated seeds by metric, in the metric's unit; empty if
            too few networks were repeated.
        command: Command that made the fit; empty for a fit of the user.

    Example:
        >>> made = Provenance("t", "ab", 40, 46, False, "cifar10", {"digital_epochs": 6, "hwa_epochs": 3},
        ...                   {"analog_drift_86400": 3.41})
        >>> made.text
        "rests on 40 measured networks of the unfinished table 't' at 6 + 3 epochs; label noise 3.4 points"
    """

    table: str
    sha256: str
    n_networks: int
    n_rows: int
    complete: bool
    data: str
    fidelity: Mapping[str, Any]
    label_noise: Mapping[str, float]
    command: str = ""

    @classmethod
    def of(cls, table: MeasuredTable, n_networks: int, *, command: str = "") -> Provenance:
        """Return the provenance of a fit to ``n_networks`` networks of a table."""
        return cls(
            table=table.name,
            sha256=table.checksum.removeprefix("sha256:"),
            n_networks=n_networks,
            n_rows=len(table.rows),
            complete=table.complete,
            data=str(table.metadata.get("data", {}).get("name", "")),
            fidelity=dict(table.rows.fidelity),
            label_noise={noise.metric: noise.pooled_std for noise in table.quality().noise},
            command=command,
        )

    @property
    def text(self) -> str:
        """One line for summaries: number of networks, table, fidelity and label noise."""
        unfinished = "" if self.complete else "unfinished "
        of = f"{self.n_networks} measured networks of the {unfinished}table {self.table!r}"
        parts = [f"rests on {of}{self._fidelity_text}"]
        shown = [name for name in _NOISE_SHOWN if name in self.label_noise]
        if shown:
            parts.append(f"label noise {self.label_noise[shown[0]]:.1f} points")
        else:
            parts.append("label noise unknown, as too few networks were repeated")
        return "; ".join(parts)

    @property
    def _fidelity_text(self) -> str:
        known = self.fidelity
        epochs = [str(known[n]) for n in ("digital_epochs", "hwa_epochs") if n in known]
        text = f" at {' + '.join(epochs)} epochs" if epochs else ""
        if "train_examples" in known:
            text += f" on {known['train_examples']:,} examples"
        if {"input_height", "input_width"} <= known.keys():
            text += f" of {known['input_height']} x {known['input_width']}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON types."""
        return {**asdict(self), "fidelity": dict(self.fidelity)}

    @classmethod
    def from_dict(cls, payload: Any, where: str) -> Provenance:
        """Read what :meth:`to_dict` returned.

        Raises:
            TableIntegrityError: If an entry is missing, unknown or of another type.
        """
        kinds = {"n_networks": int, "n_rows": int, "complete": bool}
        kinds |= {"fidelity": Mapping, "label_noise": Mapping}
        names = [field.name for field in fields(cls)]
        sound = isinstance(payload, Mapping) and {*payload} == {*names}
        if not sound or not all(isinstance(payload[n], kinds.get(n, str)) for n in names):
            raise TableIntegrityError(
                f"The provenance of {where} must have the entries {', '.join(names)}, but is {payload!r}."
            )
        return cls(**payload)
