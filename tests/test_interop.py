"""Results and networks for other tools: Arrow, polars, xarray, ONNX, folders of weights, trackers."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from analognas import Worker
from analognas.core import (
    CheckpointMismatchError,
    InvalidArgumentError,
    TableIntegrityError,
)
from analognas.core.optional_packages import import_optional
from analognas.drift import DriftEvaluator, layer_sensitivity
from analognas.nn import AnalogConfig, calibrate, to_analog
from analognas.search import read_trials
from analognas.training import (
    ModelRecord,
    RunConfig,
    export_onnx,
    from_pretrained,
    save_pretrained,
    train_run,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def network():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 8, generator=generator), torch.arange(40) % 2
    with torch.random.fork_rng():
        torch.manual_seed(0)
        digital = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2)).eval()
    analog = calibrate(to_analog(digital, AnalogConfig()), [x]).eval()
    return digital, analog, x, y


@pytest.fixture(scope="module")
def drift(network):
    _, analog, x, y = network
    return DriftEvaluator([1.0, 3600.0], chips=3).evaluate(analog, (x, y))


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interop") / "found"
    Worker(optimizer="random_search", runs=2, budget=20, out=str(folder)).search()
    return read_trials(folder)


def test_arrow_streams(drift, trials, network):
    _, analog, x, y = network
    table = pa.table(drift)
    assert table.column_names == ["chip", "time", "accuracy"]
    assert table.num_rows == 6
    assert pa.table(trials).num_rows == len(trials) == 40
    assert pa.table(trials)["analog_drift_2592000"].to_pylist()[0] == pytest.approx(
        trials.values["analog_drift_2592000"][0]
    )
    found = layer_sensitivity(analog, (x, y), chips=2)
    assert pa.table(found)["layer"].to_pylist() == list(found.layers)


def test_polars(drift, trials):
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(drift).shape == (6, 3)
    assert drift.to_polars().equals(polars.DataFrame(drift))
    assert trials.to_polars()["run"].n_unique() == 2


def test_xarray(drift):
    pytest.importorskip("xarray")
    data = drift.to_xarray()
    assert dict(data.sizes) == {"chip": 3, "time": 2}
    assert data["accuracy"].attrs["units"] == "%"
    assert float(data["mean"].sel(time=3600.0)) == pytest.approx(drift.at(3600.0).value)
    assert np.allclose(data["accuracy"].sel(time=1.0), drift.chips_at(1.0))


@pytest.mark.parametrize("name", ["polars", "xarray", "pandas", "onnx"])
def test_a_missing_package_is_one_line(name, drift, network, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    calls = {
        "polars": drift.to_polars,
        "xarray": drift.to_xarray,
        "pandas": drift.to_pandas,
        "onnx": lambda: export_onnx(network[0], tmp_path / "a.onnx", example=network[2]),
    }
    with pytest.raises(InvalidArgumentError, match=rf"needs {name}: pip install {name}"):
        calls[name]()


def test_a_package_that_is_broken_inside_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "brokenpkg21.py").write_text("import no_such_module_21\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_21"):
        import_optional("brokenpkg21", "this test")


def test_onnx_has_the_digital_weights_and_any_batch(network, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    digital, analog, x, _ = network
    file = export_onnx(analog, tmp_path / "net.onnx", example=x[:2])
    onnx.checker.check_model(str(file))
    session = ReferenceEvaluator(str(file))
    for n in (2, 5):
        (out,) = session.run(None, {session.input_names[0]: x[:n].numpy()})
        assert np.allclose(out, digital(x[:n]).detach().numpy(), atol=1e-5)


def test_onnx_needs_its_ending(network, tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"ends in \.onnx"):
        export_onnx(network[0], tmp_path / "net.pt", example=network[2])


def test_folders_of_weights(network, tmp_path):
    digital, analog, x, _ = network
    folder = save_pretrained(analog, tmp_path / "net", ModelRecord(seed=3))
    plain = load_file(folder / "model.safetensors")
    assert sorted(plain) == sorted(digital.state_dict())
    assert json.loads((folder / "config.json").read_text())["model_type"] == "analognas"
    again, record = from_pretrained(folder, model=digital)
    assert record.seed == 3
    assert torch.equal(again(x), digital(x))
    with pytest.raises(InvalidArgumentError, match="cannot build the network"):
        from_pretrained(folder)
    with pytest.raises(CheckpointMismatchError):
        from_pretrained(folder, model=nn.Linear(8, 2))
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(TableIntegrityError, match="cannot be read"):
        from_pretrained(folder, model=digital)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(TableIntegrityError, match="was not written by"):
        from_pretrained(folder, model=digital)
    with pytest.raises(InvalidArgumentError, match="no saved network"):
        from_pretrained(tmp_path / "nowhere")


def test_named_networks_are_built_from_their_folder(tmp_path):
    record = ModelRecord(model="cnn-4", input_shape=(1, 16, 16), n_classes=10)
    from analognas.models import build_model

    model = build_model("cnn-4", input_shape=(1, 16, 16), n_classes=10).eval()
    again, _ = from_pretrained(save_pretrained(model, tmp_path / "net", record))
    x = torch.ones(2, 1, 16, 16)
    assert torch.equal(again(x), model(x))


def test_trackers_get_numbers_and_steps(tmp_path):
    spec = importlib.util.spec_from_file_location("tracking", ROOT / "examples" / "tracking.py")
    tracking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tracking)
    logged = []

    def log(numbers, step):
        assert all(isinstance(value, float | int) for value in numbers.values())
        logged.append((dict(numbers), step))

    callbacks = [tracking.track_search(log)]
    Worker(optimizer="random_search", runs=1, budget=20, callbacks=callbacks).search()
    assert logged[-1][0]["evaluations"] == 20
    assert logged[-1][0]["best"] > 80
    logged.clear()
    settings = {"model": "cnn-4", "data": "digits", "recipe": {"kind": "digital", "epochs": 2}}
    settings["subset"] = {"train": 60, "test": 20, "validation": 20}
    train_run(RunConfig.from_dict(settings), tmp_path / "net", listen=tracking.track_training(log))
    assert [step for _, step in logged] == [1, 2]
    assert "digital/validation_accuracy" in logged[0][0]
