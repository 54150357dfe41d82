"""Makes the shipped coefficients: ``python -m analognas.hardware.silicon.fit_coefficients``."""

from __future__ import annotations

import os

from ..mvm_coefficients import COEFFICIENTS_FILE, Coefficients
from .errors import REFERENCES, held_out_errors
from .fit import fit_coefficients
from .points import operating_points

__all__ = ["make_coefficients", "rounded"]

_DIGITS = 6
"""Significant digits that are kept: more would differ between machines."""


def rounded(values: tuple[float, ...]) -> tuple[float, ...]:
    """Return values with the digits that are shipped."""
    return tuple(float(f"{value:.{_DIGITS - 1}e}") for value in values)


def make_coefficients() -> Coefficients:
    """Return the coefficients fitted to all operating points, and their errors on chips held out."""
    points = operating_points()
    fitted = fit_coefficients(points)
    return fitted.replace(
        energy=rounded(fitted.energy),
        time=rounded(fitted.time),
        area=rounded(fitted.area),
        errors=held_out_errors(points),
    )


def main(path: str | os.PathLike[str] = COEFFICIENTS_FILE) -> None:
    """Write the file of coefficients and print their errors beside the reference."""
    made = make_coefficients()
    made.save(path)
    for name, error in made.errors.items():
        reference = f"reference {REFERENCES[name]:g}" if name in REFERENCES else ""
        print(
            f"{name:<36}{error.factor:6.2f} [{error.low:.2f}, {error.high:.2f}] "
            f"{error.chips:>3} chips {error.points:>4} points  {reference}"
        )


if __name__ == "__main__":
    main()
