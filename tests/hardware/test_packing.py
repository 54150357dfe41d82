"""Packings checked cell by cell, and against what no packing can beat."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analognas.hardware import packing
from analognas.hardware.packing import Block, pack

BLOCKS = st.lists(
    st.builds(
        Block,
        st.integers(1, 60),
        st.sampled_from([1, 4, 9]),
        st.integers(1, 90),
        st.sampled_from([1, 1, 3]),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=6,
)

MADE = []


class Recorder(packing._Crossbar):
    """A crossbar that also keeps its cells one by one."""

    def __init__(self, rows, columns):
        super().__init__(rows, columns)
        self.size = (rows, columns)
        self.owner = {}
        MADE.append(self)

    def place(self, height, width, layer):
        before = list(self.free)
        if not super().place(height, width, layer):
            return False
        gone = set().union(*map(cells, before)) - set().union(set(), *map(cells, self.free))
        assert len(gone) == height * width
        assert not gone & self.owner.keys()
        assert {row for row, _ in gone} <= set(range(self.size[0]))
        assert {column for _, column in gone} <= set(range(self.size[1]))
        assert layer not in self.owner.values()
        self.owner |= dict.fromkeys(gone, layer)
        return True


def cells(free):
    return {
        (row, column)
        for row in range(free.top, free.top + free.height)
        for column in range(free.left, free.left + free.width)
    }


@settings(max_examples=25)
@given(BLOCKS)
def test_no_cell_is_used_twice_and_none_is_lost(blocks):
    rows, columns = 40, 30
    MADE.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_Crossbar", Recorder)
        packed = pack(blocks, rows=rows, columns=columns)
    assert packed == pack(blocks[::-1], rows=rows, columns=columns)
    weights = sum(b.channels * b.kernel * b.outputs * b.groups * b.number for b in blocks)
    assert packed * rows * columns >= weights
    # Blocks on a diagonal take the cells between them too. Every order that was tried places all of them.
    pieces = [p for b in blocks for p in packing._pieces(b, rows, columns, "channels") * b.number]
    area = sum(height * width for height, width in pieces)
    rounds, rest = divmod(sum(len(bar.owner) for bar in MADE), area)
    assert rest == 0
    assert weights <= area <= packed * rows * columns
    assert 1 <= rounds <= len(packing._ORDERS)
    assert packed <= len(MADE) / rounds


def test_pieces_of_a_layer_work_at_the_same_time():
    assert pack([Block(16, 1, 4, 1, 1)], rows=8, columns=8) == 2
    assert pack([Block(8, 1, 4, 1, 2)], rows=8, columns=8) == 1


def test_nothing_is_turned():
    assert pack([Block(8, 1, 4, 1, 1), Block(4, 1, 8, 1, 1)], rows=8, columns=8) == 2


def test_free_rectangles_overlap_where_that_is_largest():
    # 5 x 5, 3 x 8 and 5 x 3 fill 8 x 8: shelves would need two crossbars for the last order of heights.
    blocks = [Block(5, 1, 5, 1, 1), Block(3, 1, 8, 1, 1), Block(5, 1, 3, 1, 1)]
    assert pack(blocks, rows=8, columns=8) == 1
    assert pack([*blocks, Block(1, 1, 1, 1, 1)], rows=8, columns=8) == 2
