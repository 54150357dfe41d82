"""CIFAR, ImageNet16 and idx files, written here in their published formats and read back."""

import gzip
import os
import pickle
import struct
import tarfile
import time

import numpy as np
import pytest
import torch

from analognas.core import (
    DataNotFoundError,
    InvalidArgumentError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.data import load_data
from analognas.data.idx import read_idx

RNG = np.random.default_rng(0)
BATCHES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
NAMES = [f"class{k}" for k in range(10)]


def pixels(n, size=3072):
    return RNG.integers(256, size=(n, size), dtype=np.uint8)


@pytest.fixture
def cifar10(tmp_path):
    """Both forms of a small CIFAR-10, and what is in its batches."""
    content = {name: (pixels(20), [k % 10 for k in range(20)]) for name in BATCHES}
    python, binary = tmp_path / "cifar-10-batches-py", tmp_path / "cifar-10-batches-bin"
    python.mkdir()
    binary.mkdir()
    for name, (data, labels) in content.items():
        batch = {"data": data, "labels": labels, "batch_label": name, "filenames": ["x"] * 20}
        (python / name).write_bytes(pickle.dumps(batch, protocol=2))
        records = np.concatenate([np.array(labels, np.uint8)[:, None], data], 1)
        (binary / f"{name}.bin").write_bytes(records.tobytes())
    (python / "batches.meta").write_bytes(pickle.dumps({"label_names": NAMES}))
    (binary / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return tmp_path, content


def check(data, content):
    inputs = np.concatenate([content[name][0] for name in BATCHES[:5]]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(data.train.inputs, inputs)
    assert data.train.targets.tolist() == [k % 10 for k in range(20)] * 5
    np.testing.assert_array_equal(data.test.inputs, content["test_batch"][0].reshape(-1, 3, 32, 32))
    assert data.classes == tuple(NAMES)
    x, _ = next(data.batches("train", 100))
    assert x.mean().abs() < 1e-5


@pytest.mark.parametrize("folder", ["cifar-10-batches-py", "cifar-10-batches-bin"])
def test_cifar10_folders(cifar10, folder):
    root, content = cifar10
    check(load_data("cifar10", root=root / folder, validation=0), content)
    (root / "other").mkdir()
    (root / folder).rename(root / "other" / folder)
    check(load_data("cifar10", root=root / "other", validation=0), content)


@pytest.mark.parametrize("form", ["python", "binary"])
def test_cifar10_archives(cifar10, tmp_path, form):
    root, content = cifar10
    folder = "cifar-10-batches-" + form[: 2 if form == "python" else 3]
    out = tmp_path / "packed"
    out.mkdir()
    with tarfile.open(out / f"cifar-10-{form}.tar.gz", "w:gz") as file:
        file.add(root / folder, folder)
    check(load_data("cifar10", root=out, validation=0), content)


@pytest.mark.parametrize("form", ["python", "binary"])
@pytest.mark.parametrize(("labels", "n"), [("fine", 100), ("coarse", 20)])
def test_cifar100(tmp_path, form, labels, n):
    fine, coarse = np.arange(200) % 100, np.arange(200) % 20
    data = {name: pixels(200) for name in ("train", "test")}
    for name, part in data.items():
        if form == "python":
            batch = {"data": part, "fine_labels": fine.tolist(), "coarse_labels": coarse.tolist()}
            (tmp_path / name).write_bytes(pickle.dumps(batch))
        else:
            records = np.concatenate([coarse[:, None], fine[:, None], part], 1).astype(np.uint8)
            (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    loaded = load_data("cifar100", root=tmp_path, labels=labels, validation=0)
    assert loaded.n_classes == n
    assert loaded.train.targets.tolist() == (fine if labels == "fine" else coarse).tolist()
    np.testing.assert_array_equal(loaded.test.inputs.flatten(1), data["test"])
    with pytest.raises(UnknownNameError, match="Unknown `labels` 'rough'"):
        load_data("cifar100", root=tmp_path, labels="rough")


def test_a_hostile_batch_runs_nothing(cifar10):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(target),)

    root, _ = cifar10
    target = root / "made-by-the-pickle"
    folder = root / "cifar-10-batches-py"
    (folder / "data_batch_3").write_bytes(pickle.dumps({"data": Hostile()}))
    with pytest.raises(
        TableIntegrityError, match=r"'data_batch_3' is refused: it names posix\.mkdir"
    ):
        load_data("cifar10", root=folder)
    assert not target.exists()


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        ({"data": pixels(3)}, "must hold `labels`"),
        ({"data": pixels(3), "fine_labels": [0]}, "a batch of the other CIFAR"),
        (
            {"data": pixels(3), "labels": [0, 1]},
            "one integer as label for each of its 3 examples",
        ),
        ({"data": pixels(3), "labels": [0.5, 1, 2]}, "must be whole numbers, but got 0.5"),
        ({"data": pixels(3), "labels": [[0], [1, 2], 3]}, "integer as label"),
        ({"data": pixels(3)[:, :-1], "labels": [0, 1, 2]}, r"uint8 of shape \(n, 3072\)"),
        ({"data": "x"}, "not a CIFAR batch"),
        ([1, 2], "not a CIFAR batch"),
    ],
)
def test_wrong_batches(cifar10, batch, text):
    folder = cifar10[0] / "cifar-10-batches-py"
    (folder / "data_batch_2").write_bytes(pickle.dumps(batch))
    with pytest.raises(TableIntegrityError, match=f"'data_batch_2'.*{text}"):
        load_data("cifar10", root=folder)


def test_labels_out_of_range_and_missing_files(cifar10):
    root, content = cifar10
    folder = root / "cifar-10-batches-py"
    data = content["data_batch_1"][0]
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": data, "labels": [10] * 20}))
    with pytest.raises(
        InvalidArgumentError, match=r"labels must be in \[0, 9\], but number 0 is 10"
    ):
        load_data("cifar10", root=folder)
    (folder / "data_batch_4").unlink()
    with pytest.raises(
        TableIntegrityError, match="data_batch_4 must be in the same folder as data_batch_1"
    ):
        load_data("cifar10", root=folder)
    truncated = root / "cifar-10-batches-bin" / "data_batch_1.bin"
    truncated.write_bytes(truncated.read_bytes()[:-1])
    with pytest.raises(TableIntegrityError, match="records of 3073 bytes, but has 61459 bytes"):
        load_data("cifar10", root=truncated.parent)


def imagenet16(root, labels):
    for name in [*(f"train_data_batch_{k}" for k in range(1, 11)), "val_data"]:
        batch = {"data": pixels(len(labels), 768), "labels": labels, "mean": np.zeros(768)}
        (root / name).write_bytes(pickle.dumps(batch))


def test_imagenet16(tmp_path):
    imagenet16(tmp_path, [1, 2, 3, 4, 121, 1000])
    data = load_data("imagenet16-120", root=tmp_path, classes=4, validation=0)
    assert data.input_shape == (3, 16, 16)
    assert data.train.targets.tolist() == [0, 1, 2, 3] * 10
    assert len(data.test) == 4
    with pytest.raises(InvalidArgumentError, match="none of 4, 5, 6, 7, 8 and 111 more"):
        load_data("imagenet16-120", root=tmp_path)
    imagenet16(tmp_path, [0, 1])
    with pytest.raises(TableIntegrityError, match="labels must begin at 1, but got 0"):
        load_data("imagenet16-120", root=tmp_path)
    imagenet16(tmp_path, "ab")
    with pytest.raises(TableIntegrityError, match="not an ImageNet16 batch"):
        load_data("imagenet16-120", root=tmp_path)


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    content = {}
    for part, n in (("train", 60), ("t10k", 20)):
        images = RNG.integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
        content[part] = images
    return tmp_path, content


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx(mnist, name):
    root, content = mnist
    data = load_data(name, root=root, validation=0)
    np.testing.assert_array_equal(data.train.inputs[:, 0], content["train"])
    np.testing.assert_array_equal(data.test.inputs[:, 0], content["t10k"])
    assert data.train.targets.tolist() == [k % 10 for k in range(60)]
    flips = "RandomFlip" in repr(data.augmentation)
    assert flips == (name == "fashion-mnist")  # a mirrored digit is none


def test_a_missing_part_is_named(mnist):
    (mnist[0] / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataNotFoundError, match=r"t10k-labels-idx1-ubyte.gz \(MD5 ec29"):
        load_data("mnist", root=mnist[0])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not an idx file"),
        (b"\x89PNG....", "begins with '89 50 4e 47'"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01....", "not an idx file of unsigned bytes"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], r"6 values for its shape \(2, 3\), but has 5"),
        (idx(np.zeros((2, 3), np.uint8)) + b"x", "but has 7"),
        (idx(np.zeros((2, 3), np.uint8))[:7], "truncated or damaged"),
        (gzip.compress(idx(np.zeros(1000, np.uint8)), mtime=0)[:-9], "damaged or truncated"),
    ],
)
def test_damaged_idx(tmp_path, data, text):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(TableIntegrityError, match=text):
        read_idx(path)


