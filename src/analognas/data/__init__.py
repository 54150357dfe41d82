"""Data sets: readers of the published file formats, splits, augmentation; nothing is ever downloaded."""

from .augmentation import Augmentation
from .dataset import SPLITS, TASKS, Batch, DataSet, Preparation, Split
from .preparation import Normalise
from .registry import DATASETS, Loader, load_data, register_dataset

__all__ = [
    "DATASETS",
    "SPLITS",
    "TASKS",
    "Augmentation",
    "Batch",
    "DataSet",
    "Loader",
    "Normalise",
    "Preparation",
    "Split",
    "load_data",
    "register_dataset",
]
