import math

import pytest
import torch

from analognas.core import InvalidArgumentError, NotProgrammedError, PhysicalRangeError
from analognas.physics import (
    PCM,
    Chip,
    ColumnCompensation,
    DifferentialPair,
    ExactReferenceCompensation,
    GlobalCompensation,
    PowerLaw,
    normalize_weights,
)

W, _ = normalize_weights(torch.randn(24, 32, generator=torch.Generator().manual_seed(0)))
PAIR = DifferentialPair()
LIKE = torch.zeros(())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tile(chip, t, generator=None, noise=0.0):
    """A forward at time t: (n, in) -> (*chips, n, out), with output noise if asked for."""
    g = chip.drift(t) if generator is None else chip.read(t, generator=generator)
    w = PAIR.to_weights(g, chip.device)

    def forward(x):
        y = x @ w.mT
        return y + noise * torch.randn(y.shape, generator=generator) if noise else y

    return forward


def program(device, n_chips=None, seed=0):
    return Chip.program(
        device, PAIR.to_conductances(W, device), generator=seeded(seed), n_chips=n_chips
    )


@pytest.mark.parametrize("kind", [GlobalCompensation, ColumnCompensation])
def test_uniform_drift_is_undone_exactly(kind):
    device = PowerLaw(nu=0.06, t_0=20.0)
    chip = program(device)
    compensation = kind(32)
    compensation.program(tile(chip, 0.0), like=LIKE)
    t = 31536000.0
    alpha = compensation.measure(tile(chip, t), like=LIKE)
    expected = ((t + 20.0) / 20.0) ** 0.06
    torch.testing.assert_close(alpha, torch.full_like(alpha, expected), rtol=1e-5, atol=0.0)
    x = torch.randn(7, 32, generator=seeded(1))
    torch.testing.assert_close(tile(chip, t)(x) * alpha, tile(chip, 0.0)(x), rtol=1e-4, atol=1e-5)


def test_the_factor_is_measured_not_known():
    """The outputs alone decide: a forward that does not drift gives 1, whatever the device says."""
    chip = program(PowerLaw(nu=0.06))
    compensation = GlobalCompensation(32)
    compensation.program(tile(chip, 0.0), like=LIKE)
    assert compensation.measure(tile(chip, 0.0), like=LIKE).item() == pytest.approx(1.0)
    halved = lambda x: 0.5 * tile(chip, 0.0)(x)  # noqa: E731
    assert compensation.measure(halved, like=LIKE).item() == pytest.approx(2.0)


def test_chips_have_their_own_factors_and_match_a_loop():
    chips = program(PCM(), n_chips=5)
    for kind, shape in ((GlobalCompensation, (5, 1, 1)), (ColumnCompensation, (5, 1, 24))):
        together = kind(32)
        together.program(tile(chips, 0.0), like=LIKE)
        alpha = together.measure(tile(chips, 86400.0), like=LIKE)
        assert alpha.shape == shape
        for i in range(5):
            alone = kind(32)
            alone.program(tile(chips.select(i), 0.0), like=LIKE)
            one = alone.measure(tile(chips.select(i), 86400.0), like=LIKE)
            torch.testing.assert_close(alpha[i], one)
    assert float(alpha.std()) > 0.0


def test_compensation_recovers_what_drift_took_on_average():
    chips = program(PCM(), n_chips=25)
    compensation = GlobalCompensation(32)
    compensation.program(tile(chips, 0.0), like=LIKE)
    alpha = compensation.measure(tile(chips, 31536000.0), like=LIKE)
    late = PAIR.to_weights(chips.drift(31536000.0), chips.device)
    gain = (late * W).sum((-2, -1)) / W.square().sum()
    assert 0.45 < float(gain.mean()) < 0.55
    corrected = gain * alpha.flatten()
    # Alpha sees all weights, small ones drift faster: the mean gain is restored to a few percent.
    assert abs(float(corrected.mean()) - 1.0) < 0.05


def test_exact_reference_also_undoes_the_programming_gain():
    chips = program(PCM(), n_chips=25)
    exact = ExactReferenceCompensation(32)
    exact.program(lambda x: x @ W.mT, like=LIKE)
    measured = GlobalCompensation(32)
    measured.program(tile(chips, 0.0), like=LIKE)
    ours = tile(chips, 0.0)(torch.eye(32)).abs().mean((-2, -1))
    expected = (torch.eye(32) @ W.mT).abs().mean() / ours
    torch.testing.assert_close(exact.measure(tile(chips, 0.0), like=LIKE).flatten(), expected)
    assert measured.measure(tile(chips, 0.0), like=LIKE).flatten().allclose(torch.ones(25))


