"""Errors of the cost model against silicon, recomputed from the published figures, and published systems.

Run: ``python benchmarks/silicon.py``
"""

from pathlib import Path

import numpy as np
from silicon_systems import rows

from analognas.hardware.mvm_coefficients import coefficients
from analognas.hardware.silicon.errors import REFERENCES, held_out_errors
from analognas.hardware.silicon.fit import leave_one_chip_out
from analognas.hardware.silicon.points import operating_points

GOALS = {
    "NVM energy": 1.9, "NVM time": 3.0, "NVM area": 2.5, "calibrated energy": 1.2, "calibrated time": 1.5,
}  # fmt: skip


def error_table(errors) -> list[str]:
    """Lines of a table in Markdown: errors of chips held out beside the reference."""
    lines = [
        "| error of | factor | 95 % interval | chips within the factor | 90 % of chips within | model over silicon | chips | points | "
        "reference | goal |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, error in errors.items():
        reference, goal = (f"{table[name]:g}" if name in table else "" for table in (REFERENCES, GOALS))  # fmt: skip
        lines.append(
            f"| {name} | {error.factor:.2f} | {error.low:.2f} to {error.high:.2f} | "
            f"{error.within:.0%} | {error.wide:.1f} | {error.bias:.2f} | {error.chips} | {error.points} | {reference} | {goal} |"
        )
    return lines


def system_table() -> list[str]:
    """Lines of a table in Markdown: published systems beside the model."""
    lines = [
        "| system | published | this model | published over model | assumed |",
        "|---|---|---|---|---|",
    ]
    for row in rows():
        lines.append(
            f"| {row.name} | {row.published:,g} {row.unit} | {row.predicted:,.4g} {row.unit} | {row.ratio:.2f} | "
            f"{row.assumed} |"
        )
    return lines


def worst(points) -> list[str]:
    """Chips that the model is furthest off, each held out."""
    lines = []
    for name, quantity in (("energy", "energy"), ("time", "time"), ("area", "area")):
        by_chip = leave_one_chip_out(quantity, points, lambda point: point.unit.non_volatile)
        factors = {chip: float(np.exp(np.abs(errors).mean())) for chip, errors in by_chip.items()}
        furthest = sorted(factors, key=factors.get, reverse=True)[:5]
        lines.append(
            f"NVM {name}: " + ", ".join(f"{chip} {factors[chip]:.1f}x" for chip in furthest)
        )
    return lines


def main() -> None:
    points = operating_points()
    errors = held_out_errors(points)
    print("\n".join(error_table(errors)))
    same = all(
        abs(errors[name].factor / stated.factor - 1) < 0.02
        for name, stated in coefficients().errors.items()
    )
    print(f"\nThe shipped errors are {'the same' if same else 'NOT THE SAME'}.\n")
    print("\n".join(worst(points)) + "\n")
    print("\n".join(system_table()))


if __name__ == "__main__":
    print(f"# {Path(__file__).name}\n")
    main()
