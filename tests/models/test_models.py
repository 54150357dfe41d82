"""Every network: size in closed form and as published, shapes, and the way to a chip and back."""

import re

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.data import load_data
from analognas.models import MODELS, build_model, build_model_for, digital_parts, register_model
from analognas.nn import analog_layers, at_time, calibrate, program, to_analog, to_digital
from analognas.spaces import find_space

IMAGES, FEATURES, TEXT = (3, 16, 16), (1, 32, 40), (12,)
SMALL = {
    "wrn-10-1": (IMAGES, {}),
    "resnet-8": (IMAGES, {"channels": 4}),
    "cnn-4": (IMAGES, {}),
    "kws-cnn": (FEATURES, {}),
    "lstm": (TEXT, {"width": 8}),
    "searched": (IMAGES, {"architecture": [2, 3, 3, 2, 3, 2], "channels": 4, "cells": 1}),
    "text-classifier": (TEXT, {"vocabulary_size": 30, "width": 16, "heads": 2, "layers": 1}),
    "t100-cifar10": (IMAGES, {}),
    "t500-cifar10": (IMAGES, {}),
    "t100-kws": ((1, 12, 10), {}),
    "t500-kws": ((1, 12, 10), {}),
}
N_CLASSES = 5


def small(name, **options):
    shape, own = SMALL[name]
    generator = torch.Generator().manual_seed(0)
    return build_model(
        name, input_shape=shape, n_classes=N_CLASSES, generator=generator, **own, **options
    )


def inputs_for(name, n=4):
    shape = SMALL[name][0]
    generator = torch.Generator().manual_seed(1)
    if shape == TEXT:
        return torch.randint(1, N_CLASSES, (n, *shape), generator=generator)
    return torch.randn((n, *shape), generator=generator)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def wrn_parameters(depth, k, classes):
    n, width, total = (depth - 4) // 6, 16, 3 * 16 * 9
    for stage in range(3):
        for _ in range(n):
            wider = 16 * k * 2**stage
            total += 9 * width * wider + 9 * wider**2 + 2 * width + 2 * wider
            total += width * wider if width != wider or (stage and _ == 0) else 0
            width = wider
    return total + 2 * width + width * classes + classes


# Published figures in millions: Zagoruyko & Komodakis, tables 3, 4 and 5.
@pytest.mark.parametrize(
    ("depth", "k", "published"),
    [(40, 1, 0.6), (40, 2, 2.2), (40, 4, 8.9), (16, 8, 11.0), (28, 10, 36.5), (22, 8, 17.2)],
)
def test_size_of_wide_resnets(depth, k, published):
    with torch.device("meta"):
        size = count(build_model(f"wrn-{depth}-{k}", input_shape=(3, 32, 32), n_classes=10))
    assert size == wrn_parameters(depth, k, 10)
    assert round(size / 1e6, 1) == published


def test_size_of_wrn_16_4():
    assert count(build_model("wrn-16-4", input_shape=(3, 32, 32), n_classes=10)) == 2_748_890


