import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.data import DataSet, RandomCrop, Split
from analognas.training import get_task


def numbered(n=50, n_classes=5, task="classification"):
    """Example k is an image of value k."""
    images = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 4, 4).contiguous()
    part = Split(images, torch.arange(n) % n_classes)
    return DataSet(
        "numbered",
        task,
        part,
        None,
        part,
        (1, 4, 4),
        n_classes,
        augmentation=RandomCrop(2, fill=255),
        preparation=torch.Tensor.float,
    )


def epoch(data, seed=0, **options):
    options = {"augment": True, **options}
    generator = torch.Generator().manual_seed(seed)
    return list(data.batches("train", 8, generator=generator, **options))


def same(a, b):
    return len(a) == len(b) and all(
        torch.equal(x, y) for one, other in zip(a, b, strict=True) for x, y in zip(one, other, strict=True)
    )  # fmt: skip


def test_in_order_every_example_once():
    batches = list(numbered().batches("train", 8))
    assert [len(y) for _, y in batches] == [8] * 6 + [2]
    inputs = torch.cat([x for x, _ in batches])
    assert inputs.dtype == torch.float32
    assert inputs[:, 0, 0, 0].tolist() == list(range(50))
    assert torch.cat([y for _, y in batches]).tolist() == [k % 5 for k in range(50)]


def test_shuffled_every_example_once_with_its_target():
    batches = epoch(numbered(), augment=False)
    values = torch.cat([x for x, _ in batches])[:, 0, 0, 0]
    assert sorted(values.tolist()) == list(range(50))
    assert values.tolist() != list(range(50))
    assert torch.equal(values % 5, torch.cat([y for _, y in batches]).float())


def test_augmentation_changes_pixels_and_not_the_order():
    plain, augmented = epoch(numbered(), augment=False), epoch(numbered())
    assert all(torch.equal(a[1], b[1]) for a, b in zip(plain, augmented, strict=True))
    assert not same(plain, augmented)


@given(start=st.integers(0, 9), seed=st.integers(0, 2**32))
def test_an_epoch_continues_from_any_batch(start, seed):
    data = numbered()
    assert same(epoch(data, seed, start=start), epoch(data, seed)[start:])


def test_epochs_differ_and_the_generator_alone_decides():
    data, generator = numbered(), torch.Generator().manual_seed(0)
    epochs = [list(data.batches("train", 8, generator=generator, augment=True)) for _ in range(2)]
    assert not same(*epochs)
    # The second epoch continues too: its draws do not depend on how much of the first was used.
    generator.manual_seed(0)
    next(data.batches("train", 8, generator=generator, augment=True))
    assert same(list(data.batches("train", 8, generator=generator, augment=True)), epochs[1])


def test_batches_of_an_epoch_are_augmented_differently():
    data = numbered()
    shifts = [(x == 255).flatten(1).any(1) for x, _ in epoch(data)]
    masks = [tuple((x == 255)[:, 0].flatten().tolist()) for x, _ in epoch(data, drop_last=True)]
    assert torch.cat(shifts).any()
    assert len(set(masks)) == 6


def test_nothing_touches_the_default_generator():
    before = torch.random.get_rng_state()
    epoch(numbered())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_indices_and_drop_last():
    data, indices = numbered(), torch.tensor([7, 3, 7, 9, 11])
    (x, _), (last, _) = data.batches("test", 3, indices=indices)
    assert torch.cat([x, last])[:, 0, 0, 0].tolist() == indices.tolist()
    assert [len(y) for _, y in data.batches("test", 3, indices=indices, drop_last=True)] == [3]
    shuffled = epoch(data, indices=indices, augment=False)
    assert sorted(shuffled[0][0][:, 0, 0, 0].tolist()) == sorted(indices.tolist())


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 7, 10, 50, 51])
def test_number_of_batches(size, drop_last):
    data = numbered()
    count = sum(1 for _ in data.batches("train", size, drop_last=drop_last))
    assert count == data.n_batches("train", size, drop_last=drop_last)


