import numpy as np
import pytest
import torch
from PIL import Image

from analognas.builder import MeasurementSettings
from analognas.builder.images import resize_images, resized
from analognas.builder.measured_data import load_examples
from analognas.core import DataNotFoundError, InvalidArgumentError
from analognas.data import DataSet, Split, image_data, load_data

from .conftest import quick_settings


def images(n, size=(32, 32), channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=generator)


def a_data_set(n=40, **options):
    parts = [Split(images(n, seed=k), torch.arange(n) % 4) for k in range(2)]
    return image_data("noise", parts[0], None, parts[1], n_classes=4, augment=True, **options)


@pytest.mark.parametrize("size", [(16, 16), (8, 20), (48, 48)])
def test_resizing_agrees_with_pillow(size):
    raw = images(3)
    found = resize_images(raw, size)
    for image, small in zip(raw, found, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        expected = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
        # Pillow rounds after each of its two passes.
        difference = np.abs(expected.astype(int) - small.permute(1, 2, 0).numpy().astype(int))
        assert difference.max() <= 1


def test_shrinking_averages_what_plain_sampling_would_alias():
    checkers = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    checkers[..., ::2, ::2] = checkers[..., 1::2, 1::2] = 255
    inner = resize_images(checkers, (8, 8))[..., 1:-1, 1:-1].float()
    assert inner.std() < 2.0
    assert abs(inner.mean() - 127.5) < 2.0


def test_a_resized_data_set_is_normalised_and_shifted_by_its_own_size():
    data = a_data_set()
    small = resized(data, (16, 16))
    assert small.input_shape == (3, 16, 16)
    assert small.train.inputs.dtype == torch.uint8
    assert small.augmentation.parts[0].padding == 2
    inputs = small.prepare(small.train.inputs)
    assert inputs.mean((0, 2, 3)).abs().max() < 1e-4
    assert (inputs.std((0, 2, 3)) - 1).abs().max() < 1e-2
    assert torch.equal(small.test.targets, data.test.targets)


def test_spectrograms_are_resized_with_their_masks():
    from analognas.data import audio_data

    generator = torch.Generator().manual_seed(0)
    parts = [
        Split(torch.randn(24, 1, 96, 40, generator=generator).half(), torch.arange(24) % 2)
        for _ in range(2)
    ]
    sound = audio_data("sound", parts[0], None, parts[1], classes=("a", "b"), augment=True)
    small = resized(sound, (24, 20))
    assert small.input_shape == (1, 24, 20)
    assert small.train.inputs.dtype == torch.float16
    shift, masks = small.augmentation.parts
    assert (shift.padding, shift.horizontal, masks.frames, masks.bands) == (2, 0, 5, 2)
    inputs = small.prepare(small.train.inputs)
    assert abs(float(inputs.mean())) < 1e-3
    assert abs(float(inputs.std()) - 1) < 1e-2
    pooled = resized(sound, (48, 20)).train.inputs.float()
    expected = torch.nn.functional.avg_pool2d(sound.train.inputs.float(), 2)
    assert torch.corrcoef(torch.stack([pooled.flatten(), expected.flatten()]))[0, 1] > 0.9


def test_what_is_no_image_is_not_resized():
    part = Split(torch.randn(8, 1, 8, 8), torch.arange(8) % 2)
    sound = DataSet("sound", "classification", part, None, part, (1, 8, 8), 2)
    with pytest.raises(InvalidArgumentError, match="image_size"):
        resized(sound, (4, 4))


def test_examples_are_those_asked_for():
    data = load_examples(quick_settings())
    assert (len(data.train), len(data.test), data.validation) == (128, 60, None)
    assert data.input_shape == (1, 8, 8)
    nested = load_examples(quick_settings(examples={"train": 64, "test": 60}))
    rows = {tuple(x.flatten().tolist()) for x in data.train.inputs}
    assert all(tuple(x.flatten().tolist()) in rows for x in nested.train.inputs)


def test_the_validation_split_can_be_what_is_scored_on():
    counts = {"train": 128, "validation": 90, "test": 60}
    data = load_examples(quick_settings(examples=counts, split="validation"))
    assert data.validation is None
    assert len(data.test) == 60
    whole = load_data("digits", validation=90)
    rows = {tuple(x.flatten().tolist()) for x in resized(whole, (8, 8)).validation.inputs}
    assert all(tuple(x.flatten().tolist()) in rows for x in data.test.inputs)
    best = quick_settings(examples=counts, split="validation", digital={"keep": "best"})
    assert len(load_examples(best).validation) == 90


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"examples": {"train": 9999}}, InvalidArgumentError, "train"),
        ({"examples": {"test": 9999}}, InvalidArgumentError, "test"),
        ({"examples": {"train": 5}}, InvalidArgumentError, "train"),
        ({"data": "npz", "root": "/nowhere.npz"}, DataNotFoundError, "nowhere"),
        ({"data": "cifar10", "root": "/nowhere"}, DataNotFoundError, "cifar-10"),
        ({"data_options": {"sise": 8}}, ValueError, "'size'"),
    ],
)
def test_missing_examples_are_one_error(changes, error, words):
    with pytest.raises(error, match=words):
        load_examples(quick_settings(**changes))


def test_language_is_not_measured(tmp_path):
    words = np.frombuffer(b"a\nb", np.uint8)
    stream = np.arange(400, dtype=np.uint16) % 2
    np.savez(tmp_path / "text.npz", train=stream, test=stream, vocab=words)
    settings = MeasurementSettings(data="npz", root=str(tmp_path / "text.npz"))
    with pytest.raises(InvalidArgumentError, match="classification"):
        load_examples(settings)


def test_levels_between_are_kept_when_images_are_resized():
    parts = [Split(images(20, seed=k) / 257, torch.arange(20) % 4) for k in range(2)]
    small = resized(image_data("fine", parts[0], None, parts[1], n_classes=4), (16, 16))
    assert small.train.inputs.dtype == torch.float32
    coarse = resize_images(images(20), (16, 16)).float() / 257
    assert (small.train.inputs - coarse).abs().max() < 1 / 257


def test_shapes_other_than_images_have_names_too(quick):
    from types import SimpleNamespace

    from analognas.builder.measured_data import fidelity_columns, fidelity_text

    settings = quick().settings
    data = SimpleNamespace(
        train=range(9), test=range(4), input_shape=(1, 64), n_classes=2, name="waves"
    )
    known = fidelity_columns(settings, data)
    assert (known["input_channels"], known["input_length"]) == (1, 64)
    assert "9 training examples of 64, 3 digital" in fidelity_text(settings, data)
