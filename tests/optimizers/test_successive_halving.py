"""Successive halving: rungs, promotions, and searches at several fidelities."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, ResumeError
from analognas.evaluators import Evaluation, Problem, TableEvaluator, evaluator_from
from analognas.optimizers import NoiseAware, RandomSearch, SuccessiveHalving
from analognas.report import write_search_report
from analognas.search import Worker, read_trials
from analognas.spaces import ConfigSpace, NASBench201Space

SPACE = ConfigSpace(name="widths")
SPACE.add_hyperparameter("width", "discrete", 1, 200)
SPACE.add_hyperparameter("depth", "discrete", 1, 3)


def loss(arch, epochs=9):
    """Smallest at a width of 70; early values mislead by up to three."""
    misleading = (7 * arch["width"] + arch["depth"]) % 5
    return {
        "loss": abs(arch["width"] - 70) + arch["depth"] + (9 - epochs) / 9 * misleading,
        "size": float(arch["width"] * arch["depth"]),
    }


def broken(arch, epochs=9):
    if epochs == 3 and arch["width"] % 2:
        raise RuntimeError("no luck")
    return loss(arch, epochs)


EVALUATOR = evaluator_from(loss, SPACE, {"loss": "min", "size": "min"}, fidelity="epochs")


def search(inner="random_search", *, evaluator=EVALUATOR, eta=None, **options):
    optimizer = SuccessiveHalving(inner, fidelities=[1, 3, 9], eta=eta, batch_size=4)
    settings = {"objectives": "loss", "runs": 1, "budget": 60, **options}
    return Worker(optimizer=optimizer, evaluator=evaluator, **settings)


def by_code(run):
    """Trials by architecture: their fidelities, in order."""
    found = {}
    values = run.evaluation.means["fidelity"].tolist()
    for code, value in zip(SPACE.codes(run.population).tolist(), values, strict=True):
        found.setdefault(code, []).append(value)
    return found


def test_rungs_hold_a_share_each_and_promote_their_best():
    optimizer = SuccessiveHalving(RandomSearch(batch_size=1), fidelities=[1, 3, 9])
    assert optimizer.eta == 3.0
    optimizer.reset(
        SPACE,
        Problem.of("loss", (), EVALUATOR.metrics, definitions=EVALUATOR.metric_definitions),
        generator=np.random.default_rng(0),
    )
    measured = {1.0: {}, 3.0: {}, 9.0: {}}
    for _ in range(120):
        rows = optimizer.ask()
        (at,) = optimizer.asked_fidelities().tolist()
        lower = {9.0: 3.0, 3.0: 1.0}.get(at)
        (code,) = SPACE.codes(rows).tolist()
        if lower is not None:
            known = sorted(measured[lower].values())
            assert measured[lower][code] <= known[len(known) // 3 - 1]
        result = EVALUATOR.evaluate_at(rows, EVALUATOR.metrics, fidelities=np.array([at]))
        assert code not in measured[at]
        measured[at][code] = result.means["loss"][0]
        optimizer.tell(rows, result)
    sizes = [len(measured[at]) for at in (1.0, 3.0, 9.0)]
    assert sum(sizes) == 120
    # More than a third can be promoted: results that came later may displace those promoted before.
    assert sizes[0] // 3 <= sizes[1] < sizes[0] // 2
    assert sizes[1] // 3 <= sizes[2] < sizes[1] // 2 + 1


@pytest.mark.parametrize(
    "inner", ["random_search", "regularized_evolution", "local_search", "bayesian"]
)
def test_any_optimizer_proposes_and_only_the_full_fidelity_wins(inner):
    result = search(inner).search()
    run = result.runs[0]
    trials = by_code(run)
    assert all(values == [1.0, 3.0, 9.0][: len(values)] for values in trials.values())
    assert run.n_distinct == len(trials) == run.n_at_fidelity[1.0]
    assert sum(run.n_at_fidelity.values()) == run.n_evaluations == 60
    full = run.evaluation.means["fidelity"] == 9.0
    assert result.winners[0]["metrics"]["fidelity"] == 9.0
    assert result.winners[0]["metrics"]["loss"] == run.evaluation.means["loss"][full].min()
    assert run.evaluation.means["loss"].min() <= result.winners[0]["metrics"]["loss"]
    assert len(result.winners) == min(5, run.n_at_fidelity[9.0])
    assert np.isneginf(run.score[~full]).all()
    entries = result.to_json()["runs"][0]["by_fidelity"]
    assert [entry["fidelity"] for entry in entries] == [1.0, 3.0, 9.0]


def test_log_trials_and_report_say_the_fidelity(tmp_path):
    out = tmp_path / "a"
    result = search(out=out).search()
    trials = read_trials(out)
    assert trials.definition("fidelity").unit == "epochs"
    best = trials.take(trials.best_first()[:1])
    assert best.values["fidelity"][0] == 9.0
    assert best.values["loss"][0] == result.winners[0]["metrics"]["loss"]
    assert trials.matching(where="fidelity>=9").sum() == result.n_at_fidelity[9.0]
    write_search_report(result, out)
    page = (out / "summary.md").read_text()
    counts = result.n_at_fidelity
    assert (
        f"{counts[1.0]} at 1 epochs, {counts[3.0]} at 3 epochs, {counts[9.0]} at 9 epochs" in page
    )
    assert "| run | best | loss | evaluations | ended by |" in page


@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize(
    "backend",
    ["serial", "pool", pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.network])],
)
def test_a_search_that_was_interrupted_ends_with_the_same_bytes(tmp_path, monkeypatch, backend):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    search(out=whole).search()

    def stop(view):
        if view.n_trials > 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(out=parts, callbacks=[stop]).search()
    if backend == "ray":
        pytest.importorskip("ray")
    options = {} if backend == "serial" else {"n_workers": 2}
    # Processes of a pool or of Ray import this module by its name.
    root = str(Path(__file__).parents[2])
    monkeypatch.syspath_prepend(root)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, *sys.path]))
    again = Worker.resume(parts, evaluator=EVALUATOR, backend=backend, **options)
    assert again.optimizer.hyperparameters() == search().optimizer.hyperparameters()
    again.search()
    assert (parts / "best.json").read_bytes() == (whole / "best.json").read_bytes()
    rows = [[{**row, "time": 0} for row in read_trials(folder).rows()] for folder in (whole, parts)]
    assert rows[0] == rows[1]
    longer = Worker.resume(parts, evaluator=EVALUATOR, budget=80).search()
    assert longer.to_json() == search(budget=80).search().to_json()
    changed = SuccessiveHalving("random_search", fidelities=[3, 9], batch_size=4)
    with pytest.raises(ResumeError, match="optimizer"):
        Worker.resume(parts, evaluator=EVALUATOR, optimizer=changed).search()


def test_a_log_with_another_fidelity_is_not_continued(tmp_path):
    search(out=tmp_path / "a").search()
    worker = Worker.resume(tmp_path / "a", evaluator=EVALUATOR)
    asked = worker.optimizer.asked_fidelities
    worker.optimizer.asked_fidelities = lambda: np.where(asked() == 3.0, 1.0, asked())
    with pytest.raises(ResumeError, match="fidelity 3, but this search proposes 1"):
        worker.search()


def test_failed_trials_are_not_promoted_and_can_be_tried_again(tmp_path):
    out = tmp_path / "a"
    faulty = evaluator_from(
        broken, SPACE, {"loss": "min", "size": "min"}, fidelity="epochs", version="1"
    )
    run = search(evaluator=faulty, out=out).search().runs[0]
    failed = sorted(run.errors)
    assert failed
    assert (run.evaluation.means["fidelity"][failed] == 3.0).all()
    trials = by_code(run)
    codes = SPACE.codes(run.population[failed]).tolist()
    assert all(trials[code] == [1.0, 3.0] for code in codes)
    repaired = evaluator_from(loss, SPACE, {"loss": "min", "size": "min"}, fidelity="epochs")
    repaired.identity = faulty.identity
    again = Worker.resume(out, evaluator=repaired, retry_failed=True).search()
    assert not again.runs[0].errors
    sound = search(evaluator=repaired).search()
    assert again.to_json() == sound.to_json()


def test_constraints_and_several_objectives():
    bounded = search(constraints="size<=150").search()
    assert bounded.winners[0]["metrics"]["size"] <= 150
    assert [str(bound) for bound in bounded.problem.constraints] == ["size<=150", "fidelity>=9"]
    both = search(objectives=["loss", "size"], budget=90).search()
    assert len(both.front) > 1
    assert all(cell["metrics"]["fidelity"] == 9.0 for cell in both.front)
    assert both.hypervolume()[0, -1] > 0.0


def test_bounds_that_are_checked_first_are_on_no_rung():
    class Counting(type(EVALUATOR)):
        cheap_metrics = ("size",)

        def evaluate_cheaply(self, population, metrics):
            sizes = [float(np.prod([*SPACE.decode(row).values()])) for row in population]
            return Evaluation({"size": np.array(sizes)})

    counting = Counting(loss, SPACE, {"loss": "min", "size": "min"}, fidelity="epochs")
    run = search(evaluator=counting, constraints="size<=100").search().runs[0]
    assert run.n_barred > 0
    assert run.n_evaluations == 60 == sum(run.n_at_fidelity.values())
    over = run.evaluation.means["size"] > 100
    assert (run.evaluation.means["fidelity"][over] == 1.0).all()
    assert not run.new[over].any()


def test_a_search_that_ends_too_early_says_so():
    result = search(budget=5).search()
    assert not result.feasible
    assert "before one was measured in full, at 9 epochs" in result.summary()


@pytest.mark.parametrize(
    ("fidelities", "words"),
    [
        ([1, 3], "end with 9 epochs"),
        ([1, 3, 27], "end with 9 epochs"),
        ([0.5, 9], "integer numbers of epochs"),
        ([9], "at least two"),
        ([3, 1, 9], "ascending"),
        ([0, 9], "positive"),
        ((), "at least two"),
        ("1,9", "numbers such as"),
    ],
)
def test_fidelities_that_do_not_fit(fidelities, words):
    with pytest.raises(InvalidArgumentError, match=words):
        Worker(
            optimizer=SuccessiveHalving(fidelities=fidelities),
            evaluator=EVALUATOR,
            objectives="loss",
        )


def test_what_cannot_be_halved():
    optimizer = SuccessiveHalving(fidelities=[1, 9])
    with pytest.raises(InvalidArgumentError, match="TableEvaluator measures at one fidelity"):
        Worker(optimizer=optimizer, evaluator=TableEvaluator())
    with pytest.raises(InvalidArgumentError, match="one fidelity"):
        Worker(NASBench201Space(), optimizer=optimizer)
    for wrap in (
        lambda: SuccessiveHalving(optimizer, fidelities=[1, 9]),
        lambda: NoiseAware(optimizer),
    ):
        with pytest.raises(InvalidArgumentError, match="give its inner optimizer"):
            wrap()
    with pytest.raises(InvalidArgumentError, match="eta"):
        SuccessiveHalving(fidelities=[1, 9], eta=1.0)
    stochastic = Problem.of(
        "loss", (), ["loss"], stochastic=True, definitions=EVALUATOR.metric_definitions
    )
    with pytest.raises(InvalidArgumentError, match="this one is stochastic"):
        optimizer.check(stochastic)


def test_hyperparameters_are_json_that_makes_it_again():
    optimizer = SuccessiveHalving("local_search", fidelities=[2, 5, 20], eta=4)
    made = SuccessiveHalving(**json.loads(json.dumps(optimizer.hyperparameters())))
    assert made.hyperparameters() == optimizer.hyperparameters()
    assert SuccessiveHalving(fidelities=[1, 4, 16]).eta == 4.0
