import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, NotFittedError
from analognas.evaluators import (
    CountEvaluator,
    Evaluation,
    NoisyTableEvaluator,
    Problem,
    XGBoostEvaluator,
)
from analognas.optimizers import EAOptimizer, NoiseAware
from analognas.optimizers.analognas_ea import ROLES, gene_roles
from analognas.search import Worker
from analognas.spaces import ConfigSpace, ResNetSpace

SPACE = ResNetSpace()
ONLY = {role: {f"mutation_prob_{other}": float(other == role) for other in ROLES} for role in ROLES}


def started(space, seed=0, problem=None, **settings):
    optimizer = EAOptimizer(**settings)
    problem = problem or Problem(("analog_accuracy",))
    optimizer.reset(space, problem, generator=np.random.default_rng(seed))
    return optimizer


@pytest.fixture(scope="module")
def surrogate():
    networks = SPACE.sample(80, generator=np.random.default_rng(0))
    macs = np.log10(SPACE.macs(networks))
    values = {"analog_drift_86400": 40 + 5 * macs, "avm": 20 - 2 * macs}
    return XGBoostEvaluator(SPACE).fit(networks, values)


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("role", ROLES)
def test_mutations_do_what_their_names_say(role, seed):
    parents = SPACE.sample(20, generator=np.random.default_rng(seed))
    children = started(SPACE, seed, **ONLY[role]).mutate(parents)
    np.testing.assert_array_equal(SPACE.population(children), children)
    changed = children != parents
    assert changed.any(axis=1).all()
    roles = gene_roles(SPACE)
    assert ((changed & roles[role]).sum(axis=1) == 1).all() or role == "depth"
    assert (changed & roles[role]).any(axis=1).all()
    # More or fewer main blocks bring genes with them; nothing else of another role changes.
    names = list(SPACE.get_hyperparameters())
    blocks = changed[:, names.index("M")]
    assert not (changed & ~roles[role])[~blocks].any()
    if role != "depth":
        assert not blocks.any()


def test_mutations_differ():
    parents = SPACE.sample(50, generator=np.random.default_rng(1))
    children = [started(SPACE, **ONLY[role]).mutate(parents) for role in ROLES]
    for one in range(3):
        for other in range(one):
            assert (children[one] != children[other]).any(axis=1).all()


@pytest.mark.parametrize("probabilities", [(0, 0, 0.6), (0, 0.3, 0.1), (0.5, 0, 0.5), (1e-9, 0, 0)])
def test_a_role_of_probability_zero_is_never_changed(probabilities):
    settings = {f"mutation_prob_{r}": p for r, p in zip(ROLES, probabilities, strict=True)}
    parents = SPACE.sample(2000, generator=np.random.default_rng(3))
    children = started(SPACE, **settings).mutate(parents)
    changed = children != parents
    roles = gene_roles(SPACE)
    # More or fewer main blocks bring genes of all roles with them.
    same_blocks = ~changed[:, list(SPACE.get_hyperparameters()).index("M")]
    for role, probability in settings.items():
        touched = (changed & roles[role.removeprefix("mutation_prob_")])[same_blocks].any()
        assert touched == (probability > 0)
    assert changed.any(axis=1).all()


def test_what_is_forced_follows_the_probabilities():
    # Both at once or one of them by itself: P(forced) is 0.9 * 0.7, split as 1 : 3.
    width, other, n = 0.1, 0.3, 20_000
    parents = SPACE.sample(n, generator=np.random.default_rng(4))
    settings = {
        "mutation_prob_width": width,
        "mutation_prob_depth": 0,
        "mutation_prob_other": other,
    }
    children = started(SPACE, **settings).mutate(parents)
    wider = ((children != parents) & gene_roles(SPACE)["width"]).any(axis=1).mean()
    expected = width + (1 - width) * (1 - other) * width / (width + other)
    error = np.sqrt(expected * (1 - expected) / n)
    assert abs(wider - expected) < 5 * error
    uniformly = width + (1 - width) * (1 - other) / 2
    assert abs(wider - uniformly) > 5 * error


