import functools
import math
import pickle

import numpy as np
import pytest
import torch

from analognas.core import (
    METRICS,
    ArchitectureError,
    InvalidArgumentError,
    Metric,
    UnknownNameError,
)
from analognas.evaluators import FunctionEvaluator, evaluator_from
from analognas.search import PoolBackend, Worker
from analognas.spaces import ConfigSpace

SPACE = ConfigSpace(name="function tests")
SPACE.add_hyperparameter("width", "discrete", 1, 20)
SPACE.add_hyperparameter("depth", "discrete", 1, 4)


def size(arch):
    """Defined at the top of a module, so that other processes find it."""
    return {"size": arch["width"] * arch["depth"], "error": 1.0 / arch["width"], "error_sem": 0.1}


def rows(n=5):
    return SPACE.sample(n, generator=np.random.default_rng(0))


def test_one_number_is_the_one_metric():
    population = rows()
    made = evaluator_from(lambda arch: arch["width"], SPACE, {"width": "max"})
    found = made.evaluate(population, ["width"])
    assert found.means["width"].tolist() == [SPACE.decode(row)["width"] for row in population]
    assert found.sems == {}
    assert made.metric_definitions == (Metric("width", "", True, ""),)
    assert made.report(population[0]) == {"metrics": {}}


def test_a_mapping_has_several_metrics_and_their_errors():
    metrics = [Metric("size", "kB", False), Metric("error", "%", False)]
    made = evaluator_from(size, SPACE, metrics, with_sem="error")
    assert (made.metrics, made.metrics_with_sem) == (["size", "error"], ["error"])
    found = made.evaluate(rows(), ["error"])
    assert list(found.means) == ["error"]
    assert found.sems["error"].tolist() == [0.1] * 5
    assert made.evaluate(rows(0), ["size"]).means["size"].shape == (0,)


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.array(3), torch.tensor(3.0)])
def test_numbers_of_any_kind(value):
    made = evaluator_from(lambda arch: value, SPACE, "avm")
    assert made.evaluate(rows(1), ["avm"]).means["avm"].tolist() == [3.0]
    assert made.metric_definitions == (METRICS["avm"],)


@pytest.mark.parametrize(
    "value", [None, "3", True, [3], np.ones(2), 1j, {"other": 3}, {"avm": None}, 10**400]
)
def test_anything_else_is_the_failure_of_one_architecture(value):
    made = evaluator_from(lambda arch: value, SPACE, "avm")
    with pytest.raises(ArchitectureError, match="must return"):
        made.evaluate(rows(1), ["avm"])


def test_errors_of_any_kind_are_the_failure_of_one_architecture():
    def fails(arch):
        raise InvalidArgumentError("this one is\ntoo small")

    with pytest.raises(ArchitectureError, match="InvalidArgumentError: this one is too small"):
        evaluator_from(fails, SPACE, "avm").evaluate(rows(1), ["avm"])


def test_a_search_goes_on_after_failures(tmp_path):
    calls = []

    def shy(arch):
        calls.append(tuple(arch.values()))
        if arch["depth"] == 4:
            raise ValueError("too deep")
        return (arch["width"] - 9) ** 2

    made = evaluator_from(shy, SPACE, {"distance": "min"})
    options = {"optimizer": "regularized_evolution", "out": tmp_path / "a"}
    worker = Worker(SPACE, evaluator=made, objectives="distance", runs=1, budget=80, **options)
    result = worker.search()
    assert result.winners[0]["metrics"] == {"distance": 0.0}
    run = result.runs[0]
    assert len(run.errors) == 20
    assert set(run.errors.values()) == {"ArchitectureError: ValueError: too deep"}
    # Only what fails is tried again.
    sound = [call for call in calls if call[1] < 4]
    assert len(sound) == len(set(sound)) == 60
    assert "20 evaluations failed" in result.summary()


def test_a_function_that_always_fails_ends_the_search():
    from analognas.core import EvaluationError

    worker = Worker(
        SPACE,
        evaluator=evaluator_from(lambda arch: arch["widht"], SPACE, {"x": "max"}),
        objectives="x",
        budget=40,
    )
    with pytest.raises(EvaluationError, match="KeyError: 'widht'"):
        worker.search()


def test_infinite_values_are_failures_and_nan_is_no_value():
    def odd(arch):
        return {1: math.inf, 2: math.nan}.get(arch["depth"], arch["width"])

    worker = Worker(
        SPACE,
        optimizer="random_search",
        evaluator=evaluator_from(odd, SPACE, {"x": "max"}),
        objectives="x",
        runs=1,
        budget=80,
    )
    run = worker.search().runs[0]
    assert len(run.errors) == 20
    assert int(np.isnan(run.evaluation.means["x"]).sum()) == 40


