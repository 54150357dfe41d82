"""Experiments: settings in, a folder out, and continuing what a folder holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core import ResumeError, dump_json, hold_folder, write_json
from ..core.folders import make_folder
from ..core.interrupts import resumable
from ..core.text_files import read_json
from ..drift import (
    DriftResult,
    DriftSettings,
    DriftStudy,
    Examples,
    read_drift,
    resume_drift,
    run_drift,
)
from ..drift.study import CURVES, STUDY_FILE
from ..drift.study import RESULT_FILE as DRIFT_RESULT
from ..training import RunConfig, check_run, load_model
from ..training.model_files import file_versions
from ..training.run import resume_run, train_run
from .generation import generated_texts
from .result import Reproduction, TableResult, TaskResult
from .settings import (
    ORACLE_ROWS,
    ExperimentSettings,
    TableSettings,
    TaskSettings,
    VariantSettings,
)
from .trainings import EXPERIMENT_FILE, take_trainings
from .variants import measure_variant

__all__ = [
    "EXPERIMENT_FILE",
    "RESULT_FILE",
    "check_reproduction",
    "read_reproduction",
    "resume_reproduction",
    "run_reproduction",
]

RESULT_FILE = "reproduction.json"

Say = Callable[[str], None]


def run_reproduction(
    settings: ExperimentSettings,
    folder: Path,
    say: Say = lambda line: None,
    trainings: Sequence[Path] = (),
) -> Reproduction:
    """Run an experiment; the folder gets its settings, trainings, drift evaluations and the table.

    Args:
        settings: Settings of the experiment.
        folder: A folder that exists and is empty.
        say: Called with a line when a stage begins.
        trainings: Folders of other experiments, whose trainings with the same settings are used again.

    Raises:
        AnalogNASError: If anything is wrong; one line.
    """
    check_reproduction(settings)
    take_trainings(settings, folder, trainings)
    settings.save(folder / EXPERIMENT_FILE)
    return _run(settings, folder, say)


def check_reproduction(settings: ExperimentSettings) -> None:
    """Check before any training that the data and networks of all tasks are there.

    Args:
        settings: Settings of the experiment.

    Raises:
        AnalogNASError: If the data of a task are missing or do not suit its network; one line.
    """
    for task in settings.tasks:
        check_run(task.scaled(settings.scale).run_config(settings.root, settings.seed))


def resume_reproduction(folder: Path, say: Say = lambda line: None) -> Reproduction:
    """Continue the experiment in a folder; the result is that of an uninterrupted one.

    Args:
        folder: The folder.
        say: Called with a line when a stage begins.

    Raises:
        ResumeError: If there is no experiment in the folder.
        AnalogNASError: If anything else is wrong; one line.
    """
    if not (folder / EXPERIMENT_FILE).is_file():
        raise ResumeError(
            f"There is no experiment in {str(folder)!r}: it has no {EXPERIMENT_FILE}. Give the folder of one."
        )
    return _run(ExperimentSettings.load(folder / EXPERIMENT_FILE), folder, say)


def read_reproduction(path: str | os.PathLike[str]) -> Reproduction:
    """Return the table of an experiment.

    Args:
        path: Its folder, or its JSON file.

    Raises:
        TableIntegrityError: If the file is missing or damaged.
        InvalidArgumentError: If its values are not of an experiment.
    """
    file = Path(path) / RESULT_FILE if Path(path).is_dir() else Path(path)
    return Reproduction.from_dict(read_json(file, sealed=True))


def _run(settings: ExperimentSettings, folder: Path, say: Say) -> Reproduction:
    with hold_folder(folder), resumable(f"resume_reproduction(Path({str(folder)!r}))"):
        tasks = tuple(
            _TaskRun(settings, task.scaled(settings.scale), folder / task.name, say).run()
            for task in settings.tasks
        )
        found = Reproduction(
            settings.name,
            settings.title,
            settings.scale,
            settings.notes,
            tasks,
            settings.replace(root=None).to_dict(),
            file_versions(),
        )
        write_json(folder / RESULT_FILE, found.to_dict(), sealed=True)
    return found


class _TaskRun:
    """One task in its folder."""

    def __init__(
        self, settings: ExperimentSettings, task: TaskSettings, folder: Path, say: Say
    ) -> None:
        self.settings, self.task, self.folder = settings, task, folder
        self.hwa, self.digital = folder / "hwa", folder / "hwa" / "digital"
        self._say = say
        self.curves: dict[str, DriftResult] = {}
        self.words = dict(CURVES)
        # Variants that are trained alike, and differ on chips only, share a training.
        self._trained: dict[str, Path] = {}

    def run(self) -> TaskResult:
        """Train and measure everything that is not done yet."""
        task = self.task
        config = task.run_config(self.settings.root, self.settings.seed)
        self.say("hardware-aware training")
        trained = _train(config, self.hwa)
        self._quantize(config)
        self.say(f"{task.drift.get('chips', self.settings.chips)} chips")
        curves = self.folder / "drift"
        _evaluate(task.drift_settings(self.settings, self.hwa, self.digital), curves)
        self.curves |= read_drift(curves)
        for variant in ORACLE_ROWS if task.oracle else ():
            name = variant.name.replace("-", "_")
            self.words[name] = variant.title
            self.curves[name] = self._variant(variant, variant.network or "hwa")
        tables = tuple(self._table(table) for table in task.tables)
        data = {
            "training": task.training,
            "drift": task.drift,
            "metrics": trained,
            "published": task.published,
        }
        if task.generate:
            self.say("generation on a chip")
            data["generated"] = generated_texts(self.settings, task, self.hwa, self.digital)
        return TaskResult(
            task.name,
            task.title,
            self._quantized(),
            self.curves,
            data,
            self.words,
            tables,
        )

    def say(self, line: str) -> None:
        """Say that a stage begins."""
        self._say(f"{self.task.name}: {line}")

    def _quantize(self, config: RunConfig) -> None:
        """Quantise the digital network after its training."""
        if self.task.ptq is not None:
            self.say("post-training quantisation")
            recipe = {"kind": "ptq", **self.task.ptq}
            _train(self._from_digital(config, recipe), self.folder / "ptq")

    def _quantized(self) -> float | None:
        """Return the metric of the quantised network on the examples of the chips."""
        if self.task.ptq is None:
            return None
        study = DriftStudy(self.task.drift_settings(self.settings, self.hwa, self.digital))
        examples = Examples(study.dataset, batch_size=study.settings.batch_size)
        network = load_model(self.folder / "ptq")[0].eval()
        return examples.task.metric(float(examples.scores(network).mean()))

    def _from_digital(self, config: RunConfig, recipe: Any) -> RunConfig:
        """Return the settings of a training that starts from the digital network."""
        return config.replace(
            recipe=recipe, digital=None, start=str(self.digital), model=None, model_options={}
        )

    def _table(self, table: TableSettings) -> TableResult:
        rows = {
            variant.name: (variant.title, self._variant(variant, variant.network or table.base))
            for variant in table.variants
        }
        base = self.curves[table.base]
        return TableResult(table.name, table.title, table.published, table.base_title, base, rows)

    def _variant(self, variant: VariantSettings, network: str) -> DriftResult:
        """Measure a variant, after its training if it has one."""
        self.say(variant.title)
        folder = self.folder / "variants" / variant.name
        hwa = self.hwa
        if variant.training:
            hwa = self._trained.setdefault(dump_json(variant.training), folder / "hwa")
            seed = self.settings.seed
            config = self.task.run_config(self.settings.root, seed, variant.training)
            _train(self._from_digital(config, config.recipe), hwa)
        return measure_variant(
            self.settings, self.task, variant, network, hwa, self.digital, folder
        )


def _train(config: RunConfig, folder: Path) -> dict[str, float]:
    """Train, or continue what is there; return the metrics."""
    results = (
        resume_run(folder) if (folder / "config.yaml").is_file() else train_run(config, folder)
    )
    return results[-1].metrics


def _evaluate(settings: DriftSettings, folder: Path) -> None:
    """Evaluate over time, or continue what is there."""
    if (folder / DRIFT_RESULT).is_file():
        return
    if (folder / STUDY_FILE).is_file():
        resume_drift(folder)
        return
    make_folder(folder)
    run_drift(settings, folder)
