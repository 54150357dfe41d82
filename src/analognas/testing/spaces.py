"""Conformance tests of spaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core import OutOfSpaceError
from ..spaces import Population, Space, latin_hypercube, sobol
from .examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable

_ENUMERATED = 2**15


class SpaceConformance:
    """Tests that every space must pass; run them with pytest.

    Define ``class TestMySpace(SpaceConformance)`` with a method ``make_space``, and set attributes if the
    defaults do not fit.

    Attributes:
        builds_networks: Whether :meth:`Space.build` works.
        input_shape: Channels, height and width of the input for tests of networks.
        n_classes: Number of classes for tests of networks.
        n_networks: Number of random architectures that are built, trained for a step and converted.

    Example:
        >>> from analognas.spaces import SPACES
        >>> class TestMySpace(SpaceConformance):
        ...     builds_networks = False
        ...     def make_space(self):
        ...         return SPACES.get("nasbench201")()
    """

    builds_networks: bool = True
    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10
    n_networks: int = 3
    _kept_space: ClassVar[Space | None] = None

    def make_space(self) -> Space:
        """Return a space; called more than once."""
        raise NotImplementedError("A conformance suite of spaces needs make_space().")

    @property
    def space(self) -> Space:
        """The space, shared by the tests, which must not change it."""
        kept = type(self).__dict__.get("_kept_space")
        if kept is None:
            kept = self.make_space()
            type(self)._kept_space = kept
        return kept

    def assert_inside(self, rows: Population) -> None:
        """Fail if a row has the wrong type, leaves its range, is not canonical or is forbidden."""
        space = self.space
        assert rows.ndim == 2, f"a population has two dimensions, not shape {rows.shape}"
        assert rows.shape[1] == space.n_genes, f"rows have {rows.shape[1]} genes"
        assert rows.dtype == space.dtype, f"rows are {rows.dtype}, not {space.dtype}"
        assert ((rows >= 0) & (rows < space.n_choices)).all(), "an index is outside its range"
        assert (space.canonical(rows) == rows).all(), "an inactive gene is not 0"
        assert space.allowed(rows).all(), "a row is forbidden"

    @examples()
    def test_encode_is_the_inverse_of_decode(self, generator: np.random.Generator) -> None:
        """Encoding is the inverse of decoding, and architectures are hashable."""
        for row in self.space.sample(10, generator=generator):
            arch = self.space.decode(row)
            assert (self.space.encode(arch) == row).all(), f"{arch!r} is encoded differently"
            assert self.space.encode(arch).dtype == self.space.dtype, "encode() has another dtype"
            assert self.space.decode(self.space.encode(arch)) == arch
            assert hash(arch) == hash(self.space.decode(row)), "equal architectures, other hashes"

    @examples()
    def test_descriptions_are_json_that_encode_takes(self, generator: np.random.Generator) -> None:
        """Descriptions are JSON, and can be encoded again."""
        for row in self.space.sample(5, generator=generator):
            told = json.loads(json.dumps(self.space.describe(row)))
            again = self.space.encode(told["architecture"])
            assert (again == row).all(), f"{told['architecture']!r} is encoded differently"

    @examples()
    def test_populations_are_checked(self, generator: np.random.Generator) -> None:
        """Matrices and lists of architectures are accepted; anything else raises an error."""
        rows = self.space.sample(10, generator=generator)
        archs = [self.space.decode(row) for row in rows]
        assert (self.space.population(rows) == rows).all()
        assert (self.space.population(archs) == rows).all()
        wide = rows.astype(np.int64)
        gene = int(generator.integers(self.space.n_genes))
        for outside in (-1, int(self.space.n_choices[gene])):
            wide[3, gene] = outside
            _must_refuse(self.space.population, wide, f"index {outside} of gene {gene}")
        _must_refuse(self.space.population, rows[:, 1:], "rows without their first gene")
        _must_refuse(self.space.population, rows / 2.0, "a matrix of floats")

    @examples()
    def test_codes_identify_and_sort_rows(self, generator: np.random.Generator) -> None:
        """Codes are unique and sort like rows."""
        rows = self.space.sample(40, generator=generator)
        rows = np.concatenate([rows, rows[::3]])
        codes = self.space.codes(rows)
        assert (self.space.from_codes(codes) == rows).all(), "from_codes() is not the inverse"
        by_row: dict[tuple[int, ...], Any] = {}
        for row, code in zip(map(tuple, rows.tolist()), codes.tolist(), strict=True):
            assert by_row.setdefault(row, code) == code, f"{row} has two codes"
        assert len(set(by_row.values())) == len(by_row), "different rows share a code"
        ordered = self.space.from_codes(np.sort(codes)).tolist()
        assert ordered == sorted(rows.tolist()), "codes do not sort like rows"

    @examples()
    def test_sampling_follows_its_generator(self, generator: np.random.Generator) -> None:
        """Samples are in the space, and determined by the generator."""
        seed = int(generator.integers(2**32))
        first, again, other = (
            self.space.sample(50, generator=np.random.default_rng(seed + step))
            for step in (0, 0, 1)
        )
        self.assert_inside(first)
        assert (first == again).all(), "the same generator gave two samples"
        assert (first != other).any(), "another generator gave the same sample"
        unique = self.space.sample(min(20, self.space.size), generator=generator, unique=True)
        assert len(set(self.space.codes(unique).tolist())) == len(unique), "a draw came twice"
        self.assert_inside(unique)

    @examples()
    def test_mutation_stays_inside_and_changes_the_architecture(
        self, generator: np.random.Generator
    ) -> None:
        """Children differ from parents by one gene that both have; parents are not changed."""
        space = self.space
        parents = space.sample(60, generator=generator)
        kept = parents.copy()
        seed = int(generator.integers(2**32))
        children = space.mutate(parents, generator=np.random.default_rng(seed))
        again = space.mutate(parents, generator=np.random.default_rng(seed))
        assert (parents == kept).all(), "mutation changed the parents"
        assert (children == again).all(), "the same generator gave two broods"
        self.assert_inside(children)
        for parent, child in zip(parents, children, strict=True):
            assert space.decode(parent) != space.decode(child), "a child is its parent again"
        both = space.active(parents) & space.active(children)
        assert ((parents != children) & both).sum(axis=1).max() <= 1, "more than one gene changed"

    @examples()
    def test_crossover_inherits(self, generator: np.random.Generator) -> None:
        """Genes of a child come from a parent, if a parent has them."""
        space = self.space
        mothers, fathers = (space.sample(60, generator=generator) for _ in range(2))
        children = space.crossover(mothers, fathers, generator=generator)
        self.assert_inside(children)
        hers, his, own = (space.active(rows) for rows in (mothers, fathers, children))
        inherited = ((children == mothers) & hers) | ((children == fathers) & his)
        assert (inherited | ~own | ~(hers | his)).all(), "a gene comes from neither parent"

    @examples(10)
    def test_neighbours_are_mutual(self, generator: np.random.Generator) -> None:
        """Neighbours differ in one gene, are unique, and the relation is symmetric."""
        row = self.space.sample(1, generator=generator)[0]
        around = self.space.neighbours(row)
        self.assert_inside(around)
        assert ((around != row).sum(axis=1) == 1).all(), (
            "a neighbour differs in another number of genes"
        )
        assert len(np.unique(around, axis=0)) == len(around), "a neighbour comes twice"
        for other in around[generator.permutation(len(around))[:8]]:
            back = self.space.neighbours(other)
            assert (back == row).all(axis=1).any(), f"{other} does not have {row} for a neighbour"

    @examples(10)
    def test_sampling_plans_stay_inside(self, generator: np.random.Generator) -> None:
        """Latin hypercubes and Sobol sequences are in the space."""
        for plan in (latin_hypercube, sobol):
            rows = plan(self.space, 30, generator=generator)
            assert len(rows) == 30, f"{plan.__name__} drew {len(rows)} rows of 30"
            self.assert_inside(rows)

    def test_size_counts_every_architecture_once(self) -> None:
        """The size equals the number of architectures, if they can be listed."""
        space = self.space
        if space.n_genotypes > _ENUMERATED:
            assert 2 <= space.size <= space.n_genotypes
            return
        rows = space.every()
        self.assert_inside(rows)
        assert len(rows) == space.size, f"size is {space.size}, but there are {len(rows)}"
        assert len({space.decode(row) for row in rows}) == space.size, "architectures coincide"

    @examples(10)
    def test_inactive_genes_say_nothing(self, generator: np.random.Generator) -> None:
        """Inactive genes have no effect."""
        space = self.space
        rows = (generator.random((50, space.n_genes)) * space.n_choices).astype(space.dtype)
        canonical = space.canonical(rows)
        assert (space.canonical(canonical) == canonical).all(), "canonical() is not idempotent"
        assert (space.active(canonical) == space.active(rows)).all(), (
            "inactive genes decide activity"
        )
        for row, same in zip(rows, canonical, strict=True):
            assert space.decode(row) == space.decode(same), "an inactive gene shows"

    def test_json_texts_are_those_of_the_description(self) -> None:
        """JSON texts are the same in logs and reports."""
        rows = self.space.sample(30, generator=np.random.default_rng(0))
        texts = self.space.json_texts(rows)
        assert len(texts) == len(rows), f"{len(rows)} rows have {len(texts)} texts"
        for row, text in zip(rows, texts, strict=True):
            described = json.dumps(self.space.describe(row)["architecture"])
            assert text == described, f"{text} is written, but {described} described"
            assert (self.space.encode(json.loads(text)) == row).all(), f"{text} is another row"
        assert self.space.json_texts(rows[:0]) == [], "no row has texts"

    def test_a_space_made_again_is_the_same_space(self) -> None:
        """Two instances are equal, so that searches can resume."""
        again = self.make_space()
        assert again.name == self.space.name
        assert again.fingerprint() == self.space.fingerprint(), "the fingerprint changes"
        assert (again.n_choices == self.space.n_choices).all()

    def test_yaml_holds_the_whole_space(self) -> None:
        """Spaces with YAML definitions are equal after saving and loading; others pass."""
        space: Any = self.space
        if space.definition() is None:
            return
        written = space.to_yaml()
        again = type(space).from_yaml(written)
        assert again.to_yaml() == written, "what is read differs from what was written"
        assert again.fingerprint() == self.space.fingerprint(), "the fingerprint changes"
        rows: list[NDArray[Any]] = [
            space.sample(20, generator=np.random.default_rng(0)) for space in (self.space, again)
        ]
        assert (rows[0] == rows[1]).all(), "the space that was read samples differently"

    def test_networks_train_and_become_analog(self) -> None:
        """Networks run forward and backward, and as analog networks."""
        if not self.builds_networks:
            return
        generator = np.random.default_rng(0)
        for row in self.space.sample(self.n_networks, generator=generator):
            check_network(
                self.space, self.space.decode(row), self.input_shape, self.n_classes, generator
            )


def check_network(
    space: Space,
    arch: Any,
    input_shape: tuple[int, int, int],
    n_classes: int,
    generator: np.random.Generator,
) -> None:
    """Check that a network runs forward and backward, also after conversion to analog layers.

    Args:
        space: The space.
        arch: The architecture.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
        generator: Source of the inputs; weights are from torch's default generator.
    """
    import torch

    from ..nn import to_analog

    draws = generator.standard_normal((2, *input_shape))
    inputs = torch.from_numpy(draws).to(torch.get_default_dtype())
    network = space.build(arch, input_shape=input_shape, n_classes=n_classes)
    for model in (network, to_analog(network)):
        model.train()
        model.zero_grad()
        logits = model(inputs)
        assert logits.shape == (2, n_classes), f"{arch!r} gave logits of shape {logits.shape}"
        assert bool(torch.isfinite(logits).all()), f"{arch!r} gave logits that are not finite"
        logits.square().sum().backward()
        gradients = [p.grad for p in model.parameters() if p.requires_grad and p.grad is not None]
        assert gradients, f"{arch!r} has no gradient at all"
        assert all(bool(torch.isfinite(one).all()) for one in gradients), f"{arch!r}: bad gradients"


def _must_refuse(take: Callable[[Any], Any], value: Any, what: str) -> None:
    try:
        take(value)
    except OutOfSpaceError:
        return
    raise AssertionError(f"population() accepted {what}")
