import numpy as np
import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.evaluators import Evaluation, Problem
from analognas.optimizers import LocalSearch
from analognas.spaces import ConfigSpace


def grid():
    """Two ordered genes of nine choices."""
    space = ConfigSpace(name="grid")
    space.add_hyperparameter("x", "discrete", 0, 8)
    space.add_hyperparameter("y", "discrete", 0, 8)
    return space


def climb(optimizer, n, value, seed=0, problem=None):
    """Proposals of a search, batch by batch, on ``value(x, y)``."""
    space = grid()
    problem = problem or Problem(("analog_accuracy",))
    optimizer.reset(space, problem, generator=np.random.default_rng(seed))
    batches = []
    while sum(map(len, batches)) < n:
        rows = optimizer.ask()
        x, y = rows.T.astype(float)
        means = {"analog_accuracy": value(x, y), "params": x}
        optimizer.tell(rows, Evaluation({name: means[name] for name in problem.metrics}))
        batches.append(rows)
    return batches


def peak(x, y):
    return -np.abs(x - 6) - np.abs(y - 2)


@pytest.mark.parametrize("improvement", ["best", "first"])
def test_it_climbs_to_the_peak_of_a_slope(improvement):
    # Steps along one gene reach the best of its line, so two best improvements suffice: 1 + 2 x 16.
    rows = np.concatenate(climb(LocalSearch(improvement, n_initial=1), 33, peak))
    assert [6, 2] in rows.tolist()


def test_best_improvement_looks_at_all_neighbours_first():
    rows = np.concatenate(climb(LocalSearch("best", n_initial=1), 33, peak)).astype(int)
    start, around = rows[0], rows[1:17]
    assert ((around != start).sum(axis=1) == 1).all()
    best = around[peak(*around.T).argmax()]
    following = rows[17:25]
    assert ((following != best).sum(axis=1) == 1).all()


def test_first_improvement_moves_at_once():
    rows = np.concatenate(climb(LocalSearch("first", n_initial=1), 20, peak)).astype(int)
    here, moved = rows[0], 0
    for row in rows[1:]:
        if [6, 2] not in rows[: rows.tolist().index(row.tolist())].tolist():
            assert (row != here).sum() == 1
        if peak(*row) > peak(*here):
            here, moved = row, moved + 1
    assert moved


def test_it_starts_from_the_best_of_the_first_draws():
    rows = np.concatenate(climb(LocalSearch("best", n_initial=8), 10, peak)).astype(int)
    start = rows[peak(*rows[:8].T).argmax()]
    assert (rows[8] != start).sum() == 1


@pytest.mark.parametrize("restart", ["random", "perturb"])
def test_after_a_local_optimum_it_starts_again(restart, space):
    optimizer = LocalSearch("best", restart, n_initial=1)
    optimizer.reset(space, Problem(("params",)), generator=np.random.default_rng(0))
    known = optimizer.ask()
    optimizer.tell(known, Evaluation({"params": np.zeros(1)}))
    for _ in range(24):
        row = optimizer.ask()
        assert (known != row).sum(axis=1).min() == 1
        known = np.concatenate([known, row])
        optimizer.tell(row, Evaluation({"params": np.ones(1)}))
    # All 24 neighbours are worse.
    differing = (known[0] != optimizer.ask()).sum()
    assert 1 < differing <= (3 if restart == "perturb" else 6)


def test_feasible_comes_before_better():
    problem = Problem.of("analog_accuracy", "params<=3", ["analog_accuracy", "params"])
    rows = np.concatenate(climb(LocalSearch("best", n_initial=1), 50, peak, problem=problem))
    assert [3, 2] in rows.tolist()  # the best that is allowed


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"improvement": "all"}, UnknownNameError, "Choices: best, first"),
        ({"restart": "never"}, UnknownNameError, "Choices: random, perturb"),
        ({"n_initial": 0}, InvalidArgumentError, "`n_initial` must be an integer of at least 1"),
        (
            {"n_mutations": 0},
            InvalidArgumentError,
            "`n_mutations` must be an integer of at least 1",
        ),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        LocalSearch(**settings)
