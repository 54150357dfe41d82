import pytest

from analognas.spaces import ConfigSpace


def resnet_like(levels=4):
    """Blocks that are there from M on, as in AnalogNAS's space, small enough to be listed."""
    space = ConfigSpace(name="resnet-like")
    space.add_hyperparameter_range("out_channel0", "discrete", [8, 12])
    space.add_hyperparameter("M", "discrete", 1, 3)
    for block in (1, 2, 3):
        when = ("M", ">=", block) if block > 1 else None
        space.add_hyperparameter(f"R{block}", "discrete", 1, 3, when=when, inactive=0)
        space.add_hyperparameter(
            f"widenfact{block}", "continuous", 0.5, 0.8, levels=levels, when=when
        )
    return space


def training_too():
    """Every kind of hyperparameter, nested and joined conditions, forbidden combinations."""
    space = ConfigSpace(name="training")
    space.add_hyperparameter_range("optimizer", "categorical", ["sgd", "adam", "none"])
    space.add_hyperparameter("momentum", "continuous", 0, 0.9, 0.3, when=("optimizer", "==", "sgd"))
    space.add_hyperparameter_range("hwa", "categorical", [True, False], when=("optimizer", "!=", "none"))  # fmt: skip
    space.add_hyperparameter("noise", "continuous", 1e-3, 1, log=True, levels=4, when=[("hwa", "==", True), ("optimizer", "in", ["sgd", "adam"])])  # fmt: skip
    space.add_hyperparameter_range("tile", "discrete", [128, 256, 512])
    space.add_hyperparameter("bits", "discrete", 4, 8, step=2, when=[("noise", ">", 0.005), ("tile", "<", 512)])  # fmt: skip
    space.add_forbidden({"optimizer": "sgd", "tile": [256, 512]})
    space.add_forbidden({"bits": 8, "tile": 128})
    return space


SPACES = {"resnet-like": resnet_like, "training": training_too}


@pytest.fixture(params=SPACES)
def config(request):
    return SPACES[request.param]()
