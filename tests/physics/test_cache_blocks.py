import pytest
import torch

from analognas.core import InvalidArgumentError
from analognas.physics import PCM, ProgrammedDevices, split_generator
from analognas.physics import cache_blocks as module


def test_blocks_cover_everything_once():
    for n in (0, 1, 32000, 32001, 200_000):
        parts = list(module.blocks(n, torch.device("cpu")))
        assert sum(part.stop - part.start for part in parts) == n
        assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


def test_children_depend_on_the_parents_state_only():
    first = split_generator(torch.Generator().manual_seed(7), 4)
    again = split_generator(torch.Generator().manual_seed(7), 4)
    assert [child.initial_seed() for child in first] == [child.initial_seed() for child in again]
    parent = torch.Generator().manual_seed(7)
    split_generator(parent, 4)
    later = split_generator(parent, 4)
    assert not {child.initial_seed() for child in first} & {c.initial_seed() for c in later}


def test_children_are_as_random_as_one_stream():
    children = split_generator(torch.Generator().manual_seed(0), 200)
    x = torch.stack([torch.randn(1000, generator=child, dtype=torch.float64) for child in children])
    # 200 x 200 correlations of 1,000 pairs each: the largest of 19,900 stays below 5 / sqrt(n).
    off = torch.corrcoef(x).fill_diagonal_(0.0).abs().max()
    assert off < 5.0 / 1000**0.5
    # The same generator for two chips would be found.
    assert torch.corrcoef(torch.stack([x[0], x[0]]))[0, 1] > 0.99


def test_split_needs_a_positive_number():
    with pytest.raises(InvalidArgumentError, match="`n` must be an integer of at least 1"):
        split_generator(torch.Generator(), 0)


def test_block_size_does_not_change_noise_free_results(monkeypatch):
    g = torch.linspace(0.0, 25.0, 1000)
    chip = ProgrammedDevices.program(PCM(), g, generator=torch.Generator().manual_seed(0))
    expected = chip.drift(3600.0)
    monkeypatch.setattr(module, "CPU_BLOCK", 96)
    torch.testing.assert_close(chip.drift(3600.0), expected, rtol=1e-6, atol=0.0)


def test_out_must_fit():
    g = torch.ones(3)
    for wrong in (torch.ones(4), torch.ones(3).double(), torch.ones(6)[::2]):
        with pytest.raises(InvalidArgumentError, match="`out` must be contiguous"):
            PCM().program(g, generator=torch.Generator(), out=wrong)
