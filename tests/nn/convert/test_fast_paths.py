import pytest
import torch
from torch import nn

from analognas.nn import AnalogConfig, set_mode, to_analog, to_digital

LAYER = {"d_model": 8, "nhead": 2, "dim_feedforward": 16, "batch_first": True}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(**LAYER, dropout=0.0), 2).eval()


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tiles_are_not_passed_by_in_evaluation(encoder):
    analog = to_analog(encoder, AnalogConfig(out_noise=0.2))
    x = torch.randn(2, 5, 8)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    for options in ({}, {"src_key_padding_mask": padding}):
        assert not torch.equal(analog(x, **options), analog(x, **options))
    set_mode(analog, "ideal")
    torch.testing.assert_close(analog(x), encoder(x))
    got, expected = (net(x, src_key_padding_mask=padding) for net in (analog, encoder))
    torch.testing.assert_close(got[~padding], expected[~padding])


def test_the_switches_come_back(encoder):
    analog = to_analog(encoder, exclude="layers.1")
    assert [layer.activation_relu_or_gelu for layer in analog.layers] == [0, 1]
    assert not analog.use_nested_tensor
    back = to_digital(analog)
    assert [layer.activation_relu_or_gelu for layer in back.layers] == [1, 1]
    assert back.use_nested_tensor


def test_decoder_and_the_whole_transformer():
    torch.manual_seed(0)
    net = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True).eval()
    analog = to_analog(net)
    set_mode(analog, "ideal")
    x, y = torch.randn(2, 5, 8), torch.randn(2, 4, 8)
    torch.testing.assert_close(analog(x, y), net(x, y))
