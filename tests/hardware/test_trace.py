import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.hardware import trace_layers
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


def test_the_network_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trace_layers(model, input_shape=(3,))
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_layers_that_cannot_be_mapped():
    model = nn.Sequential(nn.Linear(3, 3), nn.Bilinear(3, 3, 3))
    with pytest.raises(InvalidArgumentError, match=r"'1' \(Bilinear\) cannot be mapped"):
        trace_layers(model, input_shape=(3,))
    assert not model[0]._forward_hooks


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
