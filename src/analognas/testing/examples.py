"""Properties tried on seeds that Hypothesis draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Test = Callable[..., None]


def examples(n: int = 25) -> Callable[[Test], Test]:
    """Run a test method with ``n`` generators: ``test(self, generator)``.

    Hypothesis objects to one test run for several subclasses, which is what a suite is for.
    """
    tuned = settings(
        max_examples=n, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
    seeds = st.integers(0, 2**32 - 1)

    def decorate(test: Test) -> Test:
        decorated: Any = tuned(given(generator=seeds.map(np.random.default_rng))(test))
        return decorated  # type: ignore[no-any-return]

    return decorate
