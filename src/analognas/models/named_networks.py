"""Networks that searches found in AnalogNAS's spaces, by name.

The names follow AnalogNAS's T100, T500 and T1M (Benmeziane et al., IEEE EDGE 2023): a limit on parameters, and the
task. ``docs/surrogates.md`` shows what they reached when they were measured.
"""

from functools import partial

from .searched import searched

T100_KWS = partial(
    searched,
    space="resnet_kws",
    architecture={
        "out_channel0": 12,
        "M": 2,
        **{"R1": 1, "convblock1": 2, "widenfact1": 0.61027, "B1": 1},
        **{"R2": 3, "convblock2": 1, "widenfact2": 0.79142, "B2": 3},
    },
)
"""At most 100,000 parameters; the best of five searches on the surrogate of 53 networks for keyword spotting."""

T500_KWS = partial(
    searched,
    space="resnet_kws",
    architecture={
        "out_channel0": 12,
        "M": 2,
        **{"R1": 1, "convblock1": 2, "widenfact1": 0.60013, "B1": 1},
        **{"R2": 6, "convblock2": 1, "widenfact2": 0.79162, "B2": 2},
    },
)
"""At most 500,000 parameters, found likewise. Searches with a limit of 1,000,000 found it too."""
