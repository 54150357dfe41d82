import pytest

from analognas.spaces.fbnet import OPERATIONS, SETTINGS


def test_operations_in_the_published_order():
    numbers = [tuple(block) if block else None for block in OPERATIONS.values()]
    threes = [(1, 3, 1), (1, 3, 2), (3, 3, 1), (6, 3, 1)]
    fives = [(1, 5, 1), (1, 5, 2), (3, 5, 1), (6, 5, 1)]
    assert numbers == [*threes, *fives, None]
    for name, block in OPERATIONS.items():
        if block is not None:
            suffix = f"_g{block.groups}" if block.groups > 1 else ""
            assert name == f"k{block.kernel}_e{block.expansion}{suffix}"


@pytest.mark.parametrize(("name", "halvings"), [("cifar100", 3), ("ImageNet", 5)])
def test_layers_of_a_setting(name, halvings):
    setting = SETTINGS[name]
    slots = setting.slots
    assert len(slots) == 22
    assert slots[0] == (16, 16, 1)
    assert [slot.out_channels for slot in slots] == (
        [16] + [24] * 4 + [32] * 4 + [64] * 4 + [112] * 4 + [184] * 4 + [352]
    )
    assert [slot.in_channels for slot in slots[1:]] == [p.out_channels for p in slots[:-1]]
    first = [0, 1, 5, 9, 13, 17, 21]
    assert tuple(slots[i].stride for i in first) == setting.strides
    assert all(slots[i].stride == 1 for i in range(22) if i not in first)
    assert setting.halvings == halvings
    assert setting.size % 2**halvings == 0
