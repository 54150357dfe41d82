"""Sampling methods that choose the architectures of a build, under constraints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint, InvalidArgumentError, RandomStreams, check_choice, total_violation
from ..spaces import Population, Space, latin_hypercube
from ..tables import find_table
from .specification import SampleSettings

__all__ = ["choose_architectures", "draw_further"]

_ROUNDS = 40
_LARGEST_DRAW = 20_000
_STRUCTURE = "structure"
"""Encoding whose features may be bounded too, such as the number of layers."""


def choose_architectures(space: Space, settings: SampleSettings) -> Population:
    """Return the architectures of a build in the order in which they are measured, shape ``(n, n_genes)``.

    The order is random, so the first rows of an unfinished build are a random sample as well. Listed
    architectures keep their order.

    Raises:
        InvalidArgumentError: If too few architectures meet the constraints, or the space does not support the
            sampling method.
        OutOfSpaceError: If a listed architecture does not belong to the space.
        UnknownNameError: If a constraint is on something that the space neither counts nor describes.

    Example:
        >>> from analognas.builder import SampleSettings
        >>> from analognas.spaces import SPACES
        >>> choose_architectures(SPACES.get("resnet")(), SampleSettings(n=5, seed=1)).shape
        (5, 22)
    """
    generator = RandomStreams(settings.seed).numpy("sample")
    if settings.method == "list":
        rows = space.population(list(settings.architectures))
        _refuse_repeats(space, rows)
        _refuse_outside(space, rows, settings.bounds)
    elif settings.method in ("random", "latin_hypercube"):
        rows = _draw(space, settings, generator)
    elif settings.method == "quantiles":
        rows = generator.permutation(_quantiles(space, settings))
    else:
        every = _classes(space) if settings.method == "isomorphism_classes" else space.every()
        rows = generator.permutation(every[within(space, every, settings.bounds)])
    if settings.n is not None:
        _check_enough(space, len(rows), settings)
        rows = rows[: settings.n]
    if not len(rows):
        raise InvalidArgumentError(
            f"No architecture of {space.name!r} meets {_text(settings.bounds)}; loosen a constraint."
        )
    number, of = settings.numbered_part
    if number > len(rows):
        raise InvalidArgumentError(
            f"`sample.part` is {settings.part!r}, but there are only {len(rows)} architectures; take fewer."
        )
    return rows[number - 1 :: of]


def draw_further(space: Space, settings: SampleSettings, known: Population, n: int) -> Population:
    """Return ``n`` architectures beyond those of a build, drawn by its method, shape ``(n, n_genes)``.

    Raises:
        InvalidArgumentError: If the method does not draw architectures, or too few are left.
    """
    if settings.method in ("list", "quantiles"):
        raise InvalidArgumentError(
            f"A build of method {settings.method!r} has the architectures that were listed; add others by "
            "themselves."
        )
    generator = RandomStreams(settings.seed).numpy("further", len(known))
    codes = set(space.codes(known).tolist())
    if settings.method in ("random", "latin_hypercube"):
        wanted = settings.model_copy(update={"n": n})
        return _draw(space, wanted, generator, codes)
    every = _classes(space) if settings.method == "isomorphism_classes" else space.every()
    every = every[within(space, every, settings.bounds)]
    left = every[[code not in codes for code in space.codes(every).tolist()]]
    if len(left) < n:
        raise InvalidArgumentError(f"`n` is {n}, but only {len(left)} architectures are left.")
    return generator.permutation(left)[:n]


def within(space: Space, population: Population, bounds: Sequence[Constraint]) -> NDArray[np.bool_]:
    """Which rows meet all constraints, shape ``(n,)``.

    Raises:
        UnknownNameError: If a constraint is on something that the space neither counts nor describes.
    """
    if not bounds:
        return np.ones(len(population), dtype=bool)
    known = space.counts()
    structure = {encoding.name: encoding for encoding in space.encodings()}.get(_STRUCTURE)
    described = () if structure is None else structure.names(space)
    wanted = {bound.metric for bound in bounds}
    for name in sorted(wanted):
        check_choice("metric that the space counts", name, [*known, *described])
    counts = {name: known[name](population).astype(float) for name in wanted & known.keys()}
    if structure is not None and wanted - known.keys():
        features = structure.features(space, population).T
        counts |= dict(zip(described, features, strict=True))
    met: NDArray[np.bool_] = total_violation(bounds, counts, len(population)) == 0
    return met


def _draw(
    space: Space,
    settings: SampleSettings,
    generator: np.random.Generator,
    known: Collection[object] = (),
) -> Population:
    """Draw until there are enough new, distinct rows that meet the constraints."""
    n = settings.n or 0
    draw = _drawing(space, settings.method)
    rows = np.empty((0, space.n_genes), dtype=space.dtype)
    seen: set[object] = set(known)
    size = n
    for _ in range(_ROUNDS):
        found = draw(size, generator)
        found = found[within(space, found, settings.bounds)]
        codes = space.codes(found).tolist()
        # dict.fromkeys keeps the order of the draw.
        first = {code: place for place, code in reversed(list(enumerate(codes)))}
        new = sorted(place for code, place in first.items() if code not in seen)
        rows = np.concatenate([rows, found[new]])
        seen.update(first)
        if len(rows) >= n:
            return rows[:n]
        size = min(2 * size, _LARGEST_DRAW)
    if space.n_genotypes <= _LARGEST_DRAW:
        every = space.every()
        every = every[within(space, every, settings.bounds)]
        left = [code not in seen for code in space.codes(every).tolist()]
        rows = np.concatenate([rows, generator.permutation(every[left])])
    _check_enough(space, len(rows), settings)
    return rows[:n]


def _drawing(space: Space, method: str) -> Callable[[int, np.random.Generator], Population]:
    if method == "random":
        return lambda n, generator: space.sample(n, generator=generator)
    return lambda n, generator: generator.permutation(
        latin_hypercube(space, n, generator=generator)
    )


def _classes(space: Space) -> Population:
    """The first member of every isomorphism class."""
    if space.isomorphism_class(np.empty((0, space.n_genes), dtype=space.dtype)) is None:
        raise InvalidArgumentError(
            f"The space {space.name!r} has no isomorphism classes; take method 'all' or 'random'."
        )
    every = space.every()
    classes = np.asarray(space.isomorphism_class(every))
    return every[np.unique(classes, return_index=True)[1]]


def _quantiles(space: Space, settings: SampleSettings) -> Population:
    """Rows whose ranks in a table are evenly spread, from the worst to the best."""
    table = find_table(settings.table)
    if (table.space.name, table.space.fingerprint()) != (space.name, space.fingerprint()):
        raise InvalidArgumentError(
            f"`sample.table` must be about the space {space.name!r}, but {settings.table!r} is about "
            f"{table.space.name!r}."
        )
    every = table.space.every()
    every = every[within(space, every, settings.bounds)]
    values = np.asarray(table.query(every, [str(settings.metric)])[str(settings.metric)])
    known = np.flatnonzero(~np.isnan(values))
    _check_enough(space, len(known), settings)
    ranked = known[np.argsort(values[known], kind="stable")]
    places = np.round(np.linspace(0, len(ranked) - 1, settings.n or 0)).astype(int)
    rows: Population = every[ranked[places]]
    return rows


def _check_enough(space: Space, found: int, settings: SampleSettings) -> None:
    if settings.n is not None and found < settings.n:
        bounds = f" within {_text(settings.bounds)}" if settings.bounds else ""
        raise InvalidArgumentError(
            f"`sample.n` is {settings.n}, but only {found} architectures of {space.name!r} were found{bounds}; "
            "take fewer, or loosen a constraint."
        )


def _refuse_repeats(space: Space, rows: Population) -> None:
    codes = space.codes(rows).tolist()
    for place, code in enumerate(codes):
        if code in codes[:place]:
            raise InvalidArgumentError(
                f"`sample.architectures` lists {space.decode(rows[place])} twice, at {codes.index(code) + 1} "
                f"and {place + 1}; for more seeds, set `seeds` or `repeats`."
            )


def _refuse_outside(space: Space, rows: Population, bounds: Sequence[Constraint]) -> None:
    met = within(space, rows, bounds)
    if not met.all():
        raise InvalidArgumentError(
            f"`sample.architectures` lists {space.decode(rows[int(met.argmin())])}, which does not meet "
            f"{_text(bounds)}; remove it or the constraint."
        )


def _text(bounds: Sequence[Constraint]) -> str:
    return " and ".join(map(str, bounds))