def test_images_and_labels_exchanged(mnist):
    root = mnist[0]
    (root / "train-images-idx3-ubyte").write_bytes(idx(np.zeros(60, np.uint8)))
    with pytest.raises(TableIntegrityError, match="must have three dimensions, but has 1"):
        load_data("mnist", root=root)


def test_splits_do_not_share_memory_with_files(mnist):
    data = load_data("mnist", root=mnist[0], validation=0)
    data.test.inputs.zero_()
    assert not torch.equal(
        load_data("mnist", root=mnist[0], validation=0).test.inputs, data.test.inputs
    )


def test_an_idx_file_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(
        gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 300, 1024, 1024) + bytes(300 << 20), 1)
    )
    start = time.process_time()
    with pytest.raises(TableIntegrityError, match=r"x\.gz' unpacks to more; the limit is 256 MiB"):
        read_idx(path)
    assert time.process_time() - start < 2


def test_every_flipped_bit_of_an_idx_file_is_found(tmp_path):
    path, array = tmp_path / "x.gz", pixels(4, 30)
    whole = gzip.compress(idx(array))
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            found = read_idx(path)
        except TableIntegrityError:
            continue
        np.testing.assert_array_equal(found, array, err_msg=str(place))


def test_what_is_not_published_has_a_note(cifar10, mnist, tmp_path):
    root, _ = cifar10
    with tarfile.open(root / "cifar-10-binary.tar.gz", "w:gz") as file:
        file.add(root / "cifar-10-batches-bin", "cifar-10-batches-bin")
    data = load_data("cifar10", root=root / "cifar-10-binary.tar.gz", validation=0)
    assert data.note.startswith("cifar-10-binary.tar.gz is not the published file (its MD5 is ")
    assert load_data("cifar10", root=root, validation=0).note is None
    assert (
        load_data("mnist", root=mnist[0], validation=0).note.count("-labels-idx1-ubyte.gz is not")
        == 2
    )


def test_damaged_cifar_archives(cifar10):
    root = cifar10[0]
    path = root / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        file.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    whole = path.read_bytes()
    for place in RNG.integers(10, len(whole), 40):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(TableIntegrityError, match="damaged or truncated"):
            load_data("cifar10", root=path)


@pytest.mark.parametrize("names", [3, [b"\xff\xfe", "b"], {"a": 1}, None])
def test_names_of_classes_of_another_kind(cifar10, names):
    root = cifar10[0]
    (root / "cifar-10-batches-py" / "batches.meta").write_bytes(
        pickle.dumps({"label_names": names})
    )
    assert load_data("cifar10", root=root, validation=0).classes is None
