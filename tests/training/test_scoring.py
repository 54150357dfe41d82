"""What is scored, from the labels and outputs of users to the metrics of a training."""

import dataclasses

import pytest
import torch
from torch import nn

from analognas.core import DivergedError, InvalidArgumentError, NotFiniteError
from analognas.data import DataSet, Split
from analognas.training import (
    DigitalRecipe,
    Distillation,
    HWARecipe,
    PTQRecipe,
    QATRecipe,
    Trainer,
    evaluate,
    get_task,
)
from analognas.training.methods import method_for

N = 129  # of which a batch of 128 leaves one example


@pytest.fixture(scope="module")
def sign():
    x = torch.randn(N, 8, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 2.0 * x[:, 0].sign()
    part = Split(x, (x[:, :1] > 0).long())
    return DataSet("sign", "classification", part, part, part, (8,), 2)


class Binary(nn.Module):
    """A network with one output, in the form that ``shape`` gives it."""

    def __init__(self, shape=lambda z: z, n_outputs=1):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, n_outputs))
        self.shape = shape

    def forward(self, x):
        return self.shape(self.body(x))


def squeezed(z):
    return z.squeeze()


def named(z):
    return {"logits": z[:, 0]}


RECIPES = {
    "digital": DigitalRecipe(epochs=12, batch_size=32),
    "ptq": PTQRecipe(),
    "qat": QATRecipe(epochs=1, batch_size=32),
    "hwa": HWARecipe(epochs=1, batch_size=32),
}


@pytest.mark.parametrize("shape", [None, squeezed, named], ids=["column", "squeezed", "mapping"])
def test_every_recipe_trains_a_network_with_one_output(sign, shape):
    net = Binary(shape or (lambda z: z))
    found = {}
    for name, recipe in RECIPES.items():
        found[name] = Trainer(net, sign, recipe).fit().metrics["test_accuracy"]
    assert min(found.values()) > 95.0, found
    z = net.body(sign.test.inputs)[:, 0]
    right = (z > 0) == (sign.test.targets == 1)
    found = evaluate(net, sign, "test", get_task("classification"), batch_size=128)
    assert found.score == pytest.approx(right.double().mean().item(), abs=1e-12)
    expected = nn.functional.binary_cross_entropy_with_logits(z, sign.test.targets.float())
    assert found.loss == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize(
    ("net", "change", "text"),
    [
        (Binary(), {"targets": torch.arange(N) % 3, "n_classes": 3}, "need one output each"),
        (Binary(n_outputs=2), {"targets": torch.arange(N) % 3, "n_classes": 3}, "2 outputs"),
        (Binary(lambda z: {"out": z}), {}, "mapping with 'out'"),
        (Binary(lambda z: z[:, :, None, None].expand(-1, 3, 4, 4)), {}, "segmentation"),
        (Binary(lambda z: z > 0), {}, "torch.bool"),
        (Binary(), {"inputs": torch.zeros(N, 8, dtype=torch.float64)}, "torch.float64"),
        (Binary(), {"inputs": torch.zeros(N, 9)}, r"inputs of shape \(\d+, 9\): mat1 and mat2"),
    ],
    ids=["classes", "outputs", "mapping", "segmentation", "answers", "double", "width"],
)
def test_what_cannot_be_scored_is_one_error_in_every_recipe(sign, recipe, net, change, text):
    part = Split(change.get("inputs", sign.train.inputs), change.get("targets", sign.train.targets))
    data = dataclasses.replace(
        sign, train=part, validation=None, test=part, n_classes=change.get("n_classes", 2)
    )
    with pytest.raises(InvalidArgumentError, match=text):
        Trainer(net, data, recipe).fit()


def test_nan_outputs_name_batch_and_layer(sign):
    net = Binary()
    with torch.no_grad():
        net.body[2].weight[0, 3] = torch.nan
    with pytest.raises(
        NotFiniteError,
        match=r"sign: test.*batch 1, first for example 0.*`weight` of layer 'body.2'",
    ):
        evaluate(net, sign, "test", get_task("classification"), batch_size=64)
    inputs = sign.test.inputs.clone()
    inputs[100] = torch.inf
    data = dataclasses.replace(sign, test=Split(inputs, sign.test.targets))
    with pytest.raises(
        NotFiniteError, match="batch 2, first for example 100; they come from the inputs"
    ):
        evaluate(Binary(), data, "test", get_task("classification"), batch_size=64)
    with pytest.raises(DivergedError):  # as a training that diverged in its last step
        Trainer(Binary(lambda z: z * torch.nan), sign, PTQRecipe()).fit()


