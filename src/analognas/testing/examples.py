"""Property tests with seeds drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Test = Callable[..., None]


def examples(n: int = 25) -> Callable[[Test], Test]:
    """Run a test method ``test(self, generator)`` with ``n`` generators.

    By default Hypothesis rejects a test that runs for several subclasses, as those of a suite do.
    """
    tuned = settings(
        max_examples=n, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
    seeds = st.integers(0, 2**32 - 1)

    def decorate(test: Test) -> Test:
        decorated: Test = tuned(given(generator=seeds.map(np.random.default_rng))(test))
        return decorated

    return decorate
