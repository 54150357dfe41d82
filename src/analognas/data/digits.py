"""The digits of scikit-learn: a small data set that needs no file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from .dataset import DataSet, Split
from .preparation import Normalise
from .splits import stratified_indices, without

_N_TEST = 360
_LEVELS = 16


def load_digits(root: Path | None = None, *, size: Annotated[int, Field(ge=8)] = 32) -> DataSet:
    """Load 1,797 handwritten digits of 8 x 8 pixels, bilinearly enlarged; a stratified fifth is the test split.

    Args:
        root: Unused.
        size: Height and width of the images; 8 keeps the original size.

    Raises:
        InvalidArgumentError: If ``size`` is less than 8.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998 (its test set), through scikit-learn.
    """
    pixels, labels = _table_of_scikit_learn()
    images = pixels.float().reshape(-1, 1, 8, 8) * (255 / _LEVELS)
    if size != images.shape[-1]:
        images = functional.interpolate(images, size=(size, size), mode="bilinear")
    everything = Split(images.round().to(torch.uint8), labels)
    chosen = stratified_indices(everything.targets, _N_TEST, seed=0, stream="digits test")
    train = everything.select(without(chosen, len(everything)))
    return DataSet(
        name="digits",
        task="classification",
        train=train,
        validation=None,
        test=everything.select(chosen),
        input_shape=(1, size, size),
        n_classes=10,
        classes=tuple("0123456789"),
        preparation=Normalise.fitted(train.inputs),
    )


def _table_of_scikit_learn() -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels from 0 to 16, shape ``(1797, 64)``, and labels.

    Only the file is read: importing scikit-learn takes longer than a short training.
    """
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.int64))
    return table[:, :-1], table[:, -1]
