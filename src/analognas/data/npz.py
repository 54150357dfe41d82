"""Data sets in one ``.npz`` file, recognised by the names of its arrays."""

from __future__ import annotations

import itertools
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..core import (
    DataNotFoundError,
    InvalidArgumentError,
    TableIntegrityError,
    check_choice,
    check_float,
)
from ..core.foreign_numbers import as_integers
from ..core.limits import LimitedReader, check_zip_sizes, shown, unpacked_limit
from .array_names import (
    AUDIO,
    JPEG,
    LAYOUTS,
    STREAMS,
    TEXTS,
    class_names,
    image_arrays,
    label_vector,
)
from .audio import audio_data, audio_split, make_features
from .dataset import DataSet
from .image_files import read_image
from .images import divided, image_data, image_split
from .pixels import Bits, as_pixels
from .splits import size_of_part, stratified_indices, without
from .tokens import Tokenizer, text_data
from .wikitext import frequent_words, language_data, retokenized

_TEST_PART = 0.2
_WORDS_OF_TEXTS = 20_000
_LOSSY = "images were stored as JPEG, which is lossy; report this with all results"
_LARGEST_RATE = 1_000_000

_Array = np.ndarray[Any, Any]
_Arrays = dict[str, _Array]


def load_npz(
    root: str | os.PathLike[str] | None,
    *,
    channels: Literal["first", "last"] | None = None,
    bits: Bits = 16,
    augment: bool = False,
    flip: bool = True,
    features: Literal["log-mel", "mfcc"] = "log-mel",
    tokenizer: str | os.PathLike[str] | Tokenizer | None = None,
    vocabulary_size: int | None = None,
    max_length: int = 64,
    length: int = 35,
    train: str = "train",
    test_part: float = _TEST_PART,
) -> DataSet:
    """Load a data set from one ``.npz`` file, recognised by the names of its arrays.

    ===================================  ==========================================================
    arrays                               data set
    ===================================  ==========================================================
    train_x, train_y, test_x, test_y     images; also x_train, train_images, train_labels and so on,
                                         and the same with val or validation
    x, y                                 the same without splits: a stratified part is the test split
    train_jpeg, train_offset, train_y,   images as JPEG, ``jpeg[offset[k]:offset[k + 1]]``
    test_...
    audio, label, sample_rate            clips, ``int16`` ``(n, samples)``; ``is_test`` or ``speaker``
                                         define the test split (speakers are not split)
    train_text, train_label, test_...,   texts, or UTF-8 bytes joined by line breaks
    dev_... or validation_...
    train, valid, test, vocab            streams of token ids
    ===================================  ==========================================================

    Images are ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``: integers of 8 or 16 bits, or floats from 0
    to 1. Labels are 0, 1 and so on; optionally, ``class_names`` are their names.

    Args:
        root: The file.
        channels: For images, position of the axis of channels, ``"first"`` or ``"last"``, if it is ambiguous.
        bits: For images with pixels above 255, number of bits that they use, such as 12 of many cameras.
        augment: For images and audio, whether to change training examples randomly; False by default, as it
            depends on the data which changes keep the class.
        flip: For augmented images, whether to flip them.
        features: For audio, ``"log-mel"`` or ``"mfcc"``.
        tokenizer: For texts and streams, ``tokenizer.json`` of a pretrained network, or its folder. None:
            words of texts, and streams as they are.
        vocabulary_size: Number of words: of texts, 20,000 by default; of streams, the most frequent ones, by
            default all.
        max_length: For texts, number of tokens of a text.
        length: For streams, number of tokens of a window.
        train: For texts, prefix of the training arrays: ``train`` or another one, such as ``glue_train``.
        test_part: Fraction for the test split if the file has no splits.

    Raises:
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If the file is damaged, has none of these layouts, or an array has a wrong type or
            shape.

    Example:
        >>> x, y = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
        >>> np.savez("images.npz", x=x, y=y, allow_pickle=False)
        >>> data = load_npz("images.npz")
        >>> data.input_shape, len(data.train), len(data.test)
        ((1, 8, 8), 16, 4)
    """
    path = None if root is None else Path(root)
    arrays, name = _read(path), path.stem if path else ""
    check_float("test_part", test_part, minimum=0.01, maximum=0.99)
    names = arrays.keys()
    if names >= JPEG:
        return _jpegs(name, arrays, augment, flip)
    if names >= AUDIO:
        return _audio(name, arrays, features, augment, test_part)
    if names >= TEXTS:
        size = _WORDS_OF_TEXTS if vocabulary_size is None else vocabulary_size
        return _texts(name, arrays, train, tokenizer, size, max_length)
    if names >= STREAMS:
        return _streams(name, arrays, length, tokenizer, vocabulary_size)
    if found := image_arrays(arrays):
        images = [key for (_, role), key in found.items() if role == "x"]
        given = {key: arrays[key] for key in images}
        pixels = as_pixels(given, channels=channels, bits=bits)
        return _images(name, {**arrays, **pixels}, found, augment, flip, test_part)
    raise TableIntegrityError(
        f"{os.fspath(root or '')!r} must have arrays of one of the layouts {LAYOUTS}, but has "
        f"{shown(', '.join(sorted(names)) or 'no arrays')}."
    )


