"""Networks that searches found in AnalogNAS's spaces, by name.

The names follow AnalogNAS's T100, T500 and T1M (Benmeziane et al., IEEE EDGE 2023): a limit on parameters, and
the task. ``docs/surrogates.md`` shows what they reached when they were measured.
"""

from functools import partial

from .searched import searched


def _architecture(out_channel0: int, *blocks: tuple[int, int, float, int]) -> dict[str, float]:
    """Return an architecture from the channels of the stem and R, convblock, widenfact and B of main blocks."""
    found: dict[str, float] = {"out_channel0": out_channel0, "M": len(blocks)}
    for number, values in enumerate(blocks, 1):
        names = (f"{name}{number}" for name in ("R", "convblock", "widenfact", "B"))
        found.update(zip(names, values, strict=True))
    return found


T100_CIFAR10 = partial(
    searched,
    space="resnet",
    architecture=_architecture(16, (2, 1, 0.79981, 1), (3, 1, 0.79747, 1), (2, 1, 0.79726, 1)),
)
"""At most 100,000 parameters; the best of 15 searches on the surrogate of 80 networks."""

T500_CIFAR10 = partial(
    searched,
    space="resnet",
    architecture=_architecture(16, (2, 1, 0.79981, 1), (5, 1, 0.79956, 1), (2, 1, 0.7995, 1)),
)
"""At most 500,000 parameters, found likewise. Searches with a limit of 1,000,000 found nothing better."""

T100_KWS = partial(
    searched,
    space="resnet_kws",
    architecture=_architecture(12, (1, 2, 0.61027, 1), (3, 1, 0.79142, 3)),
)
"""At most 100,000 parameters; the best of five searches on the surrogate of 53 networks."""

T500_KWS = partial(
    searched,
    space="resnet_kws",
    architecture=_architecture(12, (1, 2, 0.60013, 1), (6, 1, 0.79162, 2)),
)
"""At most 500,000 parameters, found likewise. Searches with a limit of 1,000,000 found it too."""
