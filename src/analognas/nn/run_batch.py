"""Running a network on a batch: its inputs, and errors that explain how to fix a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..core import AnalogNASError, InvalidArgumentError

_ABOUT_TYPES = ("dtype", "scalar type", "Input type", "not implemented for '")
_ABOUT_SHAPES = (
    "shapes cannot be multiplied",
    "expected input",
    "Expected 2D",
    "Expected 3D",
    "Expected 4D",
    "Expected 5D",
    "Expected more than 1 value per channel",
    "size mismatch",
    "Kernel size can't be greater",
    "Output size is too small",
    "is invalid for input of size",
    "normalized_shape",
    "running_mean should contain",
    "must match the size of tensor",
)


def check_batches(batches: Any) -> None:
    """Check that an argument contains batches and is not a single batch: a tensor, or inputs and labels.

    Raises:
        InvalidArgumentError: If it is a single batch.
    """
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        advice = " Give [inputs]." if isinstance(batches, Tensor) else ""
        raise InvalidArgumentError(
            f"`batches` must be a list of batches or a data loader, but got {type(batches).__name__}."
            f"{advice}"
        )
    pair = batches if isinstance(batches, tuple | list) and len(batches) == 2 else ()
    if len(pair) == 2 and all(isinstance(part, Tensor) for part in pair):
        inputs, labels = pair
        integers = not labels.is_floating_point() and labels.shape in (
            inputs.shape[:1],
            (*inputs.shape[:1], 1),
        )
        if integers and inputs.is_floating_point():
            raise InvalidArgumentError(
                "`batches` must be a list of batches or a data loader, but got one pair of inputs and labels: "
                "pass [inputs], or a data loader of pairs."
            )


def inputs_of(batch: Any) -> Any:
    """Return the inputs of a batch: the first entry of inputs and labels, or else the batch itself.

    Raises:
        InvalidArgumentError: If the batch is a sequence of another length.

    Example:
        >>> inputs_of([torch.ones(2, 3), torch.tensor([0, 1])]).shape
        torch.Size([2, 3])
    """
    if not isinstance(batch, tuple | list):
        return batch
    if len(batch) in (1, 2):
        return batch[0]
    raise InvalidArgumentError(
        "A batch must be inputs, or a pair of inputs and labels, but got a sequence of "
        f"{len(batch)}: pass a function that runs the model on it, `run=lambda model, batch: ...`."
    )


def run_batch(model: nn.Module, batch: Any, run: Callable[[nn.Module, Any], Any] | None) -> bool:
    """Run a model on a batch, and return whether the batch has an example.

    Args:
        model: The model.
        batch: The batch.
        run: Function that runs the model on a batch; None: the model is called with :func:`inputs_of` the
            batch.

    Raises:
        InvalidArgumentError: If the model does not run on the batch.
    """
    inputs = inputs_of(batch) if run is None else batch
    if isinstance(inputs, Tensor) and not inputs.numel():
        return False
    if run is None:
        with explained(model, inputs):
            model(inputs)
    else:
        run(model, batch)
    return True


@contextmanager
def explained(model: nn.Module, inputs: Any) -> Iterator[None]:
    """Replace errors about the type or shape of inputs by one that explains how to fix them.

    Args:
        model: The model that runs in the block.
        inputs: Its inputs.

    Raises:
        InvalidArgumentError: If the model does not accept inputs of this type or shape.
    """
    try:
        yield
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        if isinstance(error, AnalogNASError):
            raise
        if not isinstance(inputs, Tensor):
            raise InvalidArgumentError(
                f"The model does not accept a batch of type {type(inputs).__name__} "
                f"({_first_line(error)}): pass a function that runs it, such as "
                "run=lambda model, batch: model(**batch)."
            ) from error
        if isinstance(error, IndexError) and _are_ids(inputs):
            low, high = (int(end) for end in torch.aminmax(inputs.long()))
            raise InvalidArgumentError(
                f"The network does not accept ids from {low} to {high}: one of its tables has fewer rows. "
                "Build it for this vocabulary, or check the inputs."
            ) from error
        if any(words in str(error) for words in _ABOUT_SHAPES):
            raise InvalidArgumentError(
                f"The network does not accept inputs of shape {tuple(inputs.shape)}: {_first_line(error)}. "
                "Build it for this shape, or change the inputs."
            ) from error
        if not any(words in str(error) for words in _ABOUT_TYPES):
            raise
        weights = (x.dtype for x in model.parameters() if x.is_floating_point())
        held = next(weights, torch.float32)
        remedy = (
            "ids of tokens with inputs.long()" if inputs.dtype == held else f"inputs.to({held})"
        )
        raise InvalidArgumentError(
            f"The network does not accept inputs of {inputs.dtype}, shape {tuple(inputs.shape)}; its weights "
            f"are {held}: convert the inputs, {remedy}."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _are_ids(inputs: Tensor) -> bool:
    return bool(inputs.numel()) and not inputs.is_floating_point() and not inputs.is_complex()
