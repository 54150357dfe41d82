import itertools

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.nn import (
    AnalogMultiheadAttention,
    at_time,
    calibrate,
    clip_and_remap,
    program,
    set_mode,
    to_analog,
)

ATTENTION = (nn.MultiheadAttention, AnalogMultiheadAttention)
OPTIONS = [
    {},
    {"batch_first": True},
    {"bias": False},
    {"add_bias_kv": True},
    {"add_zero_attn": True, "add_bias_kv": True},
    {"kdim": 5, "vdim": 7},
    {"kdim": 5, "vdim": 7, "batch_first": True, "add_zero_attn": True},
]


def inputs(options):
    q = torch.randn(4, 2, 12, dtype=torch.float64)
    k = torch.randn(6, 2, options.get("kdim", 12), dtype=torch.float64)
    v = torch.randn(6, 2, options.get("vdim", 12), dtype=torch.float64)
    return [x.transpose(0, 1) if options.get("batch_first") else x for x in (q, k, v)]


def masks(kind, padded):
    mask = {
        "none": None,
        "bool": (torch.rand(4, 6) > 0.7) & (torch.arange(6) > 0),
        "float": torch.randn(4, 6, dtype=torch.float64),
        "heads": torch.randn(6, 4, 6, dtype=torch.float64),
    }[kind]
    if not padded:
        return {"attn_mask": mask}
    padding = torch.tensor([[False] * 3 + [True] * 3, [False] * 6])
    if kind in ("float", "heads"):
        padding = torch.zeros(2, 6, dtype=torch.float64).masked_fill(padding, float("-inf"))
    return {"attn_mask": mask, "key_padding_mask": padding}


@pytest.mark.parametrize("mode", ["ideal", "train"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_torch(options, mode, twins):
    plain, layer = twins(*ATTENTION, 12, 3, **options)
    set_mode(layer, mode)
    for kind, padded, weights, average in itertools.product(
        ("none", "bool", "float", "heads"), (False, True), (False, True), (False, True)
    ):
        call = {
            **masks(kind, padded),
            "need_weights": weights,
            "average_attn_weights": average,
        }
        given = inputs(options)
        expected, got = plain(*given, **call), layer(*given, **call)
        torch.testing.assert_close(got[0], expected[0])
        if weights:
            torch.testing.assert_close(got[1], expected[1])
        else:
            assert got[1] is None
        plain.zero_grad()
        layer.zero_grad()
        expected[0].square().sum().backward()
        got[0].square().sum().backward()
        for name, parameter in plain.named_parameters():
            torch.testing.assert_close(layer.get_parameter(name).grad, parameter.grad)


def test_without_a_batch(twins):
    plain, layer = twins(*ATTENTION, 12, 3)
    q, k, v = (x[:, 0] for x in inputs({}))
    padding = torch.tensor([False] * 5 + [True])
    expected, got = (each(q, k, v, key_padding_mask=padding) for each in (plain, layer))
    torch.testing.assert_close(got, expected)


def test_causal_attention_needs_its_mask(twins):
    plain, layer = twins(*ATTENTION, 12, 3)
    x = torch.randn(5, 2, 12, dtype=torch.float64)
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    for weights in (False, True):
        call = {"attn_mask": mask, "is_causal": True, "need_weights": weights}
        torch.testing.assert_close(layer(x, x, x, **call)[0], plain(x, x, x, **call)[0])
    with pytest.raises(InvalidArgumentError, match="`attn_mask` must be given"):
        layer(x, x, x, is_causal=True)


def test_dropout_acts_in_training(nothing):
    layer = AnalogMultiheadAttention(12, 3, dropout=0.5, config=nothing)
    x = torch.randn(5, 2, 12)
    assert not torch.equal(layer(x, x, x)[0], layer(x, x, x)[0])
    layer.eval()
    assert torch.equal(layer(x, x, x)[0], layer(x, x, x)[0])


def test_each_projection_has_its_own_tiles():
    layer = AnalogMultiheadAttention(12, 3)
    with torch.no_grad():
        layer.in_proj_weight[12:24].mul_(2.0)
    clip_and_remap(layer)
    q, k, _ = (layer.tiles[name] for name in ("q_proj", "k_proj", "v_proj"))
    assert float(k.weight_scale.max()) > 1.5 * float(q.weight_scale.max())
    assert torch.equal(k.weight, layer.in_proj_weight[12:24])
    before = layer.in_proj_weight.detach().clone()
    limit = 2.5 * before[12:24].std()
    clip_and_remap(layer)
    torch.testing.assert_close(layer.in_proj_weight[12:24], before[12:24].clamp(-limit, limit))


def test_every_projection_is_clipped(generator):
    """Views of one parameter are different weights, however short they live."""
    layer = AnalogMultiheadAttention(64, 2)
    with torch.no_grad():
        layer.in_proj_weight.normal_(generator=generator())
    clip_and_remap(layer)
    for part in layer.matrices:
        assert 2.3 < float(part.weight.detach().abs().max()) < 2.7


def test_calibrate_and_chips(generator):
    layer = AnalogMultiheadAttention(12, 3, batch_first=True).eval()
    x = torch.randn(2, 5, 12)
    calibrate(layer, [x], lambda model, batch: model(batch, batch, batch))
    assert all(int(part.input_range_batches) == 1 for part in layer.matrices)
    assert int(layer.out_proj.input_range_batches) == 1
    program(layer, generator=generator(), chips=2)
    at_time(layer, 60.0)
    y = x.repeat(2, 1, 1)
    out, weights = layer(y, y, y)
    assert out.shape == (4, 5, 12)
    assert weights.shape == (4, 5, 5)
    assert not torch.equal(out[:2], out[2:])
    with pytest.raises(InvalidArgumentError, match="dimension of samples"):
        layer(x[0], x[0], x[0])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_refused():
    layer = AnalogMultiheadAttention(12, 3, batch_first=True).eval()
    plain = torch._nested_tensor_from_mask(torch.randn(2, 3, 12), torch.ones(2, 3).bool())
    with pytest.raises(InvalidArgumentError, match="nested"):
        layer(plain, plain, plain)


@pytest.mark.parametrize("n", [0, 2])
def test_a_batch_may_be_empty(n):
    plain = nn.MultiheadAttention(12, 3, batch_first=True)
    x = torch.randn(n, 4, 12)
    y, weights = to_analog(nn.Sequential(plain))[0](x, x, x)
    expected, theirs = plain(x, x, x)
    assert (y.shape, weights.shape) == (expected.shape, theirs.shape)
