"""A result follows from architecture, unit, seed and settings, whatever happens around it."""

import json
import math
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from analognas.builder import UnitResult, unit_run
from analognas.core import (
    METRICS,
    CheckpointMismatchError,
    InvalidArgumentError,
    OutOfSpaceError,
    OutputFolderError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.drift import DriftEvaluator
from analognas.training import Saving, Trainer

from .conftest import CELL, quick_settings


def without_times(result):
    return {k: v for k, v in result.to_dict().items() if "seconds" not in k}


def all_units(measurement, folder=None, seed=0, cell=CELL):
    return {
        unit: without_times(measurement.run(cell, unit, seed=seed, folder=folder))
        for unit in measurement.units
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """All units, measured without an interruption in a folder."""
    from analognas.builder import NetworkMeasurement
    from analognas.spaces import SPACES

    measurement = NetworkMeasurement(SPACES.get("nasbench201")(), quick_settings())
    return all_units(measurement, tmp_path_factory.mktemp("reference"))


def test_units_give_the_metrics_of_the_vocabulary(reference, quick):
    measurement = quick()
    assert measurement.units == ("digital", "ptq", "qat", "noisy", "hwa")
    assert measurement.requires("digital") == ()
    assert measurement.requires("hwa") == ("digital",)
    values = {name: x for unit in reference.values() for name, x in unit["values"].items()}
    assert tuple(values) == measurement.metrics
    assert set(values) <= set(METRICS)
    for unit, found in reference.items():
        assert tuple(found["values"]) == measurement.settings.metrics(unit)
        assert set(found["sems"]) == set(found["values"])
    assert reference["digital"]["stds"] == reference["ptq"]["stds"] == {}
    assert set(reference["hwa"]["stds"]) == set(reference["hwa"]["values"]) - {"avm"}
    lost = values["analog_drift_60"] - values["analog_drift_2592000"]
    assert values["avm"] == pytest.approx(lost)


def test_standard_errors_hold_examples_and_chips(reference):
    value = reference["digital"]["values"]["baseline_accuracy"]
    correct = round(value / 100 * 60)
    scores = np.repeat([1.0, 0.0], [correct, 60 - correct])
    expected = 100 * scores.std(ddof=1) / math.sqrt(60)
    assert reference["digital"]["sems"]["baseline_accuracy"] == pytest.approx(expected)
    for unit in ("noisy", "hwa"):
        for name, std in reference[unit]["stds"].items():
            assert reference[unit]["sems"][name] >= std / math.sqrt(3) * (1 - 1e-9)


def test_the_avm_is_paired_chip_by_chip(quick):
    measurement = quick(conditions=["hwa"])
    found = measurement.run(CELL, "hwa", seed=0)
    calls = []
    evaluate = DriftEvaluator.evaluate

    def spy(self, *arguments, **options):
        calls.append(evaluate(self, *arguments, **options))
        return calls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DriftEvaluator, "evaluate", spy)
        measurement.run(CELL, "hwa", seed=0)
    (result,) = calls
    lost = result.chips_at(60.0) - result.chips_at(2592000.0)
    assert found.values["avm"] == pytest.approx(lost.mean())
    assert found.sems["avm"] == pytest.approx(result.difference(60.0, 2592000.0, "population").sem)
    assert found.sems["avm"] >= lost.std(ddof=1) / math.sqrt(3) * (1 - 1e-9)


def test_order_folders_and_pickling_make_no_difference(reference, quick, tmp_path):
    measurement = pickle.loads(pickle.dumps(quick()))
    torch.manual_seed(1)
    measurement.run((0, 0, 0, 4, 3, 2), "digital", seed=0)
    state = torch.get_rng_state()
    for unit in ("hwa", "ptq", "noisy", "qat", "digital"):  # hwa trains the digital network first
        assert without_times(measurement.run(CELL, unit, seed=0)) == reference[unit]
    assert torch.equal(torch.get_rng_state(), state)
    assert without_times(measurement.run(CELL, "hwa", seed=0, folder=tmp_path)) == reference["hwa"]
    assert (tmp_path / "digital" / "model.safetensors").exists()


def test_conditions_left_out_change_no_other(reference, quick):
    alone = quick(conditions=["hwa"], qat={"epochs": 2})
    assert alone.units == ("digital", "hwa")
    assert all_units(alone) == {unit: reference[unit] for unit in alone.units}


def test_seeds_and_architectures_differ(reference, quick):
    measurement = quick(conditions=["digital"])
    other = without_times(measurement.run(CELL, "digital", seed=1))
    same_network = without_times(measurement.run((0, 2, 0, 4, 2, 1), "digital", seed=0))
    assert other != reference["digital"] != same_network


def test_the_number_of_threads_makes_no_difference(reference, quick):
    n = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert all_units(quick(conditions=["hwa"]))["hwa"] == reference["hwa"]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n)


def test_norms_are_fused_unless_they_shall_not(quick, monkeypatch):
    seen = []
    fit = Trainer.fit
    monkeypatch.setattr(
        Trainer, "fit", lambda self, **o: seen.append(self.digital) or fit(self, **o)
    )
    values = [
        quick(fast_norms=fast, digital={"epochs": 1}).run(CELL, "digital", seed=0).values
        for fast in (True, False)
    ]
    assert [type(net.head[0]).__name__ for net in seen] == ["FusedBatchNorm2d", "BatchNorm2d"]
    assert [len(net._forward_pre_hooks) for net in seen] == [1, 0]
    assert values[0]["baseline_accuracy"] == pytest.approx(values[1]["baseline_accuracy"], abs=5.0)
    assert "fast_norms" in quick().settings.identity()