def language(n, length=3):
    tokens = torch.arange(n * length + 1, dtype=torch.int32)
    part = Split(tokens[:-1].view(n, length), tokens[1:].view(n, length))
    return DataSet("text", "language_model", part, None, part, (length,), n * length + 1)


@given(n=st.integers(1, 30), size=st.integers(1, 12))
def test_streams_continue_row_by_row(n, size):
    data = language(n)
    batches = list(data.streams("train", size))
    for (x, y), (after, _) in itertools.pairwise(batches):
        assert len(after) <= len(x) <= size
        # The last target of a row is the first input of the same row in the next batch.
        assert torch.equal(y[: len(after), -1], after[:, 0].long())
    seen = torch.cat([x.flatten() for x, _ in batches])
    assert sorted(seen.tolist()) == list(range(3 * n))
    assert same(list(data.streams("train", size, start=1)), batches[1:])


def test_subsets_are_stratified_nested_and_repeatable():
    data = numbered()
    small, large = data.subset(train=10, test=5), data.subset(train=20, test=5)
    assert torch.bincount(small.train.targets).tolist() == [2] * 5
    values = [set(d.train.inputs[:, 0, 0, 0].tolist()) for d in (small, large)]
    assert values[0] < values[1]
    again = data.subset(train=10, test=5)
    assert torch.equal(small.train.inputs, again.train.inputs)
    other = data.subset(train=10, seed=1)
    assert not torch.equal(small.train.inputs, other.train.inputs)
    assert len(other.test) == 50


def test_subset_of_a_text_is_its_beginning():
    data = language(10).subset(train=4)
    assert data.train.inputs.flatten().tolist() == list(range(12))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda d: d.batches("trian", 8), UnknownNameError, "Did you mean 'train'"),
        (lambda d: d.batches("validation", 8), InvalidArgumentError, "no validation split"),
        (lambda d: d.batches("train", 0), InvalidArgumentError, "batch_size"),
        (lambda d: d.batches("train", 8, start=-1), InvalidArgumentError, "start"),
        (lambda d: d.batches("train", 8, augment=True), InvalidArgumentError, "`generator`, but got none"),
        (lambda d: d.batches("train", 8, indices=torch.tensor([50])), InvalidArgumentError, r"in \[0, 49\]"),
        (lambda d: d.batches("train", 8, indices=torch.tensor([-1])), InvalidArgumentError, "indices"),
        (lambda d: d.streams("train", 8), InvalidArgumentError, "for classification; use batches"),
        (lambda d: d.subset(train=4), InvalidArgumentError, r"`train` must be an integer in \[5, 50\]"),
        (lambda d: d.subset(test=51), InvalidArgumentError, "`test`"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_at_once(call, error, text):
    with pytest.raises(error, match=text):
        call(numbered())


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ([0, 1, 2], r"labels must be in \[0, 1\], but number 2 is 2"),
        ([0, -1, 1], r"number 1 is -1"),
        ([0, 0, 0], "train: every class must have an example, but there is none of 1"),
    ],
)
def test_labels_that_are_no_classes(targets, text):
    part = Split(torch.zeros(3, 1), torch.tensor(targets))
    with pytest.raises(InvalidArgumentError, match=text):
        DataSet("x", "classification", part, None, part, (1,), 2)


