import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from analognas.core import InvalidArgumentError
from analognas.nn import (
    AnalogGRU,
    AnalogLSTM,
    InputRange,
    ReadNoise,
    WeightModifier,
    at_time,
    calibrate,
    program,
    set_mode,
)

OPTIONS = [
    (digital, analog, {"num_layers": layers, "bidirectional": both, "batch_first": first, **more})
    for digital, analog, projections in (
        (nn.LSTM, AnalogLSTM, ({}, {"proj_size": 3}, {"bias": False})),
        (nn.GRU, AnalogGRU, ({}, {"bias": False})),
    )
    for (layers, both), first, more in itertools.product(
        ((1, False), (2, True)), (False, True), projections
    )
]


def tensors(output):
    y, state = output
    y = y.data if isinstance(y, PackedSequence) else y
    return [y, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("mode", ["ideal", "train"])
@pytest.mark.parametrize(("digital", "analog", "options"), OPTIONS)
def test_equals_torch(digital, analog, options, mode, twins):
    plain, layer = twins(digital, analog, 6, 8, **options)
    set_mode(layer, mode)
    x = torch.randn(4, 5, 6, dtype=torch.float64)
    sequences = [torch.randn(n, 6, dtype=torch.float64) for n in (3, 5, 2)]
    inputs = [
        x,
        x[0],
        pack_sequence(sequences, enforce_sorted=False),
        pack_sequence(sorted(sequences, key=len, reverse=True)),
    ]
    for given in inputs:
        expected, got = plain(given), layer(given)
        plain.zero_grad()
        layer.zero_grad()
        for a, b in zip(tensors(got), tensors(expected), strict=True):
            torch.testing.assert_close(a, b)
        sum(y.square().sum() for y in tensors(expected)).backward()
        sum(y.square().sum() for y in tensors(got)).backward()
        for name, parameter in plain.named_parameters():
            torch.testing.assert_close(layer.get_parameter(name).grad, parameter.grad)


@pytest.mark.parametrize(("digital", "analog"), [(nn.LSTM, AnalogLSTM), (nn.GRU, AnalogGRU)])
def test_initial_states(digital, analog, twins):
    options = {"num_layers": 2, "bidirectional": True}
    plain, layer = twins(digital, analog, 6, 8, **options)
    x = torch.randn(5, 3, 6, dtype=torch.float64)
    for given, n in ((x, (3,)), (x[:, 0], ()), (pack_padded_sequence(x, [5, 4, 1]), (3,))):
        state = torch.randn(4, *n, 8, dtype=torch.float64)
        hx = (state, state + 0.1) if digital is nn.LSTM else state
        for a, b in zip(tensors(layer(given, hx)), tensors(plain(given, hx)), strict=True):
            torch.testing.assert_close(a, b)
    with pytest.raises(RuntimeError, match="Expected hidden size"):
        layer(x, (state[:1],) * 2 if digital is nn.LSTM else state[:1])


def test_packed_outputs_keep_their_order(twins):
    plain, layer = twins(nn.LSTM, AnalogLSTM, 6, 8)
    given = pack_sequence(
        [torch.randn(n, 6, dtype=torch.float64) for n in (2, 4)], enforce_sorted=False
    )
    expected, got = plain(given)[0], layer(given)[0]
    assert torch.equal(got.batch_sizes, expected.batch_sizes)
    assert torch.equal(got.sorted_indices, expected.sorted_indices)
    assert torch.equal(got.unsorted_indices, expected.unsorted_indices)


def test_dropout_between_layers_only(nothing):
    layer = AnalogLSTM(6, 8, 2, dropout=1.0, config=nothing)
    x = torch.randn(5, 3, 6)
    nothing = AnalogLSTM(6, 8, 2, config=nothing)
    nothing.load_state_dict(layer.state_dict())
    assert not torch.equal(layer(x)[0], nothing(x)[0])
    assert torch.equal(layer.eval()(x)[0], nothing.eval()(x)[0])


def test_the_modifier_is_drawn_once_a_pass(nothing):
    """With a weight that is not used otherwise, equal states give equal steps within one pass."""
    config = nothing.replace(modifier=WeightModifier(std=0.3))
    layer = AnalogGRU(2, 4, config=config)
    h = torch.rand(3, 4)
    step = layer.tiles["weight_hh_l0"].time_steps()
    assert torch.equal(step(h), step(h))
    assert not torch.equal(step(h), layer.tiles["weight_hh_l0"].time_steps()(h))
    clean = layer.eval().tiles["weight_hh_l0"].time_steps()(h)
    torch.testing.assert_close(clean, h @ layer.weight_hh_l0.t())


def test_the_gradient_goes_to_the_clean_weight_through_the_noisy_one(nothing):
    config = nothing.replace(modifier=WeightModifier(std=0.3))
    tiles = AnalogGRU(2, 4, config=config).tiles["weight_hh_l0"]
    h = torch.rand(3, 4, requires_grad=True)
    step = tiles.time_steps()
    noisy = step(torch.eye(4)).t()
    step(h).sum().backward()
    torch.testing.assert_close(h.grad, noisy.sum(0).expand(3, 4))
    weight = tiles._source[0].weight_hh_l0
    torch.testing.assert_close(weight.grad, h.detach().sum(0).expand(12, 4))


def test_noise_is_drawn_at_each_step(nothing):
    layer = AnalogLSTM(2, 4, config=nothing.replace(read_noise=ReadNoise(std=0.1))).eval()
    step = layer.tiles["weight_hh_l0"].time_steps()
    h = torch.rand(3, 4)
    assert not torch.equal(step(h), step(h))


def test_ranges_are_initialised_once_a_batch_from_valid_steps(nothing):
    config = nothing.replace(input_range=InputRange(init_batches=2, init_std=20.0))
    layer = AnalogLSTM(6, 8, batch_first=True, config=config)
    sequences = [torch.randn(n, 6) for n in (3, 7)]
    packed = pack_sequence(sequences, enforce_sorted=False)
    y, _ = layer(packed)
    y.data.sum().backward()
    tiles = layer.tiles["weight_ih_l0"]
    assert int(tiles.input_range_batches) == 1
    torch.testing.assert_close(tiles.input_range, 20.0 * torch.cat(sequences).std().reshape(1))
    outputs = [layer.eval()(part)[0][:-1] for part in sequences]
    tiles = layer.tiles["weight_hh_l0"]
    assert int(tiles.input_range_batches) == 1
    torch.testing.assert_close(tiles.input_range, 20.0 * torch.cat(outputs).std().reshape(1))
    layer.train()
    for _ in range(3):
        layer(packed)
    assert int(tiles.input_range_batches) == 2


def test_calibrate_reaches_every_matrix():
    layer = AnalogLSTM(6, 8, 2, batch_first=True)
    x = torch.randn(3, 4, 6)
    expected = nn.LSTM.forward(layer, x)[0]
    calibrate(layer, [x, x])
    assert all(int(part.input_range_batches) == 2 for part in layer.matrices)
    torch.testing.assert_close(layer.tiles["weight_ih_l0"].input_range, 3.0 * x.std().reshape(1))
    set_mode(layer, "ideal")
    assert torch.equal(layer(x)[0], expected)


def test_chips(generator):
    layer = AnalogLSTM(6, 8, batch_first=True)
    layer.eval()
    calibrate(layer, [torch.randn(8, 4, 6)])
    x = torch.randn(2, 4, 6)
    program(layer, generator=generator(), chips=3)
    at_time(layer, 3600.0)
    several = layer(x.repeat(3, 1, 1))[0]
    assert several.shape == (6, 4, 8)
    assert not torch.equal(several[:2], several[2:4])
    time_first = AnalogLSTM(6, 8).eval()
    time_first.load_state_dict(layer.state_dict())
    program(time_first, generator=generator(), chips=3)
    at_time(time_first, 3600.0)
    again = time_first(x.repeat(3, 1, 1).transpose(0, 1))[0]
    assert torch.equal(again.transpose(0, 1), several)
    with pytest.raises(InvalidArgumentError, match="dimension of samples"):
        layer(x[0])


def test_programming_needs_no_model(nothing, generator):
    layer = AnalogGRU(6, 8, config=nothing)
    layer.program(generator=generator())
    layer.at_time(60.0)
    first = layer(torch.ones(2, 1, 6))[0]
    layer.program(generator=generator())
    layer.at_time(60.0)
    assert torch.equal(layer(torch.ones(2, 1, 6))[0], first)
    layer.double()
    assert layer.n_chips is None
    with pytest.raises(RuntimeError, match="not on a chip"):
        layer(torch.ones(2, 1, 6, dtype=torch.float64))
    layer.set_mode("ideal")
    assert layer(torch.ones(2, 1, 6, dtype=torch.float64))[0].shape == (2, 1, 8)


def test_new_weights_are_torchs():
    torch.manual_seed(3)
    plain = nn.LSTM(6, 8, proj_size=2)
    torch.manual_seed(3)
    layer = AnalogLSTM(6, 8, proj_size=2)
    for name, value in plain.state_dict().items():
        assert torch.equal(layer.state_dict()[name], value)
    layer.reset_parameters()
    assert all(float(part.input_range.detach()) == 3.0 for part in layer.matrices)
