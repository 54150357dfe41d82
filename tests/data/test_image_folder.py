import numpy as np
import pytest
from PIL import Image

from analognas.core import DataNotFoundError, TableIntegrityError
from analognas.data import load_data
from analognas.data.image_folder import read_image


def folder(root, *, classes=("cat", "dog"), n=10, size=(12, 8), ending="png"):
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for k in range(n):
            pixels = np.full((size[1], size[0], 3), 100 * label + k, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{k}.{ending}")


def test_without_splits(tmp_path):
    folder(tmp_path / "pets")
    data = load_data("image-folder", root=tmp_path / "pets", size=6, validation=0)
    assert (data.name, data.classes, data.input_shape) == ("pets", ("cat", "dog"), (3, 6, 6))
    assert (len(data.train), len(data.test)) == (16, 4)
    values = [*data.train.inputs[:, 0, 0, 0].tolist(), *data.test.inputs[:, 0, 0, 0].tolist()]
    assert sorted(values) == [*range(10), *range(100, 110)]
    assert ((data.train.inputs[:, 0, 0, 0] >= 100) == (data.train.targets == 1)).all()


@pytest.mark.parametrize("splits", [("train", "test"), ("train", "val"), ("train", "val", "test")])
def test_with_splits(tmp_path, splits):
    for k, split in enumerate(splits):
        folder(tmp_path / split, n=4 + k)
    data = load_data(
        "image-folder", root=tmp_path, size=4, grey=True, validation=None if len(splits) > 2 else 0
    )
    assert data.input_shape == (1, 4, 4)
    assert len(data.test) == 2 * (3 + len(splits))
    assert (len(data.validation) if data.validation else 0) == (10 if len(splits) > 2 else 0)


def test_the_middle_is_cut_out(tmp_path):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 200
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert (read_image(tmp_path / "x.png", size=4) == 200).all()
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), pixels.transpose(2, 0, 1))


def test_bad_folders(tmp_path):
    with pytest.raises(DataNotFoundError, match="is no folder"):
        load_data("image-folder", root=tmp_path / "missing")
    with pytest.raises(DataNotFoundError, match="must have a folder for each class"):
        load_data("image-folder", root=tmp_path)
    folder(tmp_path / "train")
    folder(tmp_path / "test", classes=("cat", "cow"))
    with pytest.raises(
        TableIntegrityError, match="must have the classes cat, dog, but has cat, cow"
    ):
        load_data("image-folder", root=tmp_path)


def test_empty_and_damaged(tmp_path):
    folder(tmp_path)
    path = tmp_path / "cat" / "3.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(TableIntegrityError, match=r"3.png' is no readable image"):
        load_data("image-folder", root=tmp_path)
    (tmp_path / "mouse").mkdir()
    path.unlink()
    with pytest.raises(TableIntegrityError, match="mouse' must hold images"):
        load_data("image-folder", root=tmp_path)