def test_columns_that_drift_differently_are_told_apart():
    def forward_at(factors):
        return lambda x: x @ (W * factors[:, None]).mT

    factors = torch.linspace(0.3, 0.9, 24)
    column = ColumnCompensation(32)
    column.program(forward_at(torch.ones(24)), like=LIKE)
    alpha = column.measure(forward_at(factors), like=LIKE)
    torch.testing.assert_close(alpha.flatten(), 1.0 / factors, rtol=1e-5, atol=0.0)
    glob = GlobalCompensation(32)
    glob.program(forward_at(torch.ones(24)), like=LIKE)
    assert glob.measure(forward_at(factors), like=LIKE).numel() == 1


def test_output_noise_biases_the_factor_low_and_repeats_mend_it():
    chip = program(PowerLaw(nu=0.06, t_0=20.0))
    t = 31536000.0
    perfect = ((t + 20.0) / 20.0) ** 0.06
    alphas = {}
    for n_repeats in (1, 64):
        generator = seeded(3)
        compensation = GlobalCompensation(32, n_repeats=n_repeats)
        # Output noise of 0.04 is the setting of the tile model this room is used with.
        compensation.program(tile(chip, 0.0, generator, noise=0.04), like=LIKE)
        alphas[n_repeats] = compensation.measure(
            tile(chip, t, generator, noise=0.04), like=LIKE
        ).item()
    assert alphas[1] < 0.99 * perfect
    assert perfect - alphas[64] < 0.25 * (perfect - alphas[1])


def test_batches_and_amplitude_do_not_change_a_linear_forward():
    chip = program(PCM())
    alphas = []
    for options in ({}, {"batch_size": 5}, {"amplitude": 3.0}):
        compensation = GlobalCompensation(32, **options)
        compensation.program(tile(chip, 0.0), like=LIKE)
        alphas.append(compensation.measure(tile(chip, 3600.0), like=LIKE))
    for alpha in alphas[1:]:
        torch.testing.assert_close(alpha, alphas[0])


def test_a_dead_tile_is_left_alone_and_a_dead_reading_stays_finite():
    dead = lambda x: torch.zeros(len(x), 24)  # noqa: E731
    compensation = GlobalCompensation(32)
    compensation.program(dead, like=LIKE)
    assert compensation.measure(dead, like=LIKE).item() == 1.0
    compensation.program(lambda x: x @ W.mT, like=LIKE)
    reference = float(compensation.reference)
    assert compensation.measure(dead, like=LIKE).item() == pytest.approx(reference / 1e-4)


def test_the_reference_belongs_to_one_programming():
    compensation = GlobalCompensation(32)
    with pytest.raises(NotProgrammedError, match="must take its reference before it measures"):
        compensation.measure(lambda x: x @ W.mT, like=LIKE)
    compensation.program(lambda x: x @ W.mT, like=LIKE)
    compensation.program(lambda x: x @ (3.0 * W).mT, like=LIKE)
    assert compensation.measure(lambda x: x @ (3.0 * W).mT, like=LIKE).item() == pytest.approx(1.0)
    compensation.reset()
    with pytest.raises(NotProgrammedError):
        compensation.measure(lambda x: x @ W.mT, like=LIKE)


def test_type_follows_the_given_tensor_and_no_gradient_is_kept():
    weight = W.double().requires_grad_()
    compensation = GlobalCompensation(32)
    compensation.program(lambda x: x @ weight.mT, like=weight)
    alpha = compensation.measure(lambda x: x @ weight.mT, like=weight)
    assert alpha.dtype == torch.float64
    assert not alpha.requires_grad


def test_bad_arguments():
    for options, error in (
        ({"n_inputs": 0}, InvalidArgumentError),
        ({"n_inputs": 3, "n_repeats": 0}, InvalidArgumentError),
        ({"n_inputs": 3, "batch_size": 0}, InvalidArgumentError),
        ({"n_inputs": 3, "floor": 0.0}, PhysicalRangeError),
        ({"n_inputs": 3, "amplitude": math.nan}, PhysicalRangeError),
    ):
        with pytest.raises(error):
            GlobalCompensation(**options)
    with pytest.raises(InvalidArgumentError, match=r"must return outputs \(\*chips, 3, out\), but"):
        GlobalCompensation(3).program(lambda x: x[:1], like=LIKE)
