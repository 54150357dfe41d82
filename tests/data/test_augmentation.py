"""Each change against one that is written out example by example, and its distribution."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from analognas.core import InvalidArgumentError
from analognas.data import Compose, Cutout, RandomCrop, RandomFlip, SpectrogramMasks

N = 20_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=64, c=3, h=7, w=5, dtype=torch.uint8):
    return torch.randint(1, 255, (n, c, h, w), generator=generator(1)).to(dtype)


CHANGES = [
    RandomCrop(2),
    RandomCrop(0),
    RandomCrop(1, 3, fill=9),
    RandomFlip(),
    Cutout(3),
    Cutout(2, fill=(1, 2, 3)),
    SpectrogramMasks(3, 2),
    SpectrogramMasks(0, 0),
    Compose((RandomCrop(2), RandomFlip())),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
def test_shape_type_and_input_are_kept(change, dtype):
    x = images(dtype=dtype)
    before = x.clone()
    out = change(x, generator=generator())
    assert out.shape == x.shape
    assert out.dtype == dtype
    assert torch.equal(x, before)
    assert torch.equal(change(x, generator=generator()), out)


@given(seed=st.integers(0, 10_000), p=st.integers(0, 4), q=st.integers(0, 4))
def test_each_crop_is_one_of_the_padded_image(seed, p, q):
    x = images(n=6)
    out = RandomCrop(p, q, fill=255)(x, generator=generator(seed))
    padded = functional.pad(x, (q, q, p, p), value=255)
    for image, whole in zip(out, padded, strict=True):
        crops = [whole[:, i : i + 7, j : j + 5] for i in range(2 * p + 1) for j in range(2 * q + 1)]
        assert any(torch.equal(image, crop) for crop in crops)


def proportion_is(count, n, p):
    return abs(count / n - p) < 5 * (p * (1 - p) / n) ** 0.5


def test_all_shifts_are_equally_likely():
    x = torch.zeros(N, 1, 5, 5)
    x[:, 0, 2, 2] = 1
    out = RandomCrop(1)(x, generator=generator())
    counts = out.sum((0, 1))[1:4, 1:4].flatten()
    assert counts.sum() == N
    assert all(proportion_is(count, N, 1 / 9) for count in counts.tolist())
    assert not proportion_is(counts[0] * 1.15, N, 1 / 9)


def test_flips():
    x = images(n=N, c=1, h=1, w=2)
    out = RandomFlip(0.3)(x, generator=generator())
    flipped = (out == x.flip(-1)).flatten(1).all(1)
    assert (flipped | (out == x).flatten(1).all(1)).all()
    different = x[:, 0, 0, 0] != x[:, 0, 0, 1]
    n = int(different.sum())
    count = int((flipped & different).sum())
    assert proportion_is(count, n, 0.3)
    assert not proportion_is(count * 1.1, n, 0.3)


def test_cutout_is_a_square_at_every_place():
    x = torch.ones(N, 2, 8, 8)
    out = Cutout(3, fill=(0, 5))(x, generator=generator())
    assert torch.equal(out[:, 0] == 0, out[:, 1] == 5)
    covered = out[:, 0] == 0
    rows, columns = covered.any(2).sum(1), covered.any(1).sum(1)
    assert torch.equal(covered.flatten(1).sum(1), rows * columns)
    # A pixel inside is covered by 9 of the 64 centres, one in the corner by 4.
    assert proportion_is(int(covered[:, 4, 4].sum()), N, 9 / 64)
    assert proportion_is(int(covered[:, 0, 0].sum()), N, 4 / 64)
    assert not proportion_is(int(covered[:, 4, 4].sum()), N, 4 / 64)


def test_masks_are_bands_of_uniform_width():
    x = torch.ones(N, 1, 10, 6)
    out = SpectrogramMasks(4, 0, fill=-1)(x, generator=generator())
    covered = out[:, 0] == -1
    assert torch.equal(covered.all(2), covered.any(2))
    frames = covered.any(2)
    # One piece: at most one beginning.
    beginnings = (frames[:, 1:] & ~frames[:, :-1]).sum(1) + frames[:, 0]
    assert beginnings.max() == 1
    widths = torch.bincount(frames.sum(1), minlength=5)
    assert len(widths) == 5
    assert all(proportion_is(count, N, 1 / 5) for count in widths.tolist())
    firsts = torch.bincount(frames[frames.sum(1) == 4].int().argmax(1), minlength=7)
    assert all(proportion_is(count, int(firsts.sum()), 1 / 7) for count in firsts.tolist())


def test_masks_in_frequency_and_several():
    x = torch.ones(500, 1, 10, 6)
    covered = SpectrogramMasks(0, 3, n_frequency=2, fill=0)(x, generator=generator())[:, 0] == 0
    assert torch.equal(covered.all(1), covered.any(1))
    assert covered.any(1).sum(1).max() > 3


def test_masks_wider_than_the_clip():
    out = SpectrogramMasks(100, 0, fill=0)(torch.ones(200, 1, 4, 2), generator=generator())
    assert set(((out == 0)[:, 0].any(2)).sum(1).tolist()) == {0, 1, 2, 3, 4}


def test_parts_follow_each_other():
    x, parts = images(), (RandomCrop(2), Cutout(3))
    rng = generator()
    expected = parts[1](parts[0](x, generator=rng), generator=rng)
    assert torch.equal(Compose(parts)(x, generator=generator()), expected)


@pytest.mark.parametrize(
    "make",
    [lambda: RandomCrop(-1), lambda: RandomCrop(1, -1), lambda: RandomFlip(1.5), lambda: Cutout(0), lambda: SpectrogramMasks(-1, 0)],
)  # fmt: skip
def test_bad_numbers(make):
    with pytest.raises(InvalidArgumentError, match="must be"):
        make()
