import numpy as np
import pytest

from analognas.cli.tables import parse_architecture
from analognas.spaces import ConfigSpace, ResNetSpace, architecture_labels, architecture_text

BLOCK = {"convblock": 1, "widenfact": 0.7, "B": 1, "R": 1}


def resnet(m, **changes):
    blocks = {f"{name}{i}": value for i in range(1, m + 1) for name, value in BLOCK.items()}
    return {"out_channel0": 16, "M": m, **blocks, **changes}


@pytest.fixture(scope="module")
def space():
    return ResNetSpace()


def test_texts_omit_inactive_hyperparameters_and_can_be_typed(space):
    for row in space.sample(50, generator=np.random.default_rng(0)):
        arch = space.decode(row)
        text = architecture_text(arch, space=space)
        assert text.count("=") == 2 + 4 * arch["M"]
        assert (space.encode(parse_architecture(text)) == row).all()


def test_architectures_of_other_spaces_are_unchanged(space):
    assert space.without_inactive({"depth": 2}) == {"depth": 2}
    assert space.without_inactive([1, 2]) == [1, 2]


def test_labels_are_different_where_architectures_are(space):
    rows = space.sample(200, generator=np.random.default_rng(0))
    labels = architecture_labels([space.decode(row) for row in rows], space).texts
    assert len(set(labels)) == len({row.tobytes() for row in rows})


def test_labels_have_all_digits_if_three_hide_a_difference():
    one, other = resnet(2, widenfact1=0.70001), resnet(2, widenfact1=0.70002)
    assert architecture_labels([one, other]).texts == [
        "widenfact=0.70001/0.7",
        "widenfact=0.70002/0.7",
    ]


def test_what_is_equal_is_in_the_note():
    labels = architecture_labels([resnet(2), resnet(2, R2=3)])
    assert labels.texts == ["R=1/1", "R=1/3"]
    assert "out_channel0=16, M=2, convblock=1/1, widenfact=0.7/0.7, B=1/1" in labels.note
    assert labels.note.endswith("R=1/1 is R1=1, R2=1")


def test_equal_rows_and_single_rows_are_complete():
    for rows in ([resnet(2)], [resnet(2)] * 3):
        assert architecture_labels(rows).texts[0].startswith("out_channel0=16, M=2, ")


def test_numbers_that_are_missing_are_not_joined():
    gap = {"kernel1": 3, "kernel3": 5, "a_long_name": 1.0, "another_long_name": 2.0}
    labels = architecture_labels([gap, {**gap, "kernel3": 7}], width=10).texts
    assert labels == ["kernel3=5", "kernel3=7"]


def test_short_architectures_and_cells_are_complete():
    assert architecture_labels([[0, 1, 2], [0, 1, 3]]).texts == ["(0, 1, 2)", "(0, 1, 3)"]
    assert architecture_labels([{"depth": 2}, {"depth": 3}]).texts == ["depth=2", "depth=3"]
    assert architecture_labels([]).texts == []


def test_a_space_of_ones_own():
    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 3)
    space.add_hyperparameter("dropout", "discrete", 0, 4, when=("depth", ">", 1), inactive=0)
    # 0 is a valid value here: only the condition says whether it is inactive.
    assert architecture_text({"depth": 1, "dropout": 0}, space=space) == "depth=1"
    assert architecture_text({"depth": 2, "dropout": 0}, space=space) == "depth=2, dropout=0"