# He et al., table 6, in millions.
@pytest.mark.parametrize(
    ("depth", "published"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_size_of_resnets(depth, published):
    n = (depth - 2) // 6
    size = count(build_model(f"resnet-{depth}", input_shape=(3, 32, 32), n_classes=10))
    weights = 9 * (3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2)
    weights += 9 * (32 * 64 + (2 * n - 1) * 64**2) + 640
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert size == weights + norms + 10
    assert round(size / 1e6, 2 if published < 1 else 1) == published


def test_size_of_the_keyword_network():
    model = build_model("kws-cnn", input_shape=(1, 32, 40), n_classes=4, batch_norm=False)
    weights = [p.numel() for p in model.parameters() if p.ndim > 1]
    # Table 1 of Sainath & Parada: 10.2, 164.8 (read 163.8), 65.5, 4.1 and 0.5 thousand, 244.2 in all.
    assert weights == [20 * 8 * 64, 10 * 4 * 64 * 64, 4 * 8 * 64 * 32, 32 * 128, 128 * 4]
    assert sum(weights) == pytest.approx(244.2e3, rel=0.001)


def test_long_features_keep_the_linear_layer_small():
    paper = build_model("kws-cnn", input_shape=(1, 32, 40), n_classes=12)
    long = build_model("kws-cnn", input_shape=(1, 98, 40), n_classes=12)
    assert long.low_rank.in_features == 17 * 8 * 64
    assert paper.low_rank.in_features == 4 * 8 * 64
    assert long(torch.randn(2, 1, 98, 40)).shape == (2, 12)


@pytest.mark.parametrize("tied", [False, True])
def test_size_of_the_language_model(tied):
    v, h = 33278, 650
    model = build_model("lstm", input_shape=(35,), n_classes=v, tied=tied)
    layers = 2 * 4 * h * (2 * h + 2)
    assert count(model) == v * h + layers + v + (0 if tied else h * v)


def test_size_of_the_text_encoder():
    v, t, w, n = 100, 20, 16, 3
    model = build_model(
        "text-classifier", input_shape=(t,), n_classes=2, vocabulary_size=v, width=w, layers=n
    )
    layer = 4 * (w * w + w) + 2 * 4 * w * w + 4 * w + w + 4 * w
    assert count(model) == v * w + t * w + 2 * w + n * layer + 2 * w + 2


def test_size_of_the_small_network():
    w = 32
    size = count(build_model("cnn", input_shape=(1, 28, 28), n_classes=10))
    assert size == 9 * (w + 2 * w * w + 8 * w * w) + 2 * 7 * w + 4 * w * 10 + 10


def test_there_is_a_case_for_every_model():
    decoders = {"gpt2", "llama", "decoder"}  # in test_decoders.py
    assert {re.sub(r"(-\d+)+$", "", name) for name in SMALL} == set(MODELS) - decoders


@pytest.mark.parametrize("name", SMALL)
def test_shapes_and_gradients(name):
    model = small(name)
    out = model(inputs_for(name))
    assert out.shape == ((4, *TEXT, N_CLASSES) if name == "lstm" else (4, N_CLASSES))
    out.square().mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_to_a_chip_and_back(name):
    model, x = small(name).eval(), inputs_for(name)
    digital = model(x)
    analog = to_analog(model, exclude=digital_parts(model))
    layers = [m for m in model.modules() if type(m) in (nn.Conv2d, nn.Linear)]
    assert len(list(analog_layers(analog))) >= len(layers)
    analog.train()
    analog(x).square().mean().backward()
    for key, parameter in analog.named_parameters():
        if parameter.requires_grad and "input_range" not in key:
            assert parameter.grad is not None, key
    analog.zero_grad()
    restored = to_digital(analog).eval()
    restored.load_state_dict(model.state_dict())
    assert torch.equal(restored(x), digital)
    calibrate(analog.eval(), [x])
    program(analog, generator=torch.Generator().manual_seed(0))
    at_time(analog, 3600.0)
    on_chip = analog(x)
    assert on_chip.isfinite().all()
    assert not torch.equal(on_chip, digital)


@pytest.mark.parametrize("name", SMALL)
def test_a_generator_decides_the_weights(name):
    before = torch.random.get_rng_state()
    first, second = small(name), small(name)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    other = build_model(
        name,
        input_shape=SMALL[name][0],
        n_classes=N_CLASSES,
        generator=torch.Generator().manual_seed(5),
        **SMALL[name][1],
    )
    assert any(
        not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)
    )


def test_the_residual_block_subsamples_and_pads():
    model = small("resnet-8")
    block = model.blocks[1].eval()
    nn.init.zeros_(block.bn2.weight)  # the residual is then the bias of the norm, zero
    x = torch.rand(1, 4, 8, 8)
    out = block(x)
    assert torch.equal(out[:, :4], x[:, :, ::2, ::2])
    assert not out[:, 4:].any()


def test_the_wide_block_shortens_the_activated_input():
    block = small("wrn-10-1").blocks[1].eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.conv2d(torch.relu(block.bn1(x)), block.shortcut.weight, stride=2)
    assert torch.equal(block(x), expected)


def test_state_continues_the_language_model():
    model, x = small("lstm").eval(), inputs_for("lstm")
    first, state = model.advance(x[:, :5], None)
    second, _ = model.advance(x[:, 5:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), model(x))


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_padding_does_not_matter(pooling):
    model, x = small("text-classifier", pooling=pooling).eval(), inputs_for("text-classifier")
    x = x[:, :8]
    padded = torch.cat([x, torch.zeros(4, 4, dtype=torch.int64)], 1)
    torch.testing.assert_close(model(padded), model(x))
    assert model(torch.zeros(2, 5, dtype=torch.int64)).isfinite().all()


def test_a_model_for_a_data_set():
    data = load_data("digits", size=8)
    model = build_model_for("cnn-2", data)
    inputs, _ = next(data.batches("test", 3))
    assert model(inputs).shape == (3, 10)


@pytest.mark.parametrize(
    ("name", "shape", "options", "error", "text"),
    [
        ("wnr-16-4", IMAGES, {}, UnknownNameError, "Unknown model 'wnr-16-4'.*wrn"),
        ("wrn-16", IMAGES, {}, InvalidArgumentError, "of the form wrn-depth-widen, but got 'wrn-16'"),
        ("cnn-1-2", IMAGES, {}, InvalidArgumentError, "of the form cnn-width"),
        ("wrn-17-4", IMAGES, {}, InvalidArgumentError, "6 n \\+ 4.*got 17"),
        ("resnet-33", IMAGES, {}, InvalidArgumentError, "6 n \\+ 2.*got 33"),
        ("resnet-32", (3, 32), {}, InvalidArgumentError, "channels, height, width"),
        ("kws-cnn", (1, 20, 40), {}, InvalidArgumentError, "at least 29 x 19"),
        ("lstm", IMAGES, {}, InvalidArgumentError, r"must be \(T,\)"),
        ("lstm", TEXT, {"tied": True, "embedding": 3}, InvalidArgumentError, "equal `width`"),
        ("lstm", TEXT, {"widht": 3}, UnknownNameError, "Did you mean 'width'"),
        ("text-classifier", TEXT, {}, InvalidArgumentError, "`vocabulary_size` must be given"),
        ("text-classifier", TEXT, {"vocabulary_size": 9, "heads": 3}, InvalidArgumentError, "divide"),
        ("cnn", IMAGES, {"n_classes": 0}, InvalidArgumentError, "n_classes"),
    ],
)  # fmt: skip
def test_bad_requests(name, shape, options, error, text):
    arguments = {"input_shape": shape, "n_classes": 10, **options}
    with pytest.raises(error, match=text):
        build_model(name, **arguments)


def test_a_text_that_is_too_long():
    with pytest.raises(InvalidArgumentError, match="at most 12 tokens.*got 13"):
        small("text-classifier")(torch.ones(1, 13, dtype=torch.int64))


def test_registering_a_model(monkeypatch):
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS._entries))
    register_model(
        "mine",
        lambda depth, *, input_shape, n_classes, bias=True: nn.Linear(depth, n_classes, bias=bias),
    )
    assert build_model("mine-7", input_shape=(7,), n_classes=2, bias=False).in_features == 7
    with pytest.raises(InvalidArgumentError, match="already registered"):
        register_model("mine", nn.Linear)
    with pytest.raises(InvalidArgumentError, match="must not end in a size"):
        register_model("mine-2", nn.Linear)


@pytest.mark.parametrize(
    ("name", "most"),
    [("t100-cifar10", 1e5), ("t500-cifar10", 5e5), ("t100-kws", 1e5), ("t500-kws", 5e5)],
)
def test_named_networks_keep_to_their_limit_of_parameters(name, most):
    network = MODELS.get(name).keywords
    space = find_space(network["space"])
    model = build_model(name, input_shape=space.input_shape, n_classes=space.n_classes)
    assert count(model) <= most
    assert count(model) == space.params(space.population([network["architecture"]]))[0]
    assert model(torch.zeros(1, *space.input_shape)).shape == (1, space.n_classes)