def test_lambdas_work_in_this_process_and_are_a_clear_error_in_others():
    made = evaluator_from(lambda arch: arch["width"], SPACE, {"width": "max"})
    for backend in ("serial", PoolBackend(n_workers=1)):
        worker = Worker(
            SPACE, evaluator=made, objectives="width", runs=1, budget=10, backend=backend
        )
        if backend == "serial":
            worker.search()
            continue
        with pytest.raises(InvalidArgumentError, match=r"FunctionEvaluator.*top of a module"):
            worker.search()
    assert pickle.loads(pickle.dumps(evaluator_from(size, SPACE, "avm"))).function is size


def test_a_search_resumes_with_equal_code_only(tmp_path):
    from analognas.core import ResumeError

    def search(function, resume, version=""):
        return Worker(
            SPACE,
            evaluator=evaluator_from(function, SPACE, {"x": "max"}, version=version),
            objectives="x",
            runs=1,
            budget=10,
            out=tmp_path / "a",
            resume=resume,
        ).search()

    first = search(lambda arch: arch["width"] + 1, resume=False)
    again = search(lambda arch: arch["width"] + 1, resume=True)
    assert again.to_json() == first.to_json()
    with pytest.raises(ResumeError):
        search(lambda arch: arch["width"] + 2, resume=True)
    with pytest.raises(ResumeError):
        search(lambda arch: arch["width"] + 1, resume=True, version="2")


def scaled(arch, factor):
    return factor * arch["width"]


def test_identity_sees_what_is_bound_to_a_function():
    def of(function):
        return evaluator_from(function, SPACE, "avm").identity()

    def around(factor):
        def inner(arch):
            return inner and factor * arch["width"]

        return inner

    assert of(functools.partial(scaled, factor=2)) == of(functools.partial(scaled, factor=2))
    assert of(functools.partial(scaled, factor=2)) != of(functools.partial(scaled, factor=3))
    assert of(around(2)) == of(around(2))
    assert of(around(2)) != of(around(3))

    class Counter:
        def __call__(self, arch):
            return 1.0

    assert of(Counter()) == of(Counter())


@pytest.mark.parametrize(
    ("function", "metrics", "error", "words"),
    [
        (3, "avm", InvalidArgumentError, "`function`"),
        (len, "score", InvalidArgumentError, "direction"),
        (len, [], InvalidArgumentError, "`metrics`"),
        (len, None, InvalidArgumentError, "`metrics`"),
        (len, {}, InvalidArgumentError, "`metrics`"),
        (len, {"score": "mox"}, UnknownNameError, "'max'"),
        (len, {3: "max"}, InvalidArgumentError, "text"),
        (len, ["avm", "avm"], InvalidArgumentError, "different"),
        (len, [3], InvalidArgumentError, "direction"),
    ],
)
def test_wrong_arguments_are_one_error(function, metrics, error, words):
    with pytest.raises(error, match=words):
        evaluator_from(function, SPACE, metrics)


def test_wrong_names_of_metrics_with_errors():
    with pytest.raises(UnknownNameError, match="'avm'"):
        FunctionEvaluator(len, SPACE, "avm", with_sem=["avn"])
    with pytest.raises(UnknownNameError, match="nasbench201"):
        evaluator_from(len, "nasbench202", "avm")


def trained(arch, epochs=9):
    return arch["width"] / epochs


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (trained, "epoch"),
        (lambda arch, epochs: 1.0, "epochs"),
        (lambda arch, epochs=0: 1.0, "epochs"),
        (lambda arch, epochs=True: 1.0, "epochs"),
        (lambda arch, epochs="many": 1.0, "epochs"),
    ],
)
def test_a_fidelity_must_be_a_parameter_with_the_full_one_as_default(function, name):
    with pytest.raises(InvalidArgumentError, match="whose default is the full fidelity"):
        evaluator_from(function, SPACE, {"loss": "min"}, fidelity=name)


def test_the_function_is_called_with_the_fidelity():
    made = evaluator_from(trained, SPACE, {"loss": "min"}, fidelity="epochs")
    assert (made.fidelity.unit, made.fidelity.maximum, made.fidelity.whole) == ("epochs", 9.0, True)
    twice = SPACE.encode({"width": 18, "depth": 1})
    population = np.stack([twice, twice])
    found = made.evaluate_at(population, ["loss"], fidelities=np.array([3.0, 9.0]))
    assert found.means["loss"].tolist() == [6.0, 2.0]
    assert made.evaluate(population, ["loss"]).means["loss"].tolist() == [2.0, 2.0]
    other = evaluator_from(trained, SPACE, {"loss": "min"})
    assert other.fidelity is None
    assert other.identity() != made.identity()
    share = evaluator_from(lambda arch, share=1.0: share, SPACE, {"loss": "min"}, fidelity="share")
    assert not share.fidelity.whole
    assert (
        share.evaluate_at(population[:1], ["loss"], fidelities=np.array([0.25])).means["loss"][0]
        == 0.25
    )
