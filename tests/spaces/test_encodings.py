import numpy as np
import pytest

from analognas.core import InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.spaces import (
    ENCODINGS,
    STRUCTURE,
    ConfigSpace,
    Encoding,
    FBNetSpace,
    NASBench201Space,
    ResNetSpace,
    Space,
    default_encoding,
    encode_features,
    encodings_of,
    feature_names,
    register_encoding,
)
from analognas.spaces.nasbench201 import graph_features
from analognas.spaces.resnet import FEATURES


class Toy(Space):
    def __init__(self):
        super().__init__("toy", (3, 1, 2))

    def encode(self, arch):
        row = np.asarray(arch)
        if (row < 0).any() or (row >= self.n_choices).any():
            raise OutOfSpaceError(f"not in toy: {arch!r}")
        return row.astype(np.int8)

    def decode(self, row):
        return tuple(np.asarray(row).tolist())

    def describe(self, row):
        return {"architecture": list(self.decode(row))}

    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        raise NotImplementedError


def test_encodings_of_any_space():
    space, rows = Toy(), np.array([[2, 0, 1], [0, 0, 0]], dtype=np.int8)
    assert encodings_of(space) == ["one_hot", "raw"]
    np.testing.assert_array_equal(encode_features(space, rows, "raw"), rows)
    one_hot = encode_features(space, rows, "one_hot")
    np.testing.assert_array_equal(one_hot, [[0, 0, 1, 1, 0, 1], [1, 0, 0, 1, 1, 0]])
    names = feature_names(space, "one_hot")
    assert [names[at] for at in np.flatnonzero(one_hot[0])] == ["gene0=2", "gene1=0", "gene2=1"]


def test_encodings_of_spaces_that_count_their_layers():
    resnet, fbnet = ResNetSpace(), FBNetSpace()
    assert encodings_of(resnet) == ["structure", "published", "one_hot", "raw"]
    assert encodings_of(fbnet) == ["structure", "one_hot", "raw"]
    for space in (resnet, fbnet):
        rows = space.sample(30, generator=np.random.default_rng(0))
        expected = space.structure(rows).astype(np.float32)
        np.testing.assert_array_equal(encode_features(space, rows, "structure"), expected)
        assert feature_names(space, "structure") == STRUCTURE
    rows = resnet.sample(30, generator=np.random.default_rng(0))
    features = encode_features(resnet, rows, "published")
    np.testing.assert_array_equal(features, resnet.features(rows).astype(np.float32))
    assert feature_names(resnet, "published") == FEATURES


def test_one_hot_of_fine_and_of_inactive_genes():
    space = ConfigSpace(name="toy")
    space.add_hyperparameter("depth", "discrete", 1, 2)
    space.add_hyperparameter("rate", "continuous", 0.0, 1.0)
    space.add_hyperparameter_range("width", "discrete", [8, 16], when=("depth", "==", 2))
    rows = space.population([{"depth": 1, "rate": 0.25}, {"depth": 2, "rate": 1.0, "width": 8}])
    names = feature_names(space, "one_hot")
    assert names == ("gene0=0", "gene0=1", "gene1", "gene2=0", "gene2=1")
    np.testing.assert_allclose(
        encode_features(space, rows, "one_hot"), [[1, 0, 0.25, 0, 0], [0, 1, 1, 1, 0]]
    )


def test_default_encodings(space):
    defaults = [default_encoding(each) for each in (space, ResNetSpace(), Toy())]
    assert defaults == ["canonical", "structure+one_hot", "one_hot"]


@pytest.mark.parametrize("encoding", ["canonical", "one_hot", "raw", "canonical+one_hot"])
def test_shape_type_and_names(space, every_cell, encoding):
    features = encode_features(space, every_cell[::100], encoding)
    assert features.dtype == np.float32
    assert features.shape == (157, len(feature_names(space, encoding)))
    assert encode_features(space, every_cell[:0], encoding).shape == (0, features.shape[1])


def test_joined_encodings_stand_side_by_side(space, every_cell):
    rows = every_cell[::1000]
    joined = encode_features(space, rows, "raw + canonical")
    np.testing.assert_array_equal(joined[:, :6], rows)
    np.testing.assert_array_equal(joined[:, 6:], graph_features(rows))


def test_architectures_in_any_form(space):
    as_text = encode_features(space, ["2,2,0,4,2,1", "No.3"])
    as_rows = encode_features(space, np.stack([space.encode((2, 2, 0, 4, 2, 1)), space.encode(3)]))
    np.testing.assert_array_equal(as_text, as_rows)


def test_bad_input(space):
    with pytest.raises(
        UnknownNameError, match=r"Unknown encoding 'one-hot'. Did you mean 'one_hot'\?"
    ):
        encode_features(space, [0], "one-hot")
    with pytest.raises(
        UnknownNameError, match="'toy' has no encoding 'canonical'. Choices: one_hot, raw"
    ):
        encode_features(Toy(), [[0, 0, 0]])
    with pytest.raises(OutOfSpaceError):
        encode_features(space, np.full((1, 6), 9))


def test_an_encoding_of_ones_own():
    depth = Encoding(
        "depth", lambda space, rows: rows.sum(1, keepdims=True), lambda space: ("depth",)
    )
    register_encoding(depth)
    try:
        np.testing.assert_array_equal(encode_features(Toy(), [[2, 0, 1]], "depth"), [[3.0]])
        with pytest.raises(InvalidArgumentError, match="already registered"):
            register_encoding(depth)
    finally:
        del ENCODINGS._entries["depth"]
    with pytest.raises(InvalidArgumentError, match="joins encodings"):
        register_encoding(Encoding("a+b", depth.features, depth.names))


def test_canonical_features_are_computed_once(monkeypatch):
    space = NASBench201Space()
    first = encode_features(space, space.every())
    monkeypatch.setattr("analognas.spaces.nasbench201.space.graph_features", None)
    np.testing.assert_array_equal(encode_features(space, space.every()), first)
    # What a caller gets is its own: the kept table cannot be spoilt.
    first[:] = 0
    assert encode_features(space, space.every()).any()
