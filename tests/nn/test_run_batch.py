import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from analognas.core import InvalidArgumentError, NotFiniteError
from analognas.nn import AnalogLinear, StaysDigitalWarning, analog_layers, calibrate, to_analog
from analognas.nn.finite import source_of_nan
from analognas.training import calibrate_quantization, quantize

X = torch.linspace(-2.0, 3.0, 64).view(16, 4)
Y = torch.arange(16) % 2


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


def ranges(model):
    return [layer.input_range.item() for _, layer in analog_layers(model)]


@pytest.mark.parametrize(
    "batches",
    [
        DataLoader(TensorDataset(X, Y), 8),
        DataLoader(TensorDataset(X), 8),
        [(X[:8], Y[:8]), (X[8:], Y[8:])],
        [[X[:8], None], [X[8:], None]],
        [X[:8], X[:0], X[8:]],
    ],
    ids=["pairs", "inputs alone", "tuples", "no labels", "an empty batch"],
)
def test_batches_with_labels_calibrate_like_their_inputs(batches):
    expected = ranges(calibrate(to_analog(net()), [X[:8], X[8:]]))
    assert ranges(calibrate(to_analog(net()), batches)) == expected
    integer = calibrate_quantization(quantize(net()), batches)
    torch.testing.assert_close(
        integer(X), calibrate_quantization(quantize(net()), [X[:8], X[8:]])(X), rtol=0.0, atol=0.0
    )


@pytest.mark.parametrize(
    ("batches", "error", "text"),
    [
        ((X, Y), InvalidArgumentError, r"one pair of inputs and labels: pass \[inputs\]"),
        ([X, Y[:, None]], InvalidArgumentError, "one pair of inputs and labels"),
        ([(X, X, Y)], InvalidArgumentError, "a sequence of 3.*run="),
        (
            [{"x": X}],
            InvalidArgumentError,
            r"type dict.*run=lambda model, batch: model\(\*\*batch\)",
        ),
        (X, InvalidArgumentError, r"got Tensor. Give \[inputs\]"),
        ([X[:, :3]], InvalidArgumentError, r"inputs of shape \(16, 3\): .*Build it for this shape"),
        ([X.double()], InvalidArgumentError, r"torch.float64.*inputs.to\(torch.float32\)"),
        ([X.long()], InvalidArgumentError, r"torch.int64.*inputs.to\(torch.float32\)"),
        ([X[:0]], InvalidArgumentError, "at least one batch with an example"),
        ([], InvalidArgumentError, "at least one batch with an example"),
        ([X, X * torch.nan], NotFiniteError, "layer '0'"),
    ],
)
@pytest.mark.parametrize("kind", ["analog", "quantised"])
def test_batches_that_cannot_be_taken(kind, batches, error, text):
    model = to_analog(net()) if kind == "analog" else quantize(net())
    act = calibrate if kind == "analog" else calibrate_quantization
    if kind == "analog":
        calibrate(model, [X])
        before = ranges(model)
    with pytest.raises(error, match=text):
        act(model, batches)
    if kind == "analog":
        assert ranges(model) == before  # nothing half done stays


def test_ids_beyond_a_table_and_ids_that_are_not_integers():
    table = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 2))
    with pytest.warns(StaysDigitalWarning):
        model = to_analog(table)
    with pytest.raises(
        InvalidArgumentError, match="ids from 0 to 7: one of its tables has fewer rows"
    ):
        calibrate(model, [torch.tensor([[0, 7]])])
    with pytest.raises(InvalidArgumentError, match=r"ids of tokens with inputs.long\(\)"):
        calibrate(model, [torch.tensor([[0.0, 1.0]])])


def test_nan_inside_a_network_names_the_layer_that_gets_it():
    broken = to_analog(net())
    with torch.no_grad():
        broken[0].bias[0] = torch.inf
    with pytest.raises(NotFiniteError, match="layer '2'"):
        calibrate(broken, [X])


def test_errors_of_the_caller_s_own_function_stay():
    def run(model, batch):
        raise TypeError("mine")

    with pytest.raises(TypeError, match="^mine$"):
        calibrate(to_analog(net()), [X], run)
    with pytest.raises(RuntimeError, match="on purpose"):
        calibrate(nn.Sequential(AnalogLinear(4, 2), Raises()), [X])


class Raises(nn.Module):
    def forward(self, x):
        raise RuntimeError("on purpose")


def test_where_nan_comes_from():
    model = net()
    assert source_of_nan(model, X) == ""
    assert source_of_nan(model, X * torch.nan) == "the inputs"
    with torch.no_grad():
        model[2].weight[0, 0] = torch.nan
    assert source_of_nan(model, X) == "`weight` of layer '2' (Linear)"

    class Divides(nn.Module):
        def forward(self, x):
            return {"logits": x / 0.0}

    assert source_of_nan(nn.Sequential(Divides()), X) == "the outputs of layer '0' (Divides)"