def test_a_unit_that_is_done_is_read(quick, tmp_path, monkeypatch):
    first = quick().run(CELL, "hwa", seed=0, folder=tmp_path)
    monkeypatch.setattr(Trainer, "fit", None)
    assert quick().run(CELL, "hwa", seed=0, folder=tmp_path) == first
    assert first.cpu_seconds > 0.0
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert "hwa" not in left
    assert not any("seconds" in name or "checkpoint" in name for name in left)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("unit", ["digital", "qat", "noisy", "hwa"])
def test_stopped_anywhere_it_ends_as_undisturbed(reference, quick, tmp_path, monkeypatch, unit):
    monkeypatch.setattr(unit_run, "_SAVING", Saving(every_steps=1, at_epochs=False))
    monkeypatch.setattr(unit_run, "_JOURNAL_SECONDS", 0.0)
    measurement = quick()
    if unit != "digital":
        measurement.run(CELL, "digital", seed=0, folder=tmp_path)
    run = unit_run.UnitRun.__init__
    for stop_after in (2, 3, 1, 5):
        left = iter(range(stop_after))

        def stopping(self, *arguments, left=left, **options):
            run(self, *arguments, **options)
            tick = self.tick

            def tick_or_stop():
                tick()
                if next(left, None) is None:
                    raise StoppedError

            self.tick = tick_or_stop

        with monkeypatch.context() as patch:
            patch.setattr(unit_run.UnitRun, "__init__", stopping)
            try:
                quick().run(CELL, unit, seed=0, folder=tmp_path)
            except StoppedError:
                continue
    assert without_times(quick().run(CELL, unit, seed=0, folder=tmp_path)) == reference[unit]


def test_killed_in_a_training_it_ends_as_undisturbed(reference, quick, tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path

        sys.path.insert(0, sys.argv[2])
        from analognas.builder import NetworkMeasurement, unit_run
        from analognas.spaces import SPACES
        from analognas.training import Saving
        from builder.conftest import CELL, quick_settings

        unit_run._SAVING = Saving(every_steps=1, at_epochs=False)
        tick = unit_run.UnitRun.measure
        measurement = NetworkMeasurement(SPACES.get("nasbench201")(), quick_settings())
        for unit in ("digital", "hwa"):
            def say(self, unit, old=tick):
                steps = iter(range(100))
                kept = self.tick
                self.tick = lambda: (kept(), print(unit, next(steps), flush=True))
                return old(self, unit)
            unit_run.UnitRun.measure = say
            measurement.run(CELL, unit, seed=0, folder=Path(sys.argv[1]))
        """
    )
    tests = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), tests], stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if line.split() == ["hwa", "2"]:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "hwa" / "checkpoint.safetensors").exists()
    assert without_times(quick().run(CELL, "hwa", seed=0, folder=tmp_path)) == reference["hwa"]


def test_a_folder_of_another_measurement_is_not_used(quick, tmp_path):
    quick(conditions=["digital"]).run(CELL, "digital", seed=0, folder=tmp_path)
    with pytest.raises(CheckpointMismatchError, match="seed"):
        quick().run(CELL, "digital", seed=1, folder=tmp_path)
    with pytest.raises(CheckpointMismatchError, match="architecture"):
        quick().run((0, 0, 0, 4, 3, 2), "digital", seed=0, folder=tmp_path)
    with pytest.raises(CheckpointMismatchError, match="settings"):
        quick(digital={"epochs": 1}).run(CELL, "digital", seed=0, folder=tmp_path)
    (tmp_path / "digital.json").write_text("{")
    with pytest.raises(TableIntegrityError, match="damaged"):
        quick().run(CELL, "digital", seed=0, folder=tmp_path)


def test_wrong_calls_are_one_error(quick, tmp_path):
    measurement = quick(conditions=["digital"])
    with pytest.raises(UnknownNameError, match="digital"):
        measurement.run(CELL, "hwa", seed=0)
    with pytest.raises(InvalidArgumentError, match="seed"):
        measurement.run(CELL, "digital", seed=-1)
    with pytest.raises(OutOfSpaceError):
        measurement.run((9, 9, 9, 9, 9, 9), "digital", seed=0)
    with pytest.raises(UnknownNameError, match="'channels'"):
        quick(network={"chanels": 4})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="file"):
        measurement.run(CELL, "digital", seed=0, folder=tmp_path / "file")


def test_fidelity_is_told_and_scaled(quick):
    measurement = quick(digital={"epochs": 6, "batch_size": 32}, hwa={"epochs": 3})
    assert measurement.fidelity() == {
        "digital_epochs": 6,
        "qat_epochs": 1,
        "hwa_epochs": 3,
        "train_examples": 128,
        "test_examples": 60,
        "input_channels": 1,
        "input_height": 8,
        "input_width": 8,
        "n_classes": 10,
        "chips": 3,
        "chip_examples": 40,
    }
    third = measurement.at_fidelity(1 / 3)
    assert third.data is measurement.data
    assert (third.fidelity()["digital_epochs"], third.fidelity()["hwa_epochs"]) == (2, 1)
    assert measurement.at_fidelity(1.0) is measurement
    direct = quick(digital={"epochs": 2, "batch_size": 32}, conditions=["digital"])
    scaled = measurement.run(CELL, "digital", seed=0, scale=1 / 3)
    assert without_times(scaled) == without_times(direct.run(CELL, "digital", seed=0))


def test_results_as_columns_and_plain_values():
    result = UnitResult({"a": 1.0, "b": 2.0}, {"a": 0.5}, {"a": 0.1, "b": 0.2}, 3.0, 2.0)
    assert list(result.columns()) == ["a", "a_std", "a_sem", "b", "b_sem"]
    assert UnitResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    with pytest.raises(UnknownNameError):
        UnitResult.from_dict({"values": {}, "sem": {}})
