import pytest
from torch import nn

from analognas.nn.convert.module_surgery import (
    DIGITAL_CLASS,
    OWN_DICTS,
    STAYS_DIGITAL,
    change_class,
    replace_modules,
)


class Other(nn.Linear):
    def __init__(self):
        raise AssertionError("its constructor must not run")


def test_everything_is_kept_but_the_class():
    layer = nn.Linear(2, 3).eval()
    layer.note = "mine"
    handle = layer.register_forward_hook(lambda *_: None)
    layer.__dict__[STAYS_DIGITAL] = "excluded"
    made = change_class(layer, Other)
    assert type(made) is Other
    assert made.weight is layer.weight
    assert (made.note, made.training, made.in_features) == ("mine", False, 2)
    assert made.__dict__[DIGITAL_CLASS] is nn.Linear
    assert STAYS_DIGITAL not in made.__dict__
    handle.remove()
    assert not made._forward_hooks


@pytest.mark.parametrize("name", OWN_DICTS)
def test_what_is_added_does_not_reach_the_old_layer(name):
    layer = nn.BatchNorm1d(2)
    made = change_class(layer, nn.BatchNorm2d)
    own, old = getattr(made, name), getattr(layer, name)
    assert own == old
    assert own is not old


def test_a_shared_layer_is_exchanged_once_wherever_it_is():
    shared = nn.Linear(1, 1)
    model = nn.Sequential(nn.Sequential(shared, nn.ReLU()), shared, nn.ModuleList([shared]))
    calls = []

    def change(module):
        calls.append(module)
        return change_class(module, Other) if type(module) is nn.Linear else None

    assert replace_modules(model, change) is model
    assert type(model[1]) is Other
    assert model[0][0] is model[1] is model[2][0]
    assert calls.count(shared) == 1


def test_children_come_before_parents():
    """A parent that is exchanged already holds the exchanged children."""
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 1)))
    order = []

    def change(module):
        order.append(type(module))
        if type(module) is nn.Linear:
            return change_class(module, Other)
        return change_class(module, nn.ModuleList) if module is not model else None

    replace_modules(model, change)
    assert order == [nn.Linear, nn.Sequential, nn.Sequential]
    assert type(model[0]) is nn.ModuleList
    assert type(model[0][0]) is Other


def test_the_model_itself_may_be_exchanged_and_empty_places_stay():
    layer = nn.Linear(1, 1)
    assert type(replace_modules(layer, lambda module: change_class(module, Other))) is Other
    model = nn.Module()
    model.register_module("part", None)
    assert replace_modules(model, lambda _: None) is model
    assert model.part is None


def test_what_was_compiled_for_the_old_layer_is_left_behind():
    """Otherwise the exchanged layer would still run the old one's forward."""
    layer = nn.Linear(1, 1)
    layer.compile(backend="eager")
    made = change_class(layer, nn.Identity)
    assert made(3) == 3