def test_bad_splits():
    with pytest.raises(InvalidArgumentError, match="3 inputs and 2 targets"):
        Split(torch.zeros(3), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(InvalidArgumentError, match="0 inputs"):
        Split(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(InvalidArgumentError, match="must be whole numbers, but got 0.5"):
        Split(torch.zeros(3), torch.full((3,), 0.5))
    with pytest.raises(InvalidArgumentError, match="`targets` must be a tensor or an array"):
        Split(torch.zeros(3), [0, 1, 0])
    with pytest.raises(InvalidArgumentError, match="must be numbers, but is an array of <U1"):
        Split(torch.zeros(3), np.array(["a", "b", "a"]))
    part = Split(torch.zeros(2), torch.tensor([0, 1]))
    with pytest.raises(InvalidArgumentError, match="must name 2 classes, but got 3"):
        DataSet("x", "classification", part, None, part, (1,), 2, classes=("a", "b", "c"))
    with pytest.raises(UnknownNameError, match="Unknown task 'regression'"):
        DataSet("x", "regression", part, None, part, (1,), 2)


@pytest.mark.parametrize(
    "targets",
    [
        torch.tensor([0.0, 1.0, 1.0]),  # as BCEWithLogitsLoss needs them
        torch.tensor([[0.0], [1.0], [1.0]]),
        np.array([0, 1, 1]),
        np.array([0.0, 1.0, 1.0]),
        np.array([False, True, True]),
    ],
    ids=["floats", "column of floats", "array", "array of floats", "array of truth values"],
)
def test_whole_numbers_and_arrays_are_labels(targets):
    part = Split(np.eye(3, dtype=np.float32), targets)
    data = DataSet("x", "classification", part, None, part, (3,), 2)
    assert data.train.targets.dtype == torch.int64
    assert data.train.targets.tolist() == [0, 1, 1]
    assert next(data.batches("train", 3))[1].dtype == torch.int64


def labelled(targets, n_classes=3, task="classification", n=None):
    targets = torch.as_tensor(targets)
    part = Split(torch.zeros(len(targets), 1), targets)
    return DataSet("x", task, part, None, part, (1,), n_classes)


def test_a_column_of_labels_is_a_vector():
    data = labelled([[0], [2], [1], [1]])
    assert data.train.targets.tolist() == [0, 2, 1, 1]
    assert data.test.targets.shape == (4,)
    assert len(data.subset(train=3).train) == 3
    # A text cut into windows of one token keeps them.
    assert labelled([[0], [1]], task="language_model").train.targets.shape == (2, 1)


@pytest.mark.parametrize(
    ("targets", "n_classes", "text"),
    [
        ([[1, 0, 0], [0, 0, 1]], 3, r"one-hot: convert them with labels.argmax\(1\)"),
        ([[1, 2, 0], [0, 0, 1]], 3, r"one class for each example.*\(2, 3\)"),
        ([1, 2, 3], 3, "start at 1: subtract 1"),
        ([-1, 1, 1], 2, r"-1 and 1: convert them with \(labels \+ 1\) // 2"),
        ([0, 1, -100], 2, "-100 stands for no label: leave these examples out"),
        ([0, 1, 1], 1, "one output still has two classes: give `n_classes=2`"),
    ],
)
def test_labels_that_mean_something_else_name_the_remedy(targets, n_classes, text):
    with pytest.raises(InvalidArgumentError, match=text):
        labelled(targets, n_classes)


def test_tokens_of_language_models_may_be_ignored_but_not_all_of_a_sequence():
    data = labelled([[0, -100], [1, 2]], task="language_model")
    assert data.train.targets[0, 1] == -100
    with pytest.raises(InvalidArgumentError, match="all of number 1 are -100: remove it"):
        labelled([[0, 1], [-100, -100]], task="language_model")
    with pytest.raises(InvalidArgumentError, match="number 1 is -99"):
        labelled([[0, -99], [1, 2]], task="language_model")


def test_labels_of_narrow_types_are_not_wrapped():
    """As bytes, 156 equals -100 and 300 equals 44."""
    tokens = torch.tensor([[156, 156], [255, 0]], dtype=torch.uint8)
    data = labelled(tokens, 300, task="language_model")
    assert get_task("language_model").counts(data.train.targets).tolist() == [2, 2]
    labels = torch.arange(255, -1, -1).to(torch.uint8)
    assert get_task("classification").counts(labelled(labels, 256).train.targets).all()
