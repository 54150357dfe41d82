"""Spaces restricted to some of their architectures, such as those that were measured.

Moves on a restricted space only give its architectures: results of mutation and crossover are replaced by near
ones. The distance of two architectures is that of their features (:func:`.default_encoding`), each divided by
its standard deviation.
"""

from __future__ import annotations

import copy
import hashlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, OutOfSpaceError
from .base import Population, Space
from .moves import check_enough

__all__ = ["common_space", "restricted"]

_NEIGHBOURS = 32
"""Number of nearest architectures that moves consider."""

_NEAR = 8
"""Number of neighbours for :meth:`.Space.neighbours`, and mean rank of a mutation."""

_JUMPS = 0.1
"""Fraction of mutations that are any other architecture."""

_CHUNK = 512


def restricted(space: Space, population: Any) -> Space:
    """Return a copy of a space that contains only the architectures of a population.

    Class, name, genes and fingerprint stay the same, and so do encodings, counts, networks and reports.
    :meth:`.Space.codes` numbers its architectures from 0, :meth:`.Space.every` lists them, and all moves stay
    among them. A mutation is one of the nearest other architectures, with probabilities that decrease with the
    rank, or any other one in a tenth of the cases. A crossover is the nearest architecture to that of the whole
    space. Neighbours are the eight nearest, and those that have this one among their eight nearest.

    Args:
        space: The whole space, or a restricted one.
        population: Its architectures, at least two distinct ones, in any form.

    Raises:
        InvalidArgumentError: If there are fewer than two.
        OutOfSpaceError: If one does not belong to the space.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> known = restricted(NASBench201Space(), [3, 5, 8])
        >>> known.size, len(known.sample(3, generator=np.random.default_rng(0), unique=True))
        (3, 3)
        >>> known.encode(4)
        Traceback (most recent call last):
        analognas.core.errors.OutOfSpaceError: ... is not one of the 3 architectures of this restricted space.
    """
    rows = space.population(population)
    whole = space._whole if isinstance(space, _Restricted) else space
    codes, first = np.unique(whole.codes(rows), return_index=True)
    if len(codes) < 2:
        raise InvalidArgumentError(
            f"A space must have at least 2 architectures, but got {len(codes)} of {space.name!r}."
        )
    # Not by assigning __class__, which fails where the layouts of the two classes differ.
    kind = _restricted_class(type(whole))
    made = kind.__new__(kind)
    vars(made).update(vars(copy.copy(whole)))
    assert isinstance(made, _Restricted)
    made._restrict(whole, rows[first], codes)
    return made


def common_space(one: Space, other: Space) -> Space:
    """Return the smaller of two spaces that are equal except for restrictions.

    Raises:
        InvalidArgumentError: If both are restricted and neither contains the other.

    Example:
        >>> from analognas.spaces import SPACES
        >>> whole = SPACES.get("nasbench201")()
        >>> common_space(whole, restricted(whole, [3, 5, 8])).size
        3
    """
    if other.restriction is None or one.restriction == other.restriction:
        return one
    if one.restriction is None:
        return other
    small, large = sorted((one, other), key=len)
    if not large.allowed(small.every()).all():
        raise InvalidArgumentError(
            f"Two restrictions of the space {one.name!r} are incompatible: they have {len(small)} and "
            f"{len(large)} architectures, and neither contains the other."
        )
    return small


@cache
def _restricted_class(kind: type[Space]) -> type[Space]:
    name = f"Restricted{kind.__name__}"
    return type(name, (_Restricted, kind), {"__module__": __name__})


