import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.training import TASKS, get_task


def test_names_and_directions():
    assert TASKS.names() == ["classification", "text_classification", "language_model"]
    assert [TASKS.get(name).higher_is_better for name in TASKS] == [True, True, False]
    with pytest.raises(UnknownNameError, match="Did you mean 'classification'"):
        get_task("classificaton")


@pytest.mark.parametrize("name", TASKS.names())
def test_the_mean_of_losses_is_the_loss(name):
    task, shape = get_task(name), (5, 7, 11) if name == "language_model" else (5, 11)
    torch.manual_seed(0)
    outputs, targets = torch.randn(shape), torch.randint(11, shape[:-1])
    losses = task.losses(outputs, targets)
    assert losses.shape == (5,)
    torch.testing.assert_close(losses.mean(), task.loss(outputs, targets))
    assert task.score(outputs, targets).shape == (5,)


def test_label_smoothing_is_its_formula():
    torch.manual_seed(0)
    z, y = torch.randn(6, 5), torch.randint(5, (6,))
    logp = functional.log_softmax(z, -1)
    hard, even = -logp[torch.arange(6), y].mean(), -logp.mean()
    expected = 0.8 * hard + 0.2 * even
    torch.testing.assert_close(get_task("classification").loss(z, y, 0.2), expected)


@pytest.mark.parametrize("shape", [(6, 5), (3, 2, 5)])
def test_distillation_is_its_formula(shape):
    torch.manual_seed(0)
    ours, theirs = torch.randn(shape, requires_grad=True), torch.randn(shape, requires_grad=True)
    p, q = (functional.softmax(z.reshape(-1, 5) / 3.0, -1) for z in (theirs, ours))
    expected = 9.0 * (p * (p.log() - q.log())).sum(-1).mean()
    loss = get_task("classification").distillation_loss(ours, theirs, 3.0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert theirs.grad is None
    assert get_task("classification").distillation_loss(
        theirs, theirs, 3.0
    ).item() == pytest.approx(0, abs=1e-6)
    with pytest.raises(InvalidArgumentError, match="temperature"):
        get_task("classification").distillation_loss(ours, theirs, 0.0)


def test_chance_and_skill():
    accuracy = get_task("classification")
    chance = accuracy.chance_score(torch.tensor([0, 0, 0, 1]), 2)
    assert chance == 0.75
    assert accuracy.skill(0.75, chance) == 0.0
    assert accuracy.skill(1.0, chance) == 1.0
    assert accuracy.skill(0.5, chance) < 0.0
    words = get_task("language_model")
    chance = words.chance_score(torch.zeros(3, 4, dtype=torch.int64), 50)
    assert words.metric(chance) == pytest.approx(50.0)
    assert words.skill(0.0, chance) == 1.0
    assert math.isfinite(words.metric(1e9))


def test_logits_of_what_models_return():
    class Output:
        logits = torch.tensor([[0.0, 1.0]])

    task, target = get_task("text_classification"), torch.tensor([1])
    assert task.score(Output(), target).tolist() == [1.0]
    assert task.score((Output.logits, None), target).tolist() == [1.0]


def test_state_is_carried_cut_to_the_batch_and_without_history(make_lstm):
    task, model = get_task("language_model"), make_lstm().eval()
    torch.manual_seed(0)
    tokens = torch.randint(10, (3, 12))
    with torch.no_grad():
        whole = model(tokens)
    first, state = task.run(model, tokens[:, :6])
    second, _ = task.run(model, tokens[:, 6:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    assert not any(part.requires_grad for part in state)
    fewer, _ = task.run(model, tokens[:2, 6:], state)
    torch.testing.assert_close(fewer, whole[:2, 6:])
    assert task.run(nn.Embedding(10, 10), tokens)[1] is None


def test_tokens_that_do_not_count_are_in_neither_loss_nor_score():
    task = get_task("language_model")
    torch.manual_seed(0)
    outputs, targets = torch.randn(3, 4, 7), torch.randint(7, (3, 4))
    targets[0, 1:], targets[2, 0] = -100, -100
    each = -functional.log_softmax(outputs, -1).gather(2, targets.clamp(min=0)[..., None])[..., 0]
    counted = targets != -100
    torch.testing.assert_close(task.loss(outputs, targets), each[counted].mean())
    expected = torch.stack([row[mask].mean() for row, mask in zip(each, counted, strict=True)])
    torch.testing.assert_close(task.score(outputs, targets), expected)
    assert task.counts(targets).tolist() == [1, 4, 3]
    teacher = torch.randn(3, 4, 7)
    some = task.distillation_loss(outputs, teacher, targets=targets, mask=counted)
    torch.testing.assert_close(some, task.distillation_loss(outputs[counted], teacher[counted]))
