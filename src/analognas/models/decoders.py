"""Decoder language models of the transformers package, from a configuration or from local files."""

from __future__ import annotations

import os
from typing import Any

from torch import Tensor, nn

from ..core import InvalidArgumentError, check_float, check_int
from ..data.tokens import pretrained_folder
from .encoders import transformers_package

__all__ = ["DecoderLanguageModel", "gpt2", "llama", "pretrained_decoder"]


class DecoderLanguageModel(nn.Module):
    """A decoder of transformers that returns logits; each window starts without history.

    Args:
        decoder: Called as ``decoder(input_ids=ids, use_cache=False)``; returns an object with ``logits``.
    """

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids ``(batch, T)`` to logits of the next token, ``(batch, T, vocabulary_size)``."""
        logits: Tensor = self.decoder(input_ids=tokens, use_cache=False).logits
        return logits


def gpt2(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    width: int = 128,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> DecoderLanguageModel:
    """Build a decoder of the type of GPT-2 with random weights: learned positions, a tied decoder.

    Raises:
        InvalidArgumentError: If transformers is not installed, or a size is invalid.
    """
    length = _checked(input_shape, width, layers, heads)
    check_float("dropout", dropout, minimum=0.0, maximum=1.0)
    made = transformers_package("A decoder")
    config = made.GPT2Config(
        vocab_size=n_classes,
        n_positions=length,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        bos_token_id=0,
        eos_token_id=0,
    )
    return DecoderLanguageModel(made.GPT2LMHeadModel(config))


def llama(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    width: int = 128,
    layers: int = 2,
    heads: int = 4,
    key_heads: int | None = None,
) -> DecoderLanguageModel:
    """Build a decoder of the type of Llama with random weights: rotary positions, gated layers, no biases.

    Args:
        input_shape: Number of tokens of a window, ``(T,)``.
        n_classes: Size of the vocabulary.
        width: Length of token vectors.
        layers: Number of layers.
        heads: Number of attention heads, a divisor of ``width``.
        key_heads: Number of heads of keys and values, a divisor of ``heads``; None: ``heads``.

    Raises:
        InvalidArgumentError: If transformers is not installed, or a size is invalid.
    """
    length = _checked(input_shape, width, layers, heads)
    shared = heads if key_heads is None else check_int("key_heads", key_heads, minimum=1)
    if heads % shared:
        raise InvalidArgumentError(f"`key_heads` must divide `heads` ({heads}), but got {shared}.")
    made = transformers_package("A decoder")
    config = made.LlamaConfig(
        vocab_size=n_classes,
        max_position_embeddings=length,
        hidden_size=width,
        intermediate_size=8 * width // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=shared,
        bos_token_id=0,
        eos_token_id=0,
    )
    return DecoderLanguageModel(made.LlamaForCausalLM(config))


def pretrained_decoder(
    *, input_shape: tuple[int, ...], n_classes: int, checkpoint: str | os.PathLike[str]
) -> DecoderLanguageModel:
    """Load a decoder of transformers from local files.

    Args:
        input_shape: Number of tokens of a window, ``(T,)``.
        n_classes: Size of the vocabulary of the data, which must have the token ids of the checkpoint.
        checkpoint: Folder with ``config.json`` and safetensors weights.

    Raises:
        DataNotFoundError: If there is no such folder.
        InvalidArgumentError: If transformers is not installed, or the vocabulary of the data is larger.
    """
    folder = pretrained_folder(checkpoint, holding="config.json")
    auto: Any = transformers_package("A decoder").AutoModelForCausalLM
    decoder: Any = auto.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )
    known = decoder.config.vocab_size
    if n_classes > known:
        raise InvalidArgumentError(
            f"The data must have the token ids of the checkpoint, which knows {known}, but has {n_classes} "
            "tokens; prepare the data with its tokenizer."
        )
    return DecoderLanguageModel(decoder)


def _checked(input_shape: tuple[int, ...], width: int, layers: int, heads: int) -> int:
    """Check the sizes of a decoder; return the number of tokens of a window."""
    if len(input_shape) != 1:
        raise InvalidArgumentError(
            f"`input_shape` of a decoder must be (T,), a sequence of token ids, but got {input_shape}."
        )
    check_int("width", width, minimum=1)
    check_int("layers", layers, minimum=1)
    if width % check_int("heads", heads, minimum=1) or (width // heads) % 2:
        raise InvalidArgumentError(
            f"`heads` must divide `width` ({width}) into even parts, but got {heads}."
        )
    return input_shape[0]
