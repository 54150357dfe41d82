"""ConfigSpace: the user names what may vary; sampling, mutation, encoding and counting follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError, OutOfSpaceError, Registry, check_choice, check_int
from ..base import Population, Space
from . import counting
from .architecture import Architecture
from .conditions import Condition, Forbidden, read_conditions
from .hyperparameters import (
    LEVELS,
    Choices,
    ContinuousInterval,
    Hyperparameter,
    IntegerInterval,
)
from .layout import Layout

if TYPE_CHECKING:
    from torch import nn

DATASETS: Registry[Callable[..., ConfigSpace]] = Registry(
    "data set",
    dict.fromkeys(("CIFAR-10", "VWW", "KWS"), "analognas.spaces.resnet:ResNetSpace"),
)
"""Spaces that ``ConfigSpace("CIFAR-10")`` stands for; a class derived from :class:`ConfigSpace` each."""


class ConfigSpace(Space):
    """A space of named hyperparameters, of the architecture and of training alike.

    Empty at first; every hyperparameter added is one more gene. Conditions say where a hyperparameter is
    inactive, forbidden combinations what must not occur. An architecture is a dictionary of the active
    hyperparameters (:class:`Architecture`); a training run may take its learning rate from it as a network
    takes its width.

    Args:
        dataset: ``"CIFAR-10"``, ``"VWW"`` or ``"KWS"`` for AnalogNAS's ResNet-like space for that data set;
            an empty space by default.
        name: Name of the space.
        network: Function ``(arch, input_shape, n_classes)`` that returns the network of an architecture;
            :meth:`build` calls it. Derived classes may override :meth:`build` instead.

    Raises:
        UnknownNameError: If ``dataset`` is none of those.

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

    def __new__(cls, dataset: str | None = None, *args: Any, **kwargs: Any) -> ConfigSpace:
        """Make the space of a data set where one is named."""
        if cls is ConfigSpace and dataset is not None:
            by_key = {dataset_key(name): name for name in DATASETS}
            found = by_key.get(dataset_key(dataset), dataset)
            cls = DATASETS.get(found)  # type: ignore[assignment]
        return super().__new__(cls)

    def __init__(
        self,
        dataset: str | None = None,
        *,
        name: str = "config",
        network: Callable[[Architecture, tuple[int, int, int], int], nn.Module] | None = None,
    ) -> None:
        self.name = name
        self.dataset = dataset
        self._network = network
        self._hyperparameters: dict[str, Hyperparameter] = {}
        self._conditions: dict[str, list[Condition]] = {}
        self._forbidden: list[Forbidden] = []
        self._size: int | None = None
        self._update({}, {}, [])

    def add_hyperparameter(
        self,
        name: str,
        type: str,
        min_value: float,
        max_value: float,
        step: int = 1,
        *,
        log: bool = False,
        levels: int = LEVELS,
        when: Any = None,
        inactive: Any = None,
    ) -> None:
        """Add an interval, both ends included.

        Args:
            name: Its name.
            type: ``"discrete"`` for integers, ``"continuous"`` for numbers.
            min_value: Smallest value.
            max_value: Largest value.
            step: Distance of integers.
            log: Whether a continuous interval is logarithmic.
            levels: Grid points of a continuous interval.
            when: Conditions under which it is active, ``(parent, comparison, value)`` or a list of them that
                must all hold; comparisons are ``== != in > >= < <=``. Always active by default.
            inactive: Its value in architectures where it is inactive; left out of them by default.

        Raises:
            InvalidArgumentError: If the name is taken, the interval empty or the step 0; if a condition is
                impossible or forms a cycle. The space stays as it was.
            UnknownNameError: If the type or the parent is not known.
        """
        new: Hyperparameter
        if check_choice("type of hyperparameter", type, ("discrete", "continuous")) == "discrete":
            new = IntegerInterval(
                name, _whole(min_value), _whole(max_value), step=step, inactive=inactive
            )
        else:
            new = ContinuousInterval(
                name, min_value, max_value, log=log, levels=levels, inactive=inactive
            )
        self._add(new, when)

    def add_hyperparameter_range(
        self, name: str, type: str, range: Sequence[Any], *, when: Any = None, inactive: Any = None
    ) -> None:
        """Add a list of values.

        Args:
            name: Its name.
            type: ``"discrete"`` where the order of the values means something, ``"categorical"`` where not.
            range: The values.
            when: Conditions, see :meth:`add_hyperparameter`.
            inactive: Its value where it is inactive, see :meth:`add_hyperparameter`.

        Raises:
            InvalidArgumentError: If the name is taken or the list empty, or a value stands there twice.
            UnknownNameError: If the type or the parent is not known.
        """
        kinds = ("discrete", "categorical", "continuous")
        ordered = check_choice("type of hyperparameter", type, kinds) != "categorical"
        self._add(Choices(name, range, ordered=ordered, inactive=inactive), when)

    def add_condition(self, name: str, parent: str, comparison: str, value: Any) -> None:
        """Let a hyperparameter be active only where ``parent comparison value`` holds too.

        Raises:
            UnknownNameError: If a name or the comparison is not known.
            InvalidArgumentError: If the value is impossible, or the conditions then form a cycle.
        """
        check_choice("hyperparameter", name, self._hyperparameters)
        more = [
            *self._conditions.get(name, []),
            *read_conditions(name, (parent, comparison, value)),
        ]
        self._update(self._hyperparameters, {**self._conditions, name: more}, self._forbidden)

    def add_forbidden(self, combination: Mapping[str, Any]) -> None:
        """Forbid a combination: all named hyperparameters active, each at the value (or one of those) given.

        Raises:
            UnknownNameError: If a name is not known.
            InvalidArgumentError: If a value is impossible, or nothing would be left.
        """
        clause = Forbidden.read(combination)
        self._update(self._hyperparameters, self._conditions, [*self._forbidden, clause])

    def remove_hyperparameter(self, name: str) -> None:
        """Remove a hyperparameter.

        Raises:
            UnknownNameError: If there is none of that name.
            InvalidArgumentError: If conditions or forbidden combinations still name it.
        """
        check_choice("hyperparameter", name, self._hyperparameters)
        users = [
            child for child, rows in self._conditions.items() if any(r.parent == name for r in rows)
        ]
        users += [f"forbidden `{clause}`" for clause in self._forbidden if name in clause.values]
        if users:
            raise InvalidArgumentError(
                f"{name!r} cannot be removed while constraints name it: {', '.join(users)}."
            )
        left = {key: value for key, value in self._hyperparameters.items() if key != name}
        conditions = {key: value for key, value in self._conditions.items() if key != name}
        self._update(left, conditions, self._forbidden)

    def get_hyperparameters(self) -> list[str]:
        """Return the names, in the order of the genes."""
        return list(self._hyperparameters)

    def hyperparameter(self, name: str) -> Hyperparameter:
        """Return one hyperparameter.

        Raises:
            UnknownNameError: If there is none of that name.
        """
        return self._hyperparameters[check_choice("hyperparameter", name, self._hyperparameters)]

    def compute_cs_size(self) -> int:
        """Return the exact number of distinct, allowed architectures; of intervals, grid points count."""
        return self.size

    def count(self) -> int:
        """Count the architectures; computed once and kept until the space changes."""
        if self._size is None:
            self._size = counting.count(self._layout)
        return self._size

    def active(self, population: Population) -> NDArray[np.bool_]:
        """Which genes are active, shape ``(n, n_genes)``."""
        return self._layout.active(population)

    def allowed(self, population: Population) -> NDArray[np.bool_]:
        """Which rows hit no forbidden combination, shape ``(n,)``."""
        return self._layout.allowed(population)

    def sample_arch(self, *, generator: np.random.Generator | None = None) -> dict[str, Any]:
        """Draw one architecture, as a dictionary of its own; see :meth:`sample`."""
        return self.sample_arch_uniformly(1, generator=generator)[0]

    def sample_arch_uniformly(
        self, n: int, *, generator: np.random.Generator | None = None
    ) -> list[dict[str, Any]]:
        """Draw ``n`` architectures, every active hyperparameter uniform over its values.

        Args:
            n: Number of architectures.
            generator: Source of randomness; fresh entropy by default.
        """
        generator = np.random.default_rng() if generator is None else generator
        rows = self.sample(check_int("n", n, minimum=0), generator=generator)
        return [dict(arch) for arch in self.decode_all(rows)]

    def encode(self, arch: Any) -> Population:
        """Return the genotype of an architecture, a mapping from names to values or a genotype's indices.

        Values of inactive hyperparameters are ignored, and may be left out. Continuous values are taken as
        the nearest grid point.

        Raises:
            OutOfSpaceError: If a name is unknown or missing, a value impossible or the combination forbidden.
        """
        as_mapping = isinstance(arch, Mapping)
        row = self._encode_mapping(arch) if as_mapping else self._encode_indices(arch)
        if not self._layout.allowed(row[None])[0]:
            raise OutOfSpaceError(f"{dict(self.decode(row))} is a forbidden combination.")
        return row

    def decode(self, row: NDArray[np.integer[Any]]) -> Architecture:
        """Return the architecture of one genotype."""
        return self.decode_all(np.asarray(row)[None])[0]

    def decode_all(self, population: Population) -> list[Architecture]:
        """Return the architectures of a population; one pass over each gene."""
        active = self._layout.active(population).T
        columns = [
            entry.values(population[:, gene]).tolist()
            for gene, entry in enumerate(self._layout.hyperparameters)
        ]
        shown = []
        for gene, entry in enumerate(self._layout.hyperparameters):
            if entry.inactive is None:
                shown.append(
                    [
                        (value, on)
                        for value, on in zip(columns[gene], active[gene].tolist(), strict=True)
                    ]
                )
            else:
                shown.append(
                    [
                        (value if on else entry.inactive, True)
                        for value, on in zip(columns[gene], active[gene].tolist(), strict=True)
                    ]
                )
        names = self.get_hyperparameters()
        return [
            Architecture({name: value for name, (value, on) in zip(names, row, strict=True) if on})
            for row in zip(*shown, strict=True)
        ]

    def describe(self, row: NDArray[np.integer[Any]]) -> dict[str, Any]:
        """Return the architecture of one genotype as JSON types."""
        return {"architecture": dict(self.decode(row))}

    def build(
        self,
        arch: Any,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
    ) -> nn.Module:
        """Return the network of an architecture, from the function given at construction.

        Raises:
            InvalidArgumentError: If none was given.
        """
        if self._network is None:
            raise InvalidArgumentError(
                f"{self.name!r} builds no networks: give ConfigSpace(network=...) a function, or derive a "
                "class that overrides build()."
            )
        return self._network(self.decode(self.encode(arch)), input_shape, n_classes)

    def _encode_mapping(self, arch: Mapping[str, Any]) -> Population:
        for name in arch:
            if name not in self._hyperparameters:
                raise OutOfSpaceError(
                    f"{self.name!r} has no hyperparameter {name!r}; it has "
                    f"{', '.join(self._hyperparameters)}."
                )
        row = np.zeros(self.n_genes, dtype=self.dtype)
        entries = self._layout.hyperparameters
        on = np.ones(self.n_genes, dtype=bool)
        for gene in self._layout.order:
            on[gene] = all(
                on[parent] and holds[row[parent]] for parent, holds in self._layout.parents[gene]
            )
            if not on[gene]:
                continue
            if entries[gene].name not in arch:
                raise OutOfSpaceError(
                    f"The architecture has no {entries[gene].name!r}: {dict(arch)!r}."
                )
            row[gene] = entries[gene].index(arch[entries[gene].name])
        return row

    def _encode_indices(self, arch: Any) -> Population:
        row = (
            np.asarray(arch)
            if isinstance(arch, Sequence | np.ndarray) and not isinstance(arch, str)
            else np.empty(0)
        )
        if row.shape != (self.n_genes,) or row.dtype.kind not in "iu":
            raise OutOfSpaceError(
                f"An architecture of {self.name!r} is a mapping from names to values, or the {self.n_genes} "
                f"indices of a genotype, but got {arch!r}."
            )
        outside = (row < 0) | (row >= self.n_choices)
        if outside.any():
            gene = int(outside.argmax())
            raise OutOfSpaceError(
                f"The index of {self._layout.hyperparameters[gene].name!r} must be in "
                f"[0, {self.n_choices[gene] - 1}], but got {row[gene]}."
            )
        canonical: Population = self.canonical(row.astype(self.dtype)[None])[0]
        return canonical

    def _add(self, new: Hyperparameter, when: Any) -> None:
        if new.name in self._hyperparameters:
            raise InvalidArgumentError(
                f"There is already a hyperparameter {new.name!r}; choose another name or remove it first."
            )
        conditions = dict(self._conditions)
        if rows := read_conditions(new.name, when):
            conditions[new.name] = rows
        self._update({**self._hyperparameters, new.name: new}, conditions, self._forbidden)

    def _update(
        self,
        hyperparameters: dict[str, Hyperparameter],
        conditions: dict[str, list[Condition]],
        forbidden: list[Forbidden],
    ) -> None:
        """Take over a changed definition as a whole, or refuse it as a whole."""
        entries = list(hyperparameters.values())
        layout = Layout(entries, conditions, forbidden)
        self._hyperparameters, self._conditions = hyperparameters, conditions
        self._forbidden, self._layout = forbidden, layout
        self._size = None
        self._set_genes(
            [entry.n_choices for entry in entries],
            fine=[entry.fine for entry in entries],
            constrained=any(layout.parents) or bool(forbidden),
        )


def dataset_key(name: object) -> str:
    """Return what spellings of a data set's name have in common: ``cifar10`` for ``CIFAR-10``."""
    return "".join(filter(str.isalnum, str(name))).lower()


def _whole(value: float) -> Any:
    """An integral float as the integer that it is; anything else unchanged, for the check to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
