import pytest
import torch
from torch import nn

from analognas.nn import (
    AnalogConfig,
    AnalogConv2d,
    AnalogGRU,
    AnalogLayer,
    AnalogLSTM,
    AnalogMultiheadAttention,
    WeightScaling,
    program,
    set_mode,
    to_analog,
    to_digital,
)

LEARNED = AnalogConfig(scaling=WeightScaling(per="column", learned=True))

LAYERS = [
    lambda: nn.Linear(5, 3, bias=False),
    lambda: nn.Conv1d(4, 6, 3, groups=2, padding="same"),
    lambda: nn.Conv2d(4, 6, 3, dilation=2, padding_mode="circular", padding=1),
    lambda: nn.Conv3d(2, 2, 2),
    lambda: nn.LSTM(4, 6, 2, bidirectional=True, proj_size=3),
    lambda: nn.GRU(4, 6),
    lambda: nn.MultiheadAttention(6, 2, add_bias_kv=True),
    lambda: nn.MultiheadAttention(6, 2, kdim=3, vdim=4),
    lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=True
    ),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)),
]


@pytest.mark.parametrize("make", LAYERS)
def test_the_way_back_is_exact(make):
    net = make()
    analog = to_analog(net, LEARNED)
    assert any(isinstance(part, AnalogLayer) for part in analog.modules())
    back = to_digital(analog)
    before, after = dict(net.named_modules()), dict(back.named_modules())
    assert list(before) == list(after)
    for name, module in before.items():
        assert type(after[name]) is type(module)
        assert set(vars(after[name])) == set(vars(module))
        assert after[name].extra_repr() == module.extra_repr()
    state = back.state_dict()
    assert list(state) == list(net.state_dict())
    for name, value in net.state_dict().items():
        assert torch.equal(state[name], value)


@pytest.mark.parametrize("make", LAYERS[:8])
def test_learned_factors_are_folded_into_the_weights(make):
    torch.manual_seed(0)
    net = make().double()
    analog = to_analog(net, LEARNED)
    with torch.no_grad():
        for part in analog.modules():
            if isinstance(part, AnalogLayer):
                part.out_scale.uniform_(0.5, 2.0)
    back = to_digital(analog)
    for name, part in analog.named_modules():
        if isinstance(part, AnalogLayer):
            owner = name.partition("tiles.")
            weight = back.get_submodule(owner[0].rstrip("."))
            folded = part.weight * part.out_scale.view(-1, *(1,) * (part.weight.ndim - 1))
            found = [p for p in weight.parameters() if contains(p, folded)]
            assert found, name


def contains(parameter, block):
    if parameter.ndim != block.ndim or parameter.shape[1:] != block.shape[1:]:
        return False
    n = block.shape[0]
    parts = [parameter[i : i + n] for i in range(0, parameter.shape[0], n)]
    return any(part.shape == block.shape and torch.equal(part, block) for part in parts)


def test_a_shared_weight_with_different_factors_is_shared_no_longer():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    analog = to_analog(net, LEARNED)
    with torch.no_grad():
        analog[0].out_scale.fill_(2.0)
    with pytest.warns(UserWarning, match="no longer shares its weight"):
        back = to_digital(analog)
    torch.testing.assert_close(back[0].weight, 2.0 * net[0].weight)
    torch.testing.assert_close(back[1].weight, net[0].weight)


def test_a_model_on_a_chip_goes_back():
    net = nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 2))
    analog = to_analog(net)
    set_mode(analog, "train")
    with pytest.warns(UserWarning, match="were not set from data"):
        program(analog, generator=torch.Generator().manual_seed(0), chips=2)
    back = to_digital(analog)
    x = torch.randn(4, 3)
    assert torch.equal(back(x)[0], net(x)[0])
    assert analog[0].n_chips == 2


def test_layers_made_as_analog_ones():
    for layer, kind in (
        (AnalogConv2d(2, 2, 1), nn.Conv2d),
        (AnalogLSTM(2, 2), nn.LSTM),
        (AnalogGRU(2, 2), nn.GRU),
        (AnalogMultiheadAttention(2, 1), nn.MultiheadAttention),
    ):
        assert type(to_digital(layer)) is kind


def test_in_place_keeps_the_parameters():
    net = to_analog(nn.Sequential(nn.Linear(3, 3)))
    weight = net[0].weight
    assert to_digital(net, inplace=True) is net
    assert net[0].weight is weight
    assert type(net[0]) is nn.Linear
