"""Text encoders of transformers, from what is already on this machine."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from ..core import InvalidArgumentError
from ..data.pretrained import pretrained_folder


def load_encoder(source: Any, *, vocabulary_size: int | None = None) -> tuple[nn.Module, int]:
    """Return a text encoder and the length of its token vectors.

    Args:
        source: A folder with ``config.json`` and weights as safetensors; the name of an installed package with
            such a folder inside; a configuration of transformers, for random weights; or a module.
        vocabulary_size: Token ids that will be used, checked against the encoder's.

    Raises:
        DataNotFoundError: If there is no such folder or package.
        InvalidArgumentError: If transformers is not installed, or the vocabulary is larger than the encoder's.
    """
    encoder = source if isinstance(source, nn.Module) else _made(source)
    config = getattr(encoder, "config", None)
    width = getattr(config, "hidden_size", None) or getattr(encoder, "width", None)
    if not isinstance(width, int):
        raise InvalidArgumentError(
            "`encoder` must say the length of its token vectors as `config.hidden_size` or `width`, but "
            f"{type(encoder).__name__} has neither."
        )
    known = getattr(config, "vocab_size", None)
    if vocabulary_size is not None and known is not None and vocabulary_size > known:
        raise InvalidArgumentError(
            f"`vocabulary_size` must be at most the {known} of the encoder, but got {vocabulary_size}; "
            "load the data with the encoder's own tokenizer."
        )
    return encoder, width


def _made(source: Any) -> nn.Module:
    folder = None
    if isinstance(source, str | os.PathLike):
        folder = pretrained_folder(source, holding="config.json")
    try:
        import transformers
    except ImportError:
        raise InvalidArgumentError(
            "`encoder` needs transformers, which is not installed: pip install 'analognas[hf]'."
        ) from None
    auto: Any = transformers.AutoModel  # untyped in some of its versions
    encoder: nn.Module
    if folder is None:
        encoder = auto.from_config(source)
    else:
        encoder = auto.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    return encoder
