"""Data sets: readers of the published file formats, splits, augmentation; nothing is ever downloaded."""

from .augmentation import Augmentation
from .dataset import SPLITS, TASKS, DataSet, Split
from .preparation import Normalise
from .registry import DATASETS, load_data, register_dataset

__all__ = [
    "DATASETS",
    "SPLITS",
    "TASKS",
    "Augmentation",
    "DataSet",
    "Normalise",
    "Split",
    "load_data",
    "register_dataset",
]
