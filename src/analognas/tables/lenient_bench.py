"""A table that answers unknown architectures with a text, as the AnalogNAS-Bench package does."""

from __future__ import annotations

from typing import Any

from ..core import OutOfSpaceError, check_choice, current_metric_name

__all__ = ["LenientBench"]


class LenientBench:
    """Returns texts for architectures that do not exist, in place of raising ``OutOfSpaceError``.

    Scripts of the AnalogNAS-Bench package rely on this: they propose architectures outside the space, such as
    cells with the operation 5, and compare the answer with the text.

    Args:
        bench: The table; all its other attributes are available.

    Example:
        >>> from analognas import AnalogNASBench
        >>> AnalogNASBench().lenient().query_metric((0, 0, 0, 4, 3, 5), "analog_accuracy")
        'architecture not found'
    """

    def __init__(self, bench: Any) -> None:
        self.bench = bench

    def query_metric(self, architecture: Any, metric: str) -> Any:
        """Return a metric, or ``"architecture not found"``.

        Raises:
            UnknownNameError: If the metric does not exist.
        """
        check_choice("metric", current_metric_name(metric), self.bench.metrics)
        try:
            return self.bench.query_metric(architecture, metric)
        except OutOfSpaceError:
            return "architecture not found"

    def get_architecture_details(self, architecture: Any) -> str:
        """Return a text with all metrics, or ``"Architecture not found."``."""
        try:
            return str(self.bench.get_architecture_details(architecture))
        except OutOfSpaceError:
            return "Architecture not found."

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bench, name)

    def __repr__(self) -> str:
        return f"{self.bench!r}.lenient()"
