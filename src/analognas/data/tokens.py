"""From texts to token ids."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import InvalidArgumentError, TableIntegrityError, check_int
from ..core.foreign_numbers import as_integers
from ..core.limits import shown
from .dataset import DataSet, Split
from .preparation import TrimPadding
from .pretrained import pretrained_folder

Text = str | tuple[str, str]
"""One text, or a pair of them."""
PAD, UNKNOWN, SEPARATOR = "<pad>", "<unk>", "<sep>"
_MOST_IDS_A_TOKEN = 4
_WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


def split_words(text: str) -> list[str]:
    """Return words and punctuation in lower case.

    Example:
        >>> split_words("It isn't bad!")
        ['it', "isn't", 'bad', '!']
    """
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Tokenizer:
    """Texts to lists of ids.

    Args:
        vocabulary: Token of each id.
        pad_id: Id that fills up short texts.
        encode: Called with texts and the largest number of tokens, gives lists of ids.
    """

    vocabulary: tuple[str, ...]
    pad_id: int
    encode: Callable[[Sequence[Text], int], list[list[int]]]

    def __call__(self, texts: Sequence[Text], *, max_length: int) -> Tensor:
        """Return ids, ``int32`` of shape ``(n, T)``, with padding behind.

        ``T`` is ``max_length``, so that all splits have one shape.

        Raises:
            InvalidArgumentError: If ``encode`` gives other than lists of ids of the vocabulary, one for each
                text and none longer than ``max_length``.
        """
        ids = self.encode(texts, max_length)
        out = torch.full((len(ids), max_length), self.pad_id, dtype=torch.int32)
        lengths = torch.tensor([len(row) for row in ids], dtype=torch.int64)
        if len(ids) != len(texts) or bool((lengths > max_length).any()):
            raise InvalidArgumentError(
                f"A tokenizer must give a list of at most {max_length} ids for each of {len(texts)} texts, but "
                f"gave {len(ids)} lists of up to {max(map(len, ids), default=0)}."
            )
        places = torch.arange(max_length) < lengths.unsqueeze(1)
        flat = as_integers(
            "Ids of a tokenizer",
            [token for row in ids for token in row] or np.empty(0, np.int64),
            minimum=0,
            maximum=len(self.vocabulary) - 1,
            error=InvalidArgumentError,
        )
        out[places] = torch.from_numpy(flat.astype(np.int32))
        return out


@dataclass(frozen=True)
class _Words:
    """Encodes by looking words up."""

    vocabulary: tuple[str, ...]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: k for k, word in enumerate(self.vocabulary)}

    def __call__(self, texts: Sequence[Text], max_length: int) -> list[list[int]]:
        ids, unknown = self._ids, self._ids[UNKNOWN]
        return [
            [ids.get(word, unknown) for word in _all_words(text)[:max_length]] or [unknown]
            for text in texts
        ]


def _all_words(text: Text) -> list[str]:
    if isinstance(text, str):
        return split_words(text)
    return [*split_words(text[0]), SEPARATOR, *split_words(text[1])]


def word_tokenizer(texts: Iterable[Text], *, size: int) -> Tokenizer:
    """Return a tokenizer of the ``size`` most frequent words of ``texts``, beside padding, unknown, separator.

    Words that are equally frequent are in alphabetical order.
    """
    check_int("vocabulary_size", size, minimum=1)
    counts = Counter(word for text in texts for word in _all_words(text))
    del counts[SEPARATOR]
    words = sorted(counts, key=lambda word: (-counts[word], word))[:size]
    vocabulary = (PAD, UNKNOWN, SEPARATOR, *words)
    return Tokenizer(vocabulary, 0, _Words(vocabulary))


def load_tokenizer(source: str | os.PathLike[str]) -> Tokenizer:
    """Return the tokenizer of a pretrained encoder.

    Args:
        source: ``tokenizer.json``, the folder that holds it, or an installed package with one.

    Raises:
        DataNotFoundError: If it is not there.
        InvalidArgumentError: If the package tokenizers is missing, or the tokenizer has no padding.
        TableIntegrityError: If the file is damaged.
    """
    path = Path(source)
    if not path.is_file():
        path = pretrained_folder(source, holding="tokenizer.json") / "tokenizer.json"
    try:
        import tokenizers
    except ImportError:
        raise InvalidArgumentError(
            "`tokenizer` needs the package tokenizers, which is not installed: pip install 'analognas[hf]'."
        ) from None
    try:
        inner: Any = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        # That package reports damage by plain exceptions.
        raise TableIntegrityError(
            f"{str(path)!r} is not a readable tokenizer: {shown(error)}."
        ) from None
    padding = inner.padding or {}
    pad_id = padding.get("pad_id", inner.token_to_id("[PAD]"))
    if pad_id is None:
        raise InvalidArgumentError(
            f"`tokenizer` must have a token for padding, but {str(path)!r} has none."
        )
    inner.no_padding()
    vocabulary = _by_id(inner.get_vocab(), str(path))

    def encode(texts: Sequence[Text], max_length: int) -> list[list[int]]:
        inner.enable_truncation(max_length)
        return [row.ids for row in inner.encode_batch(list(texts))]

    return Tokenizer(vocabulary, pad_id, encode)


def _by_id(ids: Mapping[str, int], where: str) -> tuple[str, ...]:
    """Token of each id; ids without a token, which some tokenizers have, are named by their number."""
    size = max(ids.values(), default=-1) + 1
    if size > _MOST_IDS_A_TOKEN * len(ids):
        raise TableIntegrityError(
            f"{where!r} must have a token for most ids, but has {len(ids)} tokens with ids up to {size - 1}."
        )
    vocabulary = [f"<unused {k}>" for k in range(size)]
    for token, k in ids.items():
        vocabulary[k] = token
    return tuple(vocabulary)


def text_data(
    name: str,
    splits: Mapping[str, tuple[Sequence[Text], Sequence[int]]],
    *,
    classes: Sequence[str],
    tokenizer: str | os.PathLike[str] | Tokenizer | None,
    vocabulary_size: int,
    max_length: int,
    note: str | None = None,
) -> DataSet:
    """Return a data set of texts and their classes.

    Args:
        name: What it is called.
        splits: Texts and labels of ``train``, ``test`` and perhaps ``validation``.
        classes: Names of the classes.
        tokenizer: A :class:`Tokenizer`, or one for :func:`load_tokenizer`; None takes the most frequent words
            of the training texts.
        vocabulary_size: How many.
        max_length: Tokens of a text; longer ones are cut.
        note: What must be said beside any result.

    Raises:
        TableIntegrityError: If labels are not integers.
    """
    check_int("max_length", max_length, minimum=1)
    if tokenizer is None:
        made = word_tokenizer(splits["train"][0], size=vocabulary_size)
    else:
        made = tokenizer if isinstance(tokenizer, Tokenizer) else load_tokenizer(tokenizer)
    parts = {
        split: Split(
            made(texts, max_length=max_length),
            torch.from_numpy(as_integers(f"Labels of {name}: {split}", labels)),
        )
        for split, (texts, labels) in splits.items()
    }
    return DataSet(
        name=name,
        task="text_classification",
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts["test"],
        input_shape=(max_length,),
        n_classes=len(classes),
        classes=tuple(classes),
        vocabulary=made.vocabulary,
        preparation=TrimPadding(made.pad_id),
        pad_id=made.pad_id,
        note=note,
    )
