"""Philox against published vectors, and the streams made of it."""

import numpy as np
import torch

from analognas.core.philox import draw_key, fill_words


def words(n, key=(0, 0, 0, 0), first=0):
    result = np.empty(4 * n, dtype=np.uint32)
    fill_words(result, tuple(np.uint32(k) for k in key), first)
    return result.reshape(4, n).T


def test_published_vectors():
    """Of the authors' Random123, kat_vectors, philox4x32 10: counter, key, result."""
    assert words(1)[0].tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    # Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
    key = (0xA4093822, 0x299F31D0, 0x13198A2E, 0x03707344)
    assert words(1, key, 0x85A308D3_243F6A88 - 2**64)[0].tolist() == [
        0xD16CFE09,
        0x94FDCCEB,
        0x5001E420,
        0x24126EA1,
    ]


def test_a_place_does_not_depend_on_where_reading_began():
    whole = words(64, (1, 2, 3, 4))
    assert np.array_equal(words(16, (1, 2, 3, 4), 48), whole[48:])
    assert len({tuple(row) for row in whole}) == 64


def test_each_part_of_the_key_counts():
    plain = words(4, (1, 2, 3, 4))
    for i in range(4):
        other = [1, 2, 3, 4]
        other[i] += 1
        assert not (words(4, tuple(other)) == plain).any()


def test_bits_are_fair_and_counters_unlike():
    """Each of 32 bits over 2^20 words, and neighbours' difference: 5 standard errors."""
    bits = np.unpackbits(words(1 << 18, (5, 6, 7, 8)).ravel().view(np.uint8)).reshape(-1, 32)
    n = len(bits)
    assert abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / n**0.5
    changed = (bits[1:] ^ bits[:-1]).mean()
    assert abs(changed - 0.5) < 5 * 0.5 / bits.size**0.5


def test_keys_come_from_the_generator():
    keys = []
    for seed in (1, 1, 2):
        generator = torch.Generator().manual_seed(seed)
        keys.append((draw_key(generator), draw_key(generator)))
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]
    assert keys[0][0] != keys[0][1]
    torch.manual_seed(1)
    assert draw_key(None) == keys[0][0]
