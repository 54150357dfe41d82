import pytest
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.nn.convert.selection import names_of, select


@pytest.fixture
def model():
    shared = nn.Linear(2, 2)
    return nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2), shared),
            "decoder": nn.Sequential(shared, nn.Bilinear(2, 2, 2)),
            "head": nn.Linear(2, 2),
        }
    )


def chosen(model, entries):
    """All names of what is selected."""
    ids = select(model, entries, "exclude")
    named = model.named_modules(remove_duplicate=False)
    return {name for name, module in named if id(module) in ids}


def test_a_shared_module_has_all_its_names(model):
    names = names_of(model)
    assert names[id(model["head"])] == ["head"]
    assert names[id(model["decoder"][0])] == ["encoder.2", "decoder.0"]
    assert names[id(model)] == [""]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], set()),
        ("head", {"head"}),
        (["head", "head"], {"head"}),
        ("encoder", {"encoder", "encoder.0", "encoder.1", "encoder.2", "decoder.0"}),
        ("decoder.0", {"encoder.2", "decoder.0"}),
        ("*.1", {"encoder.1", "decoder.1"}),
        ("?ecoder.[1-9]", {"decoder.1"}),
        (nn.LSTM, {"encoder.1"}),
        (nn.RNNBase, {"encoder.1"}),
        (nn.Conv2d, set()),
        ([nn.Bilinear, "head"], {"decoder.1", "head"}),
        (("head",), {"head"}),
    ],
)
def test_names_patterns_and_classes(model, entries, expected):
    assert chosen(model, entries) == expected


def test_the_whole_model_has_the_empty_name(model):
    assert len(chosen(model, "")) == 9


def test_a_name_with_characters_of_patterns_is_first_a_name():
    model = nn.ModuleDict({"a[0]": nn.Linear(1, 1), "a0": nn.Linear(1, 1)})
    assert chosen(model, "a[0]") == {"a[0]"}
    assert chosen(model, "a?") == {"a0"}


def test_case_matters(model):
    with pytest.raises(
        UnknownNameError, match=r"Unknown layer 'Head' in `only`. Did you mean 'head'\?"
    ):
        select(model, "Head", "only")


def test_a_model_without_parts_has_nothing_near():
    with pytest.raises(UnknownNameError) as caught:
        select(nn.ReLU(), "head", "exclude")
    assert str(caught.value) == "Unknown layer 'head' in `exclude`."


@pytest.mark.parametrize("entry", [3, None, int, nn.Linear(1, 1)])
def test_what_is_neither_name_nor_class(model, entry):
    with pytest.raises(
        InvalidArgumentError, match="`exclude` must contain names, patterns or classes"
    ):
        select(model, [entry], "exclude")
