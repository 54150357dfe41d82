"""PCM against reference statistics: 13 conductances, 200,000 samples each, everything within 5 SE.

Both sides are samples, so a statistic may differ by 5 standard errors of the *difference*. With
1/m = 1/n + 1/n_reference: means by 5 sd / sqrt(m), standard deviations by
5 sd sqrt((kurtosis - 1) / (4m)). Quantiles are compared as proportions, which needs no density and
holds at atoms: the share of our samples below the reference quantile may differ from p by
5 sqrt(p (1 - p) / m), and where the quantile sits on an atom, p has to lie between the shares below
and up to it.

Devices programmed to 0 have so heavy a tail after a year (kurtosis 30) that two samples of 200,000
tell an error of 5 % by 5 to 7 standard errors only: there, we draw a million.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from analognas.physics import PCM, ProgrammedDevices

SEED = int(os.environ.get("ANALOGNAS_SEED", "0"))
Z = 5.0
TIMES = [1.0, 60.0, 3600.0, 86400.0, 2592000.0, 31536000.0]
G_TARGET = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0]
CASES = ["prog", "nu"] + [
    f"{kind}-{i}" for kind in ("drift_noread", "drift_read") for i in range(6)
]


@pytest.fixture(scope="module")
def reference():
    shared = os.environ.get("ANALOGNAS_SHARED")
    if not shared:
        pytest.skip("ANALOGNAS_SHARED does not name the folder of reference results")
    path = Path(shared) / "reference" / "pcm_conductance_stats.npz"
    if not path.exists():
        pytest.skip(f"no reference results at {path}")
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def simulate(device, n, targets=G_TARGET, seed=SEED):
    """Return samples by case, shape (n_targets, n), float32."""
    generator = torch.Generator().manual_seed(seed)
    g_target = torch.tensor(targets).unsqueeze(1).repeat(1, n)
    chip = ProgrammedDevices.program(device, g_target, generator=generator)
    noisy, quiet = chip.read(TIMES, generator=generator), chip.drift(TIMES)
    samples = {"prog": chip.g_prog, "nu": chip.nu}
    samples |= {f"drift_read-{i}": noisy[i] for i in range(6)}
    return samples | {f"drift_noread-{i}": quiet[i] for i in range(6)}


@pytest.fixture(scope="module")
def samples(reference):
    n = int(reference["n_samples"])
    others = simulate(PCM(), n, G_TARGET[1:])
    idle = simulate(PCM(), 5 * n, G_TARGET[:1], SEED + 1_000_000)
    return {case: [*idle[case], *others[case]] for case in CASES}


def expected(reference, case, j):
    """Return reference mean, standard deviation and quantiles."""
    kind, _, time = case.partition("-")
    at = (int(time), j) if time else (j,)
    return [reference[f"{kind}_{name}"][at] for name in ("mean", "std", "q")]


def disagreements(x, reference, case, j):
    """Return the names of the statistics of samples ``x`` that are off by more than 5 SE."""
    mean, std, quantiles = expected(reference, case, j)
    m = 1.0 / (1.0 / len(x) + 1.0 / float(reference["n_samples"]))
    squares = np.square(x - x.mean())
    sd = np.sqrt(squares.mean())
    kurtosis = np.square(squares).mean() / sd**4
    wrong = set()
    if abs(x.mean() - mean) > Z * sd / np.sqrt(m):
        wrong.add("mean")
    if abs(sd - std) > Z * sd * np.sqrt((kurtosis - 1.0) / (4.0 * m)):
        wrong.add("std")
    for p, q in zip(reference["quantiles"], quantiles, strict=True):
        # Reference quantiles are interpolated between neighbours: one sample of slack.
        tolerance = Z * np.sqrt(p * (1.0 - p) / m) + 1.0 / m
        if not np.mean(x < q) - tolerance <= p <= np.mean(x <= q) + tolerance:
            wrong.add("quantiles")
    return wrong


def test_reference_grid_is_the_one_tested(reference):
    assert reference["g_target"].tolist() == G_TARGET
    assert reference["times"].tolist() == TIMES
    assert int(reference["n_samples"]) == 200_000
    assert float(reference["g_max"]) == PCM().g_max


@pytest.mark.parametrize("j", range(13), ids=[f"{g:g}uS" for g in G_TARGET])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_reference_and_would_notice_5_percent(case, j, samples, reference):
    x = samples[case][j].double().numpy()
    assert disagreements(x, reference, case, j) == set()
    for factor in (0.95, 1.05):
        if G_TARGET[j] == 0.0 and case != "nu":
            # It starts at an atom at 0: mean and spread are one scale.
            assert disagreements(x * factor, reference, case, j)
        else:
            assert "mean" in disagreements(x * factor, reference, case, j)
            planted = x.mean() + factor * (x - x.mean())
            assert {"std", "quantiles"} <= disagreements(planted, reference, case, j)


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize(
    ("scale", "case"),
    [
        ("prog_noise_scale", "prog"),
        ("drift_scale", "drift_noread-5"),
        ("read_noise_scale", "drift_read-0"),
    ],
)
def test_a_device_off_by_5_percent_is_noticed(scale, case, factor, reference):
    wrong_device = simulate(PCM(**{scale: factor}), int(reference["n_samples"]))[case]
    for j in range(1, 13):
        assert disagreements(wrong_device[j].double().numpy(), reference, case, j)
