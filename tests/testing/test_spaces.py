"""The suite of spaces passes good spaces and fails bad ones, each in the test that is meant for it."""

import json

import numpy as np
import pytest

from analognas.core import OutOfSpaceError
from analognas.spaces import ConfigSpace, NASBench201Space, Space
from analognas.testing import SpaceConformance


class Plain(Space):
    """A space right in every respect, to be spoilt."""

    def __init__(self, name="plain", n_choices=(3, 4, 5, 2)):
        super().__init__(name, n_choices)

    def encode(self, arch):
        row = np.asarray(arch)
        if row.shape != (self.n_genes,) or (row < 0).any() or (row >= self.n_choices).any():
            raise OutOfSpaceError(f"not in {self.name}")
        return row.astype(self.dtype)

    def decode(self, row):
        return tuple(np.asarray(row).tolist())

    def describe(self, row):
        return {"architecture": list(self.decode(row))}

    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        from torch import nn

        n_inputs = input_shape[0] * input_shape[1] * input_shape[2]
        return nn.Sequential(nn.Flatten(), nn.Linear(n_inputs, n_classes))


class TestNASBench201(SpaceConformance):
    n_networks = 1
    input_shape = (3, 8, 8)

    def make_space(self):
        return NASBench201Space()


class TestPlain(SpaceConformance):
    def make_space(self):
        return Plain()


class TestBeyond64Bits(SpaceConformance):
    builds_networks = False

    def make_space(self):
        return Plain("large", [9] * 22)


class TestWideGenes(SpaceConformance):
    builds_networks = False

    def make_space(self):
        return Plain("wide", [2, 300, 3, 70])


class TestConditions(SpaceConformance):
    builds_networks = False

    def make_space(self):
        space = ConfigSpace(name="conditions")
        space.add_hyperparameter("M", "discrete", 1, 3)
        space.add_hyperparameter("R2", "discrete", 1, 4, when=("M", ">=", 2), inactive=0)
        space.add_hyperparameter("R3", "discrete", 1, 4, when=[("M", ">", 2), ("R2", "!=", 4)])
        space.add_hyperparameter("rate", "continuous", 1e-4, 1e-1, log=True, when=("R3", "<", 3))
        space.add_hyperparameter_range("kind", "categorical", ["a", "b", (1, 2)])
        space.add_forbidden({"kind": "b", "R2": [3, 4]})
        space.add_forbidden({"M": 1, "kind": "a"})
        return space


class AsymmetricNeighbours(Plain):
    def neighbours(self, row):
        return super().neighbours(row)[:3]


class MutationThatMayDoNothing(Plain):
    def mutate(self, population, *, generator):
        return np.where(generator.random((len(population), 1)) < 0.1, population, super().mutate(population, generator=generator))  # fmt: skip


class MutationOutside(Plain):
    def mutate(self, population, *, generator):
        return population + 1


class MutationInPlace(Plain):
    def mutate(self, population, *, generator):
        population[:] = super().mutate(population, generator=generator)
        return population


class CrossoverThatResamples(Plain):
    def crossover(self, mothers, fathers, *, generator):
        return self.sample(len(mothers), generator=generator)


class GlobalRandomness(Plain):
    def sample(self, n, *, generator, unique=False):
        return super().sample(n, generator=np.random.default_rng(), unique=unique)


class ForgetfulDecode(Plain):
    def decode(self, row):
        return (*super().decode(row)[:-1], 0)


class UnhashableDecode(Plain):
    def decode(self, row):
        return list(super().decode(row))


class CollidingCodes(Plain):
    def codes(self, population):
        return super().codes(population) // 2


class DescriptionThatCannotBeRead(Plain):
    def describe(self, row):
        return {"architecture": "?"}


class WrongSize(Plain):
    @property
    def size(self):
        return 100


class TakesAnything(Plain):
    def population(self, architectures):
        return np.asarray(architectures).astype(np.int8)


class InactiveGenesThatShow(Plain):
    def canonical(self, population):
        rows = population.copy()
        rows[:, 3] = 0
        return rows


class NameThatChanges(Plain):
    made = 0

    def __init__(self):
        type(self).made += 1
        super().__init__(f"space{self.made}")


class TextsOfGenes(Plain):
    def json_texts(self, population):
        return [json.dumps([int(gene) + 1 for gene in row]) for row in population]


class NetworkOfOtherShape(Plain):
    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        return super().build(arch, input_shape, n_classes + 1)


class YamlThatForgets(ConfigSpace):
    def __init__(self, dataset=None):
        super().__init__(dataset, name="forgets")
        self.add_hyperparameter("a", "discrete", 1, 3)

    def to_yaml(self):
        return super().to_yaml().replace("max_value: 3", "max_value: 2")


PLANTED = {
    AsymmetricNeighbours: "neighbours_are_mutual",
    MutationThatMayDoNothing: "mutation_stays_inside_and_changes_the_architecture",
    MutationOutside: "mutation_stays_inside_and_changes_the_architecture",
    MutationInPlace: "mutation_stays_inside_and_changes_the_architecture",
    CrossoverThatResamples: "crossover_inherits",
    GlobalRandomness: "sampling_follows_its_generator",
    ForgetfulDecode: "encode_is_the_inverse_of_decode",
    UnhashableDecode: "encode_is_the_inverse_of_decode",
    CollidingCodes: "codes_identify_and_sort_rows",
    DescriptionThatCannotBeRead: "descriptions_are_json_that_encode_takes",
    WrongSize: "size_counts_every_architecture_once",
    TakesAnything: "populations_are_checked",
    TextsOfGenes: "json_texts_are_those_of_the_description",
    InactiveGenesThatShow: "inactive_genes_say_nothing",
    NameThatChanges: "a_space_made_again_is_the_same_space",
    NetworkOfOtherShape: "networks_train_and_become_analog",
    YamlThatForgets: "yaml_holds_the_whole_space",
}


def tried(suite, name):
    """Run a test on a few seeds without the search for the smallest one that fails."""
    test = getattr(suite, name)
    if not hasattr(test, "hypothesis"):
        test()
        return
    for seed in range(25):
        test.hypothesis.inner_test(suite, np.random.default_rng(seed))


@pytest.mark.parametrize("broken", PLANTED, ids=lambda kind: kind.__name__)
def test_a_broken_space_fails(broken):
    suite = type("Suite", (SpaceConformance,), {"make_space": lambda self: broken()})()
    with pytest.raises((AssertionError, TypeError, OutOfSpaceError)):
        tried(suite, f"test_{PLANTED[broken]}")


def test_every_test_can_fail():
    tests = {name for name in dir(SpaceConformance) if name.startswith("test_")}
    # What the plans draw is made of sample(), canonical() and allowed(), which have tests of their own.
    assert {f"test_{name}" for name in PLANTED.values()} == tests - {
        "test_sampling_plans_stay_inside"
    }