def _read(root: Path | None) -> _Arrays:
    if root is None or not root.is_file():
        raise DataNotFoundError(f"npz: {str(root)!r} is not a file; pass a .npz file as `root`.")
    where, size = repr(str(root)), root.stat().st_size
    try:
        # numpy would leave a damaged file open.
        with root.open("rb") as handle:
            with zipfile.ZipFile(LimitedReader(handle, sys.maxsize, where)) as file:
                limit = unpacked_limit(size)
                check_zip_sizes(file.infolist(), where=where, limit=limit)
            handle.seek(0)
            with np.load(handle, allow_pickle=False) as loaded:
                found = {name: loaded[name] for name in loaded.files}
        return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
    except TableIntegrityError:
        raise
    except Exception as error:
        # Damaged archives raise many types of errors; arrays of objects are not read.
        raise TableIntegrityError(f"{where} is not a readable .npz file: {shown(error)}") from None


def _images(
    name: str,
    arrays: _Arrays,
    found: dict[tuple[str, str], str],
    augment: bool,
    flip: bool,
    test_part: float,
) -> DataSet:
    splits = {
        split: image_split(arrays[key], arrays[found[split, "y"]], f"{name}: {key}")
        for (split, role), key in found.items()
        if role == "x"
    }
    classes = class_names(name, arrays, splits["train"].targets.numpy())
    if "test" not in splits and "validation" in splits:
        splits["test"] = splits.pop("validation")
    if "test" not in splits:
        splits["train"], splits["test"] = divided(splits["train"], test_part, stream=f"{name} test")
    return image_data(
        name,
        splits["train"],
        splits.get("validation"),
        splits["test"],
        n_classes=len(classes),
        classes=classes,
        augment=augment,
        flip=flip,
    )


def _jpegs(name: str, arrays: _Arrays, augment: bool, flip: bool) -> DataSet:
    train, test = (
        image_split(_decoded(arrays, split), arrays[f"{split}_y"], f"{name}: {split}")
        for split in ("train", "test")
    )
    classes = class_names(name, arrays, train.targets.numpy())
    return image_data(
        name,
        train,
        None,
        test,
        n_classes=len(classes),
        classes=classes,
        augment=augment,
        flip=flip,
        note=_LOSSY,
    )


def _decoded(arrays: _Arrays, split: str) -> _Array:
    stream = _bytes(arrays[f"{split}_jpeg"], f"{split}_jpeg")
    what = f"`{split}_offset`"
    offsets = as_integers(what, arrays[f"{split}_offset"], minimum=0, maximum=len(stream))
    if offsets.ndim != 1 or len(offsets) < 2 or (np.diff(offsets) <= 0).any():
        raise TableIntegrityError(f"{what} must ascend inside `{split}_jpeg`, but does not.")
    pictures = (
        read_image(stream[start:end], f"Number {k} of `{split}_jpeg`")
        for k, (start, end) in enumerate(itertools.pairwise(offsets.tolist()))
    )
    first = next(pictures)
    out = np.empty((len(offsets) - 1, *first.shape), np.uint8)
    out[0] = first
    for k, picture in enumerate(pictures, 1):
        if picture.shape != first.shape:
            raise TableIntegrityError(
                f"Images must have one shape, but number {k} of {split} has {picture.shape} and the first "
                f"{first.shape}."
            )
        out[k] = picture
    return out


def _audio(name: str, arrays: _Arrays, features: str, augment: bool, test_part: float) -> DataSet:
    audio = arrays["audio"]
    if audio.dtype != np.int16 or audio.ndim != 2:
        raise TableIntegrityError(
            f"{name}: `audio` must be int16 of shape (n, samples), but is {audio.dtype} of shape {audio.shape}."
        )
    labels = label_vector(f"{name}: `label`", arrays["label"], len(audio))
    rate = as_integers(
        f"{name}: `sample_rate`", arrays["sample_rate"], minimum=1, maximum=_LARGEST_RATE
    )
    if rate.size != 1:
        raise TableIntegrityError(f"{name}: `sample_rate` must be one number, but has {rate.size}.")
    make = make_features(features, rate.item())
    targets = torch.from_numpy(labels)
    if "is_test" in arrays:
        marks = arrays["is_test"]
        given = marks.astype(np.uint8) if marks.dtype == bool else marks
        chosen = label_vector(f"{name}: `is_test`", given, len(audio), minimum=0, maximum=1)
        test = torch.from_numpy(chosen).nonzero()[:, 0]
    elif "speaker" in arrays:
        speakers = label_vector(f"{name}: `speaker`", arrays["speaker"], len(audio))
        test = _speakers_apart(speakers, targets, test_part)
    else:
        n = size_of_part(targets, test_part)
        test = stratified_indices(targets, n, seed=0, stream=f"{name} test")
    train = without(test, len(targets))
    clips = torch.from_numpy(audio)
    if not len(test) or not len(train):
        raise TableIntegrityError(
            f"{name}: clips must be for training and for testing, but {len(train)} and {len(test)} are."
        )
    train_split, test_split = (audio_split(clips[k], targets[k], make) for k in (train, test))
    classes = class_names(name, arrays, labels)
    return audio_data(name, train_split, None, test_split, classes=classes, augment=augment)


