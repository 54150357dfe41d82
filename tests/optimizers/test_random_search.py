import numpy as np

from analognas.evaluators import Problem
from analognas.optimizers import RandomSearch


def test_draws_are_uniform(space):
    problem = Problem(("avm",))
    rows = []
    for seed in range(400):
        optimizer = RandomSearch(batch_size=100)
        optimizer.reset(space, problem, generator=np.random.default_rng(seed))
        rows.append(optimizer.ask())
    counts = np.stack([np.bincount(column, minlength=5) for column in np.concatenate(rows).T])
    n = counts[0].sum()
    # Without replacement from 15,625 the spread is a little below the binomial one, so the bound is safe.
    error = np.sqrt(n * 0.2 * 0.8)
    assert np.abs(counts - n / 5).max() < 5 * error
    assert np.abs(counts * 1.05 - n / 5).max() > 5 * error
