"""What a layer loses on PCM chips over a year, against aihwkit 1.2.0's layer of the same size."""

import pytest
import torch

from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogLinear,
    DriftCompensation,
    InputRange,
    TileSize,
    WeightModifier,
    run_chips,
)
from analognas.nn.tile.compensation import reading
from analognas.physics import PCM

N_CHIPS = 200
TIMES = [1.0, 60.0, 3600.0, 86400.0, 2592000.0, 31536000.0]
COMPENSATED = [0.131, 0.134, 0.149, 0.168, 0.193, 0.214]
RAW = [0.131, 0.147, 0.263, 0.364, 0.459, 0.520]
AT_PROGRAMMING = 0.103
PERFECT = AnalogConfig(
    dac=DAC(bits=None), adc=ADC(bits=None, bound=None), out_noise=0.0,
    modifier=WeightModifier(kind="none"), input_range=InputRange(kind="fixed", init=100.0),
)  # fmt: skip


def errors_and_gains(config, times, weight, x):
    """Relative L2 errors and gains over all chips, by time: with compensation, and of the same chips raw."""
    layer = AnalogLinear(256, 128, bias=False, config=config)
    layer.weight.data.copy_(weight)
    layer.program(generator=torch.Generator().manual_seed(0), chips=N_CHIPS)
    ideal, result = x @ weight.T, []
    for t in times:
        layer.at_time(t)
        # A perfect forward is linear: raw outputs are compensated ones over alpha.
        y = run_chips(layer, x)
        row = []
        for outputs in (y, y / layer.chips.alpha.mean((1, 2)).view(-1, 1, 1)):
            error = ((outputs - ideal).square().sum((1, 2)) / ideal.square().sum()).sqrt().mean()
            row.append((float(error), float((outputs * ideal).mean() / ideal.square().mean())))
        result.append(row)
    return result


@pytest.fixture(scope="module")
def problem(shared):
    """The weights and inputs of the reference: the error depends on how far the largest weight lies out."""
    import numpy as np

    path = shared / "reference" / "forward_golden.npz"
    if not path.exists():
        pytest.skip(f"no reference results at {path}")
    with np.load(path, allow_pickle=False) as data:
        return torch.tensor(data["weights"]), torch.tensor(data["inputs"])


@pytest.fixture(scope="module")
def year(problem):
    return errors_and_gains(PERFECT, TIMES, *problem)


@pytest.mark.parametrize(
    ("index", "expected"), [(0, COMPENSATED), (1, RAW)], ids=["compensated", "raw"]
)
def test_errors_over_a_year(index, expected, year):
    for row, reference in zip(year, expected, strict=True):
        assert row[index][0] == pytest.approx(reference, rel=0.03)


def test_error_and_gain_at_programming(problem):
    """Without read noise; every weight is 0.105 uS short, which is the noise of the idle device."""
    config = PERFECT.replace(device=PCM(read_noise_scale=0.0))
    error, gain = errors_and_gains(config, [0.0], *problem)[0][0]
    assert error == pytest.approx(AT_PROGRAMMING, rel=0.03)
    assert gain == pytest.approx(0.986, abs=0.003)


def test_compensation_keeps_the_gain(year):
    assert all(row[0][1] == pytest.approx(0.99, abs=0.015) for row in year)
    assert year[-1][1][1] < 0.55


def alphas(config, weight):
    layer = AnalogLinear(256, 128, bias=False, config=config)
    layer.weight.data.copy_(weight)
    layer.program(generator=torch.Generator().manual_seed(0), chips=50)
    layer.at_time(TIMES[-1])
    return layer.chips.alpha


def test_noise_and_converters_bias_the_measured_factor_and_repeats_lower_the_bias(problem):
    perfect = float(alphas(PERFECT, problem[0]).mean())
    real = AnalogConfig(input_range=InputRange(init_batches=0))
    biased = float(alphas(real, problem[0]).mean())
    averaged = float(
        alphas(real.replace(compensation=DriftCompensation(n_repeats=16)), problem[0]).mean()
    )
    assert perfect == pytest.approx(2.039, rel=0.02)
    assert biased == pytest.approx(1.960, rel=0.02)
    assert biased < averaged < perfect + 0.005


def test_a_reading_is_the_forward_of_one_input_at_a_time():
    """The product with a one-hot input is left out; all else is the forward's, IR drop included."""
    torch.manual_seed(0)
    config = PERFECT.replace(
        adc=ADC(bits=8, bound=2.0), dac=DAC(bits=8), ir_drop=100.0,
        input_range=InputRange(kind="fixed", init=1.0), compensation=DriftCompensation(kind="column"),
    )  # fmt: skip
    layer = AnalogLinear(40, 6, bias=False, config=config)
    layer.program(generator=torch.Generator().manual_seed(0))
    chips = layer.chips
    outputs = chips.forward(torch.eye(40)) / layer.weight_scale[0, 0]
    read = reading(chips._driven, layer.tiled, chips.noise)
    torch.testing.assert_close(read[0], outputs.abs().mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["global", "column", "exact"])
def test_a_factor_belongs_to_a_tile_or_a_column(kind):
    torch.manual_seed(0)
    config = PERFECT.replace(
        compensation=DriftCompensation(kind=kind), tile=TileSize(rows=16, columns=4)
    )
    layer = AnalogLinear(32, 8, config=config)
    layer.program(generator=torch.Generator().manual_seed(0), chips=2)
    layer.at_time(86400.0)
    alpha = layer.chips.alpha
    assert alpha.shape == (2, 2, 8)
    assert all(len(row.unique()) == (8 if kind == "column" else 2) for row in alpha.flatten(0, 1))
    assert (alpha > 1.0).all()
    assert (alpha < 2.5).all()
