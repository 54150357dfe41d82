import numpy as np
import pytest

from analognas.spaces.resnet.design import LAYOUTS, default_layout, inner_width, widen


def test_widths_are_rounded_as_the_published_builder_rounds():
    widths = np.array([8, 12, 16, 32, 48, 64, 107])
    for factor in np.linspace(0.5, 0.8, 301).tolist():
        # The published expression, on Python's own numbers.
        expected = [int(round(width // factor)) for width in widths.tolist()]  # noqa: RUF046
        assert widen(widths, factor).tolist() == expected
    assert widen(8, 0.8) == 9  # and not 10: 0.8 lies above 4 / 5


def test_inner_width():
    assert inner_width(np.array([1, 3, 4, 9, 64])).tolist() == [1, 1, 1, 2, 16]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((3, 32, 32), "cifar"), ((3, 96, 96), "cifar"), ((3, 127, 500), "cifar"),
     ((3, 128, 128), "imagenet"), ((3, 224, 224), "imagenet")],
)  # fmt: skip
def test_default_layout(shape, layout):
    assert default_layout(shape) == layout


def test_halvings_of_arrays():
    blocks = np.arange(1, 6)
    assert LAYOUTS["cifar"].halvings(blocks).tolist() == [0, 1, 2, 2, 2]
    assert LAYOUTS["imagenet"].halvings(blocks).tolist() == [2, 3, 4, 5, 5]
    assert LAYOUTS["cifar"].halves(3, blocks).tolist() == [False, False, True, True, False]
