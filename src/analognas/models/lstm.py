"""The LSTM language model.

Structure after Zaremba et al., "Recurrent Neural Network Regularization", 2014: embedding, LSTM layers with
dropout on the connections between layers only, decoder. Tied weights: Press & Wolf, "Using the Output Embedding
to Improve Language Models", EACL 2017.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from ..core import InvalidArgumentError, check_float, check_int

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each ``(layers, batch, width)``."""


class LSTMLanguageModel(nn.Module):
    """Embedding, LSTM layers, decoder to the vocabulary.

    Args:
        vocabulary_size: Number of words.
        width: Hidden units of each layer.
        embedding: Length of word vectors; None: ``width``.
        layers: Number of LSTM layers.
        dropout: Dropout probability before, between and after the layers.
        tied: Whether the decoder shares the embedding's weight; needs ``embedding`` equal to ``width``.

    Raises:
        InvalidArgumentError: If a number is out of range, or widths are incompatible with ``tied``.

    Example:
        >>> import torch
        >>> from analognas.models import build_model
        >>> net = build_model("lstm", input_shape=(5,), n_classes=20, width=8)
        >>> net(torch.zeros(2, 5, dtype=torch.int64)).shape
        torch.Size([2, 5, 20])
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        width: int = 650,
        embedding: int | None = None,
        layers: int = 2,
        dropout: float = 0.5,
        tied: bool = False,
    ) -> None:
        super().__init__()
        check_int("width", width, minimum=1)
        length = width if embedding is None else check_int("embedding", embedding, minimum=1)
        check_int("layers", layers, minimum=1)
        check_float("dropout", dropout, minimum=0.0, maximum=1.0)
        if tied and length != width:
            raise InvalidArgumentError(
                f"`embedding` must equal `width` ({width}) for tied weights, but got {length}."
            )
        self.embedding = nn.Embedding(vocabulary_size, length)
        self.dropout = nn.Dropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(length, width, layers, dropout=between, batch_first=True)
        self.decoder = nn.Linear(width, vocabulary_size)
        bound = 1 / math.sqrt(length)
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids ``(batch, T)`` to logits of the next word, ``(batch, T, vocabulary_size)``, from state 0."""
        return self.advance(tokens, None)[0]

    def advance(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Return the logits of :meth:`forward` starting from ``state``, and the final state."""
        hidden, state = self.lstm(self.dropout(self.embedding(tokens)), state)
        return self.decoder(self.dropout(hidden)), state


def lstm(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    width: int = 650,
    embedding: int | None = None,
    layers: int = 2,
    dropout: float = 0.5,
    tied: bool = False,
) -> LSTMLanguageModel:
    """Build :class:`LSTMLanguageModel` for sequences of ids.

    The default sizes are the medium model of Zaremba et al.

    Raises:
        InvalidArgumentError: If ``input_shape`` is not ``(T,)``, or a number is invalid.
    """
    if len(input_shape) != 1:
        raise InvalidArgumentError(
            f"`input_shape` of lstm must be (T,), a sequence of token ids, but got {input_shape}."
        )
    return LSTMLanguageModel(
        n_classes, width=width, embedding=embedding, layers=layers, dropout=dropout, tied=tied
    )
