import dataclasses

import pytest
import torch

from analognas.core import DataNotFoundError, InvalidArgumentError, UnknownNameError
from analognas.data import DATASETS, DataSet, Split, load_data, register_dataset


@pytest.fixture
def own(monkeypatch):
    """A data set of 100 examples under the name ``own``."""
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))

    def loader(root, *, published=False, test_classes=2, task="classification"):
        part = Split(torch.arange(100).view(100, 1), torch.arange(100) % 2)
        test = Split(torch.arange(4).view(4, 1), torch.arange(4) % test_classes)
        return DataSet(str(root), task, part, test if published else None, test, (1,), 2)

    register_dataset("own", loader)


@pytest.mark.parametrize(("validation", "size"), [(None, 10), (0.2, 20), (7, 7), (0, 0), (0.0, 0)])
def test_validation_split(own, validation, size):
    data = load_data("own", validation=validation)
    if size:
        assert len(data.validation) == size
        both = torch.cat([data.train.inputs, data.validation.inputs]).flatten()
        assert sorted(both.tolist()) == list(range(100))
        assert abs(int(data.validation.targets.sum()) - size / 2) <= 1
        again = load_data("own", validation=validation)
        assert torch.equal(again.validation.inputs, data.validation.inputs)
    else:
        assert data.validation is None
        assert len(data.train) == 100


def test_of_a_text_the_end_is_for_validation(own):
    data = load_data("own", task="language_model")
    assert data.validation.inputs.flatten().tolist() == list(range(90, 100))


def test_published_validation_is_kept(own):
    assert len(load_data("own", published=True).validation) == 4
    assert load_data("own", published=True, validation=0).validation is None
    with pytest.raises(InvalidArgumentError, match="has a published validation split"):
        load_data("own", published=True, validation=0.1)


def test_root_may_come_from_the_environment(own, monkeypatch):
    assert load_data("own").name == "None"
    monkeypatch.setenv("ANALOGNAS_DATA", "somewhere")
    assert load_data("own").name == "somewhere"
    assert load_data("own", root="here").name == "here"


def test_a_test_split_without_a_class(own):
    with pytest.raises(
        InvalidArgumentError, match="test: every class must have an example, but there is none of 1"
    ):
        load_data("own", test_classes=1)


@pytest.mark.parametrize("validation", [1.0, -0.1, 100, -1, True])
def test_bad_validation(own, validation):
    with pytest.raises(InvalidArgumentError, match="`validation` must be"):
        load_data("own", validation=validation)


def test_unknown_names(own):
    with pytest.raises(UnknownNameError, match="Did you mean 'cifar10'"):
        load_data("cifra10")
    with pytest.raises(UnknownNameError, match="data set 'own' entry 'publish'.*published"):
        load_data("own", publish=True)
    with pytest.raises(InvalidArgumentError, match="already registered"):
        register_dataset("own", lambda root: None)


@pytest.mark.parametrize(
    "name", [name for name in DATASETS if name not in ("digits", "npz", "image-folder")]
)
def test_missing_files_name_archive_and_checksum(name, tmp_path):
    with pytest.raises(DataNotFoundError, match=r"Get .*MD5 [\w ]*[0-9a-f]{32}.*as `root`"):
        load_data(name, root=tmp_path)
    with pytest.raises(DataNotFoundError, match="no folder was given"):
        load_data(name)


def test_digits():
    data = load_data("digits")
    assert (len(data.train), len(data.validation), len(data.test)) == (1293, 144, 360)
    assert data.input_shape == (1, 32, 32)
    assert data.augmentation is None
    small = load_data("digits", size=8, validation=0)
    assert small.train.inputs.shape == (1437, 1, 8, 8)
    assert int(small.train.inputs.max()) == 255
    counts = torch.bincount(small.test.targets)
    assert counts.min() >= 34
    with pytest.raises(InvalidArgumentError, match="at least 8"):
        load_data("digits", size=7)


def test_augmentation_can_be_replaced():
    data = dataclasses.replace(
        load_data("digits", size=8), augmentation=lambda x, *, generator: 0 * x
    )
    x, _ = next(data.batches("train", 4, generator=torch.Generator(), augment=True))
    assert (x == x[0, 0, 0, 0]).all()
