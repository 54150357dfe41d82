import numpy as np
import pytest

from analognas.core import OutOfSpaceError
from analognas.spaces.nasbench201 import EDGES, OPERATIONS


def test_every_conversion_round_trips_for_every_cell(space, every_cell):
    cells = [space.decode(row) for row in every_cell]
    assert len(set(cells)) == 15_625
    indices = space.indices(every_cell)
    assert sorted(indices.tolist()) == list(range(15_625))
    np.testing.assert_array_equal(space.from_indices(indices), every_cell)
    np.testing.assert_array_equal(space.codes(every_cell), np.arange(15_625))
    strings = [space.arch_str(cell) for cell in cells]
    assert len(set(strings)) == 15_625
    assert [space.decode(space.encode(text)) for text in strings] == cells
    assert [space.decode(space.encode(int(index))) for index in indices] == cells
    assert [space.decode(space.encode(str(cell))) for cell in cells] == cells


def test_published_order(space, shared):
    core = np.load(shared / "data" / "nb201_core.npz", allow_pickle=False)
    published = [text.decode() for text in core["arch_str"]]
    assert [space.arch_str(index) for index in range(15_625)] == published
    # An independent reading of the file's operation matrix, edge by edge.
    ours = {tuple(edge): gene for gene, edge in enumerate(EDGES)}
    names = np.array([str(name) for name in core["op_names"]])
    population = space.from_indices(np.arange(15_625))
    for column, edge in enumerate(core["edges"].tolist()):
        genes = np.array(OPERATIONS)[population[:, ours[tuple(edge)]]]
        assert (genes == names[core["ops"][:, column]]).all()


@pytest.mark.parametrize(
    ("index", "cell"),
    # The first two of NAS-Bench-201's order and the two rows that its analog table got wrong.
    [
        (0, (4, 3, 3, 0, 0, 0)),
        (1, (2, 2, 0, 4, 2, 0)),
        (1835, (0,) * 6),
        (11029, (0, 0, 0, 1, 4, 0)),
    ],
)
def test_known_indices(space, index, cell):
    assert space.decode(space.encode(index)) == cell
    assert space.index(cell) == index


@pytest.mark.parametrize(
    "form",
    [
        (0, 0, 0, 4, 3, 2),
        [0, 0, 0, 4, 3, 2],
        np.array([0, 0, 0, 4, 3, 2], dtype=np.uint8),
        tuple(np.int64(v) for v in (0, 0, 0, 4, 3, 2)),
        "0,0,0,4,3,2",
        "(0, 0, 0, 4, 3, 2)",
        "[0 0 0 4 3 2]",
        "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    ],
)
def test_forms_of_one_cell(space, form):
    assert space.decode(space.encode(form)) == (0, 0, 0, 4, 3, 2)
    assert space.decode(space.encode(space.index(form))) == (0, 0, 0, 4, 3, 2)
    assert space.decode(space.encode(f"No.{space.index(form)}")) == (0, 0, 0, 4, 3, 2)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ((0, 0, 0, 4, 3, 5), r"Unknown operation 5 at position 5 \(edge 2->3\)"),
        ((0, 0, 0, 4, 3, -1), "Unknown operation -1 at position 5"),
        ((0, 0, 0, 4, 3), "A cell has 6 operations, but got 5"),
        ((0,) * 7, "but got 7"),
        ((), "but got 0"),
        ((0, 0, 0, 4, 3, 2.0), r"Operations are integers, but got 2.0 at position 5"),
        ((0, 0, 0, 4, 3, "2"), "Operations are integers, but got '2'"),
        ((0, 0, 0, 4, 3, None), "Operations are integers, but got None"),
        ("0,0,0,4,3,x", "Operations are integers"),
        ("0,0,0", "A cell has 6 operations, but got 3"),
        ("", "Cannot read the architecture ''"),
        ("conv", "Cannot read the architecture 'conv'"),
        ("|none~0|", "Malformed arch_str"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~1|", "Malformed arch_str"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|conv~2|", "Unknown operation 'conv'"),
        (15_625, r"lies in 0..15624, but got 15625"),
        (-1, "but got -1"),
        ("No.15625", "but got 15625"),
        (True, "An architecture is six operations"),
        (1.5, "An architecture is six operations"),
        (None, "An architecture is six operations"),
        ({}, "An architecture is six operations"),
    ],
)
def test_bad_forms(space, form, message):
    with pytest.raises(OutOfSpaceError, match=message):
        space.encode(form)
