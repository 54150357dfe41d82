"""A fingerprint follows everything of a data set that a training depends on, but not its name."""

import dataclasses

import torch

from analognas.data import DataSet, Normalise, RandomFlip, Split
from analognas.data.fingerprint import data_fingerprint


def data(**changes):
    x = torch.arange(8 * 3 * 4, dtype=torch.uint8).view(8, 1, 3, 4)
    part = Split(x, torch.tensor([0, 1] * 4))
    entries = {
        "name": "a",
        "task": "classification",
        "train": part,
        "validation": None,
        "test": part,
    }
    entries |= {"input_shape": (1, 3, 4), "n_classes": 2, "preparation": Normalise((0.5,), (0.5,))}
    return DataSet(**entries | changes)


def test_equal_data_have_one_fingerprint():
    assert data_fingerprint(data()) == data_fingerprint(data(name="b", note="lossy"))
    transposed = data().train.inputs.transpose(2, 3).contiguous().transpose(2, 3)
    part = Split(transposed, data().train.targets)
    assert data_fingerprint(data(train=part, test=part)) == data_fingerprint(data())


def test_every_difference_shows():
    x, y = data().train.inputs, data().train.targets
    changed = x.clone()
    changed[3, 0, 1, 2] ^= 1
    part = data().train
    others = [
        data(train=Split(changed, y)),
        data(test=Split(x, 1 - y)),
        data(validation=part),
        data(train=Split(x.float(), y)),
        data(n_classes=2, classes=("x", "y")),
        data(augmentation=RandomFlip()),
        data(preparation=Normalise((0.5,), (0.25,))),
        data(preparation=lambda raw: raw / 255),
        data(preparation=lambda raw: raw / 128),
        dataclasses.replace(data(), input_shape=(1, 4, 3)),
    ]
    assert len({data_fingerprint(one) for one in [data(), *others]}) == len(others) + 1
