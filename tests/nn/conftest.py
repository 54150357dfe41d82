import pytest
import torch

from analognas.nn import ADC, DAC, AnalogConfig, InputRange, TileSize, WeightModifier


@pytest.fixture(scope="session")
def nothing():
    """Tiles that change nothing: the analog code path equals the digital layer."""
    return AnalogConfig(
        dac=DAC(bits=None),
        adc=ADC(bits=None, bound=None),
        out_noise=0.0,
        modifier=WeightModifier(kind="none"),
        input_range=InputRange(kind="fixed", init=100.0),
        tile=TileSize(rows=7, columns=5),
    )


@pytest.fixture(scope="session")
def generator():
    """Makes a generator of a seed, 0 if none is given."""
    return lambda seed=0: torch.Generator().manual_seed(seed)


@pytest.fixture
def twins(nothing):
    """Makes a digital layer and an analog one with the same weights, in double precision."""

    def make(digital, analog, *args, **options):
        torch.manual_seed(0)
        plain = digital(*args, **options).double()
        layer = analog(*args, config=nothing, **options).double()
        layer.load_state_dict(plain.state_dict())
        return plain, layer

    return make
