import io

import numpy as np
import pytest
import torch
from PIL import Image

from analognas.core import DataNotFoundError, TableIntegrityError, UnknownNameError
from analognas.data import load_data

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
    with pytest.raises(TableIntegrityError, match="no readable image"):
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
    with pytest.raises(TableIntegrityError, match="known layout .*but has a, b"):
        load_data("npz", root=save(tmp_path, a=labels(3), b=labels(3)))
    with pytest.raises(DataNotFoundError, match="is no file"):
        load_data("npz", root=tmp_path)
    path = save(tmp_path, x=np.array([{}], dtype=object), y=labels(1))
    with pytest.raises(TableIntegrityError, match="no readable .npz file.*allow_pickle=False"):
        load_data("npz", root=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TableIntegrityError, match="no readable .npz file"):
        load_data("npz", root=path)
    with pytest.raises(TableIntegrityError, match="must be uint8"):
        load_data("npz", root=save(tmp_path, x=np.zeros((4, 2, 2)), y=labels(4)))
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
