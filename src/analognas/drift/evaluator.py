"""Accuracy over drift time: each chip is programmed once and read at all times."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..core import ResumeError, check_float, check_int
from ..core.times import time_name
from ..data import DataSet
from ..training import Task
from .adaptive import AdaptiveSampler, half_widths
from .chips import TIMES, ChipSimulator, as_analog, check_compensated, check_times, digital_scores
from .examples import Examples
from .intervals import CONFIDENCE, slope
from .journal import DriftJournal, fingerprint
from .progress import DriftProgress, DriftStep, StepCounter
from .result import DriftResult
from .variance_components import Array, CrossedSums


class DriftEvaluator:
    """Measures a network on many simulated chips at several times since programming.

    Without a tolerance, ``chips`` chips run all examples at all times. With a tolerance, the number of chips
    and of examples grows until **half the length of the interval of the mean over chips on this test set** is
    at most the tolerance at each time. Examples whose score changes are run more often, and estimates stay
    unbiased (:mod:`~analognas.drift.example_sampling`).

    Chip ``k`` has the same devices whatever the number of chips and the mode. Memory holds one chip, one number
    for each example and time, and one for each chip and time.

    Args:
        times: Times since programming, s.
        chips: Number of chips without a tolerance.
        tolerance: Largest half-width at each time, in the unit of the metric (points of accuracy); None: not
            adaptive.
        max_chips: Largest number of chips in adaptive mode; intervals may then be longer than the tolerance.
        confidence: Of the intervals.
        seed: Of all draws.
        batch_size: Examples of a batch.
        task: Task or its name; None: that of the data set, else classification.
        split: Split of a data set.
        journal_seconds: Shortest time between two writes of a journal, s; 0: after each chip.
        on_progress: Called after each chip.
        on_step: Called when a stage begins, and after each batch of examples.

    Raises:
        InvalidArgumentError: If a number is out of range.

    Example:
        >>> import torch
        >>> from analognas.nn import AnalogConfig, calibrate, to_analog
        >>> torch.manual_seed(0)
        <torch...>
        >>> x, y = torch.randn(64, 8), torch.arange(64) % 2
        >>> x[:, 0] += 6.0 * y - 3.0
        >>> net = nn.Linear(8, 2, bias=False)
        >>> weight = torch.zeros(2, 8)
        >>> weight[:, 0] = torch.tensor([-1.0, 1.0])
        >>> net.weight.data.copy_(weight).shape
        torch.Size([2, 8])
        >>> model = calibrate(to_analog(net), [x])
        >>> result = DriftEvaluator(times=(1.0, 86400.0), chips=4).evaluate(model, (x, y))
        >>> result.chip_scores.shape, result.digital
        ((4, 2), 100.0)
        >>> bool(result.at(86400.0).value > 90.0)
        True
    """

    def __init__(
        self,
        times: Sequence[float] = TIMES,
        chips: int = 25,
        *,
        tolerance: float | None = None,
        max_chips: int = 200,
        confidence: float = CONFIDENCE,
        seed: int = 0,
        batch_size: int = 256,
        task: Task | str | None = None,
        split: str = "test",
        journal_seconds: float = 0.0,
        on_progress: Callable[[DriftProgress], None] | None = None,
        on_step: Callable[[DriftStep], None] | None = None,
    ) -> None:
        self.times = times
        self.chips = check_int("chips", chips, minimum=1)
        self.tolerance = (
            None if tolerance is None else check_float("tolerance", tolerance, minimum=1e-9)
        )
        self.max_chips = check_int("max_chips", max_chips, minimum=2)
        self.confidence = check_float("confidence", confidence, minimum=0.5, maximum=0.9999)
        self.seed = check_int("seed", seed, minimum=0)
        self.batch_size, self.task, self.split = batch_size, task, split
        self.journal_seconds = check_float("journal_seconds", journal_seconds, minimum=0.0)
        self.on_progress = on_progress
        self.on_step = on_step

    def __repr__(self) -> str:
        times = ", ".join(map(time_name, self.times))
        return f"DriftEvaluator({self.chips} chips at {times})"

    def evaluate(
        self,
        model: nn.Module,
        data: DataSet | Sequence[Tensor] | Examples,
        *,
        reference: nn.Module | None = None,
        journal: str | os.PathLike[str] | None = None,
        times: Sequence[float] | None = None,
        compensated: Sequence[float | None] | None = None,
    ) -> DriftResult:
        """Measure a network; the network is not changed.

        Args:
            model: A network with analog layers and input ranges.
            data: A data set, a pair of tensors (prepared inputs, targets), or :class:`Examples`.
            reference: The digital network whose normalised accuracy is 1; None: the model itself without
                analog effects.
            journal: File to continue from, if it exists, and to write after chips. The result is that of an
                uninterrupted evaluation.
            times: Times since programming, s; None: those of the evaluator.
            compensated: For each of ascending times, when the drift compensation was last measured, s; None
                within: never since programming. None: at each time itself.

        Raises:
            InvalidArgumentError: If the model has no analog layer, or data or times do not fit.
            PhysicalRangeError: If a time is outside the range of a device's model.
            ResumeError: If the journal belongs to another evaluation.
        """
        given = self.times if times is None else times
        measured = check_times(as_analog(model), given)
        if compensated is not None:
            compensated = check_compensated(compensated, given)
        steps = StepCounter(self.on_step)
        examples = self._examples(data, None if self.on_step is None else steps.add)
        steps.begin("digital", len(examples) * (1 if reference is None else 2))
        bench = ChipSimulator(model, self.seed, compensated)
        digital, margins = bench.digital(examples)
        referred = digital if reference is None else digital_scores(reference, examples, self.seed)
        identity = {
            "times": list(measured),
            "seed": self.seed,
            "tolerance": self.tolerance,
            "model": fingerprint(bench.model),
            "examples": fingerprint(nn.Identity(), digital, referred),
            "batch_size": examples.batch_size,
            "confidence": self.confidence,
        }
        if compensated is not None:  # journals of other evaluations stay valid
            identity["compensated"] = list(compensated)
        book = (
            None if journal is None else DriftJournal(journal, every_seconds=self.journal_seconds)
        )
        chips = self.chips if self.tolerance is None else self.max_chips
        steps.begin("chips", len(examples) * len(measured) * chips)
        run = _DriftRun(self, bench, examples, measured, book, identity)
        if self.tolerance is None:
            parts = run.all_examples(digital, referred)
        else:
            parts = run.adaptive(digital, margins, referred)
        return DriftResult(
            times=measured,
            digital_score=float(digital.mean()),
            reference_score=float(referred.mean()),
            n_examples=len(examples),
            chance_score=examples.chance,
            task=examples.task,
            confidence=self.confidence,
            tolerance=self.tolerance,
            provenance={"seed": self.seed, "model": identity["model"]},
            **parts,
        )

    def examples(self, data: DataSet | Sequence[Tensor] | Examples) -> Examples:
        """Return data as examples, to prepare them once for several evaluations."""
        return self._examples(data, None)

    def _examples(
        self,
        data: DataSet | Sequence[Tensor] | Examples,
        on_batch: Callable[[int], None] | None,
    ) -> Examples:
        if isinstance(data, Examples):
            return data
        return Examples(
            data,
            task=self.task,
            split=self.split,
            batch_size=self.batch_size,
            on_batch=on_batch,
        )


class _DriftRun:
    """One evaluation, chip after chip, and its journal."""

    def __init__(
        self,
        evaluator: DriftEvaluator,
        bench: ChipSimulator,
        examples: Examples,
        times: tuple[float, ...],
        journal: DriftJournal | None,
        identity: dict[str, Any],
    ) -> None:
        self.evaluator, self.bench, self.examples, self.times = evaluator, bench, examples, times
        self.journal, self.identity = journal, identity
        self.counts = {"n_scored": 0}

    def all_examples(self, digital: Array, reference: Array) -> dict[str, Any]:
        """Run all examples on a fixed number of chips."""
        sums = CrossedSums(np.stack([digital, reference], axis=1), len(self.times))
        self._restore(sums)
        if sums.n_chips > self.evaluator.chips:
            raise ResumeError(
                f"`chips` must be at least the {sums.n_chips} chips of the journal, but got "
                f"{self.evaluator.chips}; give as many, or another folder."
            )
        while sums.n_chips < self.evaluator.chips:
            scores = self.bench.measure(sums.n_chips, self.examples, self.times)
            sums.add(scores)
            self.counts["n_scored"] += scores.size
            self._tell(sums, sums.chip_means, self.evaluator.chips)
        kept = [*range(len(self.times)), len(self.times) + 1]
        return {
            "chip_scores": sums.chip_means,
            "example_covariance": sums.covariance_of_examples()[np.ix_(kept, kept)],
            "sampling_variance": np.zeros(len(self.times)),
            "n_scored": self.counts["n_scored"],
        }

    def adaptive(self, digital: Array, margins: Array | None, reference: Array) -> dict[str, Any]:
        """Run chips and examples until the intervals are short enough."""
        sampler = AdaptiveSampler(
            digital,
            margins,
            reference,
            len(self.times),
            confidence=self.evaluator.confidence,
            whole=not self.examples.in_parts,
        )
        self._restore(sampler)
        while sampler.n_chips < self.evaluator.max_chips:
            k = sampler.n_chips
            step = sampler.next(
                self._tolerance(sampler, digital), self.bench.streams.numpy("examples", k)
            )
            if step is None:
                break
            scores = self.bench.measure(
                k,
                self.examples,
                self.times,
                indices=None if sampler.whole else step.sample.indices,
                wanted=step.times,
            )
            sampler.add(step, scores)
            self.counts["n_scored"] += len(scores) * int(step.times.sum())
            self._tell(sampler, sampler.means, self.evaluator.max_chips)
        return {
            "chip_scores": sampler.means,
            "example_covariance": sampler.covariance_of_examples(),
            "sampling_variance": np.nanmean(sampler.sampling, axis=0),
            "n_scored": self.counts["n_scored"],
        }

    def _tolerance(self, sampler: AdaptiveSampler, digital: Array) -> Array:
        """Return the tolerance in scores, at the present means."""
        means = sampler.means if sampler.n_chips else np.full((1, len(self.times)), digital.mean())
        return (self.evaluator.tolerance or 0.0) / self._slopes(means)

    def _restore(self, state: CrossedSums | AdaptiveSampler) -> None:
        saved = None if self.journal is None else self.journal.load(self.identity)
        if saved is not None:
            arrays, self.counts = saved
            state.load_state(arrays)

    def _tell(self, state: CrossedSums | AdaptiveSampler, means: Array, n_chips: int) -> None:
        if self.journal is not None:
            self.journal.save(self.identity, state.state(), self.counts)
        if self.evaluator.on_progress is not None:
            self.evaluator.on_progress(DriftProgress(len(means), n_chips, self._half_width(means)))

    def _half_width(self, means: Array) -> float:
        """Return the largest half-width so far, in the unit of the metric."""
        if len(means) < 2:
            return float("nan")
        adaptive = self.evaluator.tolerance is not None
        widths = half_widths(means, self.evaluator.confidence, adaptive=adaptive)
        return float((widths * self._slopes(means)).max())

    def _slopes(self, means: Array) -> Array:
        """Return the slope of the metric at the mean score of each time."""
        metric = self.examples.task.metric
        return np.array([abs(slope(metric, float(mean))) for mean in np.nanmean(means, axis=0)])
