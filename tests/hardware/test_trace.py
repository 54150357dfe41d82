import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.core import InvalidArgumentError
from analognas.hardware import trace_layers
from analognas.models import build_model
from analognas.nn import AnalogConfig, to_analog


def shapes(model, **options):
    return {
        found.name: (
            found.layer.channels,
            found.layer.outputs,
            found.layer.kernel,
            found.layer.groups,
            found.layer.positions,
        )
        for found in trace_layers(model, **options)
    }


def test_convolutions():
    model = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.Flatten(), nn.Linear(54, 5))
    assert shapes(model, input_shape=(4, 7, 7)) == {
        "0": (2, 3, 9, 2, 9),
        "2": (54, 5, 1, 1, 1),
    }
    assert shapes(nn.Conv1d(2, 3, 5), input_shape=(2, 10)) == {"": (2, 3, 5, 1, 6)}


def test_a_layer_used_twice_is_one_matrix():
    layer = nn.Linear(3, 3)
    assert shapes(nn.Sequential(layer, nn.ReLU(), layer), input_shape=(3,)) == {
        "0": (3, 3, 1, 1, 2)
    }


def test_recurrent_layers():
    lstm = nn.LSTM(5, 7, num_layers=2, batch_first=True)
    assert shapes(lstm, input_shape=(11, 5)) == {
        "weight_ih_l0": (5, 28, 1, 1, 11),
        "weight_hh_l0": (7, 28, 1, 1, 11),
        "weight_ih_l1": (7, 28, 1, 1, 11),
        "weight_hh_l1": (7, 28, 1, 1, 11),
    }


def test_attention():
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    assert shapes(encoder, input_shape=(5, 8)) == {
        "self_attn.query": (8, 8, 1, 1, 5),
        "self_attn.key": (8, 8, 1, 1, 5),
        "self_attn.value": (8, 8, 1, 1, 5),
        "self_attn.out_proj": (8, 8, 1, 1, 5),
        "linear1": (8, 16, 1, 1, 5),
        "linear2": (16, 8, 1, 1, 5),
    }


def test_tokens_need_an_example():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    assert shapes(model, example=torch.tensor([[1, 2, 3]])) == {"1": (4, 2, 1, 1, 3)}
    with pytest.raises(InvalidArgumentError, match="does not run on an input of shape"):
        trace_layers(model, input_shape=(3,))


def test_analog_networks_are_seen_alike():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    analog = to_analog(model, AnalogConfig())
    assert shapes(analog, input_shape=(3, 4, 4)) == shapes(model, input_shape=(3, 4, 4))


def test_analog_attention_is_counted_once():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    analog = to_analog(model, AnalogConfig())
    assert shapes(analog, input_shape=(5, 8)) == shapes(model, input_shape=(5, 8))
    assert len(trace_layers(analog, input_shape=(5, 8))) == 6


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x).relu())


def test_compiled_networks_are_seen():
    compiled = torch.compile(TwoLayers(), backend="eager")
    found = shapes(compiled, input_shape=(3,))
    assert [*found.values()] == [(3, 4, 1, 1, 1), (4, 2, 1, 1, 1)]


def test_the_network_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trace_layers(model, input_shape=(3,))
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.backends.mha.get_fastpath_enabled()


class Twice(nn.Bilinear):
    def forward(self, x):
        return super().forward(x, x)


@pytest.mark.parametrize(
    ("layer", "name"),
    [(Twice(3, 3, 3), "Twice"), (nn.ConvTranspose1d(1, 1, 2), "ConvTranspose1d")],
)
def test_layers_that_cannot_be_mapped(layer, name):
    model = nn.Sequential(nn.Linear(3, 3), layer)
    with pytest.raises(InvalidArgumentError, match=rf"'1' \({name}\) cannot be mapped"):
        trace_layers(model, input_shape=(1, 3) if "1d" in name else (3,))
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())


class Raw(nn.Module):
    """A linear layer, and a product with a matrix that is none; ``product`` tells which."""

    def __init__(self, product):
        super().__init__()
        self.l, self.q, self.product = nn.Linear(8, 8), nn.Linear(8, 8), product
        self.kernel = nn.Parameter(torch.zeros(8, 1000))
        self.in_proj_weight = nn.Parameter(torch.zeros(24, 8))
        self.list = nn.ParameterList([torch.zeros(8, 8)])
        self.register_buffer("fixed", torch.zeros(8, 8))
        self.plain = torch.zeros(8, 8)

    def forward(self, x):
        return self.product(self, self.l(x))


