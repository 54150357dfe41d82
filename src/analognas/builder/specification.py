"""The specification of a build: space, choice of architectures, measurement and seeds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ..core import Constraint, InvalidArgumentError, parse_constraints
from ..core.settings import Options, Settings
from ..core.shipped_settings import find_settings, shipped_names
from ..core.user_data import DATA_VARIABLE
from ..spaces import Space, find_space, space_entry
from .measurement_settings import MeasurementSettings, check_network_options

__all__ = [
    "BuildSettings",
    "Repeats",
    "SampleSettings",
    "builtin_specifications",
    "find_specification",
]

BUILTIN_FOLDER = Path(__file__).with_name("specifications")
"""Specifications that come with the package."""

Kind = Literal["all", "random", "latin_hypercube", "list", "isomorphism_classes", "quantiles"]


class SampleSettings(Settings):
    """Which architectures of the space are measured.

    Example:
        >>> settings = SampleSettings(method="latin_hypercube", n=100, constraints=["params<=1e6"])
        >>> settings.bounds
        (Constraint(metric='params', relation='<=', bound=1000000.0),)
    """

    settings_name = "sample"

    method: Kind = Field(
        "random",
        description="all: every architecture. random: drawn without replacement. latin_hypercube: all choices "
        "of a gene equally often. list: `architectures`. isomorphism_classes: one of each class. quantiles: "
        "evenly spread ranks of `metric` in `table`.",
    )
    n: int | None = Field(
        None, ge=1, description="Number of architectures; null takes all there are."
    )
    seed: int = Field(0, ge=0, description="Seed of the draw, and of the order.")
    part: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]*/[1-9][0-9]*$",
        description="Only a part of them, such as 2/4, for machines without a common queue.",
    )
    constraints: tuple[str, ...] = Field(
        (),
        description="Bounds on what the space counts, such as params<=1e6, and on features of its encoding "
        "`structure`, such as layers<=64.",
    )
    architectures: tuple[Any, ...] = Field(
        (), description="For list: architectures in any form of the space."
    )
    table: str | None = Field(
        None, description="For quantiles: analognasbench, or the file of a measured table."
    )
    metric: str | None = Field(None, description="For quantiles: a metric of the table.")

    @model_validator(mode="after")
    def _check(self) -> SampleSettings:
        needed = {
            "random": ["n"],
            "latin_hypercube": ["n"],
            "list": ["architectures"],
            "quantiles": ["n", "table", "metric"],
        }.get(self.method, [])
        for name in needed:
            if not getattr(self, name):
                raise InvalidArgumentError(
                    f"`sample.{name}` must be given for method {self.method!r}."
                )
        for name, method in (
            ("architectures", "list"),
            ("table", "quantiles"),
            ("metric", "quantiles"),
        ):
            if getattr(self, name) and self.method != method:
                raise InvalidArgumentError(
                    f"`sample.{name}` belongs to method {method!r}, but the method is {self.method!r}; remove "
                    "one of them."
                )
        parse_constraints(self.constraints)
        number, of = self.numbered_part
        if number > of:
            raise InvalidArgumentError(
                f"`sample.part` must be at most {of}/{of}, but got {self.part!r}."
            )
        return self

    @property
    def numbered_part(self) -> tuple[int, int]:
        """Number of the part, from 1, and number of parts."""
        number, of = (self.part or "1/1").split("/")
        return int(number), int(of)

    @property
    def bounds(self) -> tuple[Constraint, ...]:
        """The constraints, read."""
        return parse_constraints(self.constraints)


class Repeats(Settings):
    """Architectures that are measured with further seeds, to estimate label noise.

    Example:
        >>> from analognas.builder import BuildSettings
        >>> settings = BuildSettings(
        ...     name="noise", sample={"n": 6}, repeats=Repeats(n=3), measurement={"data": "digits"}
        ... )
        >>> [len(settings.seeds_of(k, 6)) for k in range(6)]
        [3, 1, 3, 1, 3, 1]
    """

    settings_name = "repeats"

    n: int = Field(
        default=0, ge=0, description="Number of architectures, spread evenly over the build."
    )
    seeds: int = Field(default=2, ge=1, description="Further seeds of each of them.")


class BuildSettings(Settings):
    """The specification of a build.

    Example:
        >>> settings = BuildSettings(
        ...     name="three", space="resnet", sample=SampleSettings(n=3), measurement={"data": "digits"}
        ... )
        >>> settings.sample.method, settings.seeds_of(0, 3)
        ('random', (0,))
    """

    settings_name = "specification"

    name: str = Field(description="Name of the table.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    space: str | Options = Field(
        "nasbench201", description="Name of a space, YAML file of one, or its definition."
    )
    sample: SampleSettings = Field(description="Which architectures are measured.")
    measurement: MeasurementSettings = Field(description="What is measured of each architecture.")
    seed: int = Field(0, ge=0, description="First seed; further seeds follow it.")
    seeds: int = Field(1, ge=1, description="Seeds of every architecture.")
    repeats: Repeats = Field(Repeats(), description="Architectures with further seeds.")
    retries: int = Field(2, ge=0, description="Further attempts for a unit that failed.")
    keep_networks: bool = Field(False, description="Keep the trained weights in the folder.")
    licence: str = Field("", description="Licence of the table.")
    notes: str = Field("", description="Anything that readers of the table should know.")

    @field_validator("space")
    @classmethod
    def _check_space(cls, space: str | dict[str, Any]) -> str | dict[str, Any]:
        find_space(space)
        return space

    @field_validator("measurement")
    @classmethod
    def _check_network(
        cls, settings: MeasurementSettings, given: ValidationInfo
    ) -> MeasurementSettings:
        """Name the line of a network option that the space does not have."""
        if "space" in given.data:  # else it is wrong itself
            check_network_options(find_space(given.data["space"]), settings.network)
        return settings

    def make_space(self) -> Space:
        """Return the space.

        Raises:
            UnknownNameError: If there is no such space.
            InvalidArgumentError: If its definition cannot be read.
        """
        return find_space(self.space)

    def resolved(self, root: str | os.PathLike[str] | None = None) -> BuildSettings:
        """Return the specification with the definition of the space and the place of the data.

        Args:
            root: Folder or file of the data; in a folder, ``measurement.root`` is used if it exists there. By
                default, a relative ``measurement.root`` is searched in the folder ``ANALOGNAS_DATA``.
        """
        place = data_place(self.measurement.root, root)
        measurement = self.measurement.replace(root=place)
        return self.replace(space=space_entry(self.make_space()), measurement=measurement)

    def seeds_of(self, position: int, n: int) -> tuple[int, ...]:
        """Return the seeds of one architecture.

        Args:
            position: Its place in the build.
            n: Number of architectures.
        """
        count = self.seeds + (self.repeats.seeds if position in self._repeated(n) else 0)
        return tuple(range(self.seed, self.seed + count))

    def _repeated(self, n: int) -> set[int]:
        """Positions with further seeds, evenly spread, so that every part of the build has some."""
        repeated = min(self.repeats.n, n)
        return {index * n // repeated for index in range(repeated)}

    def facts(self) -> dict[str, Any]:
        """Return space and measurement, in which all rows of a table must agree, as JSON types."""
        space = self.make_space()
        return {
            "space": space_entry(space),
            "space_fingerprint": space.fingerprint(),
            "measurement": self.measurement.identity(),
        }


def data_place(named: str | None, root: str | os.PathLike[str] | None) -> str | None:
    """Return the place of the data, from the specification and the user's ``root``.

    Example:
        >>> data_place("images.npz", None)
        'images.npz'
    """
    if root is None:
        folder = os.environ.get(DATA_VARIABLE)
        if named is None or folder is None or Path(named).is_absolute():
            return named
        inside = Path(folder, named)
        return str(inside) if inside.exists() else named
    given = Path(root).absolute()
    if named is not None and given.is_dir():
        inside = given / Path(named).name if Path(named).is_absolute() else given / named
        # A relative name must be in the folder; an absolute one may belong to another machine.
        if inside.exists() or not Path(named).is_absolute():
            return str(inside)
    return str(given)


def builtin_specifications() -> list[str]:
    """Return the names of the specifications that come with the package.

    Example:
        >>> "resnet-cifar10" in builtin_specifications()
        True
    """
    return shipped_names(BUILTIN_FOLDER)


def find_specification(name: str) -> BuildSettings:
    """Return a specification by name, or from a YAML or JSON file.

    Raises:
        UnknownNameError: If it is neither; lists the names.
        InvalidArgumentError: If the file cannot be read or an entry is wrong; names its line.

    Example:
        >>> find_specification("resnet-cifar10").name
        'resnet-cifar10'
    """
    return find_settings(BuildSettings, BUILTIN_FOLDER, name)
