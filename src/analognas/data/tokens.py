"""Tokenizers, and data sets of texts."""

from __future__ import annotations

import importlib.util
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

from ..core import DataNotFoundError, InvalidArgumentError, TableIntegrityError, check_int
from ..core.foreign_numbers import as_integers
from ..core.limits import shown
from .dataset import DataSet, Split
from .preparation import TrimPadding

Text = str | tuple[str, str]
"""A text, or a pair of texts."""
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
    """Conversion of texts to token ids.

    Args:
        vocabulary: Token of each id.
        pad_id: Id of padding.
        encode: Function of texts and the largest number of tokens; returns lists of ids.

    Example:
        >>> from analognas.data import word_tokenizer
        >>> tokenizer = word_tokenizer(["a good film", "a bad film"], size=10)
        >>> tokenizer(["a good bad"], max_length=4).shape, len(tokenizer.vocabulary)
        (torch.Size([1, 4]), 7)
    """

    vocabulary: tuple[str, ...]
    pad_id: int
    encode: Callable[[Sequence[Text], int], list[list[int]]]

    def __call__(self, texts: Sequence[Text], *, max_length: int) -> Tensor:
        """Return ids, ``int32`` of shape ``(n, max_length)``, padded at the end.

        Raises:
            InvalidArgumentError: If ``encode`` does not return a list of valid ids for each text, of at most
                ``max_length``.
        """
        ids = self.encode(texts, max_length)
        out = torch.full((len(ids), max_length), self.pad_id, dtype=torch.int32)
        lengths = torch.tensor([len(row) for row in ids], dtype=torch.int64)
        if len(ids) != len(texts) or bool((lengths > max_length).any()):
            raise InvalidArgumentError(
                f"A tokenizer must return a list of at most {max_length} ids for each of {len(texts)} texts, "
                f"but returned {len(ids)} lists of up to {max(map(len, ids), default=0)}."
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
    """Encodes words by a vocabulary."""

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
    """Return a tokenizer of the ``size`` most frequent words, plus padding, unknown word and separator.

    Equally frequent words are in alphabetical order.

    Example:
        >>> tokenizer = word_tokenizer(["a good film", "a bad film"], size=10)
        >>> tokenizer.vocabulary
        ('<pad>', '<unk>', '<sep>', 'a', 'film', 'bad', 'good')
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
        source: ``tokenizer.json``, its folder, or an installed package that contains it.

    Raises:
        DataNotFoundError: If there is no such file.
        InvalidArgumentError: If the package tokenizers is missing, or the tokenizer has no padding.
        TableIntegrityError: If the file is damaged.

    Example:
        >>> tokenizer = load_tokenizer("bert-base-uncased")  # doctest: +SKIP
        >>> tokenizer(["a good film"], max_length=8).shape  # doctest: +SKIP
        torch.Size([1, 8])
    """
    inner, path = _pretrained_tokenizer(source)
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


def load_stream_encoder(
    source: str | os.PathLike[str],
) -> tuple[Callable[[Sequence[str]], list[list[int]]], tuple[str, ...]]:
    """Return a function that maps texts to token ids, and the token of each id, for language models.

    Unlike :func:`load_tokenizer`, texts are not truncated and get no further tokens at their ends, and no token
    for padding is needed.

    Args:
        source: ``tokenizer.json``, its folder, or an installed package that contains it.

    Raises:
        DataNotFoundError: If there is no such file.
        InvalidArgumentError: If the package tokenizers is missing.
        TableIntegrityError: If the file is damaged.

    Example:
        >>> encode, vocabulary = load_stream_encoder("gpt2-folder")  # doctest: +SKIP
        >>> [vocabulary[k] for k in encode(["a good film"])[0]]  # doctest: +SKIP
        ['a', 'Ġgood', 'Ġfilm']
    """
    inner, path = _pretrained_tokenizer(source)
    inner.no_padding()
    inner.no_truncation()

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [row.ids for row in inner.encode_batch(list(texts), add_special_tokens=False)]

    return encode, _by_id(inner.get_vocab(), str(path))


def _pretrained_tokenizer(source: str | os.PathLike[str]) -> tuple[Any, Path]:
    """Return a tokenizer of the package tokenizers, and its file."""
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
        # The package raises plain exceptions for damaged files.
        raise TableIntegrityError(
            f"{str(path)!r} is not a readable tokenizer: {shown(error)}."
        ) from None
    return inner, path


def pretrained_folder(source: str | os.PathLike[str], *, holding: str) -> Path:
    """Return the folder of a pretrained model, from a folder or an installed package (not imported).

    Args:
        source: The folder, a parent of it, or the name of a package that contains it.
        holding: A file in the folder; if there are several, the outermost folder is used.

    Raises:
        DataNotFoundError: If there is no such folder.
    """
    folder = Path(source)
    if folder.is_dir():
        candidates = [folder]
    else:
        name = os.fspath(source).replace("-", "_")
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
        candidates = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    for candidate in candidates:
        # Parts of a model, such as its pooling, have such files in subfolders.
        found = sorted(candidate.rglob(holding), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent
    raise DataNotFoundError(
        f"{os.fspath(source)!r} must be a folder with {holding} or an installed package with one, "
        "but is neither."
    )


def _by_id(ids: Mapping[str, int], where: str) -> tuple[str, ...]:
    """Return the token of each id; ids without token get a name with their number."""
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
        name: Name of the data set.
        splits: Texts and labels of ``train``, ``test`` and optionally ``validation``.
        classes: Names of the classes.
        tokenizer: A :class:`Tokenizer`, or a source for :func:`load_tokenizer`; None: the most frequent words
            of the training texts.
        vocabulary_size: Number of these words.
        max_length: Largest number of tokens of a text; longer ones are truncated.
        note: Remark to report with all results.

    Raises:
        TableIntegrityError: If labels are not integers.

    Example:
        >>> splits = {"train": (["good film", "bad film"], [1, 0]), "test": (["good", "bad"], [1, 0])}
        >>> data = text_data("films", splits, classes=["bad", "good"], tokenizer=None,
        ...                  vocabulary_size=10, max_length=4)
        >>> data.train.inputs.shape, data.classes
        (torch.Size([2, 4]), ('bad', 'good'))
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
