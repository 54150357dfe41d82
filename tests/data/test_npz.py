import io
import time
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from analognas.core import (
    AnalogNASError,
    DataNotFoundError,
    InvalidArgumentError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.data import load_data, load_npz

RNG = np.random.default_rng(0)


def save(tmp_path, **arrays):
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    return path


def labels(n, classes=2):
    return (np.arange(n) % classes).astype(np.uint8)


def test_images_with_splits(tmp_path):
    x = RNG.integers(256, size=(40, 5, 4, 3), dtype=np.uint8)
    path = save(tmp_path, train_x=x, train_y=labels(40), test_x=x[:10], test_y=labels(10), class_names=np.array(["a", "b"]))  # fmt: skip
    data = load_data("npz", root=path, validation=0)
    np.testing.assert_array_equal(data.train.inputs.permute(0, 2, 3, 1), x)
    assert (data.name, data.classes, data.input_shape) == ("own", ("a", "b"), (3, 5, 4))


def test_images_without_splits(tmp_path):
    x = np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    data = load_data("npz", root=save(tmp_path, x=x, y=labels(40)), test_part=0.25, validation=0)
    assert (len(data.train), len(data.test)) == (30, 10)
    seen = torch.cat([data.train.inputs, data.test.inputs])[:, 0, 0, 0]
    assert sorted(seen.tolist()) == list(range(40))


def jpegs(n, size=(6, 6)):
    parts = []
    for k in range(n):
        file = io.BytesIO()
        Image.fromarray(np.full((*size, 3), 8 * k, np.uint8)).save(file, "JPEG")
        parts.append(file.getvalue())
    offsets = np.cumsum([0, *map(len, parts)])
    return np.frombuffer(b"".join(parts), np.uint8), offsets


def test_jpeg_images_are_lossy_and_say_so(tmp_path):
    stream, offsets = jpegs(20)
    arrays = {f"{s}_{k}": v for s in ("train", "test") for k, v in zip(("jpeg", "offset", "y"), (stream, offsets, labels(20)), strict=True)}  # fmt: skip
    data = load_data("npz", root=save(tmp_path, **arrays), validation=0)
    assert data.train.inputs.float().mean((1, 2, 3)).sub(8 * torch.arange(20)).abs().max() < 2
    assert "lossy" in data.note
    arrays["test_offset"] = offsets[::-1]
    with pytest.raises(TableIntegrityError, match="`test_offset` must ascend"):
        load_data("npz", root=save(tmp_path, **arrays))
    arrays["test_offset"] = offsets // 2
    with pytest.raises(TableIntegrityError, match="not a readable image"):
        load_data("npz", root=save(tmp_path, **arrays))


def test_audio_by_given_test_clips_and_by_speaker(tmp_path):
    audio = RNG.integers(-3000, 3000, size=(60, 4000), dtype=np.int16)
    base = {"audio": audio, "label": labels(60), "sample_rate": np.array(8000)}
    given = load_data("npz", root=save(tmp_path, **base, is_test=np.arange(60) < 12), validation=0)
    assert len(given.test) == 12
    speaker = np.arange(60) // 6
    speaker[:10] = -1
    data = load_data("npz", root=save(tmp_path, **base, speaker=speaker), validation=0)
    everything = load_data(
        "npz", root=save(tmp_path, **base, is_test=np.arange(60) < 2), validation=0
    )
    places = {row.numpy().tobytes(): k for k, row in enumerate(torch.cat([everything.test.inputs, everything.train.inputs]))}  # fmt: skip
    test = {int(speaker[places[row.numpy().tobytes()]]) for row in data.test.inputs}
    train = {int(speaker[places[row.numpy().tobytes()]]) for row in data.train.inputs}
    assert test & train <= {-1}
    assert -1 in test
    assert 6 <= len(data.test) <= 14


def text(words):
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def test_texts(tmp_path):
    arrays = {}
    for split in ("train", "dev", "test", "big_train"):
        arrays[f"{split}_text"] = text(["good film", "schlecht — böse"] * 3)
        arrays[f"{split}_label"] = labels(6)
    data = load_data("npz", root=save(tmp_path, **arrays))
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 6, 6)
    assert "böse" in data.vocabulary
    assert len(load_data("npz", root=save(tmp_path, **arrays), train="big_train").train) == 6
    with pytest.raises(UnknownNameError, match="big_train"):
        load_data("npz", root=save(tmp_path, **arrays), train="bigtrain")
    arrays["train_label"] = labels(5)
    with pytest.raises(TableIntegrityError, match="a line for each of 5 labels, but has 6"):
        load_data("npz", root=save(tmp_path, **arrays))