class _Restricted(Space):
    """Mixin of restricted spaces, combined with the class of the whole space."""

    _whole: Space
    _rows: Population
    _whole_codes: NDArray[Any]
    _features: NDArray[np.float64] | None
    _squares: NDArray[np.float64]
    _scales: NDArray[np.float64]
    _nearest: NDArray[np.int64] | None

    def _restrict(self, whole: Space, rows: Population, codes: NDArray[Any]) -> None:
        self._whole = whole
        self._rows = rows
        self._rows.flags.writeable = False
        self._whole_codes = codes
        self.restriction = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()[:16]
        self.n_genotypes = len(rows)
        self.has_integer_codes = True
        self.constrained = True
        self.plain = False
        self._features = self._nearest = None

    def __reduce__(self) -> tuple[Any, ...]:
        return restricted, (self._whole, np.array(self._rows))

    def _set_genes(self, *arguments: Any, **options: Any) -> None:
        raise InvalidArgumentError(
            f"This {self.name!r} is restricted to {len(self._rows)} architectures, so its hyperparameters "
            "cannot change; change the whole space."
        )

    @property
    def whole(self) -> Space:
        """The whole space."""
        return self._whole

    def count(self) -> int:
        """Number of architectures."""
        return len(self._rows)

    def allowed(self, population: Population) -> NDArray[np.bool_]:
        """Return which rows are architectures of this space, shape ``(n,)``."""
        return self._positions(population)[1]

    def is_architecture(self) -> NDArray[np.bool_]:
        """All codes are architectures."""
        return np.ones(len(self._rows), dtype=bool)

    def codes(self, population: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return the position of every row among the architectures, shape ``(n,)``.

        Raises:
            OutOfSpaceError: If a row is not among them.
        """
        positions, known = self._positions(population)
        if not known.all():
            raise self._unknown(population[int(known.argmin())])
        return positions

    def from_codes(self, codes: Any) -> Population:
        """Inverse of :meth:`codes`."""
        rows: Population = self._rows[np.asarray(codes, dtype=np.int64)]
        return rows

    def encode(self, arch: Any) -> Population:
        """Return the genotype of an architecture.

        Raises:
            OutOfSpaceError: If it is not in this space.
        """
        row = self._whole.encode(arch)
        if not self.allowed(row[None])[0]:
            raise self._unknown(row)
        return row

    def population(self, architectures: Any) -> Population:
        """Check and encode many architectures; see :meth:`.Space.population`."""
        rows = self._whole.population(architectures)
        self.codes(rows)
        return rows

    def sample(self, n: int, *, generator: np.random.Generator, unique: bool = False) -> Population:
        """Draw ``n`` of the architectures, shape ``(n, n_genes)``, all equally likely.

        Raises:
            InvalidArgumentError: If ``n`` is negative, or ``unique`` and there are fewer.
        """
        if unique:
            check_enough(self, n, len(self._rows))
            return self._rows[generator.permutation(len(self._rows))[:n]]
        return self._rows[generator.integers(len(self._rows), size=n)]

    def mutate(
        self,
        population: Population,
        *,
        generator: np.random.Generator,
        genes: NDArray[np.bool_] | None = None,
    ) -> Population:
        """Return another architecture for every row, one of the nearest.

        Args:
            population: Shape ``(n, n_genes)``.
            generator: Source of randomness.
            genes: Genes of which at least one must change; any by default. Rows without such a neighbour stay.
        """
        parents = self.codes(population)
        near = self._near(parents)
        wanted = np.ones(near.shape, dtype=bool)
        if genes is not None:
            chosen = np.asarray(genes, dtype=bool)
            wanted = (self._rows[near][:, :, chosen] != population[:, None, chosen]).any(axis=2)
        # A geometrically distributed rank among the admissible neighbours, wrapping around at the end.
        n = wanted.sum(axis=1)
        ranks = generator.geometric(1.0 / _NEAR, size=len(population)) - 1
        ranks = np.where(n > 0, ranks % np.maximum(n, 1), 0)
        place = (wanted.cumsum(axis=1) > ranks[:, None]).argmax(axis=1)
        found = np.where(n > 0, near[np.arange(len(near)), place], parents)
        # Occasional jumps reach architectures that are far from all others.
        jumps = (parents + generator.integers(1, len(self._rows), size=len(parents))) % len(
            self._rows
        )
        jumping = generator.random(len(parents)) < _JUMPS
        if genes is not None:
            jumping &= (self._rows[jumps][:, chosen] != population[:, chosen]).any(axis=1)
        children: Population = self._rows[np.where(jumping, jumps, found)]
        return children

    def crossover(
        self, mothers: Population, fathers: Population, *, generator: np.random.Generator
    ) -> Population:
        """Cross in the whole space, and return the architectures nearest to the results."""
        return self.nearest(self._whole.crossover(mothers, fathers, generator=generator))

    def neighbours(self, row: NDArray[np.integer[Any]]) -> Population:
        """The eight nearest architectures, and those that have ``row`` among their eight nearest."""
        here = int(self.codes(np.asarray(row)[None])[0])
        near = self._near(np.arange(len(self._rows)))[:, :_NEAR]
        back = np.flatnonzero((near == here).any(axis=1))
        forth = near[here]
        rows: Population = self._rows[np.concatenate([forth, back[~np.isin(back, forth)]])]
        return rows

    def nearest(self, population: Population) -> Population:
        """Return the nearest architecture to every row of the whole space, shape ``(n, n_genes)``."""
        self._known_features()
        from .encodings import default_encoding, encode_features

        features = encode_features(self._whole, population, default_encoding(self._whole))
        scaled = features.astype(np.float64) / self._scales
        found = [self._distances(part).argmin(axis=1) for part in _chunks(scaled)]
        rows: Population = self._rows[np.concatenate(found)] if found else population
        return rows

    def _positions(
        self, population: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        wanted = self._whole.codes(population)
        places = np.minimum(np.searchsorted(self._whole_codes, wanted), len(self._rows) - 1)
        return places, np.asarray(self._whole_codes[places] == wanted)

    def _unknown(self, row: NDArray[np.integer[Any]]) -> OutOfSpaceError:
        return OutOfSpaceError(
            f"{self._whole.decode(row)} is not one of the {len(self._rows)} architectures of this restricted "
            f"space."
        )

    def _known_features(self) -> NDArray[np.float64]:
        if self._features is None:
            from .encodings import default_encoding, encode_features

            features = encode_features(self._whole, self._rows, default_encoding(self._whole))
            spread = features.std(axis=0, dtype=np.float64)
            # Constant features do not contribute to distances.
            self._scales = np.where(spread > 1e-9, spread, np.inf)
            self._features = features.astype(np.float64) / self._scales
            self._squares = (self._features**2).sum(axis=1)
        return self._features

    def _near(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return positions of the nearest other architectures of some, nearest first, shape ``(n, k)``.

        They are computed when they are first needed: a search has few parents.
        """
        known = self._known_features()
        if self._nearest is None:
            k = min(_NEIGHBOURS, len(known) - 1)
            self._nearest = np.full((len(known), k), -1, dtype=np.int64)
        wanted = np.unique(positions)
        for part in _chunks(wanted[self._nearest[wanted, 0] < 0]):
            self._nearest[part] = _first(self._distances(known[part]), part, self._nearest.shape[1])
        return self._nearest[positions]

    def _distances(self, some: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return squared distances of features from those of all architectures, shape ``(n, len(self))``.

        They are rounded such that ties are the same on every machine.
        """
        known = self._known_features()
        squares = (some**2).sum(axis=1)[:, None] + self._squares - 2.0 * some @ known.T
        rounded: NDArray[np.float64] = np.round(squares, 6)
        return rounded


def _first(distances: NDArray[np.float64], selves: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the columns of the ``k`` smallest distances of each row, without its own; of ties the first.

    Args:
        distances: Shape ``(n, m)``; overwritten.
        selves: Column of each row itself, shape ``(n,)``.
        k: Number of columns, below ``m``.
    """
    distances[np.arange(len(selves)), selves] = np.inf
    # Ties make the smallest k ambiguous: the column decides, as in a stable sort.
    kth = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    found = np.empty((len(selves), k), dtype=np.int64)
    for row, (values, limit) in enumerate(zip(distances, kth[:, 0], strict=True)):
        near = np.flatnonzero(values <= limit)
        found[row] = near[np.argsort(values[near], kind="stable")][:k]
    return found


def _chunks(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
