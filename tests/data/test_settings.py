"""Settings of data: what they load, and what a file holds of them."""

import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.data import DataSettings, Subset, load_data


def test_they_load_what_load_data_and_subset_do():
    settings = DataSettings(options={"size": 8, "validation": 0.2}, subset={"train": 50, "seed": 3})
    expected = load_data("digits", size=8, validation=0.2).subset(train=50, seed=3)
    found = settings.load_data()
    assert found.train.inputs.equal(expected.train.inputs)
    assert len(found.validation) == len(expected.validation)


def test_files_hold_what_is_given_of_a_subset():
    assert Subset().to_dict() == {}
    given = {"name": "digits", "root": None, "options": {}, "subset": {"train": 50, "test": None}}
    assert DataSettings.from_dict(given).to_dict() == given


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ({"subset": {"training": 3}}, UnknownNameError),
        ({"subset": ["train"]}, InvalidArgumentError),
        ({"subset": {"test": 0}}, InvalidArgumentError),
        ({"subset": {"test": 10**6}}, InvalidArgumentError),
        ({"options": {"validation": "most"}}, InvalidArgumentError),
    ],
)
def test_wrong_entries(entries, error):
    with pytest.raises(error):
        DataSettings.from_dict(entries).load_data()
