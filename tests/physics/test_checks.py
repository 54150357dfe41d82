import math

import pytest
import torch

from analognas.core import InvalidArgumentError, PhysicalRangeError
from analognas.physics import PCM, ProgrammedDevices
from analognas.physics.checks import check_conductance, check_generators, check_quantity

G = torch.Generator().manual_seed(0)


@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf, 25.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bad_targets_name_value_unit_and_range(value, dtype):
    g = torch.full((4, 3), 12.0, dtype=dtype)
    g[2, 1] = value
    text = rf"`g_target` must be in \[0, 25\] µS, but got {value:g} µS\."
    for call in (PCM().program, PCM().draw_nu):
        with pytest.raises(PhysicalRangeError, match=text):
            call(g, generator=G)
    with pytest.raises(PhysicalRangeError, match=text):
        ProgrammedDevices.program(PCM(), g, generator=G)


def test_nan_is_found_among_other_bad_values():
    with pytest.raises(PhysicalRangeError, match="got nan µS"):
        check_conductance("g", torch.tensor([99.0, math.nan, -1.0]), maximum=25.0)


@pytest.mark.parametrize("g_max", [20.7, 88.2, 0.1, 25.0])
def test_bounds_survive_the_cast_to_float32(g_max):
    check_conductance("g", torch.tensor([0.0, g_max]), maximum=g_max)
    check_conductance("g", torch.tensor([g_max]), minimum=g_max, maximum=g_max)


@pytest.mark.parametrize("t", [-1.0, math.nan, math.inf, "soon", None, True])
def test_bad_times_name_value_unit_and_range(t):
    g = torch.tensor([1.0])
    text = r"`t` must be in \[0, inf\) s, but got .*(-1\.0|nan|inf|soon|None|True).* s\."
    with pytest.raises(PhysicalRangeError, match=text):
        PCM().drift(g, g, t)
    chip = ProgrammedDevices.program(PCM(), g, generator=G)
    with pytest.raises(PhysicalRangeError, match=text):
        chip.read(t, generator=G)
    with pytest.raises(PhysicalRangeError, match=text):
        chip.drift([1.0, t])


def test_programmed_conductances_may_exceed_g_max_but_not_be_negative_or_nan():
    nu = torch.tensor([0.05])
    assert PCM().drift(torch.tensor([27.0]), nu, 0.0).item() == 27.0
    for value in (-1.0, math.nan):
        with pytest.raises(PhysicalRangeError, match=r"`g_prog` must be in \[0, inf\) µS, but got"):
            PCM().drift(torch.tensor([value]), nu, 0.0)
        with pytest.raises(PhysicalRangeError, match="`g_drift` must be"):
            PCM().read(torch.tensor([value]), 0.0, g_prog=torch.ones(1), generator=G)


def test_a_generator_must_live_where_the_tensor_does():
    elsewhere = torch.empty(2, 3, device="meta")
    text = "`generator` must be on 'meta' as `g_target` is, but got one on 'cpu'"
    with pytest.raises(InvalidArgumentError, match=text):
        PCM().program(elsewhere, generator=torch.Generator())
    with pytest.raises(InvalidArgumentError, match=text):
        ProgrammedDevices.program(PCM(), elsewhere, generator=[torch.Generator()] * 2)


class OnCuda:
    """Stands in for a CUDA tensor where there is no GPU."""

    device = torch.device("cuda:0")


def test_a_cpu_generator_with_a_cuda_tensor_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"must be on 'cuda:0' as `g` is, but .*'cpu'"):
        check_generators(torch.Generator(), "g", OnCuda())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_tensors_take_cuda_generators():
    g = torch.full((100_000,), 12.5, device="cuda")
    chip = ProgrammedDevices.program(
        PCM(), g, generator=torch.Generator("cuda").manual_seed(0), n_chips=2
    )
    readings = chip.read([1.0, 3600.0], generator=torch.Generator("cuda").manual_seed(1))
    assert readings.shape == (2, 2, 100_000)
    assert readings.device.type == "cuda"
    with pytest.raises(InvalidArgumentError, match="must be on 'cuda:0'"):
        PCM().program(g, generator=torch.Generator())


@pytest.mark.parametrize("wrong", [None, 3, [1, 2], []])
def test_a_generator_must_be_one(wrong):
    with pytest.raises((InvalidArgumentError, TypeError)):
        check_generators(wrong if wrong is not None else [None], "g", torch.ones(1))


@pytest.mark.parametrize("wrong", [torch.ones(2, dtype=torch.int64), torch.ones(2).half(), [1.0]])
def test_only_float32_and_float64(wrong):
    with pytest.raises(
        InvalidArgumentError, match="`g` must be a tensor of float32 or float64, but"
    ):
        check_conductance("g", wrong, maximum=25.0)


def test_quantities():
    assert check_quantity("t", 1) == 1.0
    with pytest.raises(PhysicalRangeError, match=r"`t` must be in \(-inf, inf\), but got '1e-6'"):
        check_quantity("t", "1e-6")
    with pytest.raises(
        PhysicalRangeError, match=r"`g` must be in \(0, 3\] µS \(why\), but got 4 µS"
    ):
        check_quantity("g", 4, unit="µS", positive=True, maximum=3.0, note="why")
    with pytest.raises(PhysicalRangeError, match=r"`x` must be in \[0, 1\], but got 2\."):
        check_quantity("x", 2, minimum=0.0, maximum=1.0)


def test_tensors_that_do_not_fit_are_refused():
    g = torch.ones(3)
    with pytest.raises(InvalidArgumentError, match="`nu` must have the shape, type and device of"):
        PCM().drift(g, torch.ones(2), 1.0)
    with pytest.raises(InvalidArgumentError, match="`g_prog` must have the shape"):
        PCM().read(g, 1.0, g_prog=g.double(), generator=G)
    with pytest.raises(InvalidArgumentError, match="must have one leading entry for each of the 2"):
        PCM().read(g, 1.0, g_prog=g, generator=[torch.Generator(), torch.Generator()])
