"""Experiments: settings in, a folder out, and continuing what a folder holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core import ResumeError, hold_folder, write_json
from ..core.folders import make_folder
from ..core.interrupts import resumable
from ..drift import DriftSettings, read_drift, resume_drift, run_drift
from ..drift.study import RESULT_FILE as DRIFT_RESULT
from ..drift.study import STUDY_FILE
from ..training import RunConfig
from ..training.run import resume_run, train_run
from .result import Reproduction, TaskResult
from .settings import ExperimentSettings, TaskSettings

__all__ = ["EXPERIMENT_FILE", "RESULT_FILE", "resume_reproduction", "run_reproduction"]

EXPERIMENT_FILE, RESULT_FILE = "experiment.yaml", "reproduction.json"

Say = Callable[[str], None]


def run_reproduction(
    settings: ExperimentSettings, folder: Path, say: Say = lambda line: None
) -> Reproduction:
    """Run an experiment; the folder gets its settings, trainings, drift evaluations and the table.

    Args:
        settings: Settings of the experiment.
        folder: A folder that exists and is empty.
        say: Called with a line when a stage begins.

    Raises:
        AnalogNASError: If anything is wrong; one line.
    """
    settings.save(folder / EXPERIMENT_FILE)
    return _run(settings, folder, say)


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


def _run(settings: ExperimentSettings, folder: Path, say: Say) -> Reproduction:
    tasks = []
    with hold_folder(folder), resumable(f"resume_reproduction(Path({str(folder)!r}))"):
        for task in settings.tasks:
            tasks.append(_task(settings, task.scaled(settings.scale), folder / task.name, say))
        found = Reproduction(
            settings.name, settings.title, settings.scale, settings.notes, tuple(tasks)
        )
        write_json(folder / RESULT_FILE, found.to_dict(), sealed=True)
    return found


def _task(settings: ExperimentSettings, task: TaskSettings, folder: Path, say: Say) -> TaskResult:
    config = task.run_config(settings.root, settings.seed)
    say(f"{task.name}: hardware-aware training")
    trained = _train(config, folder / "hwa")
    digital = folder / "hwa" / "digital"
    say(f"{task.name}: post-training quantisation")
    quantized = _train(
        config.replace(
            recipe={"kind": "ptq", **task.ptq},
            digital=None,
            start=str(digital),
            model=None,
            model_options={},
        ),
        folder / "ptq",
    )
    say(f"{task.name}: {settings.chips} chips")
    curves = folder / "drift"
    _evaluate(task.drift_settings(settings, folder / "hwa", digital), curves)
    results = read_drift(curves)
    metric = next(iter(results.values())).task.metric_name
    return TaskResult(
        task.name,
        task.title,
        quantized[f"test_{metric}"],
        results,
        {
            "training": task.training,
            "drift": task.drift,
            "digital_metrics": trained,
        },
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
