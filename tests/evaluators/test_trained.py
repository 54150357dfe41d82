"""Searches whose evaluations are trainings."""

import json
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from analognas.builder import MeasurementSettings, NetworkMeasurement, unit_run
from analognas.core import (
    ArchitectureError,
    DataNotFoundError,
    DivergedError,
    InvalidArgumentError,
    OutputFolderError,
    ResumeError,
    UnknownNameError,
)
from analognas.core.text_files import read_json
from analognas.evaluators import (
    ChipCostEvaluator,
    CombinedEvaluator,
    TrainedEvaluator,
    default_evaluator,
)
from analognas.evaluators.definitions import definition_of, evaluator_from_definition
from analognas.hardware import find_chip, network_cost
from analognas.optimizers import RegularizedEvolution
from analognas.report.search_report import summary_markdown
from analognas.search import PoolBackend, Worker, export_trials, read_trials
from analognas.spaces import SPACES, NASBench201Space, ResNetSpace
from analognas.training import Saving

SPACE = NASBench201Space()
CELL = SPACE.population([[2, 2, 0, 4, 2, 1]])
METRIC = "analog_drift_86400"


def quick(**changes):
    return MeasurementSettings.from_dict(
        {
            "data": "digits",
            "image_size": 8,
            "examples": {"train": 96, "test": 40},
            "network": {"channels": 4, "cells": 1},
            "digital": {"epochs": 2, "batch_size": 16, "optimizer": {"lr": 0.05}},
            "hwa": {"epochs": 1, "batch_size": 32},
            "conditions": ["digital", "noisy", "hwa"],
            "chips": {"n": 2, "times": [60, 86400, 2592000], "calibration": 64},
            **changes,
        }
    )


