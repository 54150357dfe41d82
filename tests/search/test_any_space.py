"""Searches over spaces with inactive genes, wide genes and byte-string keys, logged and resumed."""

from importlib.util import find_spec

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, ResumeError
from analognas.evaluators import Evaluation, Evaluator
from analognas.optimizers import OPTIMIZERS
from analognas.report import write_search_report
from analognas.search import Search, Worker, architecture_text
from analognas.spaces import ConfigSpace, ResNetSpace, network_labels


def space_of(n_blocks, levels=30_001):
    """Beyond 2^63 genotypes from five blocks on."""
    space = ConfigSpace(name="blocks")
    space.add_hyperparameter("M", "discrete", 1, n_blocks)
    for block in range(1, n_blocks + 1):
        when = ("M", ">=", block) if block > 1 else None
        space.add_hyperparameter(f"w{block}", "continuous", 0.5, 0.8, levels=levels, when=when)
    return space


class Widths(Evaluator):
    """Larger widths of more blocks are better; a closed form."""

    metrics = ("analog_accuracy",)
    metrics_with_sem = ()

    def __init__(self, space):
        self.space = space

    def evaluate(self, population, metrics):
        return Evaluation({"analog_accuracy": population.sum(axis=1) / self.space.n_choices.sum()})

    def identity(self):
        return {"name": "widths"}

    def report(self, row):
        return {"metrics": {}}


# Of those that need several objectives or fidelities there are other tests.
NAMES = [
    name
    for name in OPTIMIZERS
    if name not in ("nsga3", "successive_halving")
    and (name != "optuna" or find_spec("optuna") is not None)
]


# The evaluator knows neither parameters nor AVM, which AnalogNAS's evolution limits by default.
FREE = {"analognas_ea": {"max_nb_param": None, "T_AVM": None}}
nothing_is_read_again = pytest.mark.filterwarnings("ignore:NoiseAware measures nothing again")


def worker(space, **settings):
    return Worker(space, evaluator=Widths(space), objectives="analog_accuracy", **settings)


@nothing_is_read_again
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_blocks", "kind"), [(2, "i"), (6, "S")])
def test_search_log_and_resume(name, n_blocks, kind, tmp_path):
    space = space_of(n_blocks)
    optimizer = OPTIMIZERS.get(name)(batch_size=15, **FREE.get(name, {}))
    whole = worker(space, optimizer=optimizer, runs=2, budget=60, out=tmp_path / "whole")
    whole.search()
    population = whole.result.runs[0].population
    assert population.dtype == np.int16
    assert space.codes(population).dtype.kind == kind
    assert len(set(space.codes(population).tolist())) == 60
    worker(space, optimizer=optimizer, runs=1, budget=25, out=tmp_path / "part").search()
    resumed = worker(
        space_of(n_blocks),
        optimizer=optimizer,
        runs=2,
        budget=60,
        out=tmp_path / "part",
        resume=True,
    )
    resumed.search()
    for run, again in zip(whole.result.runs, resumed.result.runs, strict=True):
        np.testing.assert_array_equal(run.population, again.population)
    assert (tmp_path / "whole/best.json").read_bytes() == (tmp_path / "part/best.json").read_bytes()
    best = whole.best_config
    assert space.decode(space.encode(best)) == best


def test_the_result_names_architectures_and_what_was_searched(tmp_path, capsys):
    space = space_of(2)
    search = worker(space, constraints="analog_accuracy<=0.9", runs=2, budget=20)
    result = search.search()
    search.result_summary()
    best = result.winners[0]
    assert best["metrics"]["analog_accuracy"] <= 0.9
    assert architecture_text(best["architecture"]) in capsys.readouterr().out
    for run, told in zip(result.runs, result.to_json()["runs"], strict=True):
        assert told["architecture"] == dict(space.decode(run.population[run.best]))
    files = write_search_report(result, tmp_path)
    assert [file.name for file in files] == ["summary.md", "convergence.png"]
    text = files[0].read_text()
    assert f"| 1 | {architecture_text(best['architecture'])} | 0." in text
    assert "| 0 | M=" in text
    assert "digital (FP32)" not in text


@nothing_is_read_again
def test_a_small_space_is_exhausted(tmp_path):
    space = space_of(3, levels=2)
    for name in NAMES:
        optimizer = OPTIMIZERS.get(name)(**FREE.get(name, {}))
        result = worker(space, optimizer=optimizer, runs=1, budget=500).search()
        assert result.runs[0].n_distinct == space.size == 2 + 4 + 8


def test_another_definition_of_the_same_name_is_refused(tmp_path):
    worker(space_of(2), runs=1, budget=10, out=tmp_path).search()
    with pytest.raises(ResumeError, match="its space_fingerprint is"):
        worker(space_of(3), runs=1, budget=20, out=tmp_path, resume=True).search()
    with pytest.raises(InvalidArgumentError, match="'blocks' of another definition"):
        Worker(space_of(2), evaluator=Widths(space_of(3)), objectives="analog_accuracy")


def test_winners_by_prediction_are_different_networks():
    result = Search(
        {"space": "resnet", "runs": 1, "budget": 120, "optimizer": "regularized_evolution"}
    ).run()
    winners = np.stack([ResNetSpace().encode(one["architecture"]) for one in result.winners])
    assert len(winners) == 5
    assert len({*network_labels(ResNetSpace(), winners).tolist()}) == 5
    scores = [one["metrics"]["analog_drift_2592000"] for one in result.winners]
    assert scores == sorted(scores, reverse=True)