def test_a_space_without_the_roles_that_mutate(space):
    with pytest.raises(InvalidArgumentError, match="has only genes of other, whose mutations"):
        started(space, mutation_prob_other=0)


def test_width_keeps_the_depth_and_depth_keeps_the_width():
    parents = SPACE.sample(200, generator=np.random.default_rng(2))
    names = list(SPACE.get_hyperparameters())
    depth = [names.index(name) for name in ("M", "R1")]
    width = [names.index(name) for name in ("out_channel0", "widenfact1")]
    deeper = started(SPACE, **ONLY["depth"]).mutate(parents)
    wider = started(SPACE, **ONLY["width"]).mutate(parents)
    np.testing.assert_array_equal(wider[:, depth], parents[:, depth])
    np.testing.assert_array_equal(deeper[:, width], parents[:, width])


def test_roles_by_name_and_by_hand():
    space = ConfigSpace(name="mine")
    space.add_hyperparameter("hidden_units", "discrete", 1, 4)
    space.add_hyperparameter("n_layers", "discrete", 1, 4)
    space.add_hyperparameter("growth", "discrete", 1, 4)
    found = gene_roles(space)
    assert [found[role].tolist().index(True) for role in ROLES] == [0, 1, 2]
    assert gene_roles(space, {"width": ["growth"]})["width"].tolist() == [True, False, True]
    with pytest.raises(ValueError, match="Unknown hyperparameter 'growht'"):
        gene_roles(space, {"width": ["growht"]})
    with pytest.raises(ValueError, match="Unknown role 'wide'"):
        gene_roles(space, {"wide": ["growth"]})


def test_the_best_survive_feasible_first(space):
    problem = Problem.of("analog_accuracy", "params<=10", ["analog_accuracy", "params"])
    optimizer = started(space, problem=problem, population_size=2, batch_size=2)
    first = optimizer.ask()
    means = {"analog_accuracy": np.array([90.0, 10.0]), "params": np.array([11.0, 10.0])}
    optimizer.tell(first, Evaluation(means))
    second = optimizer.ask()
    means = {"analog_accuracy": np.array([99.0, 20.0]), "params": np.array([12.0, 9.0])}
    optimizer.tell(second, Evaluation(means))
    # Both feasible ones are left, the better first; then infeasible ones would come by violation.
    np.testing.assert_array_equal(optimizer._rows, np.stack([second[1], first[1]]))


def test_the_worker_takes_its_defaults(surrogate):
    optimizer = EAOptimizer(surrogate, population_size=20, nb_iter=10, max_nb_param=2, T_AVM=5)
    worker = Worker(SPACE, optimizer=optimizer, runs=1)
    assert worker.evaluator is surrogate
    assert worker.problem.objectives == ("analog_drift_86400",)
    assert [str(bound) for bound in worker.problem.constraints] == ["params<=2000000", "avm<=5"]
    assert worker.budget == 20 * 11
    own = Worker(SPACE, optimizer=optimizer, runs=1, budget=7, objectives="avm")
    assert (own.budget, own.problem.objectives) == (7, ("avm",))


def bounds(optimizer, **options):
    return [str(bound) for bound in Worker(optimizer=optimizer, **options).problem.constraints]


def test_limits_hold_without_an_evaluator_and_beside_other_constraints():
    limits = {"max_nb_param": 0.3, "T_AVM": 1.0}
    small = ["params<=300000", "avm<=1"]
    assert bounds(EAOptimizer(**limits)) == small
    assert bounds(EAOptimizer(**limits), constraints=()) == small
    for optimizer in (EAOptimizer(**limits), EAOptimizer(XGBoostEvaluator(), **limits)):
        assert bounds(optimizer, constraints="macs<=1e9") == ["macs<=1000000000", *small]
    noisy = NoisyTableEvaluator()
    assert bounds(NoiseAware(EAOptimizer(**limits)), evaluator=noisy) == small
    # A bound of the search that is tighter says it all.
    assert bounds(EAOptimizer(**limits), constraints="params<2e5") == ["params<200000", "avm<=1"]
    assert bounds(EAOptimizer(max_nb_param=None, T_AVM=None)) == []


