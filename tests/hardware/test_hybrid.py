"""Which layers stay digital: the path of choices, and its check on chips."""

import json

import numpy as np
import pytest

from analognas.builder.measurement_settings import MeasurementSettings
from analognas.cli import main
from analognas.drift import DriftStudy, Sensitivity, layer_mapping, sensitivity
from analognas.drift.intervals import possible_loss
from analognas.drift.layer_mapping import LayerMapping
from analognas.drift.sensitivity import WHOLE
from analognas.hardware import hybrid_study
from analognas.hardware.hybrid import (
    Choice,
    LayerEnergies,
    MapSettings,
    choose_mapping,
    mapping_path,
    spread_out,
)
from analognas.nn import AnalogConfig, analog_layers, to_analog
from analognas.report.hybrid import hybrid_figure, pareto_front
from analognas.training import RunConfig, load_model, train_run
from analognas.training.tasks import get_task

COSTS = [
    LayerEnergies("stem", 10, 1.0, 3.0),
    LayerEnergies("body", 80, 2.0, 9.0),
    LayerEnergies("head", 10, 1.0, 2.0),
]


def test_the_path_takes_most_loss_per_weight_first():
    path = mapping_path(COSTS, [2.0, 3.0, 1.0], 12.0)
    assert [choice.mapping.digital for choice in path] == [
        (),
        ("stem",),
        ("stem", "head"),
        ("stem", "body", "head"),
    ]
    assert [choice.predicted for choice in path] == pytest.approx([12.0, 8.0, 6.0, 0.0])
    assert [choice.share for choice in path] == [0.0, 0.1, 0.2, 1.0]
    assert [choice.energy for choice in path] == [4.0, 6.0, 7.0, 14.0]


def test_layers_may_be_doubled_first():
    path = mapping_path(COSTS, [2.0, 3.0, 1.0], 6.0, double=True)
    assert path[1].mapping.doubled == ("stem",)
    assert path[1].predicted == pytest.approx(5.0)
    assert path[1].energy == 5.0
    assert len(path) == 7


def measured(*losses):
    return [
        Choice(LayerMapping(), share, energy, 0.0, (loss - 0.1, loss + 0.1))
        for share, energy, loss in losses
    ]


def test_the_choice_follows_the_budget():
    choices = measured((0.0, 1.0, 5.0), (0.1, 2.0, 0.9), (0.3, 3.0, 0.2))
    assert choose_mapping(choices, 1.0, None) == 1
    assert choose_mapping(choices, 0.5, None) == 2
    assert choose_mapping(choices, 0.1, None) is None
    assert choose_mapping(choices, 0.5, 2.5) == 1  # the best within the energy
    assert choose_mapping(choices, 0.5, 0.5) is None


def test_few_mappings_are_spread_over_the_path():
    costs = [LayerEnergies(str(i), 10, 1.0, 2.0) for i in range(30)]
    path = mapping_path(costs, np.linspace(3.0, 0.1, 30), 10.0)
    few = spread_out(path, 6)
    assert len(few) == 6
    assert few[0].share == 0.0
    assert few[-1].share == pytest.approx(29 / 30)
    assert spread_out(path[:4], 6) == path[:3]


def test_a_short_path_is_filled_with_large_layers():
    """The body, which has most of the weights, is never alone digital on the path by weights."""
    path = mapping_path(COSTS, [2.0, 3.0, 1.0], 12.0)
    by_loss = mapping_path(COSTS, [2.0, 3.0, 1.0], 12.0, per_weight=False)
    assert by_loss[1].mapping.digital == ("body",)
    found = spread_out(path, 4, by_loss)
    assert [choice.mapping.digital for choice in found] == [
        (),
        ("stem",),
        ("stem", "head"),
        ("body",),
    ]
    assert len(spread_out(path, 3, by_loss)) == 3


