"""Speech Commands, and other folders with one folder of WAV files for each word.

Source: P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", 2018: lists of the
splits, the rule that assigns speakers to splits, and the task with 12 classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from ..core import RandomStreams, TableIntegrityError
from ..core.limits import read_bytes
from .archives import Archive, missing, text_lines, visible_files, visible_folders
from .audio import audio_data, audio_split, fitted_length, make_features, read_wav, stacked
from .dataset import DataSet

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""Keywords of the task with 12 classes; the other classes are silence and unknown words."""
_ARCHIVE = Archive("speech_commands_v0.02.tar.gz", "6b74f3901214cb2c2934e98196829835")
_NOISE = "_background_noise_"
_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_SPLITS = ("train", "validation", "test")
_MOST_FILES = 2**27 - 1
"""Largest number of clips per class, in the published rule that assigns speakers to splits."""

_Clips = dict[str, list[tuple[Path, int]]]


def load_speech_commands(
    root: Path | None,
    *,
    words: Literal["all", "12"] = "all",
    features: Literal["log-mel", "mfcc"] = "log-mel",
    seconds: Annotated[float, Field(ge=0.05)] = 1.0,
) -> DataSet:
    """Load spoken words as log-mel energies or cepstral coefficients.

    If there are no lists of the published splits, speakers are assigned to splits by the published
    rule: a hash of the file's name up to ``_nohash_``.

    Args:
        root: Unpacked folder with one folder for each word.
        words: ``"all"`` for all folders as classes, or ``"12"`` for ten keywords, ``unknown`` (other words) and
            ``silence`` (background noise), each with as many clips as a keyword has on average.
        features: ``"log-mel"`` or ``"mfcc"``.
        seconds: Length of clips after cropping or padding.

    Raises:
        DataNotFoundError: If there are no such folders.
        TableIntegrityError: If a file is damaged, sample rates differ, or a split is empty.
    """
    names = _word_folders(root)
    if root is None or not names:
        raise missing("speech-commands", root, [_ARCHIVE], unpacked=True)
    split_of = _split_rule(root)
    clips: _Clips = {split: [] for split in _SPLITS}
    for label, name in enumerate(names):
        files = _wav_files(root / name)
        for file in files:
            clips[split_of(f"{name}/{file.name}")].append((file, label))
    for split, content in clips.items():
        if not content:
            raise TableIntegrityError(
                f"{str(root)!r} must have files in every split, but {split} has none."
            )
    classes = names
    if words == "12":
        clips, classes = _twelve(clips, names), [*KEYWORDS, "unknown", "silence"]
    return _read(root, clips, classes, features, seconds, silence=words == "12")


def _word_folders(root: Path | None) -> list[str]:
    if root is None or not root.is_dir():
        return []
    return [folder.name for folder in visible_folders(root) if not folder.name.startswith("_")]


def _wav_files(folder: Path, what: str = "") -> list[Path]:
    found = visible_files(folder, deep=False) if folder.is_dir() else []
    files = [path for path in found if path.suffix.lower() == ".wav"]
    if not files:
        raise TableIntegrityError(
            f"The folder {str(folder)!r} must hold WAV files{what}, but has none."
        )
    return files


def _split_rule(root: Path) -> Any:
    lists = {
        split: frozenset(text_lines(read_bytes(root / file), repr(str(root / file))))
        for split, file in _LISTS.items()
        if (root / file).is_file()
    }
    if len(lists) == len(_LISTS):
        return lambda name: next(
            (split for split, listed in lists.items() if name in listed), "train"
        )
    return lambda name: hashed_split(name.rpartition("/")[2])


def hashed_split(file_name: str) -> str:
    """Return the split of a file by the published rule: 10 % validation, 10 % test, by speaker.

    Example:
        >>> hashed_split("bbed4aa4_nohash_0.wav") == hashed_split("bbed4aa4_nohash_7.wav")
        True
    """
    speaker = file_name.split("_nohash_")[0]
    digest = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = digest % (_MOST_FILES + 1) * (100 / _MOST_FILES)
    return "validation" if percent < 10 else "test" if percent < 20 else "train"


def _twelve(clips: _Clips, names: Sequence[str]) -> _Clips:
    """Keep keywords, and a fixed random choice of other words, as many as a keyword has on average."""
    absent = [word for word in KEYWORDS if word not in names]
    if absent:
        raise TableIntegrityError(
            f"The task with 12 classes needs folders of all keywords, but lacks {', '.join(absent)}."
        )
    places = {name: k for k, name in enumerate(KEYWORDS)}
    chosen: _Clips = {}
    for split, content in clips.items():
        known = [(file, places[names[k]]) for file, k in content if names[k] in places]
        others = [(file, len(KEYWORDS)) for file, k in content if names[k] not in places]
        n = min(len(others), round(len(known) / len(KEYWORDS)))
        kept = RandomStreams(0).numpy("unknown words", split).permutation(len(others))[:n]
        chosen[split] = known + [others[k] for k in sorted(kept)]
    return chosen


def _read(
    root: Path,
    clips: _Clips,
    classes: Sequence[str],
    features: str,
    seconds: float,
    *,
    silence: bool,
) -> DataSet:
    rate = read_wav(clips["train"][0][0])[0]
    make = make_features(features, rate)
    length = round(seconds * rate)
    splits = {}
    for split, content in clips.items():
        samples = [fitted_length(_at_rate(file, rate), length) for file, _ in content]
        labels = [label for _, label in content]
        if silence:
            noise = _silence(root, split, rate, length, round(len(content) / (len(classes) - 1)))
            samples += noise
            labels += [len(classes) - 1] * len(noise)
        splits[split] = audio_split(stacked(samples), torch.tensor(labels), make)
    return audio_data("speech-commands", *splits.values(), classes=classes, augment=True)


def _at_rate(path: Path, rate: int) -> np.ndarray[Any, Any]:
    own, samples = read_wav(path)
    if own != rate:
        raise TableIntegrityError(
            f"All files must have one sample rate, but {str(path)!r} has {own} Hz and the first {rate} Hz."
        )
    return samples


def _silence(root: Path, split: str, rate: int, length: int, n: int) -> list[np.ndarray[Any, Any]]:
    """Cut ``n`` clips from the background noise; each split has its own part of every file."""
    files = _wav_files(root / _NOISE, " for the class silence")
    rng = RandomStreams(0).numpy("silence", split)
    borders = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}[split]
    parts = []
    for file in files:
        samples = _at_rate(file, rate)
        first, end = (round(border * len(samples)) for border in borders)
        parts.append(fitted_length(samples[first:end], max(length, end - first)))
    pieces = []
    for k in range(n):
        part = parts[k % len(parts)]
        start = rng.integers(len(part) - length + 1)
        pieces.append(part[start : start + length])
    return pieces
