"""What is scored on chips: the same outputs and labels as in training, with the same errors."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, NotFiniteError
from analognas.data import DataSet, Split
from analognas.drift import (
    DriftEvaluator,
    Examples,
    direct_mapping,
    evaluate_conditions,
    layer_sensitivity,
)
from analognas.nn import calibrate, to_analog
from analognas.training import get_task


class Shaped(nn.Module):
    def __init__(self, net, shape):
        super().__init__()
        self.net, self.shape = net, shape

    def forward(self, x):
        return self.shape(self.net(x))


@pytest.fixture(scope="module")
def binary():
    """A network with one output, right on 99 % of 300 examples and unsure of none."""
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 3.0 * x[:, 0].sign()
    y = (x[:, 0] > 0).long()
    y[:3] = 1 - y[:3]
    net = nn.Linear(8, 1)
    with torch.no_grad():
        net.weight.copy_(torch.eye(1, 8) + 0.01)
        net.bias.zero_()
    return net, x, y


ONE_LOGIT = {
    "column": lambda z: z,
    "squeezed": lambda z: z[:, 0],
    "all squeezed": lambda z: z.squeeze(),
    "mapping": lambda z: {"logits": z},
    "tuple": lambda z: (z[:, 0], None),
}


@pytest.mark.parametrize("shape", ONE_LOGIT.values(), ids=ONE_LOGIT)
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("settings", [{"chips": 2}, {"tolerance": 2.0}])
def test_one_output_is_right_where_its_sign_is(binary, shape, column, settings):
    net, x, y = binary
    model = calibrate(to_analog(Shaped(net, shape)), [x])
    evaluator = DriftEvaluator((1.0,), batch_size=299, **settings)
    result = evaluator.evaluate(model, (x, y[:, None] if column else y))
    assert result.digital == pytest.approx(99.0)
    assert result.at(1.0).value > 95.0
    assert result.chance_score == pytest.approx(float(y.double().mean().clamp(min=0.5)), abs=0.1)


def test_margins_of_one_output(binary):
    net, x, y = binary
    scores, margins = Examples((x, y)).margins(net)
    z = net(x)[:, 0].detach().numpy()
    np.testing.assert_allclose(margins, np.where(y == 1, z, -z), rtol=1e-6)
    np.testing.assert_array_equal(margins > 0, scores == 1.0)


def test_layers_and_conditions_of_one_output(binary):
    net, x, y = binary
    two = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))
    with torch.no_grad():
        two[0].weight.copy_(torch.eye(8))
        two[1].weight.copy_(net.weight)
        for layer in two:
            layer.bias.zero_()
    model = calibrate(to_analog(two), [x])
    found = layer_sensitivity(model, (x, y), chips=2)
    assert found.digital == pytest.approx(99.0)
    assert (found.costs < 5.0).all()
    evaluator = DriftEvaluator((60.0,), chips=1)
    conditions = evaluate_conditions(
        two, model, (x, y), calibration=[x], evaluator=evaluator, ptq=two, qat=two
    )
    metrics = conditions.metrics
    assert metrics["baseline_accuracy"] == metrics["ptq_accuracy"] == pytest.approx(99.0)
    assert metrics["noisy_accuracy"] > 95.0
    assert "noisy_drift_60_std" not in metrics  # of one chip there is none
    assert all(np.isfinite(list(metrics.values())))
    with pytest.raises(InvalidArgumentError, match="`calibration` must be given"):
        evaluate_conditions(two, model, (x, y))


def of(change):
    def evaluate(net, x, y):
        model = calibrate(to_analog(net), [x])
        net, x, y = change(net, x, y)
        model = Shaped(model, net) if callable(net) and not isinstance(net, nn.Module) else model
        return DriftEvaluator((1.0,), chips=2).evaluate(model, (x, y))

    return evaluate


CASES = {
    "one-hot": (lambda n, x, y: (n, x, torch.eye(2).long()[y]), r"labels.argmax\(1\)"),
    "from one": (lambda n, x, y: (n, x, y + 1), "start at 1: subtract 1"),
    "signs": (lambda n, x, y: (n, x, 2 * y - 1), r"\(labels \+ 1\) // 2"),
    "ignored": (lambda n, x, y: (n, x, torch.where(y == 1, -100, y)), "leave these examples out"),
    "classes": (lambda n, x, y: (n, x, torch.arange(len(y)) % 3), "need one output each"),
    "beyond": (lambda n, x, y: (lambda z: torch.cat([z, -z], 1), x, y * 7), r"in \[0, 1\]"),
    "soft": (lambda n, x, y: (n, x, y + 0.5), "must be whole numbers, but got"),
    "probabilities": (
        lambda n, x, y: (n, x, torch.full((len(y), 2), 0.5)),
        r"whole numbers, but got 0.5 at position \(0, 0\).*Probabilities.*labels.argmax\(1\)",
    ),
    "one-hot floats": (lambda n, x, y: (n, x, torch.eye(2)[y]), r"labels.argmax\(1\)"),
    "list": (lambda n, x, y: (n, x, y.tolist()), r"but got list: convert it with torch.tensor\("),
    "width": (
        lambda n, x, y: (n, torch.cat([x, x], 1), y),
        r"does not accept inputs of shape \(\d+, \d+\): mat1 and mat2",
    ),
    "positions": (lambda n, x, y: (n, x, y[:, None].expand(-1, 4)), "one class for each example"),
    "segmentation": (lambda n, x, y: (lambda z: z[:, :, None, None], x, y), "segmentation"),
    "mapping": (lambda n, x, y: (lambda z: {"out": z}, x, y), "mapping with 'out'"),
    "nothing": (lambda n, x, y: (lambda z: None, x, y), "NoneType"),
    "answers": (lambda n, x, y: (lambda z: (z > 0).long(), x, y), "torch.int64"),
    "double": (lambda n, x, y: (n, x.double(), y), r"torch.float64.*inputs.to\(torch.float32\)"),
    "tokens": (lambda n, x, y: (n, x.long(), y), "torch.int64"),
    "none": (lambda n, x, y: (n, x[:0], y[:0]), "at least 2, but got 0"),
    "NaN inputs": (lambda n, x, y: (n, x * torch.nan, y), "come from the inputs"),
    "NaN outputs": (lambda n, x, y: (lambda z: z * torch.nan, x, y), "outputs of the network"),
}


@pytest.mark.parametrize(("change", "text"), CASES.values(), ids=CASES)
def test_what_cannot_be_scored_is_one_error(binary, change, text):
    with pytest.raises(InvalidArgumentError, match=text) as error:
        of(change)(*binary)
    assert "\n" not in str(error.value)


def test_nan_weights_are_an_error_for_the_reference_too(analog, digital, problem):
    broken = copy.deepcopy(digital)
    with torch.no_grad():
        broken[2].bias[1] = torch.nan
    with pytest.raises(NotFiniteError, match="`bias` of layer '2'"):
        DriftEvaluator((1.0,), chips=2).evaluate(analog, problem, reference=broken)
    model = copy.deepcopy(analog)
    with torch.no_grad():
        model[2].bias[1] = torch.nan
    for act in (
        lambda: DriftEvaluator((1.0,), chips=2).evaluate(model, problem),
        lambda: DriftEvaluator((1.0,), tolerance=1.0).evaluate(model, problem),
        lambda: layer_sensitivity(model, problem, chips=2),
    ):
        with pytest.raises(NotFiniteError, match="batch 1, first for example 0.*layer '2'"):
            act()


class Bigram(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(10, 12), nn.Linear(12, 20)

    def forward(self, tokens):
        return self.head(self.table(tokens))


def test_perplexity_is_that_of_the_tokens_that_count():
    tokens = torch.randint(10, (12, 5))
    targets = torch.where(torch.rand(12, 5) < 0.3, -100, tokens)
    targets[:, 0] = tokens[:, 0]
    net = Bigram()
    logp = torch.log_softmax(net(tokens), -1)
    each = -logp.gather(2, targets.clamp(min=0)[..., None])[..., 0][targets != -100]
    for size in (5, 12):
        examples = Examples((tokens, targets), task="language_model", batch_size=size)
        assert examples.scores(net).mean() == pytest.approx(each.mean().item(), rel=1e-6)
        # Chance knows the vocabulary from the outputs, of which these targets use the half.
        assert examples.chance == pytest.approx(np.log(20.0))
    with pytest.raises(InvalidArgumentError, match="all of number 0 are -100"):
        Examples((tokens, torch.full_like(tokens, -100)), task="language_model")


def test_a_text_in_tensors_is_read_like_one_in_a_data_set():
    """A network with a state goes on in each row where the batch before left it."""
    from analognas.models import build_model

    tokens = torch.randint(10, (14, 6))
    targets = torch.randint(10, (14, 6))
    part = Split(tokens, targets)
    data = DataSet("text", "language_model", part, None, part, (6,), 10)
    net = build_model("lstm", input_shape=(6,), n_classes=10, width=8, layers=1).eval()
    for size in (4, 5, 14):
        known = Examples(data, batch_size=size).scores(net)
        plain = Examples((tokens, targets), task="language_model", batch_size=size).scores(net)
        np.testing.assert_array_equal(plain, known)


def test_a_doubled_perplexity_is_not_as_good():
    """End to end: a network against a reference that knows half of what it does not."""
    tokens = torch.randint(10, (40, 6))
    net = Bigram()
    model = direct_mapping(net, [tokens], None)
    better = Shaped(net, lambda z: z + 3.0 * nn.functional.one_hot(tokens[: len(z)], 20))
    found = DriftEvaluator((1.0,), chips=3, task="language_model", batch_size=40).evaluate(
        model, (tokens, tokens), reference=better
    )
    assert found.at(1.0).value > 2.0 * found.reference
    assert found.iso_accuracy(1.0) == "no"
    assert found.chance_score == pytest.approx(np.log(20.0))
    assert get_task("language_model").metric(found.chance_score) == pytest.approx(20.0)
