"""Evolutions over several objectives: what they keep, whom they breed from, and what they find."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Evaluation, Problem, Scale, TableEvaluator, hypervolume
from analognas.optimizers import NSGA2, NSGA3, ParetoEvolution, RandomSearch
from analognas.optimizers.crowding import crowding_distances, front_ranks
from analognas.search import Worker

KINDS = [ParetoEvolution, NSGA2, NSGA3]
METRICS = ["analog_drift_2592000", "params"]
TABLE = TableEvaluator()


def found(optimizer, seed, constraints=()):
    """Normalised hypervolume after 300 queries of accuracy and parameters."""
    worker = Worker(
        optimizer=optimizer,
        evaluator=TABLE,
        objectives=METRICS,
        constraints=constraints,
        runs=1,
        budget=300,
        seed=seed,
    )
    result = worker.search()
    return result.hypervolume(ideal=[90, 73306], nadir=[78.39, 802426])[0, -1]


@pytest.mark.parametrize("kind", KINDS)
def test_it_covers_more_than_random_search(kind):
    ours = np.array([found(kind(), seed) for seed in range(8)])
    random = np.array([found(RandomSearch(), seed) for seed in range(8)])
    error = np.hypot(ours.std(ddof=1), random.std(ddof=1)) / np.sqrt(8)
    assert ours.mean() > random.mean() + 3 * error


@pytest.mark.parametrize("kind", KINDS)
def test_constraints_come_first(kind, space):
    optimizer = kind(population_size=4)
    problem = Problem.of(
        ["analog_accuracy", "params"], "avm<=1", ["analog_accuracy", "params", "avm"]
    )
    optimizer.reset(space, problem, generator=np.random.default_rng(0))
    rows = space.from_codes(np.arange(6))
    means = {
        "analog_accuracy": np.array([10.0, 20.0, 99.0, 98.0, 97.0, np.nan]),
        "params": np.array([2.0, 3.0, 1.0, 1.0, 1.0, 1.0]),
        "avm": np.array([0.0, 1.0, 3.0, 2.0, 9.0, 0.0]),
    }
    optimizer.tell(rows, Evaluation(means))
    kept = space.codes(optimizer._rows).tolist()
    # Both feasible ones, then by violation; what was not measured comes last.
    assert set(kept[:2]) == {0, 1}
    assert kept[2:] == [3, 2]


def test_pareto_evolution_keeps_the_whole_front(space):
    optimizer = ParetoEvolution(population_size=2)
    problem = Problem(("analog_accuracy", "params"))
    optimizer.reset(space, problem, generator=np.random.default_rng(0))
    means = {"analog_accuracy": np.arange(9.0), "params": np.arange(9.0)}
    optimizer.tell(space.from_codes(np.arange(9)), Evaluation(means))
    assert sorted(space.codes(optimizer._rows).tolist()) == list(range(9))
    # A crowd of equals does not stay.
    equal = {"analog_accuracy": np.full(50, 9.0), "params": np.full(50, 9.0)}
    optimizer.tell(space.from_codes(np.arange(9, 59)), Evaluation(equal))
    assert len(optimizer._rows) < 15


def test_ranks_and_crowding_by_hand():
    costs = np.array([[0.0, 3.0], [1.0, 1.0], [3.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
    ranks = front_ranks(costs)
    assert ranks.tolist() == [0, 0, 0, 1, 2]
    assert crowding_distances(costs, ranks).tolist() == [np.inf, 2.0, np.inf, np.inf, np.inf]
    assert front_ranks(np.array([[2.0], [1.0], [2.0]])).tolist() == [1, 0, 1]


def test_ranks_are_peeled_fronts():
    from analognas.evaluators import non_dominated

    costs = np.random.default_rng(1).integers(0, 6, (60, 3)).astype(float)
    ranks, left, number = front_ranks(costs), np.arange(60), 0
    while len(left):
        front = non_dominated(costs[left])
        assert (ranks[left[front]] == number).all()
        left, number = left[~front], number + 1


@pytest.mark.parametrize("n_objectives", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_objectives_and_tiny_populations(kind, n_objectives):
    names = ["analog_accuracy", "params", "avm", "analog_drift_60", "macs"][:n_objectives]
    worker = Worker(optimizer=kind(population_size=2), objectives=names, runs=1, budget=40)
    result = worker.search()
    assert result.runs[0].n_distinct == 40
    costs = worker.problem.costs(result.runs[0].evaluation)
    assert hypervolume(costs, Scale.of(costs)) == pytest.approx(result.hypervolume()[0, -1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 1}, "`population_size` must be an integer of at least 2, but got 1"),
        ({"population_size": 2.5}, "`population_size`"),
        ({"crossover_prob": 1.5}, "`crossover_prob`"),
        ({"batch_size": 0}, "`batch_size`"),
    ],
)
def test_bad_sizes(kind, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        kind(**options)


def test_one_objective_is_refused_by_nsga3_alone():
    with pytest.raises(
        InvalidArgumentError, match="NSGA3 needs at least two objectives, but got only 'avm'"
    ):
        NSGA3().check(Problem(("avm",)))
    for kind in (NSGA2, ParetoEvolution):
        result = Worker(optimizer=kind(), objectives="avm", runs=1, budget=60).search()
        assert len(result.winners) == 5
