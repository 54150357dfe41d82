"""Data sets: raw tensors in splits, prepared and augmented batch by batch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core import InvalidArgumentError, check_choice, check_int
from .augmentation import Augmentation, augmentation_text
from .labels import SEQUENCES, as_labels, as_tensor, whole_labels
from .splits import check_classes, stratified_indices

TASKS = ("classification", "language_model", "text_classification")
"""Tasks that a data set can have."""
SPLITS = ("train", "validation", "test")

Preparation = Callable[[Tensor], Tensor]
"""Turns a raw batch into the inputs of a network."""
Batch = tuple[Tensor, Tensor]
"""Prepared inputs and ``int64`` targets."""


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Examples in stored form.

    Args:
        inputs: Raw inputs, shape ``(n, *)``: ``uint8`` images, features of audio, token ids. NumPy
            arrays become tensors.
        targets: Shape ``(n,)`` or ``(n, 1)``, or ``(n, T)`` for language models: any integer type, or floats
            that are whole numbers. Tokens with the label -100 count neither in the loss nor in the score of a
            language model.

    Raises:
        InvalidArgumentError: If there are no examples, inputs and targets differ in number, or targets are not
            whole numbers.

    Example:
        >>> split = Split(torch.arange(6).view(3, 2), torch.tensor([0, 1, 0]))
        >>> len(split), split.select(torch.tensor([2])).inputs
        (3, tensor([[4, 5]]))
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", as_tensor("inputs", self.inputs))
        object.__setattr__(
            self, "targets", whole_labels("targets", as_tensor("targets", self.targets))
        )
        if self.targets.ndim not in (1, 2):
            raise InvalidArgumentError(
                "`targets` must be integers of shape (n,) or (n, T), but got "
                f"{self.targets.dtype} of shape {tuple(self.targets.shape)}."
            )
        n_inputs = len(self.inputs) if self.inputs.ndim else 0
        if n_inputs != len(self.targets) or not n_inputs:
            raise InvalidArgumentError(
                "A split must have as many targets as inputs, at least one, but got "
                f"{n_inputs} inputs and {len(self.targets)} targets."
            )

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        return f"Split({len(self):,} examples of shape {tuple(self.inputs.shape[1:])}, {self.inputs.dtype})"

    def select(self, indices: Tensor) -> Split:
        """Return the examples ``indices``, shape ``(m,)``, in that order."""
        return Split(self.inputs[indices], self.targets[indices])


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """Training, validation and test examples, with their preparation and augmentation.

    Args:
        name: Name of the data set.
        task: One of :data:`TASKS`.
        train: Examples for training.
        validation: Examples for decisions during training, if any.
        test: Examples for the final evaluation.
        input_shape: Shape of one prepared example, such as ``(1, 28, 28)``; of the longest if lengths differ.
        n_classes: Number of classes; for language models, size of the vocabulary.
        classes: Names of the classes, if known.
        vocabulary: Token of each id, if the inputs are token ids.
        augmentation: Changes raw batches at random; see :mod:`analognas.data.augmentation`.
        preparation: Function that prepares raw batches; None leaves them unchanged.
        pad_id: Token id that pads short texts.
        note: A remark for all results, for example that images are lossy.

    Raises:
        InvalidArgumentError: If a target is not a class, or a class has no training example.
        UnknownNameError: If ``task`` is not one of :data:`TASKS`.

    Example:
        >>> part = Split(torch.arange(8).view(8, 1), torch.tensor([0, 1] * 4))
        >>> data = DataSet("parity", "classification", part, None, part, (1,), 2)
        >>> for inputs, targets in data.batches("train", 5):
        ...     print(inputs.shape, targets)
        torch.Size([5, 1]) tensor([0, 1, 0, 1, 0])
        torch.Size([3, 1]) tensor([1, 0, 1])
    """

    name: str
    task: str
    train: Split
    validation: Split | None
    test: Split
    input_shape: tuple[int, ...]
    n_classes: int
    classes: tuple[str, ...] | None = None
    vocabulary: tuple[str, ...] | None = None
    augmentation: Augmentation | None = None
    preparation: Preparation | None = None
    pad_id: int | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        check_choice("task", self.task, TASKS)
        check_int("n_classes", self.n_classes, minimum=1)
        if self.classes is not None and len(self.classes) != self.n_classes:
            raise InvalidArgumentError(
                f"`classes` must name {self.n_classes} classes, but got {len(self.classes)} names."
            )
        for name in SPLITS:
            part = getattr(self, name)
            if part is None:
                continue
            where = f"{self.name}: {name}"
            targets = as_labels(where, part.targets, self.task)
            if targets is not part.targets:
                object.__setattr__(self, name, Split(part.inputs, targets))
            check_classes(
                where,
                targets,
                self.n_classes,
                complete=name == "train" and self.task != SEQUENCES,
                names=self.classes,
                task=self.task,
            )

    def __repr__(self) -> str:
        return f"DataSet({self.summary()})"

    def summary(self, *, augment: bool = True) -> str:
        """Return one line with sizes, shape, classes and augmentation.

        Args:
            augment: Whether training uses the augmentation.

        Example:
            >>> part = Split(torch.zeros(8, 1), torch.tensor([0, 1] * 4))
            >>> DataSet("parity", "classification", part, None, part, (1,), 2).summary()
            'parity: 8 train, 8 test examples of shape (1,), 2 classes; augmentation: none'
        """
        sizes = (
            f"{len(part):,} {name}" for name in SPLITS if (part := getattr(self, name)) is not None
        )
        kind = "words" if self.task == SEQUENCES else "classes"
        changes = augmentation_text(self.augmentation if augment else None)
        return (
            f"{self.name}: {', '.join(sizes)} examples of shape {self.input_shape}, {self.n_classes:,} {kind}; "
            f"augmentation: {changes}"
        )

    def split(self, name: str) -> Split:
        """Return the split called ``name``.

        Raises:
            InvalidArgumentError: If the validation split is requested and does not exist.
            UnknownNameError: If there is no split of that name.
        """
        part: Split | None = getattr(self, check_choice("split", name, SPLITS))
        if part is None:
            raise InvalidArgumentError(
                f"The data set {self.name!r} has no validation split; load it with `validation=0.1`."
            )
        return part

    def prepare(self, raw: Tensor) -> Tensor:
        """Prepare raw inputs, shape ``(n, *)``, for a network: images become normalised ``float32``."""
        return raw if self.preparation is None else self.preparation(raw)

    def n_batches(self, split: str, batch_size: int, *, drop_last: bool = False) -> int:
        """Return the number of batches that :meth:`batches` yields."""
        n = len(self.split(split))
        return n // batch_size if drop_last else math.ceil(n / batch_size)

    def batches(
        self,
        split: str,
        batch_size: int,
        *,
        generator: torch.Generator | None = None,
        augment: bool = False,
        drop_last: bool = False,
        indices: Tensor | None = None,
        start: int = 0,
    ) -> Iterator[Batch]:
        """Return an iterator over prepared inputs and targets, once through the split.

        The call draws one permutation and one number from ``generator``. Each batch derives the generator of
        its augmentation from that number. A generator in the same state thus gives the same epoch, and
        ``start=k`` skips the first ``k`` batches without computing them.

        Args:
            split: ``"train"``, ``"validation"`` or ``"test"``.
            batch_size: Examples of a batch; the last may have fewer.
            generator: Shuffles and augments; None keeps the order.
            augment: Apply the augmentation, where the data set has one; needs ``generator``.
            drop_last: Whether to omit a last batch that is not full.
            indices: Examples to use, shape ``(m,)``, in this order unless shuffled; all by default.
            start: Number of batches to skip.

        Raises:
            InvalidArgumentError: If a number is out of range, or ``augment`` has no generator.
        """
        part = self.split(split)
        check_int("batch_size", batch_size, minimum=1)
        check_int("start", start, minimum=0)
        order = None if indices is None else _checked_indices(indices, len(part))
        n = len(part) if order is None else len(order)
        seed = None
        if generator is not None:
            shuffled = torch.randperm(n, generator=generator)
            order = shuffled if order is None else order[shuffled]
            seed = int(torch.randint(2**62, (), generator=generator))
        elif augment:
            raise InvalidArgumentError(
                "`augment` must come with a `generator`, but got none; pass torch.Generator()."
            )
        n_batches = n // batch_size if drop_last else math.ceil(n / batch_size)
        chosen = (
            slice(k * batch_size, (k + 1) * batch_size)
            if order is None
            else order[k * batch_size : (k + 1) * batch_size]
            for k in range(start, n_batches)
        )
        return self._made(part, chosen, seed if augment else None, start)

    def streams(self, split: str, batch_size: int, *, start: int = 0) -> Iterator[Batch]:
        """Return an iterator over batches in which each row continues the same row of the previous batch.

        For language models that carry their state. The text is cut into ``batch_size`` streams, and every
        window is used once. The last batches have fewer rows if the windows do not divide evenly.

        Raises:
            InvalidArgumentError: If the data set is not for language models.
        """
        part = self.split(split)
        if self.task != "language_model":
            raise InvalidArgumentError(
                f"The data set {self.name!r} must be for language models to have streams, but is for "
                f"{self.task}; use batches()."
            )
        check_int("batch_size", batch_size, minimum=1)
        check_int("start", start, minimum=0)
        length = math.ceil(len(part) / batch_size)
        rows = (torch.arange(k, len(part), length) for k in range(start, length))
        return self._made(part, rows, None, start)

    def subset(
        self,
        *,
        train: int | None = None,
        validation: int | None = None,
        test: int | None = None,
        seed: int = 0,
    ) -> DataSet:
        """Return a smaller data set with the same proportions of classes.

        With the same seed, a smaller subset is contained in a larger one. Data sets for language models keep
        the beginning of the text.

        Args:
            train: Training examples to keep; None keeps all.
            validation: Validation examples to keep.
            test: Test examples to keep.
            seed: Seed of the choice.

        Raises:
            InvalidArgumentError: If a split has fewer, or ``train`` is less than the number of classes.
        """
        changes: dict[str, Any] = {}
        for name, size in (("train", train), ("validation", validation), ("test", test)):
            if size is None:
                continue
            part = self.split(name)
            least = self.n_classes if name == "train" and self.task != "language_model" else 1
            check_int(name, size, minimum=least, maximum=len(part))
            if self.task == "language_model":
                kept = torch.arange(size)
            else:
                kept = stratified_indices(part.targets, size, seed=seed, stream=name)
            changes[name] = part.select(kept)
        return dataclasses.replace(self, **changes)

    def _made(
        self, part: Split, chosen: Iterator[slice | Tensor], seed: int | None, start: int
    ) -> Iterator[Batch]:
        augmentation = None if seed is None else self.augmentation
        generator = torch.Generator()
        for k, rows in enumerate(chosen, start):
            inputs = part.inputs[rows]
            if augmentation is not None and seed is not None:
                inputs = augmentation(inputs, generator=generator.manual_seed(seed + k))
            yield self.prepare(inputs), part.targets[rows].to(torch.int64)


def _checked_indices(indices: Tensor, n: int) -> Tensor:
    valid = indices.dtype == torch.int64 and indices.ndim == 1 and len(indices) > 0
    if not valid or int(indices.min()) < 0 or int(indices.max()) >= n:
        raise InvalidArgumentError(
            f"`indices` must be int64 of shape (m,) in [0, {n - 1}], but got {indices}."
        )
    return indices
