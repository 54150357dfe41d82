"""Networks by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from ..core import InvalidArgumentError, Registry, check_choice, check_int
from ..core.user_code import call_code, is_reference
from ..data import DataSet

Builder = Callable[..., nn.Module]
"""``builder(*sizes, input_shape=, n_classes=, **options)``; ``sizes`` are the numbers after the name."""

MODELS: Registry[Builder] = Registry(
    "model",
    {
        "wrn": f"{__package__}.wide_resnet:wide_resnet",
        "resnet": f"{__package__}.resnet:resnet",
        "cnn": f"{__package__}.cnn:cnn",
        "kws-cnn": f"{__package__}.keyword_cnn:keyword_cnn",
        "lstm": f"{__package__}.lstm:lstm",
        "text-classifier": f"{__package__}.text_classifier:text_classifier",
        "gpt2": f"{__package__}.decoders:gpt2",
        "llama": f"{__package__}.decoders:llama",
        "decoder": f"{__package__}.decoders:pretrained_decoder",
        "searched": f"{__package__}.searched:searched",
        "t100-cifar10": f"{__package__}.named_networks:T100_CIFAR10",
        "t500-cifar10": f"{__package__}.named_networks:T500_CIFAR10",
        "t100-kws": f"{__package__}.named_networks:T100_KWS",
        "t500-kws": f"{__package__}.named_networks:T500_KWS",
    },
)
"""Builders by name, as in ``analognas train --model``; sizes follow the name, as in ``"wrn-16-4"``."""

_SIZES = re.compile(r"(?P<name>.*?[^-\d])(?P<sizes>(-\d+)+)")


def register_model(name: str, builder: Builder) -> None:
    """Register a builder for :func:`build_model`.

    Args:
        name: The name; it must not end in ``-`` and digits, which are sizes.
        builder: Called as ``builder(*sizes, input_shape=..., n_classes=..., **options)``; its positional
            parameters are the sizes.

    Raises:
        InvalidArgumentError: If the name is taken or ends in a size.

    Example:
        >>> from torch import nn
        >>> def mlp(hidden=32, *, input_shape, n_classes):
        ...     layers = nn.LazyLinear(hidden), nn.ReLU(), nn.Linear(hidden, n_classes)
        ...     return nn.Sequential(nn.Flatten(), *layers)
        >>> register_model("my-mlp", mlp)
        >>> build_model("my-mlp-64", input_shape=(1, 8, 8), n_classes=10)[-1]
        Linear(in_features=64, out_features=10, bias=True)
    """
    if _SIZES.fullmatch(name):
        raise InvalidArgumentError(
            f"`name` must not end in a size, but got {name!r}; numbers after a name are arguments of its "
            f"builder."
        )
    MODELS.add(name, builder)


def build_model(
    name: str,
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    generator: torch.Generator | None = None,
    **options: Any,
) -> nn.Module:
    """Build a network with random weights.

    Args:
        name: One of :data:`MODELS`, with sizes: ``"wrn-16-4"`` is depth 16 and width 4. Or ``module:function``
            of your own, called with ``input_shape``, ``n_classes`` and ``options`` by name (see
            :mod:`analognas.core.user_code`).
        input_shape: Shape of one example, without the batch.
        n_classes: Number of outputs; for language models, size of the vocabulary.
        generator: Source of the random weights; None: torch's default generator.
        options: Further arguments of the builder.

    Raises:
        UnknownNameError: If there is no such network or option.
        InvalidArgumentError: If a size or shape is invalid for the network.

    Example:
        >>> model = build_model("wrn-16-4", input_shape=(3, 32, 32), n_classes=10)
        >>> sum(parameter.numel() for parameter in model.parameters())
        2748890
    """
    kind, sizes = _parse(name)
    if name not in MODELS and is_reference(name):
        builder: Builder = partial(call_code, name, nn.Module)
    else:
        builder = MODELS.get(kind)
        _check_call(name, kind, builder, sizes, options)
    check_int("n_classes", n_classes, minimum=1)
    for size in input_shape:
        check_int("input_shape", size, minimum=1)
    shape = tuple(input_shape)
    if generator is None:
        return builder(*sizes, input_shape=shape, n_classes=n_classes, **options)
    # Torch layers draw their initial weights from the default generator only.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        return builder(*sizes, input_shape=shape, n_classes=n_classes, **options)


def build_model_for(
    name: str, data: DataSet, *, generator: torch.Generator | None = None, **options: Any
) -> nn.Module:
    """Build a network for a data set: :func:`build_model` with its shape, classes and vocabulary.

    Raises:
        UnknownNameError: See :func:`build_model`.
        InvalidArgumentError: See :func:`build_model`.

    Example:
        >>> from analognas.data import load_data
        >>> type(build_model_for("cnn", load_data("digits"))).__name__
        'CNN'
    """
    if data.task == "text_classification":
        if data.vocabulary is not None:
            options.setdefault("vocabulary_size", len(data.vocabulary))
        if data.pad_id is not None:
            options.setdefault("pad_id", data.pad_id)
    return build_model(
        name,
        input_shape=data.input_shape,
        n_classes=data.n_classes,
        generator=generator,
        **options,
    )


def digital_parts(model: nn.Module) -> list[str]:
    """Return the names of embeddings, which stay digital, for ``to_analog(model, exclude=...)``.

    Example:
        >>> from analognas.models import build_model
        >>> model = build_model("lstm", input_shape=(35,), n_classes=50, width=8)
        >>> digital_parts(model)
        ['embedding']
    """
    tables = (nn.Embedding, nn.EmbeddingBag)
    return [name for name, module in model.named_modules() if isinstance(module, tables)]


def _parse(name: str) -> tuple[str, list[int]]:
    match = _SIZES.fullmatch(str(name))
    if name in MODELS or match is None or match["name"] not in MODELS:
        return name, []
    return match["name"], [int(size) for size in match["sizes"].split("-")[1:]]


def _check_call(
    name: str, kind: str, builder: Builder, sizes: list[int], options: dict[str, Any]
) -> None:
    parameters = inspect.signature(builder).parameters.values()
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    required = [p for p in positional if p.default is p.empty]
    if not len(required) <= len(sizes) <= len(positional):
        form = "".join(f"-{p.name}" for p in positional)
        raise InvalidArgumentError(f"`name` must be of the form {kind}{form}, but got {name!r}.")
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    known = [option for option in known if option not in ("input_shape", "n_classes")]
    for option in options:
        check_choice(f"option of the model {kind!r}:", option, known)