def test_its_limits_decide_who_wins_on_the_table():
    optimizer = EAOptimizer(max_nb_param=0.3, T_AVM=1.0, population_size=20)
    result = Worker(optimizer=optimizer, runs=1, budget=300).search()
    assert result.feasible
    assert all(winner["metrics"]["params"] <= 300_000 for winner in result.winners)
    assert result.winners[0]["metrics"]["avm"] <= 1


def test_limits_that_cannot_be_kept(surrogate):
    with pytest.raises(
        InvalidArgumentError, match="meets both 'params>=2000000' and 'params<=1000000', a"
    ):
        Worker(optimizer=EAOptimizer(), constraints="params>=2e6")
    only_counts = CountEvaluator(SPACE)
    with pytest.raises(
        InvalidArgumentError, match="not know the metric 'avm', only params, macs. EAOpt"
    ):
        Worker(SPACE, optimizer=EAOptimizer(), evaluator=only_counts, objectives="params")
    free = EAOptimizer(max_nb_param=None, T_AVM=None)
    assert Worker(SPACE, optimizer=free, evaluator=only_counts, objectives="params").budget == 500
    with pytest.raises(
        InvalidArgumentError, match="search 'avm' with an evaluator.*limits params<=1000000"
    ):
        Worker("fbnet", optimizer="analognas_ea", objectives="params")


def test_what_it_reports_meets_its_limits(surrogate):
    optimizer = EAOptimizer(surrogate, population_size=20, nb_iter=20, max_nb_param=0.5, T_AVM=6)
    worker = Worker(SPACE, optimizer=optimizer, runs=2)
    assert worker.search().feasible
    best = SPACE.encode(worker.best_config)[None]
    assert SPACE.params(best)[0] <= 0.5e6
    assert surrogate.evaluate(best, ["avm"]).means["avm"][0] <= 6
    shown = worker.result.winners[0]["metrics"]["analog_drift_86400"]
    assert shown == surrogate.query(best[0])[0]


def test_evolution_beats_its_first_population(surrogate):
    optimizer = EAOptimizer(surrogate, population_size=20, nb_iter=20, T_AVM=None)
    curve = Worker(SPACE, optimizer=optimizer, runs=3).search().convergence()
    assert (curve[:, -1] > curve[:, 19]).all()


@pytest.mark.parametrize(
    ("evaluator", "error", "message"),
    [
        (
            XGBoostEvaluator("nasbench201"),
            InvalidArgumentError,
            "search is over 'resnet'; fit it to networks of that space that you measured: "
            "XGBoostEvaluator(...).fit(architectures, {'analog_drift_86400': accuracies, ...}, space=...).",
        ),
        (
            XGBoostEvaluator(SPACE, load_weight=False),
            NotFittedError,
            "was not fitted for the space 'resnet' yet; first call fit(",
        ),
    ],
)
def test_an_evaluator_that_was_not_fitted_says_how(evaluator, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Worker(SPACE, optimizer=EAOptimizer(evaluator), runs=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population_size": 1}, "`population_size` must be an integer of at least 2, but got 1"),
        ({"nb_iter": 0}, "`nb_iter` must be an integer of at least 1"),
        ({"max_nb_param": -1}, "`max_nb_param` must be a finite number of at least 0"),
        ({"T_AVM": "low"}, "`T_AVM` must be a finite number"),
        (
            {"mutation_prob_depth": 1.5},
            "`mutation_prob_depth` must be a finite number in [0.0, 1.0]",
        ),
        (
            {f"mutation_prob_{role}": 0 for role in ROLES},
            "must be positive, but got 0 for all of them",
        ),
        ({"evaluator": "xgboost"}, "`evaluator` must be an Evaluator"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InvalidArgumentError, match=re.escape(message)):
        EAOptimizer(**settings)