@pytest.mark.parametrize("energy", [None, 1e-12])
def test_there_is_always_a_mapping(run, tmp_path, energy, monkeypatch):
    """No loss at all is accepted: only all digital layers do that. No energy at all: the nearest is said."""

    def always_lose(network, examples, mappings, *, chips, **options):
        return np.full((len(mappings), chips), 5.0)

    monkeypatch.setattr(hybrid_study, "mapping_losses", always_lose)
    settings = MapSettings(
        checkpoint=str(run), chips=2, mappings=2, loss=1e-9, energy=energy, digital_energy=0.5,
    )  # fmt: skip
    result = hybrid_study.run_map(settings, tmp_path)
    last = result.choices[-1]
    assert (last.share, last.loss.value) == (1.0, 0.0)
    assert sorted(choice.share for choice in result.choices) == [c.share for c in result.choices]
    names = set(result.sensitivity.layers[:-1])
    assert set(last.mapping.digital) == names
    payload = json.loads((tmp_path / "map.json").read_text())
    config = AnalogConfig.load(tmp_path / "analog.yaml")
    if energy is None:
        assert result.chosen == len(result.choices) - 1
        assert set(config.digital) == names
        assert "digital: all layers" in str(result)
    else:
        assert result.chosen is None
        least = min(range(len(result.choices)), key=lambda i: result.choices[i].energy)
        assert payload["nearest"] == result.nearest == least
        assert f"The nearest, {least + 1}, takes" in str(result)
    assert config.digital == result.choices[result.nearest].mapping.digital


def test_intervals_show_what_is_possible():
    """Two chips give an interval of Student's t with one degree of freedom, wider than any accuracy."""
    choice = Choice(
        LayerMapping(),
        0.0,
        1.0,
        0.0,
        (10.0, 33.0),
        possible=possible_loss(get_task("classification"), 90.0),
    )
    assert choice.loss.high > 100.0
    assert choice.loss.interval == "[-10.00, 90.00]"
    assert choice.loss.reach == pytest.approx((31.5, 68.5))
    assert choice.to_dict()["high"] == choice.loss.high  # files hold that of Student's t


def test_the_pareto_front_of_energy_and_loss():
    energy, loss = np.array([3.0, 1.0, 2.0, 2.0]), np.array([0.5, 9.0, 4.0, 6.0])
    assert pareto_front(energy, loss).tolist() == [1, 2, 0]


def test_the_figure_fits(run, tmp_path):
    settings = MapSettings(checkpoint=str(run), chips=2, mappings=3, digital_energy=0.5)
    figure = hybrid_figure(hybrid_study.run_map(settings, tmp_path))
    figure.canvas.draw()
    left, centre, layers = figure.axes
    for axes in (left, centre):
        legend_of = [line.get_label() for line in axes.lines]
        assert "Pareto front of the means" in legend_of
        for bars in axes.containers:
            for segment in bars[2][0].get_segments():
                assert (segment[:, 1] >= 0.0).all()
                assert (segment[:, 1] <= 100.0 + 1e-9).all()
    legend = layers.get_legend().get_window_extent()
    label = layers.xaxis.label.get_window_extent()
    assert not legend.overlaps(label)


