import numpy as np
import pytest

from analognas.core import InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.spaces import SPACES, FBNetSpace
from analognas.spaces.fbnet import OPERATIONS
from analognas.testing import SpaceConformance
from analognas.testing.spaces import check_network

ARCH = (0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 8)


class TestConformance(SpaceConformance):
    input_shape = (3, 8, 8)

    def make_space(self):
        return FBNetSpace()


class TestConformanceOfImageNet(SpaceConformance):
    input_shape, n_classes, n_networks = (3, 17, 17), 7, 1

    def make_space(self):
        return FBNetSpace("ImageNet")


def test_size_and_registry():
    space = SPACES.get("fbnet")()
    assert space.size == 9**22 > 2**63
    assert (space.name, space.input_shape, space.n_classes) == ("fbnet", (3, 32, 32), 100)
    space = SPACES.get("fbnet_imagenet")()
    assert (space.name, space.input_shape, space.n_classes) == (
        "fbnet_imagenet",
        (3, 224, 224),
        1000,
    )


def test_every_form_is_the_same_architecture():
    space = FBNetSpace()
    names = [list(OPERATIONS)[number] for number in ARCH]
    for form in (ARCH, list(ARCH), np.array(ARCH), names, tuple(names), np.array(names)):
        assert space.decode(space.encode(form)) == ARCH
    assert space.arch_str(ARCH) == tuple(names)
    described = space.describe(space.encode(ARCH))
    assert described == {"architecture": list(ARCH), "arch_str": names}
    population = space.population([ARCH, names])
    assert (population == ARCH).all()
    assert len(set(space.codes(population).tolist())) == 1
    np.testing.assert_array_equal(space.from_codes(space.codes(population)), population)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ([0] * 21, "has 22 operations, but got 21"),
        ([0] * 21 + [9], "Operation 21 .* 0 to 8 or one of k3_e1, .*, but got 9"),
        ([-1] + [0] * 21, "Operation 0 .*got -1"),
        ([0.5] + [0] * 21, "Operation 0 .*got 0.5"),
        ([True] + [0] * 21, "Operation 0 .*got True"),
        ([0, "k7_e1"] + [0] * 20, "Operation 1 .*got 'k7_e1'"),
        ("k3_e1", "a list of 22 operations, but got 'k3_e1'"),
        (7, "a list of 22 operations, but got 7"),
    ],
)
def test_what_is_no_architecture(arch, message):
    with pytest.raises(OutOfSpaceError, match=message):
        FBNetSpace().encode(arch)


def test_bad_settings_and_inputs():
    with pytest.raises(
        UnknownNameError, match="Unknown setting 'cifar10'. Did you mean 'cifar100'"
    ):
        FBNetSpace("cifar10")
    space = FBNetSpace()
    with pytest.raises(
        InvalidArgumentError, match="at least 5 pixels .* halves its feature map 3 times"
    ):
        space.build(ARCH, (3, 4, 32))
    with pytest.raises(InvalidArgumentError, match="at least 17 pixels"):
        FBNetSpace("ImageNet").macs(space.population([ARCH]), (3, 32, 16))
    with pytest.raises(InvalidArgumentError, match="`n_classes`"):
        space.build(ARCH, n_classes=0)
    with pytest.raises(
        InvalidArgumentError, match="`input_shape` must be channels, height and width"
    ):
        space.build(ARCH, (32, 32))


@pytest.mark.parametrize("seed", range(12))
def test_networks_run_and_convert(seed):
    space = FBNetSpace(("cifar100", "ImageNet")[seed % 2])
    generator = np.random.default_rng(seed)
    side = 17 + int(generator.integers(8)) if seed % 2 else 8
    row = space.sample(1, generator=generator)[0]
    check_network(space, row, (1 + seed, side, side), 4, generator)
