"""Data sets: readers of published file formats, splits and augmentation; nothing is downloaded."""

from .audio import audio_data, audio_split, read_wav
from .audio_features import AudioFeatures
from .augmentation import (
    Augmentation,
    Compose,
    Cutout,
    RandomCrop,
    RandomFlip,
    SpectrogramMasks,
    augmentation_text,
)
from .dataset import SPLITS, TASKS, DataSet, Split
from .images import image_data
from .npz import load_npz
from .preparation import Normalise, Standardise, TrimPadding
from .registry import DATASETS, load_data, register_dataset
from .settings import DataSettings, Subset
from .tokens import Tokenizer, load_tokenizer, text_data, word_tokenizer
from .wikitext import language_data

__all__ = [
    "DATASETS",
    "SPLITS",
    "TASKS",
    "AudioFeatures",
    "Augmentation",
    "Compose",
    "Cutout",
    "DataSet",
    "DataSettings",
    "Normalise",
    "RandomCrop",
    "RandomFlip",
    "SpectrogramMasks",
    "Split",
    "Standardise",
    "Subset",
    "Tokenizer",
    "TrimPadding",
    "audio_data",
    "audio_split",
    "augmentation_text",
    "image_data",
    "language_data",
    "load_data",
    "load_npz",
    "load_tokenizer",
    "read_wav",
    "register_dataset",
    "text_data",
    "word_tokenizer",
]