def test_a_loss_that_is_nan_names_inputs_and_weights(sign):
    """Another learning rate would not help."""
    inputs = sign.train.inputs.clone()
    inputs[5, 2] = torch.nan
    data = dataclasses.replace(sign, train=Split(inputs, sign.train.targets))
    with pytest.raises(NotFiniteError, match="epoch 1, step .* comes from the inputs"):
        Trainer(Binary(), data, RECIPES["digital"]).fit()
    net = Binary()
    with torch.no_grad():
        net.body[2].weight[0, 3] = torch.nan
    with pytest.raises(NotFiniteError, match="step 1 .* comes from `weight` of layer 'body.2'"):
        Trainer(net, sign, RECIPES["digital"]).fit()


def test_a_right_class_of_probability_zero_is_an_infinite_loss(sign):
    net = Binary(lambda z: torch.cat([z, torch.full_like(z, -torch.inf)], 1))
    with pytest.raises(NotFiniteError, match="the probability 0"):
        evaluate(net, sign, "test", get_task("classification"), batch_size=64)


def test_byte_labels_count_as_they_are():
    """As a byte, 156 equals -100."""
    labels = torch.arange(160)
    net = nn.Linear(4, 160)
    x = torch.randn(160, 4)
    found = []
    for dtype in (torch.uint8, torch.int64):
        part = Split(x, labels.to(dtype))
        data = DataSet("bytes", "classification", part, None, part, (4,), 160)
        found.append(evaluate(net, data, "test", get_task("classification"), batch_size=64))
    assert found[0] == found[1]


class Bigram(nn.Module):
    """Logits that depend on the present token alone."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(10, 10)

    def forward(self, tokens):
        return self.table(tokens)


def test_perplexity_is_the_mean_over_the_tokens_that_count(text):
    targets = text.test.targets.clone()
    targets[:3, 1:] = -100
    part = Split(text.test.inputs, targets)
    data = dataclasses.replace(text, test=part)
    net, task = Bigram(), get_task("language_model")
    logp = torch.log_softmax(net(part.inputs), -1)
    each = -logp.gather(2, targets.clamp(min=0)[..., None])[..., 0][targets != -100]
    assert len(each) == 15 * 6 - 15
    for batch_size in (1, 4, 15):
        found = evaluate(net, data, "test", task, batch_size=batch_size)
        assert found.score == pytest.approx(each.double().mean().item(), rel=1e-6)
        assert found.loss == found.score
        assert found.n == 15


def test_ignored_tokens_change_nothing_in_a_training(text, make_lstm):
    """Whatever stands at the inputs of the last positions, if their labels do not count."""

    def trained(filler):
        inputs, targets = text.train.inputs.clone(), text.train.targets.clone()
        inputs[:, 5], targets[:, 5] = filler, -100
        data = dataclasses.replace(text, train=Split(inputs, targets), validation=None)
        net = NoState(make_lstm(dropout=0.0))
        return Trainer(net, data, DigitalRecipe(epochs=1, batch_size=30)).fit().history[0]

    assert trained(1) == trained(2)


def test_ignored_tokens_are_not_distilled():
    recipe = HWARecipe(distillation=Distillation(weight=0.5, temperature=2.0))
    task = get_task("language_model")
    method = method_for(recipe, task)
    method.teacher = Bigram()
    tokens = torch.arange(10).view(2, 5)
    targets = torch.where(tokens % 5 < 3, tokens, -100)
    outputs = torch.randn(2, 5, 10)
    method.ignores_labels = True
    found = method.loss(outputs, tokens, targets, {})
    kept = targets != -100
    taught = task.distillation_loss(outputs[kept], method.teacher(tokens)[kept], 2.0)
    torch.testing.assert_close(found, 0.5 * task.loss(outputs, targets) + 0.5 * taught)


class NoState(nn.Module):
    """A causal network that begins each window without a state."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, tokens):
        return self.network(tokens)
