import pytest
import torch
from torch.nn import functional

from analognas.core import InvalidArgumentError
from analognas.training import get_task
from analognas.training.predictions import check_predictions, class_logits, logits

ANSWERS = torch.tensor([1, 0, 1, 1])
Z = torch.tensor([2.0, -1.0, 0.5, -3.0])
ONE_LOGIT = {"column": Z[:, None], "squeezed": Z, "in a dict": {"logits": Z[:, None]}}


class Output:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize(
    "wrap",
    [
        lambda z: z,
        lambda z: (z, None),
        lambda z: [z, z + 1.0],
        lambda z: {"logits": z, "loss": torch.tensor(1.0)},
        Output,
        lambda z: (Output(z), "state"),
        lambda z: {"logits": (z,)}["logits"],
    ],
)
def test_logits_are_found_in_what_networks_return(wrap):
    z = torch.randn(4, 3)
    assert logits(wrap(z)) is z


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"out": torch.zeros(2, 3)}, "mapping with 'out'"),
        ({}, "mapping with nothing"),
        (None, "type NoneType"),
        ((), "type tuple"),
        (torch.zeros(2, dtype=torch.int64), "tensor of torch.int64"),
        ("logits", "type str"),
    ],
)
def test_outputs_without_logits(outputs, text):
    with pytest.raises(InvalidArgumentError, match=f"must return logits.*{text}"):
        logits(outputs)


@pytest.mark.parametrize("outputs", ONE_LOGIT.values(), ids=ONE_LOGIT)
def test_one_logit_is_the_binary_cross_entropy_and_its_threshold(outputs):
    task = get_task("classification")
    expected = functional.binary_cross_entropy_with_logits(Z, ANSWERS.float(), reduction="none")
    torch.testing.assert_close(task.losses(outputs, ANSWERS), expected)
    torch.testing.assert_close(task.loss(outputs, ANSWERS), expected.mean())
    assert task.score(outputs, ANSWERS).tolist() == [1.0, 1.0, 1.0, 0.0]
    soft = ANSWERS * 0.8 + 0.1
    torch.testing.assert_close(
        task.loss(outputs, ANSWERS, 0.2), functional.binary_cross_entropy_with_logits(Z, soft)
    )


@pytest.mark.parametrize("outputs", ONE_LOGIT.values(), ids=ONE_LOGIT)
def test_one_logit_is_distilled_as_a_bernoulli_variable(outputs):
    teacher = torch.tensor([[1.0], [1.0], [-2.0], [0.0]])
    p, q = torch.sigmoid(teacher[:, 0] / 4.0), torch.sigmoid(Z / 4.0)
    divergence = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    found = get_task("classification").distillation_loss(outputs, teacher, targets=ANSWERS)
    torch.testing.assert_close(found, 16.0 * divergence.mean())


def test_a_teacher_with_other_classes():
    with pytest.raises(InvalidArgumentError, match="has 3 instead of 2"):
        get_task("classification").distillation_loss(torch.zeros(4, 1), torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("outputs", "labels", "shape"),
    [
        ((), (1,), (1, 2)),  # a last batch of one example, squeezed
        ((5,), (1,), (1, 5)),
        ((1,), (1,), (1, 2)),
        ((4, 3), (4,), (4, 3)),
        ((6, 5), (2, 3), (2, 3, 5)),  # as torch's example of a language model returns them
        ((2, 3, 5), (2, 3), (2, 3, 5)),
    ],
)
def test_shapes_that_mean_one_thing(outputs, labels, shape):
    found = class_logits(torch.zeros(outputs), torch.zeros(labels, dtype=torch.int64))
    assert found.shape == shape


@pytest.mark.parametrize(
    ("outputs", "labels", "text"),
    [
        ((4, 3, 8, 8), (4,), "segmentation is not supported"),
        ((4, 7, 3), (4,), "pool over positions"),
        ((3, 4), (4,), "one row of outputs"),
        ((8, 3), (4,), "one row of outputs"),
        ((2, 11, 5), (2, 5), "Classes come last"),
    ],
)
def test_shapes_that_do_not_fit(outputs, labels, text):
    with pytest.raises(InvalidArgumentError, match=text):
        class_logits(torch.zeros(outputs), torch.zeros(labels, dtype=torch.int64))


@pytest.mark.parametrize(
    ("outputs", "labels", "text"),
    [
        ((4, 3), [0, 1, 2, 3], r"3 outputs: labels must be in \[0, 2\], but number 3 is 3"),
        ((4, 3), [1, 2, 3, 3], "start at 1: subtract 1"),
        ((4, 1), [0, 1, 2, 1], "more than two classes need one output each"),
        ((4,), [0, 1, 2, 1], "more than two classes need one output each"),
        ((4, 1), [-1, 1, -1, 1], r"\(labels \+ 1\) // 2"),
        ((4, 2), [0, -100, 1, 1], "-100 stands for no label"),
    ],
)
def test_labels_without_an_output(outputs, labels, text):
    labels = torch.tensor(labels)
    with pytest.raises(InvalidArgumentError, match=text):
        check_predictions("y", torch.zeros(outputs), labels, labels, "classification")


def test_labels_of_later_batches_are_checked_with_the_first():
    with pytest.raises(InvalidArgumentError, match="number 9 is 5"):
        check_predictions(
            "y",
            torch.zeros(2, 3),
            torch.tensor([0, 1]),
            torch.tensor([0] * 9 + [5]),
            "classification",
        )


def test_probabilities_of_a_sigmoid_are_not_taken_for_logits_in_silence():
    labels = torch.tensor([0, 1])
    with pytest.warns(UserWarning, match="Remove the sigmoid"):
        check_predictions("y", torch.tensor([0.1, 0.9]), labels, labels, "classification")
    assert check_predictions("y", torch.tensor([-0.1, 0.9]), labels, labels, "classification") == 2


def test_ties_and_nan():
    score = get_task("classification").score
    assert score(torch.zeros(2, 1), torch.tensor([0, 1])).tolist() == [1.0, 0.0]
    for bad in (float("nan"), float("inf")):
        outputs = torch.tensor([[0.0, 1.0, bad], [0.0, 1.0, 2.0]])
        found = score(outputs, torch.tensor([2, 2]))
        assert found[0].isnan()
        assert found[1] == 1.0
    masked = torch.tensor([[0.0, 1.0, -torch.inf]])
    assert score(masked, torch.tensor([1])).tolist() == [1.0]
    assert score(torch.full((1, 3), -torch.inf), torch.tensor([0])).isnan()