def test_the_example_needs_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["map", "example", "--chips", "2", "--examples", "40", "--set", "mappings=2"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "analog.yaml").exists()
    assert "digital" in capsys.readouterr().out


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A digital network that was trained on a part of the digits."""
    folder = tmp_path_factory.mktemp("map") / "run"
    settings = {
        "data": "digits",
        "data_options": {"size": 8},
        "model": "cnn-2",
        "subset": {"train": 200, "validation": 50, "test": 60, "seed": 3},
        "recipe": {"kind": "digital", "epochs": 2},
    }
    train_run(RunConfig.from_dict(settings), folder)
    return folder


def test_the_command(run, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["map", str(run), "--loss", "100", "--chips", "2", "--digital-energy", "0.5"]
    assert main([*command, "--set", "mappings=3", "--out", str(out)]) == 0
    assert "<- chosen" in capsys.readouterr().out
    payload = json.loads((out / "map.json").read_text())
    assert payload["choices"][0]["digital"] == []
    assert payload["chosen"] == 0
    energies = [choice["energy"] for choice in payload["choices"]]
    assert all(energy > 0.0 for energy in energies)
    assert (out / "map.png").read_bytes().startswith(b"\x89PNG")
    # The files are what to_analog and Python take.
    chosen = LayerMapping.load(out / "mapping.yaml")
    config = AnalogConfig.load(out / "analog.yaml")
    assert config.digital == chosen.digital
    network, _ = load_model(str(run))
    assert (
        len(list(analog_layers(to_analog(network, config))))
        == len(payload["sensitivity"]["layers"]) - 1
    )


def test_the_mapping_is_a_file_of_drift_train_and_search(run, tmp_path):
    network = to_analog(load_model(str(run))[0], AnalogConfig())
    names = [name for name, _ in analog_layers(network)]
    mapping = LayerMapping(digital=(names[-1],), doubled=(names[0],))
    file = tmp_path / "analog.yaml"
    hybrid_study.mapping_config(network, mapping).save(file)

    def devices(found):
        return [layer.config.weight_mapping.n_devices for _, layer in analog_layers(found)]

    wanted = [4] + [2] * (len(names) - 2)
    study = DriftStudy({"checkpoint": str(run), "analog": str(file), "examples": 20})
    assert devices(study.networks()["direct"]) == wanted
    chips = ["--chips", "2", "--times", "1", "--examples", "20", "--out", str(tmp_path / "drift")]
    assert main(["drift", str(run), "--analog", str(file), *chips]) == 0
    entries = RunConfig.load(run / "config.yaml").to_dict()
    entries["recipe"] = {"kind": "hwa", "analog": str(file), "epochs": 1}
    train_run(RunConfig.from_dict(entries), tmp_path / "hwa")
    assert devices(load_model(str(tmp_path / "hwa"))[0]) == wanted
    # Networks of a search have different layers: patterns name them.
    AnalogConfig(doubled=("first",)).save(tmp_path / "first.yaml")
    settings = MeasurementSettings.from_dict({"analog": str(tmp_path / "first.yaml")})
    assert settings.analog_config.doubled == ("first",)
    assert settings.recipe("hwa").analog.doubled == ("first",)


@pytest.mark.parametrize("stage", ["layers", "mappings"])
def test_interrupted_and_continued(run, tmp_path, capsys, monkeypatch, stage):
    whole, out = tmp_path / "whole", tmp_path / "out"
    command = ["map", str(run), "--chips", "2", "--examples", "20", "--set", "mappings=2", "--out"]
    assert main([*command, str(whole)]) == 0
    modules = {"layers": sensitivity, "mappings": layer_mapping}
    program, passes = modules[stage].program_units, []

    def stop(*arguments):
        passes.append(arguments)
        # The last pass of the last chip.
        if len(passes) == {"layers": 6, "mappings": 4}[stage]:
            raise KeyboardInterrupt
        program(*arguments)

    monkeypatch.setattr(modules[stage], "program_units", stop)
    assert main([*command, str(out)]) == 130
    assert f"continue with: analognas map --resume {out}" in capsys.readouterr().err
    assert not (out / "map.json").exists()
    monkeypatch.setattr(modules[stage], "program_units", lambda *x: passes.append(x) or program(*x))
    passes.clear()
    assert main(["map", "--resume", str(out), "--chips", "3"]) == 2
    assert "omit chips" in capsys.readouterr().err
    assert main(["map", "--resume", str(out)]) == 0
    # Chips of the journal are not measured again: one of four in the layers, three of four of the mappings.
    assert len(passes) == {"layers": 15, "mappings": 1}[stage]
    for name in ("map.json", "map.png", "study.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_layers_that_lose_nothing_alone_are_compared_by_what_they_spare(run, tmp_path, monkeypatch):
    def fake(network, examples, *, kind, chips, **options):
        names = [name for name, _ in analog_layers(network)]
        costs = np.zeros((chips, len(names) + 1))
        costs[:, -1] = 9.0
        if kind == "spared":
            costs[:, :-1] = 8.0
            costs[:, names.index(names[-1])] = (
                3.0  # most of the loss is gone if the last is digital
            )
        parameters = (10,) * len(names)
        task = examples.task
        return Sensitivity(
            (*names, WHOLE), costs, (*parameters, sum(parameters)), kind, 1.0, 90.0, task
        )

    monkeypatch.setattr(hybrid_study, "layer_sensitivity", fake)
    settings = MapSettings(checkpoint=str(run), chips=2, mappings=4)
    result = hybrid_study.run_map(settings, tmp_path)
    assert result.sensitivity.kind == "spared"
    assert result.choices[1].mapping.digital == (result.sensitivity.layers[-2],)


def test_the_command_without_a_network_or_with_too_small_a_budget(run, tmp_path, capsys):
    assert main(["map"]) == 2
    assert "Give a saved network: analognas map CHECKPOINT" in capsys.readouterr().err
    command = ["map", str(run), "--chips", "2", "--energy", "1", "--out", str(tmp_path / "out")]
    assert main([*command, "--set", "mappings=2"]) == 2
    assert "needs the energy of digital layers" in capsys.readouterr().err
