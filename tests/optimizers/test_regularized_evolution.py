import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Evaluation, Problem, TableEvaluator
from analognas.optimizers import RandomSearch, RegularizedEvolution
from analognas.search import Worker


def started(space, problem, seed=0, **sizes):
    optimizer = RegularizedEvolution(**sizes)
    optimizer.reset(space, problem, generator=np.random.default_rng(seed))
    return optimizer


def tell(optimizer, rows, **means):
    optimizer.tell(
        rows, Evaluation({name: np.asarray(v, dtype=float) for name, v in means.items()})
    )


def test_children_differ_from_a_parent_in_one_gene(space):
    optimizer = started(
        space, Problem(("avm",)), population_size=4, sample_size=2, n_initial=4, batch_size=4
    )
    parents = optimizer.ask()
    tell(optimizer, parents, avm=[1, 2, 3, 4])
    for child in optimizer.ask():
        assert (parents != child).sum(axis=1).min() == 1


def test_tournament_over_everything_takes_the_best(space):
    optimizer = started(
        space, Problem(("avm",)), population_size=5, sample_size=400, n_initial=5, batch_size=5
    )
    parents = optimizer.ask()
    tell(optimizer, parents, avm=[5, 4, 1, 3, 2])  # avm is minimised
    assert ((optimizer.ask() != parents[2]).sum(axis=1) == 1).all()


def test_feasible_beats_infeasible(space):
    problem = Problem.of("analog_accuracy", "params<=10", ["analog_accuracy", "params"])
    optimizer = started(
        space, problem, population_size=3, sample_size=300, n_initial=3, batch_size=3
    )
    parents = optimizer.ask()
    tell(optimizer, parents, analog_accuracy=[90, 10, 95], params=[11, 10, 12])
    assert ((optimizer.ask() != parents[1]).sum(axis=1) == 1).all()


def test_smaller_violation_wins_where_nothing_is_feasible(space):
    problem = Problem.of("analog_accuracy", "params<=10", ["analog_accuracy", "params"])
    optimizer = started(
        space, problem, population_size=3, sample_size=300, n_initial=3, batch_size=3
    )
    parents = optimizer.ask()
    tell(optimizer, parents, analog_accuracy=[90, 10, 95], params=[12, 11, 13])
    assert ((optimizer.ask() != parents[1]).sum(axis=1) == 1).all()


def test_the_oldest_leaves_however_good(space):
    optimizer = started(
        space,
        Problem(("analog_accuracy",)),
        population_size=2,
        sample_size=200,
        n_initial=2,
        batch_size=2,
    )
    first = optimizer.ask()
    tell(optimizer, first, analog_accuracy=[99, 98])
    second = optimizer.ask()
    tell(optimizer, second, analog_accuracy=[1, 2])
    assert ((optimizer.ask() != second[1]).sum(axis=1) == 1).all()


def test_batches_larger_than_the_population(space):
    optimizer = started(
        space,
        Problem(("analog_accuracy",)),
        population_size=3,
        sample_size=300,
        n_initial=3,
        batch_size=8,
    )
    tell(optimizer, optimizer.ask(), analog_accuracy=[1, 2, 3])
    children = optimizer.ask()
    assert len(children) == 8
    # Only the last three of the eight are still in the population.
    tell(optimizer, children, analog_accuracy=[9, 9, 9, 9, 9, 1, 2, 3])
    assert ((optimizer.ask() != children[7]).sum(axis=1) == 1).all()


def test_initial_phase_spans_small_batches(space, bench):
    optimizer = started(space, Problem(("avm",)), n_initial=10, batch_size=4)
    sizes = []
    for _ in range(4):
        rows = optimizer.ask()
        sizes.append(len(rows))
        tell(optimizer, rows, avm=np.zeros(len(rows)))
    assert sizes == [4, 4, 2, 4]


def test_finds_better_cells_than_random_search(bench):
    evaluator = TableEvaluator(bench)

    def finals(optimizer):
        worker = Worker(optimizer=optimizer, evaluator=evaluator, runs=20, budget=200, seed=5)
        return worker.search().convergence()[:, -1]

    evolution, random = finals(RegularizedEvolution()), finals(RandomSearch())
    error = np.sqrt((evolution.var(ddof=1) + random.var(ddof=1)) / 20)
    assert evolution.mean() - random.mean() > 3 * error
    # Published for regularized evolution after 200 queries: 89.63 +- 0.31.
    assert evolution.mean() > 89.63 - 5 * 0.31 / np.sqrt(20)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"population_size": 1}, r"`population_size` must be an integer of at least 2"),
        ({"sample_size": 0}, r"`sample_size` must be an integer of at least 1"),
        ({"n_initial": 0}, r"`n_initial` must be an integer in \[1, 30\]"),
        ({"n_initial": 31}, r"`n_initial` must be an integer in \[1, 30\]"),
    ],
)
def test_bad_sizes(sizes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        RegularizedEvolution(**sizes)
