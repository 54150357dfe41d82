"""docs/devices.md: its code runs, its constants are those of the code, its table is measured."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from analognas.physics import (
    DEVICES,
    MODELS,
    PCM,
    PowerLaw,
    ProgrammedDevices,
    StateIndependent,
    device_from_dict,
    device_to_dict,
    get_device,
    hermes,
    pcm,
    reram,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")


def numbers(text):
    """All numbers of ``text``; a minus sign belongs to its number, also across a space."""
    found = re.findall(r"(- ?)?(?<![\w.])(\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    return [-float(digits) if sign else float(digits) for sign, digits in found]


def row(start):
    """Cells of the table row whose first cell is ``start``."""
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture
def example():
    """Run the example; take its device out of the registries again."""
    code = TEXT.split("<!-- example: own device -->")[1].split("<!-- end -->")[0]
    code = code.strip().removeprefix("```python").removesuffix("```")
    module = ModuleType("own_device")
    sys.modules["own_device"] = module
    exec(compile(code, "docs/devices.md", "exec"), module.__dict__)
    yield code, module
    del sys.modules["own_device"]
    for registry, name in ((DEVICES, "Memtransistor"), (MODELS, "Memtransistor")):
        del registry._entries[name]


def test_own_device_in_20_lines(example):
    code, _ = example
    assert len(code.strip().splitlines()) <= 20
    device = get_device("Memtransistor")
    generator = torch.Generator().manual_seed(0)
    chip = ProgrammedDevices.program(
        device, torch.linspace(0.0, 50.0, 500), generator=generator, n_chips=3
    )
    readings = chip.read([0.0, 3600.0], generator=generator)
    assert readings.shape == (2, 3, 500)
    assert bool((chip.drift(3600.0) <= chip.drift(0.0)).all())
    assert device_from_dict(device_to_dict(device)) == device


def test_first_example_runs():
    code = TEXT.split("```python")[1].split("```")[0]
    names = {}
    exec(compile(code, "docs/devices.md", "exec"), names)
    for name in ("g_target", "readings", "weights"):
        (shape,) = re.findall(rf"^{name} = .*# (\(.*\))$", code, flags=re.MULTILINE)
        assert str(tuple(names[name].shape)) == shape


def test_pcm_constants():
    pcm_text = TEXT.split("## PCM")[1].split("## Hermes")[0]
    device = PCM()
    assert "g_max = 25 µS, t_0 = 20 s, t_read = 250 ns" in pcm_text
    assert (device.g_max, device.t_0, device.t_read) == (25.0, 20.0, 250e-9)
    lines = [line for line in pcm_text.splitlines() if line.startswith("| ")]
    last = {line.split("|")[1].strip(): line.split("|")[3] for line in lines}
    assert tuple(numbers(last["programming"])) == device.prog_coeffs
    assert tuple(numbers(last["exponent, mean"])) == pcm.NU_MEAN_LAW
    assert tuple(numbers(last["exponent, spread"])) == pcm.NU_STD_LAW
    assert numbers(last["read noise"]) == [pcm.Q_COEFF, pcm.Q_POWER, pcm.Q_MAX]


@pytest.mark.parametrize(("n", "column"), [(2, 1), (1, 2)])
def test_hermes_constants(n, column):
    fit = hermes.FITS[n]
    assert numbers(row("g_max, t_0")[column]) == [fit.g_max, fit.t_0]
    assert tuple(numbers(row("σ, rising powers of r, µS")[column])) == fit.prog_coeffs
    assert numbers(row("μ below r = 0.0945")[1]) == list(fit.nu_mean.low)
    assert fit.nu_mean.threshold == 0.0945
    assert tuple(numbers(row("μ above")[1])) == fit.nu_mean.high
    for name, law in (("s", fit.nu_std), ("Q", fit.q)):
        assert numbers(row(f"{name} below")[column]) == [law.threshold, *law.low]
        assert tuple(numbers(row(f"{name} above")[column])) == law.high


def test_reram_constants():
    for name, t in (("1 s", 1.0), ("1 day", 86400.0), ("2 days", 172800.0)):
        line = next(x for x in TEXT.splitlines() if re.match(rf"\| {name} \| [^|]*\|$", x))
        assert tuple(numbers(line.split("|")[2])) == reram.WAN_SPREAD[t]
    cmo = TEXT.split("## ReRAMCMO")[1].split("\n## ")[0]
    programming = next(x for x in cmo.splitlines() if x.startswith("| programming"))
    fine, coarse = (text.split(":")[1] for text in programming.split("|")[3].split(";"))
    assert tuple(numbers(fine)) == reram.CMO_PROG[0.2]
    assert tuple(numbers(coarse)) == reram.CMO_PROG[2.0]
    relaxation = [reram.CMO_MEAN_SLOPE, reram.CMO_STD_SLOPE, reram.CMO_STD_OFFSET]
    assert numbers(row("relaxation")[2]) == relaxation
    assert numbers(next(x for x in cmo.splitlines() if "read noise" in x).split("K = ")[1]) == [
        reram.CMO_READ_K
    ]


def test_simple_constants():
    assert numbers(row("`PowerLaw`")[2])[:2] == [PowerLaw().nu, PowerLaw().t_0]
    assert get_device("PowerLaw-0.05") == PowerLaw(nu=0.05, t_0=20.0)
    d = StateIndependent()
    expected = [*d.prog_coeffs, d.nu_mean, d.nu_std, d.t_0, d.q_read]
    assert numbers(row("`StateIndependent`")[2]) == expected


def test_every_model_is_documented():
    for name in MODELS:
        assert f"{name}" in TEXT


def test_the_table_of_pairs_is_the_measured_one():
    """The same seed and chips: to the printed digits, with room for another build's rounding."""
    spec = importlib.util.spec_from_file_location(
        "pair_vs_collapsed", ROOT / "benchmarks" / "pair_vs_collapsed.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, values in module.measure(25, 0):
        table = TEXT.split("## Weights on conductances")[1]
        line = next(x for x in table.splitlines() if x.startswith(f"| {name} |"))
        printed = numbers(line.split("|", 2)[2])
        assert printed[:2] == pytest.approx(values[:2], abs=2e-4)
        assert printed[2:] == pytest.approx([100 * v for v in values[2:]], abs=0.02)