@pytest.mark.parametrize(
    ("product", "words"),
    [
        (lambda m, x: x @ m.kernel, "`matmul` multiplies with a matrix 'kernel' of shape (8, 1000)"),
        (lambda m, x: functional.linear(x, m.in_proj_weight), "`linear` .* 'in_proj_weight'"),
        (lambda m, x: x @ m.list[0], "'list.0' of shape (8, 8)"),
        (lambda m, x: functional.linear(x, m.q.weight), "'q.weight'"),
        (lambda m, x: torch.einsum("bi,ij->bj", x, m.kernel), "'kernel'"),
        (lambda m, x: functional.linear(x, 2 * m.kernel.T + 1), "of shape (1000, 8)"),
        (lambda m, x: torch.addmm(torch.zeros(1000), x, m.kernel), "'kernel'"),
        (lambda m, x: torch.stack([row.mv(x[0]) for row in m.kernel.T.chunk(4)]), "of shape (250, 8)"),
        (lambda m, x: x @ m.fixed, "'fixed'"),
        (lambda m, x: x @ m.plain, "'plain'"),
        (lambda m, x: x @ torch.ones(8, 8).tril(), "of shape (8, 8)"),
        (lambda m, x: functional.conv1d(x[None], m.kernel.T[:, None, :3]), "of shape (1000, 1, 3)"),
    ],
)  # fmt: skip
def test_matrices_outside_layers_are_refused_by_name(product, words):
    words = words.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(InvalidArgumentError, match=r"'' \(Raw\) cannot be mapped .*" + words):
        trace_layers(Raw(product), input_shape=(8,))


@pytest.mark.parametrize(
    "product",
    [
        lambda m, x: x @ x.T,
        lambda m, x: (x + m.fixed) * m.plain,
        lambda m, x: functional.layer_norm(x, (8,), m.fixed[0], m.plain[0]),
        lambda m, x: x.new_zeros(2, 8).index_put_((torch.tensor([0]),), x) @ x.T,
        lambda m, x: filled(x) @ x.T,
        lambda m, x: functional.linear(x, x, m.fixed[0, :1]),
    ],
)
def test_other_tensors_are_no_matrices(product):
    assert [*shapes(Raw(product), input_shape=(8,))] == ["l"]


def filled(x):
    rows = torch.zeros(2, 8)
    rows[0] = x[0]
    return rows


def test_layers_that_share_a_weight_are_one_matrix():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    assert shapes(model, input_shape=(3,)) == {"0": (3, 3, 1, 1, 2)}
    tied = build_model("lstm", input_shape=(5,), n_classes=7, width=4, tied=True)
    assert shapes(tied, example=torch.zeros(1, 5, dtype=torch.long))["decoder"] == (4, 7, 1, 1, 5)


def test_weights_that_are_no_matrices_pass():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm((4, 2, 2)), nn.PReLU(4))
    assert [*shapes(model, input_shape=(3, 4, 4))] == ["0"]


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_scripted_network_is_refused():
    scripted = torch.jit.trace(nn.Linear(3, 3), torch.zeros(1, 3))
    with pytest.raises(InvalidArgumentError, match="a scripted network does not tell its layers"):
        trace_layers(nn.Sequential(scripted), input_shape=(3,))


def test_bad_arguments():
    with pytest.raises(InvalidArgumentError, match="must be a torch module"):
        trace_layers(3, input_shape=(3,))
    for options in ({}, {"input_shape": (3,), "example": torch.zeros(1, 3)}):
        with pytest.raises(InvalidArgumentError, match="Either `input_shape` or `example`"):
            trace_layers(nn.Linear(3, 3), **options)
    with pytest.raises(
        InvalidArgumentError, match="`input_shape` must be an integer of at least 1"
    ):
        trace_layers(nn.Linear(3, 3), input_shape=(0,))
    with pytest.raises(InvalidArgumentError, match=r"does not run on an input of shape \(1, 4\)"):
        trace_layers(nn.Linear(3, 3), input_shape=(4,))
    for shape in (8, "8", None):
        with pytest.raises(InvalidArgumentError, match="`input_shape`"):
            trace_layers(nn.Linear(3, 3), input_shape=shape)
    for example in ("x", [torch.zeros(1, 3)], {"x": torch.zeros(1, 3)}, (), (3,)):
        with pytest.raises(InvalidArgumentError, match="`example` must be a tensor or a tuple"):
            trace_layers(nn.Linear(3, 3), example=example)
