"""Sensitivity of untrained networks to weight noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError, check_float, check_int
from .probe import as_evaluated, check_batch, check_model, copies, matrix_names, run


def noise_sensitivity(
    model: nn.Module,
    x: Tensor,
    *,
    generator: torch.Generator,
    weight_noise: float = 0.05,
    n_draws: int = 8,
) -> float:
    r"""Return the relative change of a network's outputs under weight noise; smaller is more robust.

    .. math::
        s = \frac{1}{K} \sum_{k=1}^{K}
            \frac{\lVert f(x; W + \Delta_k) - f(x; W) \rVert_2}{\lVert f(x; W) - \bar f \rVert_2},
        \qquad \Delta_{k,l} \sim \mathcal{N}\left(0, (\sigma \max|W_l|)^2\right)

    Norms are over the whole batch and all outputs; :math:`\bar f` is the mean output over the batch, which does
    not help to distinguish classes. Noise of each matrix and kernel :math:`W_l` is proportional to its largest
    weight, like programming noise; biases and norms are exact. Batch norms use the statistics of ``x`` in a
    pass without noise. The model is not changed.

    Args:
        model: The network, newly initialised.
        x: A batch of inputs, shape ``(batch, ...)``.
        generator: Source of the noise, on the model's device.
        weight_noise: :math:`\sigma`, relative to the largest weight of each layer.
        n_draws: Number of noise draws :math:`K`.

    Returns:
        The score; ``inf`` if the outputs are the same for all inputs.

    Raises:
        InvalidArgumentError: If a number is out of range, or the model has no matrix or returns no tensor.
    """
    check_model(model)
    check_batch(x, minimum=2)
    spread = check_float("weight_noise", weight_noise, minimum=0.0)
    draws = check_int("n_draws", n_draws, minimum=1)
    names = matrix_names(model)
    if not names:
        raise InvalidArgumentError("`model` must have a matrix or kernel, but it has none.")
    state = copies(model)
    changes = []
    with torch.no_grad():
        with as_evaluated(model, batch_norms=True):
            run(model, state, x)
        with as_evaluated(model, batch_norms=False):
            clean = run(model, state, x)
            for _ in range(draws):
                noisy = dict(state)
                for name in names:
                    noisy[name] = _with_noise(state[name], spread, generator)
                changes.append((run(model, noisy, x) - clean).norm())
        size = (clean - clean.mean(dim=0)).norm()
    # Differences of the size of rounding errors count as none.
    if size <= 1e-5 * clean.norm():
        return float("inf")
    return float(torch.stack(changes).mean() / size)


def _with_noise(weight: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    noise = torch.empty_like(weight).normal_(generator=generator)
    return weight + noise * (spread * weight.abs().max())
