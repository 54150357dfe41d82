import numpy as np
import pytest
from PIL import Image

from analognas.core import DataNotFoundError, TableIntegrityError
from analognas.data import load_data
from analognas.data.image_files import read_image


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
    data = (tmp_path / "x.png").read_bytes()
    assert (read_image(data, "x", size=4) == 200).all()
    np.testing.assert_array_equal(read_image(data, "x"), pixels.transpose(2, 0, 1))


def test_bad_folders(tmp_path):
    with pytest.raises(DataNotFoundError, match="is not a folder"):
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
    with pytest.raises(TableIntegrityError, match=r"3.png' is not a readable image"):
        load_data("image-folder", root=tmp_path)
    (tmp_path / "mouse").mkdir()
    path.unlink()
    with pytest.raises(TableIntegrityError, match="mouse' must hold images"):
        load_data("image-folder", root=tmp_path)


def test_hidden_files_and_folders_are_no_examples(tmp_path):
    root = tmp_path / "pets"
    folder(root)
    before = load_data("image-folder", root=root, size=6, validation=0)
    copies = root / "cat" / ".ipynb_checkpoints"
    copies.mkdir()
    (copies / "0-checkpoint.png").write_bytes((root / "cat" / "0.png").read_bytes())
    (root / "dog" / "._0.png").write_bytes(b"resource fork")
    (root / ".git" / "x").mkdir(parents=True)
    (root / "__MACOSX" / "cat").mkdir(parents=True)
    (root / "__MACOSX" / "cat" / "._1.png").write_bytes(b"resource fork")
    (root / ".DS_Store").write_bytes(b"x")
    after = load_data("image-folder", root=root, size=6, validation=0)
    assert after.classes == ("cat", "dog")
    assert after.note is None
    assert (after.train.inputs == before.train.inputs).all()
    assert (after.test.inputs == before.test.inputs).all()


@pytest.mark.parametrize("ending", ["tif", "TIFF", "webp", "JPEG", "tga", "jp2", "pnm"])
def test_all_formats_of_pillow_are_read(tmp_path, ending):
    folder(tmp_path / "pets", n=5)
    folder(tmp_path / "pets", classes=("a", "b"), n=5, ending=ending)
    data = load_data("image-folder", root=tmp_path / "pets", size=6, validation=0)
    assert len(data.train) + len(data.test) == 20
    assert data.note is None


def test_what_is_left_out_is_said(tmp_path):
    root = tmp_path / "pets"
    for split in ("train", "test"):
        folder(root / split, n=5)
    for name in (
        "train/cat/a.txt",
        "train/cat/deep/b.TXT",
        "test/dog/c.xml",
        "readme",
        "train/x.png",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    folder(root / "extra", n=2)
    data = load_data("image-folder", root=root, size=6, validation=0)
    assert data.note == (
        "2 files ending in .txt, skipped; 1 file ending in .xml, skipped; 4 files in the folder 'extra', skipped; "
        "2 files outside of the classes, skipped"
    )


def test_sixteen_bits_are_said(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(5):
            pixels = np.full((8, 8), 257 * (100 + k), np.uint16)
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png")
    data = load_data("image-folder", root=tmp_path, size=6, grey=True, validation=0)
    assert {*data.train.inputs.unique().tolist(), *data.test.inputs.unique().tolist()} == {
        *range(100, 105)
    }
    assert data.note == "10 files of 16 bits, reduced to 8"


def test_a_class_without_images_says_which_endings_count(tmp_path):
    folder(tmp_path)
    (tmp_path / "mouse").mkdir()
    for name in ("a.doc", "b.doc", "c"):
        (tmp_path / "mouse" / name).write_bytes(b"x")
    with pytest.raises(
        TableIntegrityError,
        match=r"images \(.*\.jpg.*\), but has only files ending in \.doc \(2\), nothing \(1\)",
    ):
        load_data("image-folder", root=tmp_path)


def test_names_of_splits(tmp_path):
    for name in ("Train", "VALID"):
        folder(tmp_path / name, n=5)
    data = load_data("image-folder", root=tmp_path, size=4, validation=0)
    assert data.classes == ("cat", "dog")
    folder(tmp_path / "val", n=2)
    with pytest.raises(
        TableIntegrityError, match="one folder for the validation split, but has 'VALID' and 'val'"
    ):
        load_data("image-folder", root=tmp_path)


def test_splits_without_training_images(tmp_path):
    for name in ("val", "test"):
        folder(tmp_path / name)
    with pytest.raises(
        TableIntegrityError, match="must have a folder 'train', but has test, val only"
    ):
        load_data("image-folder", root=tmp_path)


def test_classes_with_names_of_splits(tmp_path):
    folder(tmp_path / "vehicles", classes=("car", "train"))
    assert load_data("image-folder", root=tmp_path / "vehicles", size=4).classes == ("car", "train")


def test_images_of_unknown_data_are_not_changed(tmp_path):
    folder(tmp_path)
    assert load_data("image-folder", root=tmp_path, size=6).augmentation is None
    data = load_data("image-folder", root=tmp_path, size=6, augment=True, flip=False)
    assert str(data.augmentation) == "shifts by up to 4 pixels"
