"""ConfigSpace: search spaces of user-defined hyperparameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, OutOfSpaceError, write_text
from ..base import Population
from ..hyperparameters import Hyperparameter
from . import automl, definition
from .architecture import Architecture, check_indices, decode_rows, encode_mapping, json_rows
from .by_dataset import DATASETS, named_dataset
from .conditions import Condition, Forbidden
from .counting import UncountableError
from .named import NamedSpace

if TYPE_CHECKING:
    from torch import nn

_READABLE = 10**12

Network: TypeAlias = "Callable[[Architecture, tuple[int, int, int], int], nn.Module]"
"""Function from an architecture, an input shape and a number of classes to a network."""


class ConfigSpace(NamedSpace):
    """A space of named hyperparameters, of architectures and of training.

    It is empty at first; each added hyperparameter is a gene. Conditions define when a hyperparameter is
    active; combinations can be forbidden. An architecture is a dictionary of the active hyperparameters
    (:class:`Architecture`).

    Args:
        dataset: ``"CIFAR-10"``, ``"VWW"`` or ``"KWS"`` for AnalogNAS's ResNet-like space for that data set;
            an empty space by default.
        name: Name of the space.
        network: Function ``(arch, input_shape, n_classes)`` that returns the network of an architecture, for
            :meth:`build`. Subclasses may override :meth:`build` instead.

    Raises:
        UnknownNameError: If ``dataset`` is unknown.

    Example:
        >>> space = ConfigSpace(name="mlp")
        >>> space.add_hyperparameter("depth", "discrete", 1, 3)
        >>> space.add_hyperparameter_range("width", "discrete", [16, 32, 64])
        >>> space.add_hyperparameter("dropout", "discrete", 0, 4, when=("depth", ">", 1))
        >>> space.compute_cs_size()
        33
        >>> space.decode(space.encode({"depth": 1, "width": 32}))
        {'depth': 1, 'width': 32}
    """

    def __new__(cls, *names: Any, **options: Any) -> ConfigSpace:
        """Create a space; with a data set, as in ``ConfigSpace("CIFAR-10")``, of the class for that data set.

        AnalogNAS's notebooks also use ``ConfigSpace("resnet-like", "CIFAR-10")``, and both as keywords.
        """
        dataset = named_dataset(*names, **options) if cls is ConfigSpace else None
        made: ConfigSpace = object.__new__(cls if dataset is None else DATASETS.get(dataset))
        return made

    def __init__(
        self,
        dataset: str | None = None,
        *,
        name: str = "config",
        network: Network | None = None,
    ) -> None:
        super().__init__(name)
        self.dataset = dataset
        self._network = network
        self.set_hyperparameters()

    def set_hyperparameters(self) -> None:
        """Add the hyperparameters of a subclass; called at the end of construction."""

    def compute_cs_size(self) -> int:
        """Return the exact number of distinct, allowed architectures; intervals count by grid points.

        Raises:
            InvalidArgumentError: If the constraints couple too many hyperparameters.
        """
        return self.size

    def sample_arch(self, *, generator: np.random.Generator | None = None) -> dict[str, Any]:
        """Draw one architecture, as a dictionary; see :meth:`sample`."""
        return self.sample_arch_uniformly(1, generator=generator)[0]

    def sample_arch_uniformly(
        self, n: int, *, generator: np.random.Generator | None = None
    ) -> list[dict[str, Any]]:
        """Draw ``n`` architectures; active hyperparameters are uniform over their values.

        Args:
            n: Number of architectures.
            generator: Source of randomness; unseeded by default.
        """
        generator = np.random.default_rng() if generator is None else generator
        rows = self.sample(n, generator=generator)
        return [dict(arch) for arch in self.decode_all(rows)]

    def encode(self, arch: Any) -> Population:
        """Return the genotype of an architecture: a mapping from names to values, or indices.

        Values of inactive hyperparameters are ignored and may be omitted. Continuous values are rounded to the
        nearest grid point.

        Raises:
            OutOfSpaceError: If a name is unknown or missing, a value invalid, or the combination forbidden.
        """
        if isinstance(arch, Mapping):
            row = encode_mapping(self._constraints, arch).astype(self.dtype)
        else:
            indices = check_indices(self._constraints, arch).astype(self.dtype)
            row = self.canonical(indices[None])[0]
        if not self._constraints.allowed(row[None])[0]:
            raise OutOfSpaceError(f"{dict(self.decode(row))} is a forbidden combination.")
        return row

    def decode(self, row: NDArray[np.integer[Any]]) -> Architecture:
        """Return the architecture of one genotype."""
        return decode_rows(self._constraints, np.asarray(row)[None])[0]

    def decode_all(self, population: Population) -> list[Architecture]:
        """Return the architectures of a population; faster than row by row."""
        return decode_rows(self._constraints, population)

    def json_texts(self, population: Population) -> list[str]:
        """Return the architectures of a population as JSON text."""
        return json_rows(self._constraints, population)

    def without_inactive(self, architecture: Any) -> Any:
        """Return an architecture without the hyperparameters that are inactive in it.

        Anything else, such as indices or an architecture of another space, is returned unchanged.

        Example:
            >>> space = ConfigSpace("CIFAR-10")
            >>> arch = space.decode(space.encode({"out_channel0": 8, "M": 1, "R1": 2, "convblock1": 1,
            ...                                   "widenfact1": 0.5, "B1": 1}))
            >>> len(arch), len(space.without_inactive(arch))
            (22, 6)
        """
        if not isinstance(architecture, Mapping):
            return architecture
        try:
            row = self.encode(architecture)
        except OutOfSpaceError:
            return architecture
        active = self.active(row[None])[0].tolist()
        kept = {
            name for name, is_active in zip(self._hyperparameters, active, strict=True) if is_active
        }
        return {name: value for name, value in architecture.items() if name in kept}

    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return the architecture of one genotype as JSON types."""
        return {"architecture": dict(self.decode(row))}

    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
    ) -> nn.Module:
        """Return the network of an architecture, built by the function ``network``.

        Raises:
            InvalidArgumentError: If there is no such function.
        """
        if self._network is None:
            raise InvalidArgumentError(
                f"{self.name!r} builds no networks: pass a function as ConfigSpace(network=...), or override "
                "build() in a subclass."
            )
        return self._network(self.decode(self.encode(arch)), input_shape, n_classes)

    def settings(self) -> dict[str, Any]:
        """Return the arguments of a subclass's constructor by name, as YAML types; none by default.

        They are part of the definition, in addition to the data set.
        """
        return {}

    def definition(self) -> dict[str, Any]:
        """Return the definition of the space, as JSON and YAML types."""
        entries = definition.to_dict(
            self.name,
            self.dataset,
            self.parameters(),
            self._conditions,
            self._forbidden,
        )
        settings = self.settings()
        return {**entries, "settings": settings} if settings else entries

    def fingerprint(self) -> str:
        """Return a digest of the definition; a search resumes only with an equal one."""
        return definition.digest(self.definition())

    def to_yaml(self) -> str:
        """Return the definition as YAML text."""
        return definition.to_yaml(self.definition())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the definition to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

        Raises:
            UnknownNameError: If the file has another suffix.
            OutputFolderError: If the file cannot be written.
        """
        from ...core.config_files import is_config_file, write_mapping

        if is_config_file(os.fspath(path)) and not os.fspath(path).lower().endswith(".json"):
            write_text(path, self.to_yaml())
        else:
            write_mapping(path, self.definition(), "space")

    @classmethod
    def from_yaml(cls, text: str, *, network: Network | None = None) -> ConfigSpace:
        """Return the space of a definition as YAML text.

        Args:
            text: Text of the form of :meth:`to_yaml`.
            network: Function that builds networks, see the class.

        Raises:
            InvalidArgumentError: If it is not a valid definition; the message names the entry.
        """
        return cls.from_definition(definition.read_yaml(text), network=network)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, network: Network | None = None) -> ConfigSpace:
        """Load a space from a ``.yaml``, ``.yml`` or ``.json`` file; see :meth:`from_yaml`."""
        from ...core.config_files import read_mapping

        return cls.from_definition(read_mapping(path, "space"), network=network)

    def to_automl(self) -> dict[str, Any]:
        """Return a dictionary for ``ConfigurationSpace.from_serialized_dict`` of the ConfigSpace package.

        Raises:
            InvalidArgumentError: If a value cannot be represented in that format.
        """
        return automl.to_dict(
            self.name,
            self.parameters(),
            self._conditions,
            self._forbidden,
            default=self.sample(1, generator=np.random.default_rng(0))[0],
        )

    @classmethod
    def from_automl(cls, payload: Any, *, network: Network | None = None) -> ConfigSpace:
        """Return the space of the ConfigSpace package's JSON, as text or dictionary.

        Raises:
            InvalidArgumentError: If it is invalid, or has unsupported parts: conditions joined by "or", or
                relations between hyperparameters.
        """
        return cls.from_definition(automl.to_definition(payload), network=network)

    @classmethod
    def from_definition(
        cls, entries: Mapping[str, Any], *, network: Network | None = None
    ) -> ConfigSpace:
        """Return the space of a definition (see :meth:`definition`); arguments as for :meth:`from_yaml`."""
        hyperparameters, conditions, forbidden = definition.read(entries)
        space = cls(entries.get("dataset"))
        if settings := entries.get("settings"):
            definition.check_settings(settings, space.settings())
            space = type(space)(entries.get("dataset"), **settings)
        space.name = str(entries.get("name", space.name))
        if network is not None:
            space._network = network
        space._update({entry.name: entry for entry in hyperparameters}, conditions, forbidden)
        if space._is_empty():
            raise InvalidArgumentError("The forbidden combinations leave no architecture.")
        return space

    def __str__(self) -> str:
        try:
            exact = self.size < _READABLE
            size = (
                f"{self.size:,} architectures"
                if exact
                else f"{Decimal(self.size):.3e} architectures"
            )
        except UncountableError:
            size = "more architectures than can be counted exactly"
        n = len(self._hyperparameters)
        return _table_text(
            f"{type(self).__name__} {self.name!r}: {n} hyperparameters, {size}",
            self.parameters(),
            self._conditions,
            self._forbidden,
        )

    def __repr__(self) -> str:
        return str(self)


def _table_text(
    title: str,
    hyperparameters: Sequence[Hyperparameter],
    conditions: Mapping[str, Sequence[Condition]],
    forbidden: Sequence[Forbidden],
) -> str:
    """Return one line per hyperparameter: name, values, number of choices, and conditions."""
    rows = [("name", "values", "choices", "active when")]
    for entry in hyperparameters:
        when = " and ".join(map(str, conditions.get(entry.name, ()))) or "always"
        rows.append((entry.name, entry.range_text(), f"{entry.n_choices:,}", when))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"  {name:<{widths[0]}}  {values:<{widths[1]}}  {choices:>{widths[2]}}  {when}"
        for name, values, choices, when in rows
    ]
    return "\n".join([title, *lines, *(f"  forbidden: {clause}" for clause in forbidden)])
