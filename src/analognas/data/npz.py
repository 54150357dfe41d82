"""Arrays in one ``.npz`` file; what they are is told by their names."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core import (
    DataNotFoundError,
    TableIntegrityError,
    check_choice,
    check_float,
)
from .audio import audio_data, audio_split, make_features
from .dataset import DataSet
from .image_folder import read_image
from .images import image_data, image_split
from .splits import stratified_indices, without
from .tokens import Tokenizer, text_data
from .wikitext import language_data

_TEST_PART = 0.2
_LOSSY = "images were stored as JPEG, which is lossy: say so beside any result"

_Arrays = dict[str, np.ndarray[Any, Any]]


def load_npz(
    root: Path | None,
    *,
    features: str = "log-mel",
    tokenizer: str | os.PathLike[str] | Tokenizer | None = None,
    vocabulary_size: int = 20000,
    max_length: int = 64,
    length: int = 35,
    train: str = "train",
    test_part: float = _TEST_PART,
) -> DataSet:
    """A data set in one ``.npz`` file, its kind told by the names of its arrays.

    ===================================  ==========================================================
    arrays                               data set
    ===================================  ==========================================================
    train_x, train_y, test_x, test_y     images, ``uint8`` ``(n, h, w)`` or ``(n, h, w, c)``
    x, y                                 the same without splits: a stratified part is for testing
    train_jpeg, train_offset, train_y,   images as JPEG, ``jpeg[offset[k]:offset[k + 1]]``
    test_...
    audio, label, sample_rate            clips, ``int16`` ``(n, samples)``; ``is_test`` or ``speaker``
                                         tell the test split, speakers kept whole
    train_text, train_label, test_...,   texts, UTF-8 bytes joined by line breaks
    dev_... or validation_...
    train, valid, test, vocab            streams of token ids
    ===================================  ==========================================================

    ``class_names``, where it is there, names the classes.

    Args:
        root: The file.
        features: For audio, ``"log-mel"`` or ``"mfcc"``.
        tokenizer: For texts, ``tokenizer.json`` of a pretrained encoder or its folder; None takes words.
        vocabulary_size: For texts, how many words.
        max_length: For texts, tokens of a text.
        length: For streams, tokens of a window.
        train: Which texts to train on, ``train`` or another that is there, such as ``glue_train``.
        test_part: Part that is for testing where the file has no splits.

    Raises:
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If the file is damaged, or has none of these layouts.
    """
    arrays, name = _read(root), Path(root or "").stem
    check_float("test_part", test_part, minimum=0.01, maximum=0.99)
    names = arrays.keys()
    if {"train_x", "train_y", "test_x", "test_y"} <= names:
        return _images(name, arrays, {s: _pixels(arrays[f"{s}_x"]) for s in ("train", "test")})
    if {"train_jpeg", "train_offset", "train_y", "test_jpeg", "test_offset", "test_y"} <= names:
        decoded = {s: _decoded(arrays, s) for s in ("train", "test")}
        return _images(name, arrays, decoded, note=_LOSSY)
    if {"x", "y"} <= names:
        return _unsplit(name, arrays, test_part)
    if {"audio", "label", "sample_rate"} <= names:
        return _audio(name, arrays, features, test_part)
    if {"train_text", "train_label", "test_text", "test_label"} <= names:
        return _texts(name, arrays, train, tokenizer, vocabulary_size, max_length)
    if {"train", "test", "vocab"} <= names:
        return _streams(name, arrays, length)
    raise TableIntegrityError(
        f"{str(root)!r} must have arrays of a known layout (see load_npz), but has {', '.join(names)}."
    )


def _read(root: Path | None) -> _Arrays:
    if root is None or not root.is_file():
        raise DataNotFoundError(f"npz: {str(root)!r} is no file; pass a .npz file as `root`.")
    try:
        # Of a damaged file that it opens itself, numpy leaves the handle open.
        with root.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    # Damaged archives fail in many ways, and arrays of objects are refused.
    except Exception as error:
        raise TableIntegrityError(f"{str(root)!r} is no readable .npz file: {error}") from None


def _class_names(arrays: _Arrays, labels: np.ndarray[Any, Any]) -> list[str]:
    if "class_names" in arrays:
        return [str(word) for word in arrays["class_names"]]
    return [str(k) for k in range(int(labels.max()) + 1)]


def _pixels(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """``uint8`` ``(n, h, w)`` or ``(n, h, w, c)`` as ``(n, c, h, w)``."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise TableIntegrityError(
            "Images must be uint8 of shape (n, h, w) or (n, h, w, c), but are "
            f"{images.dtype} of shape {images.shape}."
        )
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)


