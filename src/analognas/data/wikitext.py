"""WikiText-2, and other texts of words, for language models.

Source: Merity et al., "Pointer Sentinel Mixture Models", ICLR 2017; words are separated by spaces, lines by
    ``<eos>``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from ..core import TableIntegrityError, check_int
from ..core.foreign_numbers import as_integers
from ..core.limits import LARGEST_PACKED_TEXT
from .archives import Archive, check_members, missing, read_members
from .dataset import DataSet, Split
from .preparation import as_ids
from .tokens import load_stream_encoder

END, UNKNOWN = "<eos>", "<unk>"
_MARK = re.compile(r" @([-,.])@ ")
_ARCHIVE = Archive(
    "wikitext-2-v1.zip",
    "542ccefacc6c27f945fb54453812b3cd",
    "wikitext-2",
    4_475_746,
    limit=2 * LARGEST_PACKED_TEXT,
)
_FILES = {
    "train": "wiki.train.tokens",
    "validation": "wiki.valid.tokens",
    "test": "wiki.test.tokens",
}


def load_wikitext2(
    root: Path | None,
    *,
    length: Annotated[int, Field(ge=1)] = 35,
    tokenizer: str | os.PathLike[str] | None = None,
) -> DataSet:
    """Load WikiText-2 as words: 2,088,628 training tokens, a vocabulary of 33,278.

    Args:
        root: The archive, its folder, or the unpacked folder.
        length: Number of tokens of a window.
        tokenizer: ``tokenizer.json`` of a pretrained decoder, or its folder, to split the text into its tokens
            (:func:`retokenized`); None: words.

    Raises:
        DataNotFoundError: If the files are missing.
        TableIntegrityError: If a file is damaged, or the vocabulary lacks a word and ``<unk>``.
    """
    members = read_members("wikitext2", root, _ARCHIVE, list(_FILES.values()))
    if members is None:
        raise missing("wikitext2", root, [_ARCHIVE])
    check_members("wikitext2", members, _FILES.values())
    words = {split: _words(members.lines(file)) for split, file in _FILES.items()}
    # In order of first appearance.
    vocabulary = tuple(dict.fromkeys(words["train"]))
    ids = {word: k for k, word in enumerate(vocabulary)}
    streams = {}
    for split, content in words.items():
        unknown = ids.get(UNKNOWN, -1)
        stream = np.fromiter((ids.get(word, unknown) for word in content), np.int32, len(content))
        if stream.min(initial=0) < 0:
            absent = next(word for word in content if word not in ids)
            raise TableIntegrityError(
                f"{_FILES[split]!r} must only have words of the training text (which has no {UNKNOWN}), but "
                f"contains {absent!r}."
            )
        streams[split] = stream
    if tokenizer is not None:
        streams, vocabulary = retokenized(streams, vocabulary, tokenizer)
    return language_data("wikitext2", streams, vocabulary, length=length, note=members.note)


def _words(lines: list[str]) -> list[str]:
    return [word for line in lines for word in [*line.split(), END]]


def retokenized(
    streams: Mapping[str, np.ndarray[Any, Any]],
    vocabulary: Sequence[str],
    tokenizer: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray[Any, Any]], tuple[str, ...]]:
    """Return a text of words in the tokens of a pretrained decoder.

    Words are joined by spaces, ``<eos>`` becomes a line break, and marks inside of words and numbers such as
    ``@-@`` are undone. The perplexity of the result counts tokens, not words.

    Args:
        streams: Ids of words by split.
        vocabulary: Word of each id.
        tokenizer: A source for :func:`~analognas.data.tokens.load_stream_encoder`.

    Returns:
        Token ids by split, and the token of each id.

    Raises:
        DataNotFoundError: If there is no such tokenizer.
        InvalidArgumentError: If the package tokenizers is missing.
        TableIntegrityError: If the tokenizer is damaged, or ids are not in the vocabulary.

    Example:
        >>> words = {"train": np.array([0, 1, 2]), "test": np.array([1, 2])}
        >>> retokenized(words, ["a", "b", "<eos>"], "gpt2-folder")  # doctest: +SKIP
    """
    encode, tokens = load_stream_encoder(tokenizer)
    found = {}
    for split, stream in streams.items():
        ids = as_integers(
            f"Token ids of {split}", stream, minimum=0, maximum=len(vocabulary) - 1
        ).ravel()
        lines = " ".join(vocabulary[k] for k in ids.tolist()).split(END)
        texts = [_MARK.sub(r"\1", line.strip(" ")) + "\n" for line in lines[:-1]]
        texts += [_MARK.sub(r"\1", lines[-1].strip(" "))] * bool(lines[-1].strip(" "))
        rows = encode(texts)
        found[split] = np.array([k for row in rows for k in row], dtype=np.int32)
    return found, tokens


def frequent_words(
    streams: Mapping[str, np.ndarray[Any, Any]], vocabulary: Sequence[str], size: int
) -> tuple[dict[str, np.ndarray[Any, Any]], tuple[str, ...]]:
    """Return a text with the most frequent words of its training split; all others become ``<unk>``.

    A smaller vocabulary makes small networks faster and easier to train. Perplexities of different vocabularies
    cannot be compared.

    Args:
        streams: Ids of words by split.
        vocabulary: Word of each id.
        size: Number of words that are kept, besides ``<unk>``.

    Returns:
        Ids by split, and the word of each id, ``<unk>`` first and then by frequency.

    Raises:
        InvalidArgumentError: If ``size`` is not positive.
        TableIntegrityError: If ids are not in the vocabulary.

    Example:
        >>> words = {"train": np.array([0, 1, 1, 2]), "test": np.array([2, 1])}
        >>> found, kept = frequent_words(words, ["a", "b", "c"], 2)
        >>> kept, found["test"].tolist()
        (('<unk>', 'b', 'a'), [0, 1])
    """
    check_int("vocabulary_size", size, minimum=1)
    ids = {
        split: as_integers(f"Token ids of {split}", stream, minimum=0, maximum=len(vocabulary) - 1)
        for split, stream in streams.items()
    }
    counts = np.bincount(ids["train"].ravel(), minlength=len(vocabulary))
    order = np.argsort(-counts, kind="stable").tolist()
    kept = [k for k in order if vocabulary[k] != UNKNOWN][:size]
    new = np.zeros(len(vocabulary), np.int32)
    new[kept] = np.arange(1, len(kept) + 1)
    words = (UNKNOWN, *(vocabulary[k] for k in kept))
    return {split: new[stream] for split, stream in ids.items()}, words


def language_data(
    name: str,
    streams: dict[str, np.ndarray[Any, Any]],
    vocabulary: Sequence[str],
    *,
    length: int,
    note: str | None = None,
) -> DataSet:
    """Return a data set for language models.

    An example is a window of ``length`` tokens; its targets are the tokens shifted by one. Windows do not
    overlap, and remaining tokens at the end are not used.

    Args:
        name: Name of the data set.
        streams: Token ids of ``train``, ``test`` and optionally ``validation``, each as one array.
        vocabulary: Token of each id.
        length: Number of tokens of a window.
        note: Remark to report with all results.

    Raises:
        TableIntegrityError: If a stream is shorter than a window, or its ids are not in the vocabulary.

    Example:
        >>> streams = {"train": np.arange(40) % 5, "test": np.arange(20) % 5}
        >>> data = language_data("counting", streams, ["a", "b", "c", "d", "e"], length=10)
        >>> len(data.train), data.n_classes
        (3, 5)
    """
    check_int("length", length, minimum=1)
    parts = {
        split: _windows(stream, length, f"{name}: {split}", len(vocabulary))
        for split, stream in streams.items()
    }
    return DataSet(
        name=name,
        task="language_model",
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts["test"],
        input_shape=(length,),
        n_classes=len(vocabulary),
        vocabulary=tuple(vocabulary),
        preparation=as_ids,
        note=note,
    )


def _windows(stream: np.ndarray[Any, Any], length: int, where: str, n_words: int) -> Split:
    ids = as_integers(f"Token ids of {where}", stream, minimum=0, maximum=n_words - 1)
    if ids.ndim != 1:
        raise TableIntegrityError(
            f"Token ids of {where} must be one stream, shape (n,), but have the shape {ids.shape}."
        )
    n = (len(ids) - 1) // length
    if n < 1:
        raise TableIntegrityError(
            f"{where} must have more than {length} tokens, but has {len(ids)}."
        )
    tokens = torch.from_numpy(ids.astype(np.int32))
    # Inputs and targets are views of the same stream.
    return Split(tokens[: n * length].view(n, length), tokens[1 : n * length + 1].view(n, length))
