"""A drift law that interpolates a table of measured exponents."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ..core import InvalidArgumentError
from .checks import check_quantity
from .device import Law
from .laws import interpolate
from .pcm import PCM


class CustomDrift(PCM):
    r"""Phase-change memory with drift exponents from your own measurements.

    Programming and read noise are those of :class:`PCM`. Mean and standard deviation of the exponent are
    interpolated linearly in a table of conductances, and constant beyond its ends. The exponent is
    :math:`\nu = |\mu(g) + s(g) \xi|`.

    Args:
        g_points: At least two conductances in ascending order, inside [0, ``g_max``], µS.
        nu_means: Mean exponent at each of them.
        nu_stds: Standard deviation at each of them.

    Raises:
        PhysicalRangeError: If a value is outside its range.
        InvalidArgumentError: If the table is too short, its columns differ in length, or it is not ascending.

    Example:
        >>> import torch
        >>> device = CustomDrift(g_points=(0.0, 25.0), nu_means=(0.1, 0.05), nu_stds=(0.04, 0.01))
        >>> device.nu_moments(torch.tensor([12.5]))
        (tensor([0.0750]), tensor([0.0250]))
    """

    g_points: tuple[float, ...] = Field(
        default=(0.0, 25.0),
        description="Conductances of the table, ascending.",
        json_schema_extra={"unit": "µS"},
    )
    nu_means: tuple[float, ...] = Field(default=(0.06, 0.06), description="Mean exponents.")
    nu_stds: tuple[float, ...] = Field(default=(0.0, 0.0), description="Spreads of the exponent.")

    source: ClassVar[str] = "the user's table; programming and read noise as PCM"
    fitted_range: ClassVar[str] = "the conductances of the table"

    def check_entries(self) -> None:
        """Check the table."""
        super().check_entries()
        sizes = [len(self.g_points), len(self.nu_means), len(self.nu_stds)]
        if len(set(sizes)) > 1 or sizes[0] < 2:
            raise InvalidArgumentError(
                "`g_points`, `nu_means` and `nu_stds` must have the same number of entries, "
                f"at least 2, but got {sizes}."
            )
        for index, g in enumerate(self.g_points):
            check_quantity(f"g_points[{index}]", g, unit="µS", minimum=0.0, maximum=self.g_max)
            check_quantity(f"nu_means[{index}]", self.nu_means[index], minimum=0.0)
            check_quantity(f"nu_stds[{index}]", self.nu_stds[index], minimum=0.0)
        if any(b <= a for a, b in zip(self.g_points, self.g_points[1:], strict=False)):
            raise InvalidArgumentError(
                f"`g_points` must be in ascending order (µS), but got {list(self.g_points)}."
            )

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the two interpolated tables."""
        return (
            interpolate(g_target, self.g_points, self.nu_means),
            interpolate(g_target, self.g_points, self.nu_stds),
        )
