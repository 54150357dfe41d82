"""State, modes and persistence of analog layers."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, NotProgrammedError, UnknownNameError
from analognas.nn import (
    AnalogConfig,
    AnalogConv2d,
    AnalogLinear,
    InputRange,
    WeightScaling,
    at_time,
    calibrate,
    program,
    set_mode,
    to_analog,
)

NO_WARM_UP = AnalogConfig(input_range=InputRange(init_batches=0))


def network(config=NO_WARM_UP):
    torch.manual_seed(0)
    digital = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    return to_analog(digital, config), torch.randn(4, 3, 8, 8)


def test_ideal_is_the_torch_layer_bit_for_bit():
    model, x = network()
    plain = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    plain.load_state_dict(model.state_dict(), strict=False)
    set_mode(model, "ideal")
    assert torch.equal(model(x), plain(x))


def test_parameters_keep_their_names_and_the_rest_is_added():
    layer = AnalogLinear(4, 3, config=AnalogConfig(scaling=WeightScaling(learned=True)))
    assert list(layer.state_dict()) == [
        "weight", "bias", "input_range", "out_scale", "weight_scale", "input_range_batches",
    ]  # fmt: skip
    assert isinstance(layer, nn.Linear)


def test_a_state_dict_of_the_torch_layer_loads_and_sets_the_scales():
    digital, analog = nn.Linear(4, 3), AnalogLinear(4, 3)
    analog.load_state_dict(digital.state_dict())
    assert torch.equal(analog.weight, digital.weight)
    assert analog.weight_scale[0, 0] == digital.weight.abs().max()
    with pytest.raises(RuntimeError, match="Missing key"):
        analog.load_state_dict({"bias": digital.bias})


def test_an_own_state_dict_is_taken_as_it_is(tmp_path, generator):
    model, x = network(AnalogConfig(input_range=InputRange(init_batches=2)))
    for _ in range(3):
        model(x)
    model[0].weight_scale.mul_(2.0)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    other, _ = network(AnalogConfig(input_range=InputRange(init_batches=2)))
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    for ours, theirs in zip(other.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    before = other[0].input_range.clone()
    other(x)
    assert torch.equal(other[0].input_range, before)  # it knows that initialisation is over


SCRIPT = """
import sys, torch
from torch import nn
from analognas.nn import get_config, to_analog, program, at_time, attach
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))
model = to_analog(net, get_config("rasch2023"))
x = torch.linspace(-2, 2, 3 * 3 * 64).view(3, 3, 8, 8)
if sys.argv[1] == "train":
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters())
    attach(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    torch.save(model.state_dict(), sys.argv[2])
else:
    model.load_state_dict(torch.load(sys.argv[2], weights_only=True))
model.eval()
program(model, generator=torch.Generator().manual_seed(7), chips=None)
for t in (0.0, 3600.0):
    at_time(model, t)
    print(model(x).detach().numpy().tobytes().hex())
"""


def test_saved_loaded_and_programmed_in_a_fresh_process_gives_the_same_bits(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["-c", "train", str(tmp_path / "model.pt")])
    exec(SCRIPT, {})
    fresh = subprocess.run(
        [sys.executable, "-c", SCRIPT, "load", str(tmp_path / "model.pt")],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert fresh == capsys.readouterr().out
    assert len(fresh) > 100


def test_programming_again_uses_the_present_weights_and_forgets_the_compensation(generator):
    model, x = network()
    model.eval()
    program(model, generator=generator())
    at_time(model, 3e7)
    first, old_alpha = model(x), model[4].chips.alpha.clone()
    with torch.no_grad():
        for layer in (model[0], model[4]):
            layer.weight.mul_(-0.5)
    program(model, generator=generator())
    assert model[4].chips.alpha is None
    assert old_alpha.max() > 1.5
    assert (model(x) - first).norm() > 0.5 * first.norm()
    target = model[4].weight / model[4].weight_scale[0, 0]
    chip = model[4].chips.devices
    programmed = model[4].config.weight_mapping.to_weights(chip.g_prog, chip.device)
    assert torch.corrcoef(torch.stack([programmed.flatten(), target.flatten()]))[0, 1] > 0.9


def test_every_draw_of_a_chip_obeys_its_seed(generator):
    model, x = network()
    model.eval()

    def run(seed):
        torch.manual_seed(seed * 100)
        program(model, generator=generator(seed))
        outputs = [model(x)]
        for t in (0.0, 60.0, 0.0):
            at_time(model, t)
            outputs += [model(x), model(x)]
        return torch.stack(outputs)

    a, b, c = run(1), run(1), run(2)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert not torch.equal(a[1], a[2])  # noise of each forward
    assert not torch.equal(a[1], a[5])  # read noise of each reading


def test_training_and_evaluation_flags_do_not_change_a_chip(generator):
    model, _ = network()
    layer = model[4]
    layer.program(generator=generator())
    inputs = torch.randn(4, 512)
    copies = [copy.deepcopy(layer).train(flag) for flag in (True, False)]
    assert torch.equal(copies[0](inputs), copies[1](inputs))


def test_a_deep_copy_is_a_chip_of_its_own(generator):
    model, x = network()
    model.eval()
    program(model, generator=generator())
    other = copy.deepcopy(model)
    assert torch.equal(model(x), other(x))
    program(other, generator=generator(5))
    again = copy.deepcopy(model)
    assert torch.equal(model(x), again(x))


def test_time_zero_and_going_back_in_time(generator):
    model, x = network()
    program(model, generator=generator())
    for t in (0, 1e8, 0.0):
        at_time(model, t)
        assert torch.isfinite(model(x)).all()


def test_at_time_before_program_is_refused():
    layer = AnalogLinear(4, 3)
    for act in (
        lambda: layer.at_time(1.0),
        lambda: layer.set_mode("chip"),
        lambda: at_time(layer, 1.0),
    ):
        with pytest.raises(NotProgrammedError, match=r"not on a chip: call program\(\) first"):
            act()


def test_moving_or_loading_takes_a_layer_off_its_chip(generator):
    layer = AnalogLinear(4, 3, config=NO_WARM_UP)
    layer.program(generator=generator())
    layer.float()
    layer(torch.ones(1, 4))
    layer.double()
    with pytest.raises(NotProgrammedError):
        layer(torch.ones(1, 4).double())
    layer.program(generator=generator())
    assert layer(torch.ones(1, 4).double()).dtype == torch.float64
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(NotProgrammedError):
        layer(torch.ones(1, 4).double())


def test_unknown_modes_are_refused():
    with pytest.raises(UnknownNameError, match="Unknown mode 'eval'"):
        AnalogLinear(4, 3).set_mode("eval")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda w: w.to(torch.complex64),
            "must be real floating-point numbers, but are torch.complex64",
        ),
        (lambda w: w.to(torch.int32), "must be real floating-point numbers, but are torch.int32"),
        (lambda w: w * float("nan"), "must be finite, but contain NaN or infinity"),
        (lambda w: w / 0.0, "must be finite, but contain NaN or infinity"),
        (lambda w: w[:0], "must not be empty, but have the shape (0, 4)"),
    ],
)
def test_weights_that_cannot_be_on_tiles_are_refused(spoil, text):
    digital = nn.Linear(4, 3)
    digital.weight = nn.Parameter(spoil(digital.weight.detach()), requires_grad=False)
    with pytest.raises(InvalidArgumentError) as caught:
        to_analog(nn.Sequential(digital))
    assert text in str(caught.value)


def test_weights_that_became_nan_cannot_be_programmed(generator):
    layer = AnalogLinear(4, 3, config=NO_WARM_UP)
    layer.weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        layer.program(generator=generator())


@pytest.mark.parametrize("chips", [0, -1, 1.5, True])
def test_wrong_numbers_of_chips_are_refused(chips, generator):
    with pytest.raises(InvalidArgumentError, match="`chips` must be an integer of at least 1"):
        AnalogLinear(4, 3).program(generator=generator(), chips=chips)


def test_a_configuration_is_needed():
    with pytest.raises(InvalidArgumentError, match="`config` must be an AnalogConfig, but got str"):
        AnalogLinear(4, 3, config="rasch2023")


def test_ranges_are_initialised_from_data_then_learned():
    torch.manual_seed(0)
    layer = AnalogLinear(64, 8, config=AnalogConfig(input_range=InputRange(init_batches=3)))
    for n, std in enumerate((1.0, 2.0, 3.0), start=1):
        layer(std * torch.randn(400, 64)).sum().backward()
        assert layer.input_range.grad == 0
        assert layer.input_range.item() == pytest.approx(3 * (1 + n) / 2, rel=0.02)
    layer(torch.randn(400, 64)).sum().backward()
    assert layer.input_range.item() == pytest.approx(6.0, rel=0.02)
    assert layer.input_range.grad != 0
    assert int(layer.input_range_batches) == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_batch_that_overflowed_does_not_spoil_a_range(bad):
    layer = AnalogLinear(64, 4, config=AnalogConfig(input_range=InputRange(init_batches=3)))
    torch.manual_seed(0)
    for x in (torch.randn(50, 64), torch.full((50, 64), bad), torch.randn(50, 64)):
        layer(x)
    assert layer.input_range.item() == pytest.approx(3.0, rel=0.03)


def test_one_input_alone_is_enough():
    layer = AnalogLinear(1, 1, config=AnalogConfig())
    assert torch.isfinite(layer(torch.ones(1, 1))).all()


@pytest.mark.parametrize("mode", ["train", "chip", "ideal"])
def test_no_samples_at_all(mode, generator):
    model, x = network(AnalogConfig(input_range=InputRange(init_batches=1)))
    model(x)
    if mode == "chip":
        program(model.eval(), generator=generator(), chips=2)
    set_mode(model.eval(), mode)
    y = model(x[:0])
    assert y.shape == (0, 10)
    assert int(model[0].input_range_batches) == 1
    if mode != "chip":
        y.sum().backward()


def test_zero_inputs_do_not_break_a_range():
    layer = AnalogLinear(8, 4, config=AnalogConfig(input_range=InputRange(init_batches=2)))
    assert torch.isfinite(layer(torch.zeros(3, 8))).all()


def test_calibrated_ranges_are_those_of_the_digital_network():
    model, x = network(AnalogConfig())
    calibrate(model, [x, x])
    assert model[0].input_range.item() == pytest.approx(3 * x.std().item(), rel=1e-5)
    assert model[0].mode == "train"
    assert model.training
    with pytest.raises(InvalidArgumentError, match="`batches` must hold at least one batch"):
        calibrate(model, [])


def test_unseen_ranges_are_said_when_programming(generator):
    model, _ = network(AnalogConfig())
    with pytest.warns(
        UserWarning, match=r"Input ranges of 2 layer\(s\) were not set from data, first '0'"
    ):
        program(model, generator=generator())


def test_convolutions_check_the_chip_dimension(generator):
    layer = AnalogConv2d(3, 4, 3, config=NO_WARM_UP)
    layer.program(generator=generator(), chips=3)
    with pytest.raises(InvalidArgumentError, match="must be a multiple of the 3 chips"):
        layer(torch.randn(4, 3, 8, 8))
