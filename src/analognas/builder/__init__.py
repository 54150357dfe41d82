"""The builder: measures the networks of a space on a data set, and makes a table of what it finds."""

from .protocol import Measurement, Result

__all__ = ["Measurement", "Result"]