def search(folder=None, *, resume=False, budget=4, evaluator=None, **options):
    evaluator = evaluator or TrainedEvaluator(SPACE, quick())
    return Worker(
        SPACE,
        optimizer=RegularizedEvolution(population_size=3, n_initial=2, batch_size=2),
        evaluator=evaluator,
        objectives=METRIC,
        runs=1,
        budget=budget,
        out=folder,
        resume=resume,
        **options,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches") / "a"
    search(folder).search()
    return folder


def test_only_the_units_that_metrics_need_are_measured():
    evaluator = TrainedEvaluator(SPACE, quick())
    digital = evaluator.evaluate(CELL, ["baseline_accuracy", "training_seconds"])
    ((units),) = evaluator._known.values()
    assert list(units) == ["digital"]
    assert digital.sems["baseline_accuracy"][0] > 0.0
    assert "training_seconds" not in digital.sems
    both = evaluator.evaluate(CELL, [METRIC, "avm", "training_seconds"])
    assert list(units) == ["digital", "hwa"]
    assert both.means["training_seconds"][0] > digital.means["training_seconds"][0] > 0.0
    assert evaluator.free_metrics([METRIC]) == [
        "baseline_accuracy",
        "analog_accuracy",
        "analog_drift_60",
        "analog_drift_2592000",
        "avm",
    ]


def test_values_are_those_of_the_measurement():
    evaluator = TrainedEvaluator(SPACE, quick(), seed=3)
    found = evaluator.evaluate(CELL, [METRIC])
    result = NetworkMeasurement(SPACE, quick()).run(CELL[0], "hwa", seed=3)
    assert found.means[METRIC][0] == result.values[METRIC]
    assert found.sems[METRIC][0] == result.sems[METRIC]
    again = pickle.loads(pickle.dumps(evaluator))
    assert again._known == {}
    assert again.evaluate(CELL, [METRIC]).means == found.means


def test_metrics_are_declared_with_all_times_and_counts():
    settings = quick(chips={"n": 1, "times": [7, 60]}, network={})
    evaluator = TrainedEvaluator(SPACE, settings)
    assert {"analog_drift_7", "noisy_drift_60", "params", "macs"} <= set(evaluator.metrics)
    assert [metric.name for metric in evaluator.metric_definitions] == evaluator.metrics
    assert evaluator.metrics_with_sem == ["baseline_accuracy"]
    with pytest.raises(UnknownNameError, match="analog_drift_60"):
        evaluator.evaluate(CELL, ["analog_drift_6"])


@pytest.mark.parametrize(
    ("name", "options"),
    [("nasbench201", {}), ("nasbench201", {"channels": 4, "cells": 1}), ("resnet_kws", {})],
)
def test_networks_are_counted_for_the_data(name, options):
    space = SPACES.get(name)()
    evaluator = TrainedEvaluator(space, quick(network=options, image_size=[12, 9]))
    population = space.sample(2, generator=np.random.default_rng(0))
    counts = evaluator.evaluate_cheaply(population, ["params", "macs"]).means
    for row, params in zip(population, counts["params"], strict=True):
        network = space.build(row, (1, 12, 9), 10, **options)
        assert sum(x.numel() for x in network.parameters()) == params
    chip = find_chip("hermes").replace(n_tiles=None)
    costs = default_evaluator(space, [METRIC, "aimc_energy"], chip=chip, own=[evaluator])
    energies = costs.evaluate(population, ["aimc_energy"]).means["aimc_energy"]
    assert energies[-1] == network_cost(network, chip, input_shape=(1, 12, 9)).energy
    again = evaluator_from_definition(definition_of(costs), space)
    assert (
        again.evaluate(population, ["aimc_energy"]).means["aimc_energy"].tolist()
        == energies.tolist()
    )
    assert evaluator.evaluate(population[:0], ["params"]).means["params"].shape == (0,)
    assert evaluator.report(population[0])["metrics"]["macs"] == counts["macs"][0]


def test_networks_with_options_that_the_space_does_not_count_have_no_counts(monkeypatch):
    monkeypatch.setattr(NASBench201Space, "counted_options", ("channels",))
    evaluator = TrainedEvaluator(SPACE, quick())
    assert not {"params", "macs"} & {*evaluator.metrics}
    with pytest.raises(InvalidArgumentError, match="params"):
        search(evaluator=evaluator, constraints="params<=1e6")
    with pytest.raises(InvalidArgumentError, match="params"):
        default_evaluator(SPACE, METRIC, "params<=1e6", own=[evaluator])
    with pytest.raises(UnknownNameError, match="cells"):
        default_evaluator(SPACE, [METRIC, "aimc_energy"], own=[evaluator])


def test_a_network_that_cannot_be_is_the_failure_of_one_architecture():
    space = ResNetSpace("CIFAR-10", layout="imagenet")
    some = space.sample(200, generator=np.random.default_rng(0))
    blocks = space.features(some)[:, list(space.feature_names()).index("M")]
    both = np.stack([some[blocks == 1][0], some[blocks == blocks.max()][0]])
    evaluator = TrainedEvaluator(space, quick(network={}, conditions=["digital"]))
    with pytest.raises(ArchitectureError, match="17 pixels"):
        evaluator.evaluate(both[1:], ["baseline_accuracy"])
    counts = evaluator.evaluate_cheaply(both, ["params"]).means["params"]
    assert np.isnan(counts).tolist() == [False, True]
    assert evaluator.report(both[1])["metrics"] == {"params": None, "macs": None}
    wild = quick(digital={"epochs": 1, "optimizer": {"lr": 1e30}, "batch_size": 16})
    with pytest.raises(DivergedError):
        TrainedEvaluator(SPACE, wild).evaluate(CELL, ["baseline_accuracy"])


def test_missing_data_end_a_search_and_leave_no_folder(tmp_path):
    evaluator = TrainedEvaluator(SPACE, quick(data="npz", root="/nowhere.npz"))
    with pytest.raises(DataNotFoundError, match="nowhere"):
        search(tmp_path / "a", evaluator=evaluator).search()
    assert not (tmp_path / "a").exists()


def test_a_search_reports_all_that_was_measured_and_its_fidelity(undisturbed):
    result = json.loads((undisturbed / "best.json").read_text())
    assert "low fidelity: 96 training examples of 8 x 8" in result["remarks"][0]
    assert "compared on the test split" in result["remarks"][1]
    assert {METRIC, "baseline_accuracy", "avm", "params", "macs"} <= set(result["best"]["metrics"])
    assert result["best"]["fidelity"]["digital_epochs"] == 2
    assert sorted(path.name for path in undisturbed.iterdir()) == ["best.json", "trials.sqlite"]


def test_the_folder_makes_no_difference(undisturbed):
    expected = read_json(undisturbed / "best.json", sealed=True)
    assert search().search().to_json() == expected


def test_two_objectives_with_the_energy_of_the_networks_that_are_trained(tmp_path):
    trained = TrainedEvaluator(SPACE, quick(network={}, examples={"train": 32, "test": 20}))
    shape = {"input_shape": trained.input_shape, "n_classes": trained.n_classes}
    both = CombinedEvaluator([trained, ChipCostEvaluator(SPACE, **shape)])
    worker = Worker(
        SPACE,
        optimizer="random_search",
        evaluator=both,
        objectives=["baseline_accuracy", "aimc_energy"],
        constraints="params<=3e5",
        runs=1,
        budget=2,
        cost_metric="training_seconds",
        max_cost=1e6,
        out=tmp_path / "a",
    )
    result = worker.search()
    assert set(result.winners[0]["metrics"]) >= {"baseline_accuracy", "aimc_energy", "params"}
    again = Worker.resume(tmp_path / "a", budget=3)
    assert again.evaluator.identity() == both.identity()
    run = result.runs[0]
    large = ChipCostEvaluator(SPACE).evaluate(run.population[run.new], ["aimc_energy"])
    small = run.evaluation.means["aimc_energy"][run.new]
    assert len(small) == 2
    assert (small < large.means["aimc_energy"]).all()


SCRIPT = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[2])
from analognas.builder import unit_run
from analognas.search import PoolBackend
from analognas.training import Saving
from evaluators.test_trained import search

