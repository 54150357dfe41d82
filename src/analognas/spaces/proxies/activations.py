"""NASWOT: how differently a network's rectifiers cut up the input space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ...core import InvalidArgumentError
from .probe import as_evaluated, check_batch, check_model, copies, run

_aten = torch.ops.aten
_RECTIFIERS = {
    _aten.relu.default,
    _aten.relu_.default,
    _aten.leaky_relu.default,
    _aten.leaky_relu_.default,
    _aten.hardtanh.default,
    _aten.hardtanh_.default,
    _aten.elu.default,
    _aten.elu_.default,
    _aten.gelu.default,
    _aten.silu.default,
    _aten.silu_.default,
}
"""What torch runs for ReLU and its kin; ReLU6 is a clipped hardtanh."""


def naswot(model: nn.Module, x: Tensor) -> float:
    r"""Return the log-determinant of the kernel of activation patterns; larger is better.

    .. math:: s = \log |\det K|, \quad K_{ij} = N - d_H(c_i, c_j)

    with the binary code :math:`c_i` of input i, one bit for each of the :math:`N` rectifier outputs of the
    network (positive or not), and the Hamming distance :math:`d_H`. Batch norms use the batch's statistics.
    Rectifiers are ReLU and its kin (leaky, ReLU6, ELU, GELU, SiLU), as modules or functions. The model stays as
    it was.

    Args:
        model: The network, freshly initialised.
        x: A batch of inputs, shape ``(batch, ...)``; scores compare at equal batches only.

    Returns:
        The score; ``-inf`` where two inputs have the same code.

    Raises:
        InvalidArgumentError: If ``x`` holds fewer than two inputs, the model returns no tensor or rectifies
            nothing.

    Source: Mellor et al., "Neural Architecture Search without Training", ICML 2021.
    """
    check_model(model)
    check_batch(x, minimum=2)
    kernel = _Agreement(len(x))
    with torch.no_grad(), as_evaluated(model, batch_norms=True), kernel:
        run(model, copies(model), x)
    if kernel.matrix is None:
        raise InvalidArgumentError(
            "`model` must have rectifiers such as ReLU, whose patterns NASWOT compares, but none was used."
        )
    return float(torch.linalg.slogdet(kernel.matrix).logabsdet)


class _Agreement(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types there
    """Sums, over all rectifiers that run, how many outputs agree in sign between inputs: ``(batch, batch)``."""

    def __init__(self, batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.matrix: Tensor | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS and len(output) == self.batch:
            # With codes of +1 and -1, agreements are (N + product) / 2.
            signs = output.gt(0).flatten(1).to(torch.float32).mul_(2).sub_(1)
            agreement = (signs @ signs.T).double().add_(signs.shape[1]).div_(2)
            self.matrix = agreement if self.matrix is None else self.matrix + agreement
        return output
