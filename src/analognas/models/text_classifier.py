"""A classifier with a text encoder: the small one of this module, or one of transformers."""

from __future__ import annotations

import inspect
import os
from typing import Any

import torch
from torch import Tensor, nn

from ..core import InvalidArgumentError, check_choice, check_float, check_int
from .encoders import load_encoder

POOLINGS = ("first", "mean")
"""Ways to pool token vectors: the first, or the mean over all but padding."""


class TransformerEncoder(nn.Module):
    """Post-norm transformer encoder with learned positions.

    Structure after Vaswani et al., "Attention Is All You Need", NIPS 2017, with the learned positions and GELU
    of Devlin et al., "BERT", NAACL 2019.

    Args:
        vocabulary_size: Number of token ids.
        max_length: Longest text.
        width: Length of token vectors.
        layers: Number of transformer layers.
        heads: Number of attention heads, a divisor of ``width``.
        dropout: Dropout probability in the layers and after the embedding.

    Raises:
        InvalidArgumentError: If a number is out of range or ``heads`` does not divide ``width``.

    Example:
        >>> encoder = TransformerEncoder(100, 16, width=32)
        >>> ids = torch.ones(3, 16, dtype=torch.int64)
        >>> encoder(ids, attention_mask=ids > 0).shape
        torch.Size([3, 16, 32])
    """

    def __init__(
        self,
        vocabulary_size: int,
        max_length: int,
        *,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_int("width", width, minimum=1)
        check_int("layers", layers, minimum=1)
        check_float("dropout", dropout, minimum=0.0, maximum=1.0)
        if width % check_int("heads", heads, minimum=1):
            raise InvalidArgumentError(f"`heads` must divide `width` ({width}), but got {heads}.")
        self.width = width
        self.tokens = nn.Embedding(vocabulary_size, width)
        self.positions = nn.Embedding(max_length, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Map ids and mask (1 = no padding), both ``(batch, T)``, to token vectors ``(batch, T, width)``.

        Raises:
            InvalidArgumentError: If texts are longer than ``max_length``.
        """
        length, longest = tokens.shape[1], self.positions.num_embeddings
        if length > longest:
            raise InvalidArgumentError(
                f"Texts must have at most {longest} tokens for this encoder, but got {length}."
            )
        places = torch.arange(length, device=tokens.device)
        x = self.dropout(self.norm(self.tokens(tokens) + self.positions(places)))
        out: Tensor = self.layers(x, src_key_padding_mask=attention_mask == 0)
        return out


class TextClassifier(nn.Module):
    """Encoder, pooling, linear classifier.

    Args:
        encoder: Called as ``encoder(ids, attention_mask=mask)``; returns token vectors, or an object with
            ``last_hidden_state`` as the encoders of transformers do.
        width: Length of its token vectors.
        n_classes: Number of classes.
        pad_id: Token id of padding, from which the mask is derived.
        pooling: One of :data:`POOLINGS`.
        dropout: Dropout before the classifier.

    Raises:
        UnknownNameError: If ``pooling`` is none of :data:`POOLINGS`.

    Example:
        >>> import torch
        >>> encoder = TransformerEncoder(100, 16, width=32)
        >>> TextClassifier(encoder, 32, n_classes=2)(torch.ones(3, 16, dtype=torch.int64)).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        encoder: nn.Module,
        width: int,
        n_classes: int,
        *,
        pad_id: int = 0,
        pooling: str = "mean",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad_id = check_int("pad_id", pad_id, minimum=0)
        self.pooling = check_choice("pooling", pooling, POOLINGS)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids ``(batch, T)`` to logits ``(batch, n_classes)``."""
        mask = (tokens != self.pad_id).to(torch.int64)
        # A text of nothing but padding attends to its first token: a softmax over nothing is NaN.
        mask[:, 0] = 1
        out = self.encoder(tokens, attention_mask=mask)
        vectors: Tensor = out if isinstance(out, Tensor) else out.last_hidden_state
        if self.pooling == "first":
            pooled = vectors[:, 0]
        else:
            weights = mask.unsqueeze(-1).to(vectors.dtype)
            pooled = (vectors * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


def text_classifier(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    vocabulary_size: int | None = None,
    pad_id: int = 0,
    encoder: str | os.PathLike[str] | Any = None,
    pooling: str = "mean",
    dropout: float = 0.1,
    width: int = 128,
    layers: int = 2,
    heads: int = 4,
) -> TextClassifier:
    """Build :class:`TextClassifier` for texts of at most ``input_shape[0]`` tokens.

    Args:
        input_shape: ``(T,)``.
        n_classes: Number of classes.
        vocabulary_size: Token ids; needed without ``encoder``.
        pad_id: Token id of padding.
        encoder: None builds :class:`TransformerEncoder`; else a folder or installed package with an encoder of
            transformers, a configuration of transformers, or a module. See :func:`~.encoders.load_encoder`.
        pooling: One of :data:`POOLINGS`.
        dropout: Dropout probability of the classifier and the small encoder.
        width: Width of the small encoder.
        layers: Number of layers of the small encoder.
        heads: Number of attention heads of the small encoder.

    Raises:
        InvalidArgumentError: If the shape is invalid, or the vocabulary is missing or larger than the
            encoder's.
    """
    if len(input_shape) != 1:
        raise InvalidArgumentError(
            f"`input_shape` of text-classifier must be (T,), the longest text, but got {input_shape}."
        )
    made: nn.Module
    if encoder is None:
        if vocabulary_size is None:
            raise InvalidArgumentError(
                "`vocabulary_size` must be given for the small encoder, but got None."
            )
        size = check_int("vocabulary_size", vocabulary_size, minimum=1)
        made = TransformerEncoder(
            size, input_shape[0], width=width, layers=layers, heads=heads, dropout=dropout
        )
    else:
        made, width = load_encoder(encoder, vocabulary_size=vocabulary_size)
    _check_mask_name(made)
    return TextClassifier(made, width, n_classes, pad_id=pad_id, pooling=pooling, dropout=dropout)


def _check_mask_name(encoder: nn.Module) -> None:
    names = inspect.signature(encoder.forward).parameters
    if "attention_mask" not in names and not any(p.kind is p.VAR_KEYWORD for p in names.values()):
        raise InvalidArgumentError(
            "`encoder` must take `attention_mask`, but its forward takes "
            f"{', '.join(names)}; wrap it in a module that does."
        )