def test_streams(tmp_path):
    tokens = np.arange(20, dtype=np.uint16) % 4
    path = save(tmp_path, train=tokens, valid=tokens, test=tokens, vocab=text("abcd"))
    data = load_data("npz", root=path, length=5)
    assert data.train.inputs.tolist() == [[0, 1, 2, 3, 0], [1, 2, 3, 0, 1], [2, 3, 0, 1, 2]]
    assert data.vocabulary == ("a", "b", "c", "d")


def test_what_is_no_data_set(tmp_path):
    with pytest.raises(TableIntegrityError, match="layouts train_x.*but has a, b"):
        load_data("npz", root=save(tmp_path, a=labels(3), b=labels(3)))
    with pytest.raises(DataNotFoundError, match="is not a file"):
        load_data("npz", root=tmp_path)
    path = save(tmp_path, x=np.array([{}], dtype=object), y=labels(1))
    with pytest.raises(TableIntegrityError, match="not a readable .npz file.*allow_pickle=False"):
        load_data("npz", root=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TableIntegrityError, match="not a readable .npz file"):
        load_data("npz", root=path)
    with pytest.raises(TableIntegrityError, match="undo any normalisation"):
        load_data("npz", root=save(tmp_path, x=np.full((4, 2, 2), -0.5), y=labels(4)))
    with pytest.raises(TableIntegrityError, match="`audio` must be int16"):
        load_data(
            "npz",
            root=save(tmp_path, audio=np.zeros((4, 2)), label=labels(4), sample_rate=np.array(1)),
        )


SHARED = {
    "fashion_mnist": ((54000, 6000, 10000), (1, 28, 28), 10),
    "fsdd": ((2430, 270, 300), (1, 98, 40), 10),
    "gsc_test_8k": ((3527, 392, 971), (1, 98, 40), 12),
    "person_mit_64x32": ((1330, 148, 370), (3, 64, 32), 2),
    "sst2": ((6920, 872, 1821), (64,), 2),
    "wikitext2": ((59305, 6181, 6974), (35,), 33278),
    "cifar10_jpeg": ((45000, 5000, 10000), (3, 32, 32), 10),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "cifar10_jpeg" else n for n in SHARED]
)
def test_development_data(shared, name):
    sizes, shape, n_classes = SHARED[name]
    data = load_data("npz", root=shared / "data" / f"{name}.npz")
    assert (len(data.train), len(data.validation), len(data.test)) == sizes
    assert (data.input_shape, data.n_classes) == (shape, n_classes)
    x, y = next(data.batches("train", 8, generator=torch.Generator(), augment=True))
    assert len(x) == len(y) == 8
    assert (data.note is not None) == (name == "cifar10_jpeg")


def gratings(n=40):
    """Images in which colour, height and width can be told apart."""
    return RNG.integers(256, size=(n, 3, 32, 32), dtype=np.uint8)


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),  # Keras
        ("train_images", "train_labels", "test_images", "test_labels"),  # MedMNIST
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("trainX", "trainY", "testX", "testY"),
        ("train-data", "train-targets", "test-data", "test-targets"),
    ],
)
def test_names_of_other_packages(tmp_path, names):
    x = gratings()
    values = (x, labels(40), x[:10], labels(10)[:, None])
    data = load_data(
        "npz", root=save(tmp_path, **dict(zip(names, values, strict=True))), validation=0
    )
    assert data.input_shape == (3, 32, 32)
    np.testing.assert_array_equal(data.train.inputs, x)
    assert data.test.targets.tolist() == labels(10).tolist()


def test_validation_splits(tmp_path):
    x = gratings(12)
    arrays = {
        f"{s}_{p}": v
        for s in ("train", "val", "test")
        for p, v in (("images", x), ("labels", labels(12)))
    }
    data = load_data("npz", root=save(tmp_path, **arrays))
    assert (len(data.train), len(data.validation), len(data.test)) == (12, 12, 12)
    for key in ("test_images", "test_labels"):
        del arrays[key]
    data = load_data("npz", root=save(tmp_path, **arrays), validation=0)
    assert (data.validation, len(data.test)) == (None, 12)


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("X", "y"), ("data", "target"), ("x_train", "y_train")]
)
def test_names_without_splits(tmp_path, names):
    data = load_data(
        "npz", root=save(tmp_path, **dict(zip(names, (gratings(), labels(40)), strict=True)))
    )
    assert len(data.test) == 8


