import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from analognas.nn.layers.recurrent import Sequences


def test_tensors_of_every_order():
    x = torch.randn(5, 3, 2)
    for source, batch_first, data in (
        (x, True, x),
        (x, False, x.transpose(0, 1)),
        (x[0], False, x[:1]),
    ):
        read = Sequences.read(source, batch_first=batch_first)
        assert torch.equal(read.data, data)
        assert read.valid is None
        assert read.batched == (source.ndim == 3)
        assert torch.equal(read.shape_like_source(read.data), source)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.booleans())
def test_packed_sequences_come_back_as_they_were(lengths, sort):
    torch.manual_seed(0)
    lengths = sorted(lengths, reverse=True) if sort else lengths
    parts = [torch.randn(n, 2) for n in lengths]
    packed = pack_sequence(parts, enforce_sorted=sort)
    read = Sequences.read(packed, batch_first=False)
    assert read.batched
    assert read.valid.sum(1).tolist() == lengths
    for row, valid, part in zip(read.data, read.valid, parts, strict=True):
        assert torch.equal(row[valid], part)
        assert not row[~valid].any()
    again = read.shape_like_source(read.data)
    assert isinstance(again, PackedSequence)
    for ours, theirs in zip(again, packed, strict=True):
        assert (ours is None and theirs is None) or torch.equal(ours, theirs)


def test_other_features_are_packed_in_the_same_order():
    x = torch.randn(3, 4, 2)
    packed = pack_padded_sequence(x, [2, 4, 1], batch_first=True, enforce_sorted=False)
    y = torch.arange(12.0).view(3, 4, 1)
    expected = pack_padded_sequence(y, [2, 4, 1], batch_first=True, enforce_sorted=False)
    read = Sequences.read(packed, batch_first=True)
    assert torch.equal(read.shape_like_source(y).data, expected.data)
