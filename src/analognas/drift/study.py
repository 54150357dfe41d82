"""Drift studies of saved networks: settings in, a folder out, and resuming what a folder holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from torch import nn

from ..core import InvalidArgumentError, ResumeError, check_int, hold_folder, write_json
from ..core.config_files import check_mapping, is_config_file
from ..core.files import with_checksum
from ..core.folders import make_folder
from ..core.former_names import former_names
from ..core.interrupts import resumable
from ..core.limits import shown
from ..core.text_files import read_json
from ..data import DataSet, DataSettings
from ..data.fingerprint import data_fingerprint
from ..models import build_model_for
from ..nn import AnalogConfig, AnalogLayer, find_config, network_config
from ..physics import Device
from ..training import MODEL_FILE, ModelRecord, load_model
from ..training.model_files import read_record
from .chips import check_device_times
from .devices import devices_by_label, known_times, on_device, with_devices
from .direct_mapping import (
    CALIBRATION_BATCHES,
    CALIBRATION_SIZE,
    direct_mapping,
    without_compensation,
)
from .evaluator import DriftEvaluator
from .progress import DriftProgress, DriftStep, StepCounter
from .result import DriftResult
from .sensitivity import Sensitivity, layer_sensitivity
from .settings import DriftSettings, Source

STUDY_FILE = "study.json"
"""Settings of a study, in its folder."""
RESULT_FILE, TABLE_FILE = "result.json", "table.csv"
CURVES = {
    "hwa": "hardware-aware training",
    "direct": "direct mapping",
    "direct_uncompensated": "direct mapping, no compensation",
}
"""Networks of a drift study, by their names in its files."""
_HARDWARE = "analognasbench"
_Study = TypeVar("_Study", bound="DriftStudy")

StepListener = Callable[[str, DriftStep], None]
"""Called with the name of a network and the progress within its stage."""


class DriftStudy:
    """A study: its settings, and the networks and data that they name, which are read when first used.

    Args:
        settings: The settings: an object, a mapping, or a YAML or JSON file.
        data: The data set, in place of the one that settings or network name. A folder does not store it.

    Example:
        >>> study = DriftStudy({"checkpoint": "my-training", "chips": 3})
        >>> study.dataset.name, len(study.dataset.test)
        ('digits', 100)
    """

    settings_class: ClassVar[type[DriftSettings]] = DriftSettings

    def __init__(self, settings: Source, data: DataSet | None = None) -> None:
        self.settings, self._given = self.settings_class.coerce(settings), data

    def check(self) -> None:
        """Check networks, data, times and hardware, before a folder is created.

        Raises:
            AnalogNASError: If anything is wrong; one line.
        """
        _ = self.digital, self.dataset, self.n_calibration
        if self.settings.devices is None:
            check_device_times(self._hardware().device, self.settings.times)
        for label, device in self._devices.items():
            check_device_times(device, known_times(device, self.settings.times, label))

    @cached_property
    def _devices(self) -> dict[str, Device]:
        """The devices to compare, by label."""
        return devices_by_label(self.settings.devices or ())

    @cached_property
    def _record(self) -> ModelRecord:
        """The description of the saved network; an empty one of a network of your own."""
        checkpoint = self.settings.checkpoint
        return ModelRecord() if checkpoint is None else read_record(checkpoint)

    @cached_property
    def _own(self) -> nn.Module | None:
        """The network of the user's function; None if there is none."""
        if self.settings.model is None:
            return None
        return build_model_for(self.settings.model, self.dataset, **self._record.model_options)

    @cached_property
    def _loaded(self) -> tuple[nn.Module, ModelRecord]:
        if self.settings.checkpoint is not None:
            return load_model(self.settings.checkpoint, model=self._own)
        assert self._own is not None  # the settings have one of the two
        return self._own.eval(), self._record

    @property
    def _named(self) -> str:
        """The network in messages."""
        return repr(self.settings.checkpoint or self.settings.model)

    @cached_property
    def digital(self) -> nn.Module | None:
        """The digital network, or None."""
        if not is_analog(self._loaded[0]):
            return self._loaded[0]
        if self.settings.direct is None:
            return None
        network, _ = load_model(self.settings.direct, model=self._own)
        if is_analog(network):
            raise InvalidArgumentError(
                f"{self.settings.direct!r} must be a digital network, but has analog layers: give the one that "
                "hardware-aware training started from."
            )
        return network

    @cached_property
    def dataset(self) -> DataSet:
        """The data set of the training, with as many examples."""
        record = self._record.data
        given = self._given
        name = self.settings.data or record.get("name") if given is None else given.name
        if given is None and self.settings.data is None and "fingerprint" in record:
            name = f"the data set {shown(name)!r}, which was given in Python"
            how = "give it again with run_drift or resume_drift(folder, data=...), or name another."
            raise InvalidArgumentError(f"{self._named} was trained on {name}: {how}")
        if name is None:
            raise InvalidArgumentError(
                f"{self._named} does not say on which data it was trained: give `data` (--data)."
            )
        entries: dict[str, Any] = {"name": name}
        if self._is_of_training(name, record):
            entries = {key: record[key] for key in DataSettings.model_fields if key in record}
        used = DataSettings.from_dict(entries).replace(
            **({} if self.settings.root is None else {"root": self.settings.root})
        )
        if (n := self.settings.examples) is not None:
            data = used.replace(subset=used.subset.replace(test=None)).load_data(given)
            check_int("--examples", n, minimum=2, maximum=len(data.test))
            return data.subset(test=n, seed=used.subset.seed)
        return used.load_data(given)

    def _is_of_training(self, name: str, record: Mapping[str, Any]) -> bool:
        """Whether the data set is that of the training, so that its subset is used."""
        if self._given is not None:
            return record.get("fingerprint") == data_fingerprint(self._given)
        return name == record.get("name")

    @property
    def n_calibration(self) -> int | None:
        """Number of training examples for the input ranges; None: the first 3,200."""
        n = len(self.dataset.train)
        if self.settings.calibration_examples is not None:
            return check_int(
                "--calibration-examples",
                self.settings.calibration_examples,
                minimum=self._least_training,
                maximum=n,
            )
        if self.settings.examples is None:
            return None
        wanted = max(self.settings.examples, CALIBRATION_SIZE, self._least_training)
        return None if wanted >= CALIBRATION_SIZE * CALIBRATION_BATCHES else min(wanted, n)

    @property
    def _least_training(self) -> int:
        """Smallest number of training examples: one of each class."""
        data = self.dataset
        return 1 if data.task == "language_model" else data.n_classes

    def networks(self, step: StepListener = lambda name, step: None) -> dict[str, nn.Module]:
        """Return the analog networks by name: the hardware-aware network, and direct mappings.

        With devices to compare, the network on each of them, by the device.

        Args:
            step: Called with the name of a network and the progress of its input ranges.
        """
        network = self._loaded[0]
        found = {"hwa": network} if is_analog(network) else {}
        if self.digital is not None and not (found and self._devices):
            n = self.n_calibration
            steps = StepCounter(lambda found: step("direct", found))
            most = CALIBRATION_SIZE * CALIBRATION_BATCHES if n is None else n
            steps.begin("input ranges", min(most, len(self.dataset.train)))
            mapped = direct_mapping(
                self.digital, self.dataset, self._hardware(), examples=n, on_batch=steps.add
            )
            found["direct"] = mapped
            if not self._devices:
                found["direct_uncompensated"] = without_compensation(self.digital, mapped)
        if self._devices:
            measured = next(iter(found.values()))
            return {label: on_device(measured, device) for label, device in self._devices.items()}
        return found

    def run_drift(
        self,
        folder: Path,
        tell: Callable[[str, DriftProgress], None] = lambda name, progress: None,
        step: StepListener = lambda name, step: None,
    ) -> dict[str, DriftResult]:
        """Evaluate all networks over time, continuing what the folder holds; write the results into it.

        Args:
            folder: The folder; it must exist.
            tell: Called with the name of a network and its progress, after each chip.
            step: Called with the name of a network and the progress within its stage, after each batch.

        Raises:
            OutputFolderError: If another process uses the folder, or it cannot be written to.
        """
        with hold_folder(folder), resumable(f"resume_drift({str(folder)!r})"):
            return self._run_drift(folder, tell, step)

    def _run_drift(
        self, folder: Path, tell: Callable[[str, DriftProgress], None], step: StepListener
    ) -> dict[str, DriftResult]:
        results = {
            name: self.measure(
                network, folder, name, tell, step, only_known_times=bool(self._devices)
            )
            for name, network in self.networks(step).items()
        }
        if self._devices:
            trained = is_analog(self._loaded[0])
            origin = type(self._hardware().device).__name__ if trained else "no device"
            results = with_devices(results, self._devices, origin)
        entries = {name: with_checksum(one.to_dict()) for name, one in results.items()}
        write_json(folder / RESULT_FILE, entries)
        for name, result in results.items():
            result.write(folder / f"{name}.csv")
        return results

    def measure(
        self,
        network: nn.Module,
        folder: Path,
        name: str,
        tell: Callable[[str, DriftProgress], None] = lambda name, progress: None,
        step: StepListener = lambda name, step: None,
        *,
        only_known_times: bool = False,
    ) -> DriftResult:
        """Evaluate one network as the settings say.

        Args:
            network: A network with analog layers and input ranges.
            folder: The folder of its journal, which is continued.
            name: Its name in the journal and in messages.
            tell: Called with the name and the progress, after each chip.
            step: Called with the name and the progress within its stage, after each batch.
            only_known_times: Omit times at which its device is not known.
        """
        evaluator = DriftEvaluator(
            self.settings.times,
            self.settings.chips,
            tolerance=self.settings.tolerance,
            seed=self.settings.seed,
            batch_size=self.settings.batch_size,
            on_progress=partial(tell, name),
            on_step=partial(step, name),
        )
        return evaluator.evaluate(
            network,
            self.dataset,
            reference=self.digital,
            journal=journal_file(folder, name),
            times=known_times(network_config(network).device, self.settings.times, name)
            if only_known_times
            else None,
        )

    def run_sensitivity(
        self,
        folder: Path,
        tell: Callable[[int, int], None] = lambda done, total: None,
        step: StepListener = lambda name, step: None,
    ) -> Sensitivity:
        """Measure the network's layers one by one, continuing what the folder holds.

        Args:
            folder: The folder; it must exist.
            tell: Called after each pass with the passes done and their total.
            step: Called with the name of a network and the progress of its input ranges.

        Raises:
            OutputFolderError: If another process uses the folder, or it cannot be written to.
        """
        network = next(iter(self.networks(step).values()))
        with (
            hold_folder(folder),
            resumable(f"DriftStudy.load(Path({str(folder)!r})).run_sensitivity(...)"),
        ):
            found = layer_sensitivity(
                network,
                self.dataset,
                t=self.settings.times[0],
                chips=self.settings.chips,
                kind=self.settings.kind,
                seed=self.settings.seed,
                batch_size=self.settings.batch_size,
                journal=journal_file(folder, "sensitivity"),
                on_progress=tell,
            )
            write_json(folder / RESULT_FILE, found.to_dict(), sealed=True)
            found.write(folder / TABLE_FILE)
        return found

    @property
    def saved_settings(self) -> DriftSettings:
        """The settings with absolute paths of the networks."""
        settings = self.settings
        named = {"checkpoint": settings.checkpoint, "direct": settings.direct}
        paths: dict[str, Any] = {
            name: os.path.abspath(path) for name, path in named.items() if path is not None
        }
        if settings.devices is not None:
            paths["devices"] = [
                os.path.abspath(name) if is_config_file(name) else name for name in settings.devices
            ]
        return settings.replace(**paths)

    def save(self, folder: Path) -> None:
        """Write the settings into a folder, with absolute paths of the networks."""
        write_json(folder / STUDY_FILE, self.saved_settings.to_dict(), sealed=True)

    @classmethod
    def load(cls: type[_Study], folder: Path, data: DataSet | None = None) -> _Study:
        """Return the study of a folder.

        Args:
            folder: The folder.
            data: The data set, where the study was given one.

        Raises:
            ResumeError: If there are no settings, or they cannot be read.
        """
        try:
            entries = read_json(folder / STUDY_FILE, error=ResumeError, sealed=True)
            return cls(check_mapping(STUDY_FILE, entries), data)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ResumeError(
                f"There is no study to continue in {str(folder)!r}: {shown(why)}."
            ) from None

    def _hardware(self) -> AnalogConfig:
        if self.settings.analog is not None:
            return find_config(self.settings.analog)
        network = self._loaded[0]
        if is_analog(network):
            return network_config(network)
        return find_config(_HARDWARE)


def is_analog(network: nn.Module) -> bool:
    """Return whether a network has analog layers."""
    return any(isinstance(part, AnalogLayer) for part in network.modules())


def digital_beside(checkpoint: str | os.PathLike[str]) -> str | None:
    """Return the file of the digital network that a hardware-aware run started from, if it is in its folder."""
    folder = Path(checkpoint) if Path(checkpoint).is_dir() else Path(checkpoint).parent
    beside = folder / "digital" / MODEL_FILE
    return str(beside) if beside.is_file() else None


def journal_file(folder: Path, name: str) -> Path:
    """Return the journal of a part of a study, in its folder."""
    return make_folder(folder / "journal") / f"{name}.safetensors"


__getattr__ = former_names(
    __name__, {name: f".run:{name}" for name in ("resume_drift", "run_drift")}
)