def _images(
    name: str, arrays: _Arrays, images: dict[str, np.ndarray[Any, Any]], note: str | None = None
) -> DataSet:
    classes = _class_names(arrays, arrays["train_y"])
    train, test = (
        image_split(images[split], arrays[f"{split}_y"], f"{name}: {split}")
        for split in ("train", "test")
    )
    return image_data(name, train, None, test, n_classes=len(classes), classes=classes, note=note)


def _decoded(arrays: _Arrays, split: str) -> np.ndarray[Any, Any]:
    stream, offsets = arrays[f"{split}_jpeg"].tobytes(), arrays[f"{split}_offset"]
    if (
        len(offsets) < 2
        or (np.diff(offsets) <= 0).any()
        or offsets[0] < 0
        or offsets[-1] > len(stream)
    ):
        raise TableIntegrityError(
            f"`{split}_offset` must ascend inside `{split}_jpeg`, but does not."
        )
    pictures = (
        read_image(io.BytesIO(stream[first:end])) for first, end in itertools.pairwise(offsets)
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


def _unsplit(name: str, arrays: _Arrays, test_part: float) -> DataSet:
    everything = image_split(_pixels(arrays["x"]), arrays["y"], name)
    classes = _class_names(arrays, arrays["y"])
    n = round(len(everything) * test_part)
    chosen = stratified_indices(everything.targets, n, seed=0, stream=f"{name} test")
    return image_data(
        name,
        everything.select(without(chosen, len(everything))),
        None,
        everything.select(chosen),
        n_classes=len(classes),
        classes=classes,
    )


def _audio(name: str, arrays: _Arrays, features: str, test_part: float) -> DataSet:
    audio, labels = arrays["audio"], arrays["label"]
    if audio.dtype != np.int16 or audio.ndim != 2 or labels.shape != audio.shape[:1]:
        raise TableIntegrityError(
            f"{name}: `audio` must be int16 of shape (n, samples) with n labels, but is "
            f"{audio.dtype} of shape {audio.shape} with {labels.shape}."
        )
    make = make_features(features, int(arrays["sample_rate"]))
    targets = torch.from_numpy(labels.astype(np.int64))
    if "is_test" in arrays:
        test = torch.from_numpy(arrays["is_test"].astype(bool)).nonzero()[:, 0]
    elif "speaker" in arrays:
        test = _speakers_apart(arrays["speaker"], targets, test_part)
    else:
        n = round(len(targets) * test_part)
        test = stratified_indices(targets, n, seed=0, stream=f"{name} test")
    train = without(test, len(targets))
    clips = torch.from_numpy(audio)
    train_split, test_split = (audio_split(clips[k], targets[k], make) for k in (train, test))
    return audio_data(name, train_split, None, test_split, classes=_class_names(arrays, labels))


def _speakers_apart(
    speakers: np.ndarray[Any, Any], targets: torch.Tensor, test_part: float
) -> torch.Tensor:
    """Choose whole speakers for testing; clips without a speaker (negative) are chosen one by one."""
    named = speakers >= 0
    ids, counts = np.unique(speakers[named], return_counts=True)
    order = np.random.default_rng(0).permutation(len(ids))
    # The first speakers in a fixed random order, up to the wanted part of the clips.
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
    there = [key.removesuffix("_text") for key in arrays if key.endswith("_text")]
    splits = {"train": _lines(arrays, check_choice("train", train, there))}
    for key in ("dev", "validation"):
        if key in there:
            splits["validation"] = _lines(arrays, key)
    splits["test"] = _lines(arrays, "test")
    return text_data(
        name,
        splits,
        classes=_class_names(arrays, arrays["train_label"]),
        tokenizer=tokenizer,
        vocabulary_size=vocabulary_size,
        max_length=max_length,
    )


def _lines(arrays: _Arrays, split: str) -> tuple[list[str], list[int]]:
    texts = _utf8(arrays[f"{split}_text"], f"{split}_text")
    labels = arrays[f"{split}_label"].tolist()
    if len(texts) != len(labels):
        raise TableIntegrityError(
            f"`{split}_text` must have a line for each of {len(labels)} labels, but has {len(texts)}."
        )
    return texts, labels


def _utf8(data: np.ndarray[Any, Any], name: str) -> list[str]:
    try:
        return data.tobytes().decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise TableIntegrityError(f"`{name}` is no UTF-8 text: {error}.") from None


def _streams(name: str, arrays: _Arrays, length: int) -> DataSet:
    keys = {"train": "train", "validation": "valid", "test": "test"}
    streams = {split: arrays[key] for split, key in keys.items() if key in arrays}
    return language_data(name, streams, _utf8(arrays["vocab"], "vocab"), length=length)
