"""Outputs of networks in any form, as one logit for each class of each label.

A network with one output for each label has two classes: the output is the logit of class 1, and the logit of
class 0 is 0. Its softmax is then the sigmoid, its cross-entropy that of ``BCEWithLogitsLoss``, and it predicts
class 1 above 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..core import InvalidArgumentError
from ..data.labels import check_in_range


def logits(outputs: Any) -> Tensor:
    """Return the logits of a network's outputs: a tensor, the entry ``logits``, or the first of several.

    Raises:
        InvalidArgumentError: If there are none, or they are not floating-point numbers.

    Example:
        >>> logits((torch.zeros(2, 3), None)).shape
        torch.Size([2, 3])
        >>> logits({"logits": torch.zeros(2, 3)}).shape
        torch.Size([2, 3])
    """
    found = _inside(outputs)
    if isinstance(found, Tensor) and found.is_floating_point():
        return found
    if isinstance(found, Mapping):
        given = f"a mapping with {', '.join(map(repr, found)) or 'nothing in it'}"
    elif isinstance(found, Tensor):
        given = f"a tensor of {found.dtype}"
    else:
        given = f"an object of type {type(found).__name__}"
    raise InvalidArgumentError(
        "A network must return logits: a floating-point tensor, a tuple that begins with it, or an object or "
        f"mapping with `logits`; but it returned {given}."
    )


def class_logits(outputs: Any, targets: Tensor | None = None) -> Tensor:
    """Return one logit for each class, shape ``(*targets.shape, C)`` with C of at least 2.

    Args:
        outputs: Outputs for ``targets``: logits with classes last; or one logit for each label, shape
            ``(*targets.shape, 1)`` or ``targets.shape``.
        targets: Labels of the same batch; None: the last of several dimensions are the classes.

    Raises:
        InvalidArgumentError: If the shapes do not fit.

    Example:
        >>> class_logits(torch.tensor([[1.5], [-2.0]]), torch.tensor([1, 0]))
        tensor([[ 0.0000,  1.5000],
                [ 0.0000, -2.0000]])
    """
    found = logits(outputs)
    if targets is None:
        targets = found[..., 0] if found.ndim > 1 else found
    shape = targets.shape
    if found.shape[:-1] == shape and found.ndim and found.shape[-1] > 1:
        return found
    if is_one_logit(found, targets):
        return functional.pad(found.reshape(*shape, 1), (1, 0))
    n = targets.numel()
    if found.ndim == 2 and len(found) == n and found.shape[1] > 1 and len(shape) > 1:
        return found.view(*shape, -1)  # all positions of all sequences, flattened
    if found.ndim == 1 and n == 1 and len(found) > 1:
        return found.view(*shape, -1)  # the same for one label
    raise InvalidArgumentError(_misfit(tuple(found.shape), tuple(shape)))


def is_one_logit(outputs: Any, targets: Tensor) -> bool:
    """Return whether outputs are one logit for each label, in a column or squeezed."""
    found = logits(outputs)
    if found.numel() == targets.numel() == 1:  # a last batch of one example, squeezed
        return True
    return found.shape in (targets.shape, (*targets.shape, 1))


def check_predictions(where: str, outputs: Any, targets: Tensor, labels: Tensor, task: str) -> int:
    """Check that the outputs of the first batch fit all labels.

    Warns if single outputs look like probabilities of a sigmoid: as logits they would all mean class 1.

    Args:
        where: Name of the data, for messages.
        outputs: Outputs for the batch.
        targets: Labels of the batch.
        labels: All labels, of this batch and later ones.
        task: Name of the task.

    Returns:
        The number of classes.

    Raises:
        InvalidArgumentError: If the outputs have the wrong form, or a label has no output.
    """
    predictions = class_logits(outputs, targets)
    n_classes = predictions.shape[-1]
    if not is_one_logit(outputs, targets):
        check_in_range(
            f"{where}, for a network with {n_classes} outputs", labels, n_classes, task=task
        )
        return n_classes
    check_in_range(
        f"{where}, for a network with one output (more than two classes need one output each)",
        labels,
        2,
        task=task,
    )
    low, high = (float(end) for end in torch.aminmax(predictions.detach()[..., 1]))
    if 0.0 <= low < 0.5 < high <= 1.0:
        warnings.warn(
            f"The network's single outputs lie between {low:.3f} and {high:.3f}, as probabilities do; they are "
            "taken as logits, which mean class 1 above 0. Remove the sigmoid at its end.",
            stacklevel=2,
        )
    return n_classes


def _inside(outputs: Any) -> Any:
    """Return the logits inside an object, a mapping or a sequence."""
    found = getattr(outputs, "logits", None)
    if found is not None:
        return found
    if isinstance(outputs, Mapping):
        return outputs.get("logits", outputs)
    if isinstance(outputs, tuple | list) and len(outputs):
        return _inside(outputs[0])
    return outputs


def _misfit(outputs: tuple[int, ...], labels: tuple[int, ...]) -> str:
    """Return the message for outputs whose shape does not fit the labels."""
    expected = f"({', '.join(map(str, labels))}, classes)"
    remedy = ""
    if len(outputs) == len(labels) + 1 and outputs[0] == labels[0] and outputs[2:] == labels[1:]:
        remedy = " Classes come last: transpose them."
    elif outputs[:1] == labels[:1] and len(labels) == 1:
        remedy = " Each example has one class: pool over positions; segmentation is not supported."
    elif outputs[:1] != labels[:1]:
        remedy = " Each input must give one row of outputs, in the order of the inputs."
    return (
        f"The network must return logits of shape {expected} for labels of shape {labels}, or one logit for "
        f"each label, but returned {outputs}.{remedy}"
    )