def _speakers_apart(speakers: _Array, targets: torch.Tensor, test_part: float) -> torch.Tensor:
    """Choose speakers for testing; clips without a speaker (negative) are chosen one by one."""
    named = speakers >= 0
    ids, counts = np.unique(speakers[named], return_counts=True)
    order = np.random.default_rng(0).permutation(len(ids))
    # The first speakers in a fixed random order, up to the requested fraction of clips.
    taken = np.cumsum(counts[order]) <= test_part * named.sum()
    chosen = np.isin(speakers, ids[order[taken]])
    loose = torch.from_numpy(~named).nonzero()[:, 0]
    if len(loose):
        n = round(len(loose) * test_part)
        kept = stratified_indices(targets[loose], n, seed=0, stream="clips without speaker")
        chosen[loose[kept].numpy()] = True
    return torch.from_numpy(chosen).nonzero()[:, 0]


def _texts(
    name: str,
    arrays: _Arrays,
    train: str,
    tokenizer: str | os.PathLike[str] | Tokenizer | None,
    vocabulary_size: int,
    max_length: int,
) -> DataSet:
    there = [
        key.removesuffix("_text")
        for key in arrays
        if key.endswith("_text") and f"{key.removesuffix('_text')}_label" in arrays
    ]
    splits = {"train": _labelled(arrays, check_choice("train", train, there))}
    for key in ("dev", "validation"):
        if key in there:
            splits["validation"] = _labelled(arrays, key)
    splits["test"] = _labelled(arrays, "test")
    return text_data(
        name,
        splits,
        classes=class_names(name, arrays, np.array(splits["train"][1])),
        tokenizer=tokenizer,
        vocabulary_size=vocabulary_size,
        max_length=max_length,
    )


def _labelled(arrays: _Arrays, split: str) -> tuple[Sequence[str], list[int]]:
    texts = _lines(arrays[f"{split}_text"], f"{split}_text")
    labels = arrays[f"{split}_label"]
    if labels.ndim and len(texts) != len(labels):
        raise TableIntegrityError(
            f"`{split}_text` must have a line for each of {len(labels)} labels, but has {len(texts)}."
        )
    return texts, label_vector(f"`{split}_label`", labels, len(texts)).tolist()


def _lines(data: _Array, name: str) -> list[str]:
    """Return texts, stored one by one or joined by line breaks."""
    if data.dtype.kind == "U" and data.ndim == 1:
        return [str(text) for text in data]
    try:
        if data.dtype.kind == "S" and data.ndim == 1:
            return [text.decode() for text in data.tolist()]
        # Carriage returns belong to the text.
        return _bytes(data, name).decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise TableIntegrityError(f"`{name}` is not UTF-8 text: {shown(error)}.") from None


def _bytes(data: _Array, name: str) -> bytes:
    if data.dtype != np.uint8 or data.ndim != 1:
        raise TableIntegrityError(
            f"`{name}` must be bytes, uint8 of shape (n,), but is {data.dtype} of shape {data.shape}."
        )
    return data.tobytes()


def _streams(
    name: str,
    arrays: _Arrays,
    length: int,
    tokenizer: str | os.PathLike[str] | Tokenizer | None,
    vocabulary_size: int | None,
) -> DataSet:
    keys = {"train": "train", "validation": "valid", "test": "test"}
    streams = {split: arrays[key] for split, key in keys.items() if key in arrays}
    vocabulary: Sequence[str] = _lines(arrays["vocab"], "vocab")
    if isinstance(tokenizer, Tokenizer):
        raise InvalidArgumentError(
            "`tokenizer` of streams must be tokenizer.json of a pretrained decoder, or its folder, but got a "
            "Tokenizer, which is for texts with labels."
        )
    if tokenizer is not None:
        if vocabulary_size is not None:
            raise InvalidArgumentError(
                "`vocabulary_size` is for streams of words; omit it with a `tokenizer`, which has its own."
            )
        streams, vocabulary = retokenized(streams, vocabulary, tokenizer)
    elif vocabulary_size is not None:
        streams, vocabulary = frequent_words(streams, vocabulary, vocabulary_size)
    return language_data(name, streams, vocabulary, length=length)
