"""Architectures of a configuration space: mappings from names to values, and rows of indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ...core import OutOfSpaceError
from .gene_constraints import GeneConstraints

_ABSENT = object()


class Architecture(dict[str, Any]):
    """An immutable, hashable dictionary from names to values.

    Example:
        >>> arch = Architecture(width=8, depth=2)
        >>> arch["width"], arch == {"depth": 2, "width": 8}, len({arch, arch})
        (8, True, 1)
        >>> dict(arch, width=16)
        {'width': 16, 'depth': 2}
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[Architecture], tuple[dict[str, Any]]]:
        # The default would set items one by one, which is not allowed.
        return type(self), (dict(self),)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "An architecture is immutable; write dict(arch, name=value) for a changed copy."
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse


def encode_mapping(constraints: GeneConstraints, arch: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the canonical row of a mapping from names to values, shape ``(n_genes,)``.

    Raises:
        OutOfSpaceError: If a name is unknown, an active one is missing, or a value is invalid.
    """
    names = [entry.name for entry in constraints.hyperparameters]
    known = set(names)
    for name in arch:
        if name not in known:
            raise OutOfSpaceError(
                f"There is no hyperparameter {name!r}; there are {', '.join(names)}."
            )
    row = np.zeros(len(names), dtype=np.int64)
    active = np.ones(len(names), dtype=bool)
    for gene in constraints.order:
        active[gene] = all(
            active[parent] and holds[row[parent]] for parent, holds in constraints.parents[gene]
        )
        if active[gene]:
            value = arch.get(names[gene], _ABSENT)
            if value is _ABSENT:
                raise OutOfSpaceError(
                    f"{names[gene]!r} is missing in {dict(arch)!r}; it must be "
                    f"{constraints.hyperparameters[gene].range_text()}."
                )
            row[gene] = constraints.hyperparameters[gene].index(value)
    return row


def check_indices(constraints: GeneConstraints, arch: Any) -> NDArray[np.int64]:
    """Return the indices of a genotype as a row, shape ``(n_genes,)``, which may be non-canonical.

    Raises:
        OutOfSpaceError: If it is not a sequence of ``n_genes`` integers, or one is outside its range.
    """
    n_genes = len(constraints.hyperparameters)
    listed = isinstance(arch, Sequence | np.ndarray) and not isinstance(arch, str)
    try:
        row = np.asarray(arch) if listed else np.empty(0)
    except ValueError:
        row = np.empty(0)
    if row.shape != (n_genes,) or row.dtype.kind not in "iu":
        raise OutOfSpaceError(
            f"An architecture is a mapping from names to values, or the {n_genes} indices of a genotype, but "
            f"got {arch!r}."
        )
    for index, entry in zip(row.tolist(), constraints.hyperparameters, strict=True):
        if not 0 <= index < entry.n_choices:
            raise OutOfSpaceError(
                f"The index of {entry.name!r} must be in [0, {entry.n_choices - 1}], but got {index}."
            )
    return row.astype(np.int64)


def json_rows(constraints: GeneConstraints, population: NDArray[Any]) -> list[str]:
    """Return the architectures of a population, shape ``(n, n_genes)``, as JSON texts."""
    active = constraints.active(population)
    columns = []
    for gene, entry in enumerate(constraints.hyperparameters):
        texts, inactive = entry.json_texts, entry.json_inactive
        genes = zip(population[:, gene].tolist(), active[:, gene].tolist(), strict=True)
        columns.append([texts[index] if on else inactive for index, on in genes])
    return ["{" + ", ".join(filter(None, row)) + "}" for row in zip(*columns, strict=True)]


def decode_rows(constraints: GeneConstraints, population: NDArray[Any]) -> list[Architecture]:
    """Return the architectures of a population, shape ``(n, n_genes)``."""
    active = constraints.active(population)
    architectures: list[dict[str, Any]] = [{} for _ in range(len(population))]
    for gene, entry in enumerate(constraints.hyperparameters):
        values = entry.values(population[:, gene]).tolist()
        for arch, value, on in zip(architectures, values, active[:, gene].tolist(), strict=True):
            if on:
                arch[entry.name] = value
            elif entry.inactive is not None:
                arch[entry.name] = entry.inactive
    return [Architecture(arch) for arch in architectures]
