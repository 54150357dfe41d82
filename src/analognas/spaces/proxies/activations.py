"""NASWOT: diversity of a network's activation patterns."""

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
"""Torch operations of ReLU and similar functions; ReLU6 is a hardtanh."""


def naswot(model: nn.Module, x: Tensor) -> float:
    r"""Return the log-determinant of the kernel of activation patterns; larger is better.

    .. math:: s = \log |\det K|, \quad K_{ij} = N - d_H(c_i, c_j)

    where :math:`c_i` is the binary code of input i, with one bit for each of the :math:`N` rectifier outputs of
    the network (positive or not), and :math:`d_H` is the Hamming distance. Batch norms use the batch's
    statistics. Rectifiers are ReLU, leaky ReLU, ReLU6, ELU, GELU and SiLU, as modules or functions. The model
    is not changed.

    Args:
        model: The network, newly initialised.
        x: A batch of inputs, shape ``(batch, ...)``; scores are comparable for equal batches only.

    Returns:
        The score; ``-inf`` if two inputs have the same code.

    Raises:
        InvalidArgumentError: If ``x`` holds fewer than two inputs, or the model returns no tensor or has no
            rectifiers.

    Source: Mellor et al., "Neural Architecture Search without Training", ICML 2021.
    """
    check_model(model)
    check_batch(x, minimum=2)
    kernel = _Agreement(len(x))
    with torch.no_grad(), as_evaluated(model, batch_norms=True), kernel:
        run(model, copies(model), x)
    if kernel.matrix is None:
        raise InvalidArgumentError(
            "`model` must have rectifiers such as ReLU, as NASWOT compares their patterns, but none was "
            "executed."
        )
    return float(torch.linalg.slogdet(kernel.matrix).logabsdet)


class _Agreement(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types there
    """Counts outputs of rectifiers with equal sign for each pair of inputs, shape ``(batch, batch)``."""

    def __init__(self, batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.matrix: Tensor | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS and len(output) == self.batch:
            # For codes of +1 and -1, the number of agreements is (N + product) / 2.
            signs = output.gt(0).flatten(1).to(torch.float32).mul_(2).sub_(1)
            agreement = (signs @ signs.T).double().add_(signs.shape[1]).div_(2)
            self.matrix = agreement if self.matrix is None else self.matrix + agreement
        return output