def test_names_that_clash(tmp_path):
    with pytest.raises(
        TableIntegrityError, match="'train_x' and 'x_train' are both x of the train"
    ):
        load_data(
            "npz", root=save(tmp_path, train_x=gratings(), x_train=gratings(), y_train=labels(40))
        )
    with pytest.raises(
        TableIntegrityError, match="test split must have images and labels, but only has 'x_test'"
    ):
        load_data(
            "npz", root=save(tmp_path, x_train=gratings(), y_train=labels(40), x_test=gratings())
        )


def test_floats_are_images_too(tmp_path):
    x = gratings()
    path = save(
        tmp_path, x_train=x / 255, y_train=labels(40), x_test=x[:10] / 255, y_test=labels(10)
    )
    data = load_data("npz", root=path, validation=0)
    np.testing.assert_array_equal(data.train.inputs, x)
    fine = RNG.random((40, 5, 5))
    data = load_npz(save(tmp_path, x=fine, y=labels(40)))
    prepared = data.prepare(data.train.inputs)
    assert abs(float(prepared.mean())) < 1e-6
    # Preparation leaves the raw images as they are.
    assert float(data.train.inputs.max()) > 200


def test_images_of_unknown_data_are_not_changed(tmp_path):
    path = save(tmp_path, x=gratings(), y=labels(40))
    data = load_data("npz", root=path, validation=0)
    assert data.augmentation is None
    assert "augmentation: none" in repr(data)
    x, _ = next(data.batches("train", 40, generator=torch.Generator(), augment=True))
    assert sorted(x.sum((1, 2, 3)).tolist()) == pytest.approx(sorted(data.prepare(data.train.inputs).sum((1, 2, 3)).tolist()), abs=1e-2)  # fmt: skip
    changed = load_data("npz", root=path, augment=True)
    assert "augmentation: shifts by up to 4 pixels, mirror images" in repr(changed)
    assert (
        str(load_data("npz", root=path, augment=True, flip=False).augmentation)
        == "shifts by up to 4 pixels"
    )


def test_ambiguous_channels(tmp_path):
    path = save(tmp_path, x=np.zeros((40, 3, 9, 3), np.uint8), y=labels(40))
    with pytest.raises(TableIntegrityError, match="channels='first'"):
        load_data("npz", root=path)
    assert load_data("npz", root=path, channels="first").input_shape == (3, 9, 3)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.append(labels(39).astype(int), 10**7), "from 0 to 10000000"),
        (labels(40).astype(int) + 1, "They start at 1: subtract 1"),
        (labels(40).astype(int) - 1, "from -1 to 0"),
        (np.eye(2, dtype=int)[labels(40)], r"labels.argmax\(1\)"),
        (labels(40) + 0.5, "must be whole numbers, but got 0.5 at position 0"),
        (np.full(40, np.nan), "must be whole numbers, but got nan"),
        (np.full(40, 1e300), "must be whole numbers, but got 1e"),
        (labels(40).astype(str), "must be integers"),
        (labels(39), "each of its 40 examples"),
        (np.full(40, 2**64 - 1, np.uint64), "got 18446744073709551615"),
    ],
)
def test_labels(tmp_path, y, message):
    start = time.process_time()
    with pytest.raises(TableIntegrityError, match=message):
        load_data("npz", root=save(tmp_path, x=gratings(), y=y))
    assert time.process_time() - start < 2


@pytest.mark.parametrize("kind", [float, np.float16, bool, np.uint64])
def test_labels_of_any_type_that_are_whole_numbers(tmp_path, kind):
    y = labels(40)
    found = load_data("npz", root=save(tmp_path, x=gratings(), y=y.astype(kind)), validation=0)
    expected = load_data("npz", root=save(tmp_path, x=gratings(), y=y), validation=0)
    assert found.test.targets.dtype == torch.int64
    assert found.test.targets.tolist() == expected.test.targets.tolist()


def test_shares_of_a_small_file_have_every_class(tmp_path):
    data = load_data("npz", root=save(tmp_path, x=gratings(6), y=np.arange(6) % 2))
    for split in (data.train, data.validation, data.test):
        assert sorted(split.targets.tolist()) == [0, 1]
    with pytest.raises(InvalidArgumentError, match="at least two training examples.*validation=0"):
        load_data("npz", root=save(tmp_path, x=gratings(4), y=np.arange(4) % 2))
    with pytest.raises(InvalidArgumentError, match="none of 1. Give a larger `validation`"):
        load_data("npz", root=save(tmp_path, x=gratings(6), y=np.arange(6) % 2), validation=1)


