"""What a person evaluates by name: saved networks, their data, and how; a folder of it can be continued."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, partial
from pathlib import Path

from torch import nn

from ..core import (
    InvalidArgumentError,
    OutputFolderError,
    ResumeError,
    check_choice,
    check_float,
    check_int,
    hold_folder,
    write_json,
)
from ..core.config_files import check_keys, check_mapping
from ..core.limits import shown
from ..core.text_files import read_json
from ..data import DataSet, load_data
from ..nn import AnalogConfig, AnalogLayer, analog_layers, find_config
from ..training import MODEL_FILE, ModelRecord, load_model
from ..training.run import subset_of
from .chips import TIMES, check_device_times
from .direct_mapping import (
    CALIBRATION_BATCHES,
    CALIBRATION_SIZE,
    direct_mapping,
    without_compensation,
)
from .evaluator import DriftEvaluator, DriftProgress
from .result import DriftResult
from .sensitivity import KINDS, Sensitivity, layer_sensitivity
from .steps import DriftStep, Steps

STUDY_FILE = "study.json"
"""Settings of an evaluation, in its folder."""
RESULT_FILE, TABLE_FILE = "result.json", "table.csv"
CURVES = {
    "hwa": "hardware-aware training",
    "direct": "direct mapping",
    "direct_uncompensated": "direct mapping, no compensation",
}
"""Networks of a drift evaluation, by the names in its files."""
_HARDWARE = "analognasbench"

StepListener = Callable[[str, DriftStep], None]
"""Called with the name of a network and how far its stage at work is."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is evaluated: plain values only.

    Attributes:
        checkpoint: Saved network, a file or the folder of a run; without analog layers it is mapped as it is.
        direct: Saved digital network that is mapped as it is, for comparison.
        times: Times since programming, s; for sensitivity the first of them.
        chips: Number of chips.
        tolerance: Half-width of intervals that is enough, in units of the metric; None: all of them.
        examples: Test examples that are used; None: those that the training tested on.
        calibration_examples: Training examples that input ranges of networks that are mapped as they are come
            from; None: 3,200, or as many as ``examples`` and at least 64.
        data: Name of the data set; None: that of the network's training.
        root: Its folder; None: as in training.
        analog: Hardware of networks that are mapped as they are, a preset or file; None: that of the
            hardware-aware network.
        kind: For sensitivity: ``"alone"`` or ``"spared"``.
        batch_size: Examples that a network sees at once.
        seed: Of all draws.
    """

    checkpoint: str
    direct: str | None = None
    times: list[float] = field(default_factory=lambda: list(TIMES))
    chips: int = 25
    tolerance: float | None = None
    examples: int | None = None
    calibration_examples: int | None = None
    data: str | None = None
    root: str | None = None
    analog: str | None = None
    kind: str = "alone"
    batch_size: int = 256
    seed: int = 0

    def check(self) -> None:
        """Find out what is wrong before a folder is made: networks, data, times, hardware.

        Raises:
            AnalogNASError: Whatever is wrong, in one line.
        """
        self._check_plain()
        _ = self._digital, self.dataset, self.n_calibration
        check_device_times(self._hardware().device, self.times)

    def _check_plain(self) -> None:
        """Check what can be checked without reading a file.

        Raises:
            InvalidArgumentError: If an entry has the wrong type or is out of range.
        """
        for name in ("checkpoint", "direct", "data", "root", "analog"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "checkpoint"):
                raise InvalidArgumentError(
                    f"`{name}` must be a text, but got {shown(repr(value))}."
                )
        if not isinstance(self.times, list | tuple):
            raise InvalidArgumentError(
                f"`times` must be a list of times, but got {shown(repr(self.times))}."
            )
        for time in self.times:
            check_float("times", time, minimum=0.0, unit="s")
        DriftEvaluator(self.times, self.chips, tolerance=self.tolerance, seed=self.seed)
        check_int("batch_size", self.batch_size, minimum=1)
        if self.examples is not None:
            check_int("examples", self.examples, minimum=2)
        if self.calibration_examples is not None:
            check_int("calibration_examples", self.calibration_examples, minimum=1)
        check_choice("kind", self.kind, KINDS)

    @cached_property
    def _loaded(self) -> tuple[nn.Module, ModelRecord]:
        return load_model(self.checkpoint)

    @cached_property
    def _digital(self) -> nn.Module | None:
        """The digital network, if there is one."""
        if not is_analog(self._loaded[0]):
            return self._loaded[0]
        if self.direct is None:
            return None
        network, _ = load_model(self.direct)
        if is_analog(network):
            raise InvalidArgumentError(
                f"{self.direct!r} must be a digital network, but has analog layers: give the one that "
                "hardware-aware training started from."
            )
        return network

    @cached_property
    def dataset(self) -> DataSet:
        """The data, as the network was trained on them, with as many examples."""
        record = self._loaded[1].data
        name = self.data or record.get("name")
        if name is None:
            raise InvalidArgumentError(
                f"{self.checkpoint!r} does not say on which data it was trained: name them with --data."
            )
        same = name == record.get("name")
        root = self.root or (record.get("root") if same else None)
        data = load_data(name, root=root, **(record.get("options", {}) if same else {}))
        sizes = dict(check_mapping("subset", record.get("subset") or {})) if same else {}
        if self.examples is not None:
            check_int("--examples", self.examples, minimum=2, maximum=len(data.test))
            sizes["test"] = self.examples
        return subset_of(data, sizes) if sizes else data

    @property
    def n_calibration(self) -> int | None:
        """Training examples that input ranges come from; None: the first 3,200."""
        n = len(self.dataset.train)
        if self.calibration_examples is not None:
            return check_int(
                "--calibration-examples",
                self.calibration_examples,
                minimum=self._least_training,
                maximum=n,
            )
        if self.examples is None:
            return None
        wanted = max(self.examples, CALIBRATION_SIZE, self._least_training)
        return None if wanted >= CALIBRATION_SIZE * CALIBRATION_BATCHES else min(wanted, n)

    @property
    def _least_training(self) -> int:
        """Training examples that a part of them has at least: one of each class."""
        data = self.dataset
        return 1 if data.task == "language_model" else data.n_classes

    def networks(self, step: StepListener = lambda name, step: None) -> dict[str, nn.Module]:
        """Return analog networks by name: what was trained for it, and what is mapped as it is.

        Args:
            step: Called with the name of a network and how far its input ranges are.
        """
        network = self._loaded[0]
        found = {"hwa": network} if is_analog(network) else {}
        if self._digital is not None:
            n = self.n_calibration
            steps = Steps(lambda found: step("direct", found))
            most = CALIBRATION_SIZE * CALIBRATION_BATCHES if n is None else n
            steps.begin("input ranges", min(most, len(self.dataset.train)))
            mapped = direct_mapping(
                self._digital, self.dataset, self._hardware(), examples=n, on_batch=steps.add
            )
            found["direct"] = mapped
            found["direct_uncompensated"] = without_compensation(self._digital, mapped)
        return found

    def run_drift(
        self,
        folder: Path,
        tell: Callable[[str, DriftProgress], None],
        step: StepListener = lambda name, step: None,
    ) -> dict[str, DriftResult]:
        """Evaluate all networks over time; go on from what the folder holds, and leave results in it.

        Args:
            folder: The folder.
            tell: Called with the name of a network and its progress after each chip.
            step: Called with the name of a network and how far its stage at work is, after each batch.

        Raises:
            OutputFolderError: If the folder belongs to another process, or cannot be written to.
        """
        with hold_folder(folder):
            return self._run_drift(folder, tell, step)

    def _run_drift(
        self, folder: Path, tell: Callable[[str, DriftProgress], None], step: StepListener
    ) -> dict[str, DriftResult]:
        networks = self.networks(step)
        results = {}
        for name, network in networks.items():
            evaluator = DriftEvaluator(
                self.times,
                self.chips,
                tolerance=self.tolerance,
                seed=self.seed,
                batch_size=self.batch_size,
                on_progress=partial(tell, name),
                on_step=partial(step, name),
            )
            results[name] = evaluator.evaluate(
                network, self.dataset, reference=self._digital, journal=_journal(folder, name)
            )
        payload = {name: result.to_dict() for name, result in results.items()}
        write_json(folder / RESULT_FILE, payload)
        for name, result in results.items():
            result.write(folder / f"{name}.csv")
        return results

    def run_sensitivity(
        self,
        folder: Path,
        tell: Callable[[int, int], None],
        step: StepListener = lambda name, step: None,
    ) -> Sensitivity:
        """Measure the network's layers one by one; go on from what the folder holds.

        Args:
            folder: The folder.
            tell: Called after each pass with passes done and passes in all.
            step: Called with the name of a network and how far its input ranges are.

        Raises:
            OutputFolderError: If the folder belongs to another process, or cannot be written to.
        """
        network = next(iter(self.networks(step).values()))
        with hold_folder(folder):
            found = layer_sensitivity(
                network,
                self.dataset,
                t=self.times[0],
                chips=self.chips,
                kind=self.kind,
                seed=self.seed,
                batch_size=self.batch_size,
                journal=_journal(folder, "sensitivity"),
                on_progress=tell,
            )
            write_json(folder / RESULT_FILE, found.to_dict())
            found.write(folder / TABLE_FILE)
        return found

    def save(self, folder: Path) -> None:
        """Write the settings into a folder; networks by their absolute paths."""
        payload = asdict(self)
        for name in ("checkpoint", "direct"):
            if payload[name] is not None:
                payload[name] = os.path.abspath(payload[name])
        write_json(folder / STUDY_FILE, payload)

    @classmethod
    def load(cls, folder: Path) -> Study:
        """Read the settings of an evaluation from its folder.

        Raises:
            ResumeError: If there are none, or they cannot be read.
        """
        try:
            payload = check_mapping(STUDY_FILE, read_json(folder / STUDY_FILE, error=ResumeError))
            check_keys("study entry", payload, [entry.name for entry in fields(cls)])
            study = cls(**payload)
            study._check_plain()
            return study
        except (OSError, ValueError, TypeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ResumeError(
                f"There is no evaluation to continue in {str(folder)!r}: {shown(why)}."
            ) from None

    def _hardware(self) -> AnalogConfig:
        if self.analog is not None:
            return find_config(self.analog)
        network = self._loaded[0]
        if is_analog(network):
            return next(iter(analog_layers(network)))[1].config
        return find_config(_HARDWARE)


def is_analog(network: nn.Module) -> bool:
    """Whether a network has analog layers."""
    return any(isinstance(part, AnalogLayer) for part in network.modules())


def digital_beside(checkpoint: str | os.PathLike[str]) -> str | None:
    """Return the digital network that hardware-aware training started from, if it is in the run's folder."""
    folder = Path(checkpoint) if Path(checkpoint).is_dir() else Path(checkpoint).parent
    beside = folder / "digital" / MODEL_FILE
    return str(beside) if beside.is_file() else None


def _journal(folder: Path, name: str) -> Path:
    home = folder / "journal"
    try:
        home.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputFolderError(f"Cannot make {str(home)!r}: {error.strerror}.") from None
    return home / f"{name}.safetensors"
