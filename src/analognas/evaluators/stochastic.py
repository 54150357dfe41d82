"""Stochastic evaluators, and the seeds that make their readings reproducible.

Everything random in a reading follows from a 64-bit seed, which is derived from the seed of the search, the
run, the architecture and the number of the reading. So interrupted, serial and parallel searches give equal
values.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from hashlib import blake2b, sha256
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..spaces import Population
from .base import Evaluation, Evaluator

Seeds = NDArray[np.uint64]


class StochasticEvaluator(Evaluator):
    """Base of stochastic evaluators: implement :meth:`measure` instead of ``evaluate``.

    Example:
        >>> from analognas.evaluators import normal_draws
        >>> from analognas.spaces import NASBench201Space
        >>> class Laboratory(StochasticEvaluator):
        ...     space, metrics, metrics_with_sem = NASBench201Space(), ["analog_accuracy"], []
        ...     def measure(self, population, metrics, *, seeds):
        ...         return Evaluation({"analog_accuracy": 90 + normal_draws(seeds, "accuracy")})
        ...     def identity(self):
        ...         return {"evaluator": "laboratory"}
        ...     def report(self, row):
        ...         return {"metrics": {}}
        >>> twice = np.array([[2, 2, 0, 4, 2, 1]] * 2)
        >>> first, second = Laboratory().evaluate(twice, ["analog_accuracy"]).means["analog_accuracy"]
        >>> bool(first != second)
        True
    """

    stochastic: bool = True

    @abstractmethod
    def measure(
        self, population: Population, metrics: Sequence[str], *, seeds: Seeds
    ) -> Evaluation:
        """Take one reading of each row; see :meth:`.Evaluator.measure`."""

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Take the first readings of run 0 of a search with seed 0; every call returns the same."""
        return self.measure(population, metrics, seeds=first_seeds(population))


def first_seeds(population: Population) -> Seeds:
    """Return seeds of the first readings in run 0 of a search with seed 0, shape ``(n,)``.

    Args:
        population: Architectures, shape ``(n, n_genes)``; equal rows are successive readings.
    """
    counts: dict[bytes, int] = {}
    readings = []
    for row in population:
        key = row.tobytes()
        readings.append(counts.get(key, 0))
        counts[key] = readings[-1] + 1
    return reading_seeds(0, 0, population, readings)


def reading_seeds(seed: int, run: int, population: Population, readings: Sequence[int]) -> Seeds:
    """Return the seed of each reading, shape ``(n,)``.

    Args:
        seed: Seed of the search.
        run: Number of the run.
        population: Architectures, shape ``(n, n_genes)``.
        readings: Number of earlier readings of each row in this run, length ``n``.

    Example:
        >>> rows = np.zeros((2, 6), dtype=np.int8)
        >>> first, second = reading_seeds(0, 0, rows, [0, 1]).tolist()
        >>> first != second, first == reading_seeds(0, 0, rows[:1], [0]).tolist()[0]
        (True, True)
    """
    start = blake2b(repr(("reading", seed, run)).encode(), digest_size=8)
    # Equal genotypes give equal bytes on every machine, whatever the integer type of the space.
    rows = np.ascontiguousarray(population, dtype="<i8")
    counts = np.asarray(readings, dtype="<i8")
    seeds = np.empty(len(rows), dtype="<u8")
    for position in range(len(rows)):
        digest = start.copy()
        digest.update(rows[position].tobytes())
        digest.update(counts[position].tobytes())
        seeds[position] = np.frombuffer(digest.digest(), dtype="<u8")[0]
    return seeds.astype(np.uint64)


def normal_draws(seeds: Seeds, name: str) -> NDArray[np.float64]:
    """Return one standard normal number for each seed, shape ``(n,)``.

    Args:
        seeds: Shape ``(n,)``; equal seeds draw equal numbers.
        name: Name of the quantity; different names draw independent numbers.

    Source: the output function of SplitMix64, Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    Generators", OOPSLA 2014, table 1; the normal quantile of its 53 upper bits.

    Example:
        >>> draws = normal_draws(np.arange(10_000, dtype=np.uint64), "accuracy")
        >>> bool(abs(draws.mean()) < 0.05), bool(abs(draws.std() - 1) < 0.05)
        (True, True)
    """
    key = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
    mixed = _mix(_mix(seeds + _GAMMA) ^ np.uint64(key))
    # The centre of one of 2^53 equal cells: never 0 or 1.
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    quantile = NormalDist().inv_cdf
    return np.array([quantile(u) for u in uniform.tolist()])


_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mix(state: Seeds) -> Seeds:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Seeds = state ^ (state >> np.uint64(31))
    return mixed