LAYOUTS = {
    "images": {
        "train_x": gratings(8),
        "train_y": labels(8),
        "test_x": gratings(8),
        "test_y": labels(8),
    },
    "unsplit": {"x": gratings(8), "y": labels(8), "class_names": np.array(["a", "b"])},
    "jpeg": {
        f"{s}_{k}": v
        for s in ("train", "test")
        for k, v in zip(("jpeg", "offset", "y"), (*jpegs(8), labels(8)), strict=True)
    },
    "audio": {
        "audio": np.ones((8, 4000), np.int16),
        "label": labels(8),
        "sample_rate": np.array(8000),
        "speaker": np.arange(8),
        "is_test": np.arange(8) > 3,
    },
    "texts": {
        f"{s}_{k}": v
        for s in ("train", "dev", "test")
        for k, v in (("text", text(["a b"] * 8)), ("label", labels(8)))
    },
    "streams": {
        "train": np.arange(80) % 4,
        "valid": np.arange(80) % 4,
        "test": np.arange(80) % 4,
        "vocab": text("abcd"),
    },
}
STRANGE = {
    "halves": lambda a: np.full(a.shape, 1.7),
    "wide": lambda a: np.full(a.shape, 1_099_511_627_779),
    "wider": lambda a: np.full(a.shape, 2**64 - 1, np.uint64),
    "negative": lambda a: np.full(a.shape, -7),
    "texts": lambda a: np.full(a.shape, "x"),
    "complex": lambda a: np.full(a.shape, 1j),
    "dates": lambda a: np.full(a.shape, np.datetime64("2020-01-01")),
    "records": lambda a: np.zeros(a.shape, [("a", "i4")]),
    "scalar": lambda a: a.flat[0] if a.ndim else np.array(["a", "b"]),
    "empty": lambda a: a[:0] if a.ndim else np.empty(0, a.dtype),
    "short": lambda a: a[:-3] if a.ndim else np.zeros(3, a.dtype),
    "more dimensions": lambda a: np.stack([a, a], -1)[..., None],
}


@pytest.mark.parametrize(
    ("layout", "name"), [(layout, name) for layout, arrays in LAYOUTS.items() for name in arrays]
)
def test_arrays_of_another_type_or_shape(tmp_path, layout, name):
    options = {"length": 5, "validation": 0, "test_part": 0.5}
    load_data("npz", root=save(tmp_path, **LAYOUTS[layout]), **options)
    for kind, change in STRANGE.items():
        arrays = {**LAYOUTS[layout], name: change(LAYOUTS[layout][name])}
        try:
            data = load_data("npz", root=save(tmp_path, **arrays), **options)
        except AnalogNASError:
            continue
        # What is read all the same is read as it is: pixels and texts of another kind, fewer tokens.
        assert name in ("class_names", "speaker", "sample_rate", "vocab") or kind in ("halves", "wide", "short", "texts"), kind  # fmt: skip
        assert data.n_classes <= 7


def test_token_ids_are_not_cast(tmp_path):
    tokens = np.arange(20) % 4
    for wrong, message in (
        (np.where(tokens == 3, 1_099_511_627_779, tokens), "from 0 to 3, but got 1099511627779"),
        (tokens + 0.7, "must be integers, but are of type float64"),
        (tokens - 1, "got -1"),
        (tokens + 1, "got 4"),
    ):
        path = save(tmp_path, train=wrong, test=tokens, vocab=text("abcd"))
        with pytest.raises(TableIntegrityError, match=message):
            load_data("npz", root=path, length=5)


def test_an_archive_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "own.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("x.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(
            member, {"descr": "|u1", "fortran_order": False, "shape": (300, 1024, 1024)}
        )
        for _ in range(300):
            member.write(bytes(1 << 20))
    start = time.process_time()
    with pytest.raises(TableIntegrityError, match="unpacks to 300 MiB; the limit is 256 MiB"):
        load_data("npz", root=path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("shape", ["(10**13,)", "(2**40, 2**40)", "(-1,)", "(1,) * 40"])
def test_headers_that_lie(tmp_path, shape):
    path = tmp_path / "own.npz"
    header = (
        f"{{'descr': '|u1', 'fortran_order': False, 'shape': {eval(shape)}, }}".ljust(117) + "\n"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "x.npy",
            b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(99),
        )
    with pytest.raises(TableIntegrityError, match="not a readable .npz file|layouts"):
        load_data("npz", root=path)


def test_every_flipped_bit_is_found(tmp_path):
    path = save(tmp_path, x=gratings(4)[:, :, :5, :5], y=labels(4))
    before = load_npz(path, test_part=0.5)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            after = load_npz(path, test_part=0.5)
        except AnalogNASError:
            continue
        assert torch.equal(after.train.inputs, before.train.inputs), place
        assert torch.equal(after.train.targets, before.train.targets), place
