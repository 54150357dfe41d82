"""Text encoders of the transformers package, from local files."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from ..core import InvalidArgumentError
from ..data.tokens import pretrained_folder


def load_encoder(source: Any, *, vocabulary_size: int | None = None) -> tuple[nn.Module, int]:
    """Return a text encoder and the length of its token vectors.

    Args:
        source: A folder with ``config.json`` and safetensors weights; the name of an installed package that
            contains such a folder; a configuration of transformers, for random weights; or a module.
        vocabulary_size: Number of token ids of the data, at most that of the encoder.

    Raises:
        DataNotFoundError: If there is no such folder or package.
        InvalidArgumentError: If transformers is not installed, or the vocabulary is larger than the encoder's.

    Example:
        >>> import torch
        >>> from analognas.models import TransformerEncoder
        >>> encoder, width = load_encoder(TransformerEncoder(100, 16, width=32))
        >>> width
        32
    """
    encoder = source if isinstance(source, nn.Module) else _made(source)
    config = getattr(encoder, "config", None)
    width = getattr(config, "hidden_size", None) or getattr(encoder, "width", None)
    if not isinstance(width, int):
        raise InvalidArgumentError(
            "`encoder` must have the length of its token vectors as `config.hidden_size` or `width`, but "
            f"{type(encoder).__name__} has neither."
        )
    known = getattr(config, "vocab_size", None)
    if vocabulary_size is not None and known is not None and vocabulary_size > known:
        raise InvalidArgumentError(
            f"`vocabulary_size` must be at most the {known} of the encoder, but got {vocabulary_size}; "
            "load the data with the encoder's tokenizer."
        )
    return encoder, width


def transformers_package(what: str) -> Any:
    """Return the package transformers.

    Args:
        what: What needs it, the beginning of the error.

    Raises:
        InvalidArgumentError: If it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise InvalidArgumentError(
            f"{what} needs transformers, which is not installed: pip install 'analognas[hf]'."
        ) from None
    return transformers


def _made(source: Any) -> nn.Module:
    folder = None
    if isinstance(source, str | os.PathLike):
        folder = pretrained_folder(source, holding="config.json")
    auto: Any = transformers_package("An encoder").AutoModel  # untyped in some versions
    encoder: nn.Module
    if folder is None:
        encoder = auto.from_config(source)
    else:
        encoder = auto.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    return encoder
