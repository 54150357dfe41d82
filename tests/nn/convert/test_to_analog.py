import io
import warnings

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.nn import (
    AnalogComposite,
    AnalogConfig,
    AnalogConv2d,
    AnalogLayer,
    AnalogLinear,
    AnalogLSTM,
    AnalogMultiheadAttention,
    MatrixTiles,
    StaysDigitalWarning,
    change_class,
    clip_and_remap,
    network_config,
    register_converter,
    set_mode,
    summary,
    to_analog,
    to_digital,
)
from analognas.nn.convert.converters import CONVERTERS


class Network(nn.Module):
    """One layer of each convertible class."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding="same", padding_mode="reflect")
        self.norm = nn.BatchNorm2d(4)
        self.rnn = nn.LSTM(16, 16, batch_first=True)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        x = self.norm(self.conv(x)).flatten(1).unflatten(1, (-1, 16))
        x = self.gru(self.rnn(x)[0])[0]
        x, _ = self.attention(x, x, x)
        return self.head(x.mean(1))


def analog_names(model):
    return [
        name for name, layer in model.named_modules()
        if isinstance(layer, AnalogLayer) and ".tiles." not in name
    ]  # fmt: skip


def test_every_class_converts_and_stays_the_same_function():
    torch.manual_seed(0)
    net, x = Network(), torch.randn(3, 2, 4, 4)
    analog = to_analog(net)
    kinds = (type(analog.conv), type(analog.rnn), type(analog.attention), type(analog.head[0]))
    assert kinds == (AnalogConv2d, AnalogLSTM, AnalogMultiheadAttention, AnalogLinear)
    assert isinstance(analog.attention.out_proj, AnalogLinear)
    assert type(net.conv) is nn.Conv2d
    set_mode(analog, "ideal")
    torch.testing.assert_close(analog(x), net(x))
    y, expected = analog(x), net(x)
    y.sum().backward()
    expected.sum().backward()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(analog.get_parameter(name).grad, parameter.grad)


def test_in_place():
    net = Network()
    conv, weight = net.conv, net.conv.weight
    assert to_analog(net, inplace=True) is net
    assert net.conv is not conv
    assert net.conv.weight is weight
    layer = nn.Linear(3, 2)
    assert isinstance(to_analog(layer, inplace=True), AnalogLinear)


def test_a_state_dict_of_the_digital_model_loads_and_so_does_its_own():
    net = Network()
    analog = to_analog(Network())
    analog.load_state_dict(net.state_dict())
    assert torch.equal(analog.rnn.weight_hh_l0, net.rnn.weight_hh_l0)
    for part in analog.rnn.matrices:
        assert float(part.weight_scale.max()) == float(part.weight.detach().abs().max())
    file = io.BytesIO()
    torch.save(analog.state_dict(), file)
    file.seek(0)
    other = to_analog(Network())
    other.load_state_dict(torch.load(file, weights_only=True))
    for name, value in analog.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    assert set(net.state_dict()) <= set(analog.state_dict())
    extra = {name.rpartition(".")[2] for name in set(analog.state_dict()) - set(net.state_dict())}
    assert extra == {"input_range", "weight_scale", "input_range_batches"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"exclude": "head"}, ["conv", "attention.out_proj"]),
        ({"exclude": ["head.2", "conv"]}, ["attention.out_proj", "head.0"]),
        ({"exclude": "head.?"}, ["conv", "attention.out_proj"]),
        ({"exclude": nn.Linear}, ["conv"]),
        ({"exclude": [nn.MultiheadAttention, "*.0"]}, ["conv", "head.2"]),
        ({"only": "head"}, ["head.0", "head.2"]),
        ({"only": ["head", "conv"], "exclude": "head.0"}, ["conv", "head.2"]),
        ({"only": nn.Conv2d}, ["conv"]),
        ({"config": AnalogConfig(digital=("first",))}, ["attention.out_proj", "head.0", "head.2"]),
        ({"config": AnalogConfig(digital=("last", "h*0"))}, ["conv", "attention.out_proj"]),
    ],
)
def test_choices(choice, expected):
    assert analog_names(to_analog(Network(), **choice)) == expected


def test_choices_for_layers_with_several_matrices():
    net = to_analog(Network(), exclude=["rnn", "attention"])
    assert type(net.rnn) is nn.LSTM
    assert type(net.attention) is nn.MultiheadAttention
    assert type(net.attention.out_proj) is not AnalogLinear
    rows = {row.name: row.reason for row in summary(net).layers}
    assert rows["rnn"] == "excluded"


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"exclude": "heads.0"}, "Unknown layer 'heads.0' in `exclude`. Did you mean 'head.0'?"),
        ({"only": ["conv", "cnov"]}, "Unknown layer 'cnov' in `only`. Did you mean 'conv'?"),
        ({"exclude": "encoder.*"}, "Unknown layer 'encoder.*' in `exclude`."),
        (
            {"config": AnalogConfig(digital=("frist",))},
            "Unknown layer 'frist' in `config.digital`.",
        ),
    ],
)
def test_unknown_names(choice, text):
    with pytest.raises(UnknownNameError) as caught:
        to_analog(Network(), **choice)
    assert str(caught.value).startswith(text)


def test_bad_arguments():
    with pytest.raises(
        InvalidArgumentError, match="`exclude` must contain names, patterns or classes"
    ):
        to_analog(Network(), exclude=[3])
    for argument in ("exclude", "only"):
        for value in (3, nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1))):
            with pytest.raises(
                InvalidArgumentError, match=f"`{argument}` must contain names, patterns or classes"
            ):
                to_analog(Network(), **{argument: value})
    with pytest.raises(InvalidArgumentError, match="`config` must be an AnalogConfig, but got str"):
        to_analog(Network(), "rasch2023")
    with pytest.raises(InvalidArgumentError, match="`model` must be a torch module"):
        to_analog(Network)


def test_one_layer_used_twice_stays_one():
    shared = nn.Linear(4, 4)
    net = nn.Sequential(nn.Sequential(shared), nn.ReLU(), nn.Sequential(shared, shared))
    analog = to_analog(net)
    assert isinstance(analog[0][0], AnalogLinear)
    assert analog[0][0] is analog[2][0] is analog[2][1]
    analog(torch.randn(2, 4)).sum().backward()
    back = to_digital(analog)
    assert back[0][0] is back[2][0] is back[2][1]
    with pytest.warns(StaysDigitalWarning, match="No layer became analog"):
        to_analog(net, exclude="2.0")


def test_shared_weights_stay_shared():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    analog = to_analog(net)
    assert analog[0].weight is analog[1].weight
    assert len([name for name, _ in analog.named_parameters() if "weight" in name]) == 1
    with torch.no_grad():
        analog[0].weight.zero_()[0, 0] = 100.0
    limit = 2.5 * analog[0].weight.detach().std()
    clip_and_remap(analog)
    assert float(analog[1].weight.detach().max()) == pytest.approx(float(limit))
    rows = summary(analog).layers
    assert [row.parameters for row in rows] == [20, 4]
    assert rows[1].reason == "shares its weight with '0'"
    back = to_digital(analog)
    assert back[0].weight is back[1].weight


def test_a_weight_tied_to_an_embedding():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(9, 4), nn.Linear(4, 9)
            self.head.weight = self.table.weight

    with pytest.warns(StaysDigitalWarning) as caught:
        analog = to_analog(Model())
    assert str(caught[0].message) == (
        "1 layer(s) stay digital. Embedding (a lookup table, not a matrix product): 'table'. "
        "'head' shares a weight with 'table' (Embedding), which reads it exactly: training and clipping "
        "change both."
    )
    assert analog.head.weight is analog.table.weight
    assert summary(analog).layers[1].reason == "shares its weight with 'table'"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_analog(Model(), exclude=nn.Embedding)


def test_hooks_flags_types_and_attributes_are_kept():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).double()
    calls = []
    handle = net[0].register_forward_hook(lambda *_: calls.append("after"))
    net[0].register_forward_pre_hook(lambda *_, **__: calls.append("before"), with_kwargs=True)
    net[0].weight.register_hook(lambda grad: calls.append("weight"))
    net[0].register_full_backward_hook(lambda *_: calls.append("backward"))
    net[1].weight.requires_grad_(False)
    net[1].eval()
    net[1].note = "mine"
    analog = to_analog(net, inplace=True)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    analog(x).sum().backward()
    assert sorted(calls) == ["after", "backward", "before", "weight"]
    handle.remove()
    analog(torch.randn(2, 3, dtype=torch.float64))
    assert calls[4:] == ["before"]
    assert analog[0].training
    assert not analog[1].training
    assert analog[0].weight.requires_grad
    assert not analog[1].weight.requires_grad
    assert analog[1].note == "mine"
    assert {value.dtype for value in analog.parameters()} == {torch.float64}


def test_the_training_flag_reaches_the_matrices():
    assert not any(part.training for part in to_analog(nn.LSTM(2, 2).eval()).matrices)


def test_meta_device():
    with torch.device("meta"):
        net = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 4))
    analog = to_analog(net)
    assert {value.device.type for value in analog.parameters()} == {"meta"}
    real = analog.to_empty(device="cpu")
    real.load_state_dict(nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 4)).state_dict())
    part = real[1].matrices[1]
    assert torch.equal(part.weight, real[1].weight_hh_l0)


def test_layers_that_cannot_are_named_in_one_warning():
    class Odd(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2.0

    net = nn.ModuleDict(
        {
            "linear": nn.Linear(2, 2),
            "table": nn.Embedding(3, 2),
            "bag": nn.EmbeddingBag(3, 2),
            "up": nn.ConvTranspose2d(2, 2, 2),
            "bilinear": nn.Bilinear(2, 2, 2),
            "cell": nn.LSTMCell(2, 2),
            "rnn": nn.RNN(2, 2),
            "odd": Odd(2, 2),
            "own": nn.ParameterList([torch.zeros(2, 2)]),
            "norm": nn.LayerNorm([2, 2]),
            "act": nn.PReLU(),
        }
    )
    with pytest.warns(StaysDigitalWarning) as caught:
        analog = to_analog(net)
    (message,) = [str(entry.message) for entry in caught]
    assert message.startswith("8 layer(s) stay digital.")
    for name in ("table", "bag", "up", "bilinear", "cell", "rnn", "odd", "own"):
        assert f"'{name}'" in message
        assert type(analog[name]) is type(net[name])
    for name in ("linear", "norm", "act"):
        assert f"'{name}'" not in message
    assert "Odd (a Linear that overrides the forward; see register_converter())" in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_analog(net, only="linear")


def test_nothing_to_convert_is_said():
    with pytest.warns(StaysDigitalWarning, match="No layer became analog"):
        to_analog(nn.ReLU())


def test_a_subclass_with_the_same_forward_converts():
    class Same(nn.Linear):
        extra = 3

    analog = to_analog(Same(2, 2))
    assert type(analog) is AnalogLinear
    assert type(to_digital(analog)) is Same


def test_the_output_projection_of_a_digital_attention_stays_digital():
    with pytest.warns(StaysDigitalWarning, match="part of an attention that stays digital"):
        net = to_analog(Network(), only=["attention.out_proj", "conv"])
    assert analog_names(net) == ["conv"]


def test_own_converter():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.eye(2))

    def convert(layer, config):
        class AnalogTwice(AnalogComposite):
            def forward(self, x):
                return self.tiles["weight"](self.tiles["weight"](x))

        made = change_class(layer, AnalogTwice)
        made._make_tiles({"weight": MatrixTiles(made, "weight", config)})
        return made

    register_converter(Twice, convert)
    try:
        analog = to_analog(Twice())
        set_mode(analog, "ideal")
        x = torch.randn(3, 2)
        assert torch.equal(analog(x), x)
        assert type(to_digital(analog)) is Twice
    finally:
        del CONVERTERS[Twice]


def test_analog_layers_are_left_as_they_are():
    once = to_analog(Network())
    with pytest.warns(StaysDigitalWarning, match="No layer became analog"):
        again = to_analog(once)
    with pytest.warns(StaysDigitalWarning, match="were analog before and keep their configuration"):
        to_analog(once, AnalogConfig(out_noise=0.5))
    assert again.state_dict().keys() == once.state_dict().keys()


def bad_linear(weight):
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


def weight_normed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: bad_linear(torch.eye(2, dtype=torch.complex64)), "must be real floating-point"),
        (lambda: bad_linear(torch.eye(2, dtype=torch.int8)), "but are torch.int8"),
        (lambda: bad_linear(torch.zeros(0, 2)), "must not be empty, but have the shape (0, 2)"),
        (lambda: bad_linear(torch.tensor([[1.0, float("nan")]])), "contain NaN or infinity"),
        (lambda: nn.LazyLinear(3), "is lazy: run the model once on data first"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), "weight is parametrized"),
        (
            lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)),
            "remove_parametrizations",
        ),
        (weight_normed, "weight is computed before each forward, as by weight_norm"),
    ],
)
def test_bad_layers(make, text):
    net = nn.Sequential(nn.Linear(2, 2), make())
    with pytest.raises(InvalidArgumentError) as caught:
        to_analog(net)
    message = str(caught.value)
    assert text in message
    assert "'1'" in message
    assert "\n" not in message
    assert type(net[0]) is nn.Linear


def test_quantised_layers_are_named():
    class Linear(nn.Module):
        pass

    Linear.__module__ = "torch.ao.nn.quantized.dynamic.modules.linear"
    with pytest.warns(StaysDigitalWarning, match=r"its weights are quantised\): '1'"):
        to_analog(nn.Sequential(nn.Linear(2, 2), Linear()))


def test_layers_with_two_pairs_of_devices():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    config = AnalogConfig(digital=("last",), doubled=("0", "2"))
    analog = to_analog(net, config)
    assert isinstance(analog[0], AnalogLinear)
    assert [layer.config.weight_mapping.n_devices for layer in analog[:2]] == [4, 2]
    assert type(analog[2]) is nn.Linear  # digital layers have no devices
    assert network_config(analog) == config
    assert to_analog(net, AnalogConfig(doubled=("*",)))[1].config.weight_mapping.n_devices == 4
    with pytest.raises(UnknownNameError, match=r"Unknown layer '7' in `config.doubled`"):
        to_analog(net, AnalogConfig(doubled=("7",)))