unit_run._SAVING = Saving(every_steps=1, at_epochs=False)
measure = unit_run.UnitRun.measure

def say(self, unit):
    tick, steps = self.tick, iter(range(10**6))
    self.tick = lambda: (tick(), print(unit, next(steps), flush=True))
    return measure(self, unit)

unit_run.UnitRun.measure = say
folder = Path(sys.argv[1])
search(folder, resume=folder.exists()).search()
"""


def run_until(folder, line, times):
    """Search in a process of its own, killed when it has said a line so many times; return what it said."""
    tests = str(Path(__file__).parent.parent)
    said = []
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), tests],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for text in process.stdout:
            said.append(text.strip())
            if said.count(line) == times:
                process.send_signal(signal.SIGKILL)
                break
    return said


def stop_at(patch, unit, *, step, of):
    """Press Ctrl-C after so many steps of a unit of a network, which are saved."""
    measure, seen = unit_run.UnitRun.measure, []

    def measured(self, name):
        tick, steps = self.tick, iter(range(10**6))
        seen.append(name)

        def stopping():
            tick()
            if next(steps) == step and (name, seen.count(name)) == (unit, of):
                raise KeyboardInterrupt

        self.tick = stopping
        return measure(self, name)

    patch.setattr(unit_run, "_SAVING", Saving(every_steps=1, at_epochs=False))
    patch.setattr(unit_run.UnitRun, "measure", measured)


def exported(folder, path):
    """Lines of the exported trials, without the time of day."""
    lines = export_trials(read_trials(folder), path).read_text().splitlines()
    at = lines[0].split(",").index('"time"')
    return [line.split(",")[:at] + line.split(",")[at + 1 :] for line in lines]


def test_stopped_and_killed_in_trainings_it_ends_with_the_same_bytes(
    undisturbed, tmp_path, monkeypatch
):
    folder = tmp_path / "a"
    with monkeypatch.context() as patch:
        stop_at(patch, "digital", step=3, of=2)
        with pytest.raises(KeyboardInterrupt):
            search(folder).search()
    kept = list((folder / "evaluator").glob("*/digital/checkpoint.safetensors"))
    assert len(kept) == 1
    said = run_until(folder, "hwa 1", 1)
    # The second network went on where its training was killed.
    assert said.index("digital 0") >= 0
    assert "digital 11" not in said[: said.index("hwa 0")]
    result = search(folder, resume=True).search()
    assert (folder / "best.json").read_bytes() == (undisturbed / "best.json").read_bytes()
    assert not (folder / "evaluator").exists()
    assert summary_markdown(result) == summary_markdown(search(undisturbed, resume=True).search())
    first, second = (
        exported(home, tmp_path / f"{at}.csv") for at, home in enumerate((folder, undisturbed))
    )
    assert first == second


def test_a_log_of_other_settings_is_not_continued(undisturbed):
    other = TrainedEvaluator(SPACE, quick(hwa={"epochs": 2, "batch_size": 32}))
    with pytest.raises(ResumeError):
        search(undisturbed, resume=True, evaluator=other).search()
    elsewhere = TrainedEvaluator(SPACE, quick(root="/elsewhere"))
    search(undisturbed, resume=True, evaluator=elsewhere).search()


def test_a_full_disk_ends_the_search_which_then_goes_on(undisturbed, tmp_path, monkeypatch):
    from analognas.training import trainer

    calls = []
    finish = trainer.RunFolder.finish

    def full(self, result):
        calls.append(1)
        if len(calls) == 4:
            raise OutputFolderError("Cannot write 'x': No space left on device.")
        finish(self, result)

    monkeypatch.setattr(trainer.RunFolder, "finish", full)
    monkeypatch.setattr(unit_run, "_SAVING", Saving(every_steps=1, at_epochs=False))
    with pytest.raises(OutputFolderError, match="No space"):
        search(tmp_path / "a").search()
    search(tmp_path / "a", resume=True).search()
    assert (tmp_path / "a" / "best.json").read_bytes() == (undisturbed / "best.json").read_bytes()


CONSTANT = {
    "epochs": 3,
    "batch_size": 16,
    "optimizer": {"lr": 0.05},
    "schedule": {"kind": "constant", "warmup": 0.5},
}


def at_epochs(evaluator, epochs, metrics=("baseline_accuracy", METRIC)):
    return evaluator.evaluate_at(CELL, list(metrics), fidelities=np.array([float(epochs)]))


def count_steps(monkeypatch):
    """Record each step of a training as the number of epochs that were done."""
    from analognas.training import loop

    steps, step = [], loop.Loop._step

    def counted(self, inputs, targets):
        steps.append((self.context.recipe.kind, self.position.epoch))
        step(self, inputs, targets)

    monkeypatch.setattr(loop.Loop, "_step", counted)
    return steps


def test_a_training_of_more_epochs_goes_on_from_the_end_of_a_shorter_one(tmp_path, monkeypatch):
    settings = quick(digital=CONSTANT, conditions=["digital", "hwa"])
    expected = [at_epochs(TrainedEvaluator(SPACE, settings), epochs) for epochs in (1, 2, 3)]
    full = TrainedEvaluator(SPACE, settings).evaluate(CELL, ["baseline_accuracy", METRIC])
    assert expected[2].means == full.means
    assert expected[0].means != full.means
    steps = count_steps(monkeypatch)
    for at, epochs in enumerate((1, 2, 3)):
        # Another process each time: nothing but the files is there.
        evaluator = TrainedEvaluator(SPACE, settings, folder=tmp_path / "a")
        found = at_epochs(evaluator, epochs)
        assert found.means == expected[at].means
        assert found.sems == expected[at].sems
    digital = [epoch for kind, epoch in steps if kind == "digital"]
    assert digital == [epoch for epoch in range(3) for _ in range(6)]
    assert "continue" in evaluator.fidelity.remark
    # What no longer training needs is not kept.
    assert not list((tmp_path / "a").glob("*/digital"))
    steps.clear()
    evaluator.clean_up()
    assert (
        at_epochs(evaluator, 2, ["baseline_accuracy"]).means["baseline_accuracy"]
        == (expected[1].means["baseline_accuracy"])
    )
    assert len(steps) == 12


@pytest.mark.parametrize("schedule", [{"kind": "cosine"}, {"kind": "constant", "warmup": 2.0}])
def test_a_schedule_that_depends_on_the_epochs_begins_again(tmp_path, monkeypatch, schedule):
    settings = quick(digital={**CONSTANT, "schedule": schedule}, conditions=["digital"])
    steps = count_steps(monkeypatch)
    evaluator = TrainedEvaluator(SPACE, settings, folder=tmp_path / "a")
    for epochs in (1, 3):
        at_epochs(evaluator, epochs, ["baseline_accuracy"])
    assert len(steps) == 6 * (1 + 3)
    assert "from the start" in evaluator.fidelity.remark


def halving(folder=None, **options):
    from analognas.optimizers import SuccessiveHalving

    settings = quick(digital=CONSTANT, conditions=["digital"])
    return Worker(
        SPACE,
        optimizer=SuccessiveHalving("random_search", fidelities=[1, 3], batch_size=3),
        evaluator=TrainedEvaluator(SPACE, settings),
        objectives="baseline_accuracy",
        runs=1,
        budget=8,
        out=folder,
        **options,
    )


def test_successive_halving_by_training_ends_with_the_same_bytes(tmp_path):
    whole, parts, pool = (tmp_path / name for name in ("whole", "parts", "pool"))
    result = halving(whole).search()
    assert result.n_at_fidelity == {1.0: 6, 3.0: 2}
    assert "continue" in result.remarks[-1]
    assert not (whole / "evaluator").exists()
    found = halving(pool, backend=PoolBackend(n_workers=2)).search()
    assert found.to_json() == result.to_json() == halving().search().to_json()

    def stop(view):
        if view.n_trials >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        halving(parts, callbacks=[stop]).search()
    Worker.resume(parts).search()
    assert (parts / "best.json").read_bytes() == (whole / "best.json").read_bytes()


def test_a_continued_training_that_is_interrupted_goes_on_from_its_own_checkpoint(
    tmp_path, monkeypatch
):
    from analognas.training import loop

    settings = quick(digital=CONSTANT, conditions=["digital"])
    names = ["baseline_accuracy"]
    whole = at_epochs(TrainedEvaluator(SPACE, settings), 3, names)
    evaluator = TrainedEvaluator(SPACE, settings, folder=tmp_path / "a")
    at_epochs(evaluator, 1, names)
    monkeypatch.setattr(unit_run, "_SAVING", Saving(every_steps=1, at_epochs=False))
    step = loop.Loop._step

    def interrupted(self, inputs, targets):
        if self.position.step == 9:
            raise KeyboardInterrupt
        step(self, inputs, targets)

    with monkeypatch.context() as patched:
        patched.setattr(loop.Loop, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            at_epochs(evaluator, 3, names)
    steps = count_steps(monkeypatch)
    found = at_epochs(TrainedEvaluator(SPACE, settings, folder=tmp_path / "a"), 3, names)
    assert found.means == whole.means
    assert len(steps) == 9
