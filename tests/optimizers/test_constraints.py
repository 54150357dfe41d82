"""Every optimizer goes where the constraints are met, be they random, two-sided, or met by a handful only."""

import numpy as np
import pytest

from analognas import NASBench201Space, Worker
from analognas.core import parse_constraints
from analognas.evaluators import Evaluation, KnownBounds, Problem, TableEvaluator
from analognas.optimizers import OPTIMIZERS
from analognas.spaces import ResNetSpace
from analognas.testing import OptimizerConformance

METRICS = ("analog_accuracy", "params")
N = 60
SLOW = ("bayesian", "predictor_guided")  # a few problems tell, for they learn quickly
SUITE = OptimizerConformance()
SPACE = SUITE.make_space()
# How well samplers of Optuna heed constraints is theirs; test_conformance.py holds TPE to it on the table.
# NSGA-III needs two objectives, successive halving several fidelities, and noise-aware search is the evolution
# inside it where repeats are not new.
OTHERS = ("random_search", "optuna", "nsga3", "noise_aware", "successive_halving")
NAMES = [name for name in OPTIMIZERS if name not in OTHERS]


def random_bounds(generator):
    """A window on the parameters; every other one holds a single value."""
    every = np.unique(SUITE.evaluate(SPACE.every(), ["params"]).means["params"])
    low = generator.integers(1, len(every) - 4)
    high = low + generator.choice([0, 3])
    return [f"params>={every[low]}", f"params<={every[high]}"]


def violation(problem, rows):
    return problem.violation(SUITE.evaluate(rows, problem.metrics))


@pytest.mark.parametrize("name", NAMES)
def test_bounds_draw_the_search_near(name):
    # Its default population would be random for most of these queries.
    own = {"population_size": 10} if name == "analognas_ea" else {}
    generator = np.random.default_rng(7)
    surplus, variance = 0.0, 0.0
    for seed in range(4 if name in SLOW else 80):
        problem = Problem.of("analog_accuracy", random_bounds(generator), METRICS)
        rows = SUITE.run(
            OPTIMIZERS.get(name)(batch_size=10 if name in SLOW else 5, **own),
            problem,
            seed=seed,
            n=N,
        )
        every, late = violation(problem, SPACE.every()), violation(problem, rows[N // 3 :])
        surplus += every.mean() - late.mean()
        variance += every.var() / len(late)
    assert surplus > 3 * np.sqrt(variance), "no nearer to the bounds than random search"


@pytest.mark.parametrize("optimizer", ["bayesian", "predictor_guided"])
def test_large_spaces_are_searched_within_the_bounds_that_are_known_beforehand(optimizer):
    # About one random network in ten lies in the region of the shipped surrogate; a search that began with ten
    # random ones, and modelled the bound from them, stayed near the only one that met it.
    run = (
        Worker("resnet", optimizer=optimizer, constraints="params<=5e5", runs=1, budget=30)
        .search()
        .runs[0]
    )
    assert run.evaluation.means["extrapolation"].max() == 0
    assert run.evaluation.means["params"].max() <= 5e5


def test_bounds_that_no_random_network_meets_leave_a_search_able_to_begin():
    run = (
        Worker("resnet", optimizer="bayesian", constraints="params<=1500", runs=1, budget=12)
        .search()
        .runs[0]
    )
    assert run.n_evaluations == 12


def test_known_bounds_are_met_by_counts():
    space = NASBench201Space()
    population = space.from_indices(range(200))
    bounds = KnownBounds(
        parse_constraints(["params<=5e5", "macs>=3e7"]),
        lambda rows, names: Evaluation({name: space.counts()[name](rows) for name in names}),
    )
    expected = (space.params(population) <= 5e5) & (space.macs(population) >= 3e7)
    assert 0 < expected.sum() < 200
    assert bounds.met(population).tolist() == expected.tolist()
    assert bounds.met(population[:0]).tolist() == []


def test_bounds_on_one_metric_after_the_other_are_met_like_all_at_once():
    table = TableEvaluator()
    rows = table.space.sample(300, generator=np.random.default_rng(0))
    asked = []

    def count(population, metrics):
        asked.append((len(population), list(metrics)))
        return table.evaluate_cheaply(population, metrics)

    bounds = parse_constraints(["params<=4e5", "macs<=4e7", "params>=1e5"])
    counted = table.evaluate_cheaply(rows, ["params", "macs"]).means
    expected = (counted["params"] <= 4e5) & (counted["macs"] <= 4e7) & (counted["params"] >= 1e5)
    assert KnownBounds(bounds, count).met(rows).tolist() == expected.tolist()
    assert 0 < expected.sum() < 300
    # Only what met the bounds on parameters is counted further.
    assert [metrics for _, metrics in asked] == [["params"], ["macs"]]
    assert asked[1][0] < asked[0][0] == 300


def test_where_few_networks_meet_the_bounds_those_of_earlier_draws_are_kept():
    def count(population, metrics):
        drawn.append(len(population))
        return Evaluation({"params": space.params(population).astype(float)})

    space, drawn = ResNetSpace(), []
    rare = parse_constraints("params<=4000")
    problem = Problem(("score",), known_bounds=KnownBounds(rare, count))
    optimizer = OPTIMIZERS.get("bayesian")()
    optimizer.reset(space, problem, generator=np.random.default_rng(0))
    first = optimizer._drawn_within_bounds(500)
    n_first = sum(drawn)
    second = optimizer._drawn_within_bounds(500)
    assert n_first == 50 * 500
    assert sum(drawn) - n_first == 8 * 500
    assert 10 < len(first) < len(second) <= 500
    assert (space.params(second) <= 4000).all()
    kept = set(map(tuple, first.tolist()))
    assert kept <= set(map(tuple, second.tolist()))
