"""The state of a build: counts, seconds, failures, active processes."""

from __future__ import annotations

from typing import Any

from ..core.text_tables import text_table, wrapped
from .folder import Build
from .lease_owners import Owner
from .work_queue import WorkQueue

__all__ = ["status_of", "status_text"]

_MOST_ERRORS = 10


def status_of(build: Build) -> dict[str, Any]:
    """Return the state of a build as JSON types: units by condition, seconds, errors, active processes.

    Example:
        >>> facts = status_of(Build("my-build"))
        >>> facts["rows_done"], facts["errors"]
        (9, [])
    """
    with WorkQueue(build.queue_file, snapshot=True) as queue:
        counts = queue.counts()
        units = list(queue.units())
        n_architectures = len(queue.genotypes())
    rows: dict[tuple[int, int], list[str]] = {}
    for unit in units:
        rows.setdefault((unit["position"], unit["seed"]), []).append(unit["state"])
    owners = {unit["owner"] for unit in units if unit["owner"]}
    errors = [
        {key: unit[key] for key in ("position", "seed", "condition", "attempts", "error")}
        for unit in units
        if unit["error"]
    ]
    seconds = [unit["seconds"] for unit in units if unit["seconds"] is not None]
    return {
        "name": build.settings.name,
        "folder": str(build.folder),
        "architectures": n_architectures,
        "rows": len(rows),
        "rows_done": sum(set(states) == {"done"} for states in rows.values()),
        "rows_failed": sum("failed" in states for states in rows.values()),
        "units": counts.by_condition,
        "mean_seconds": counts.mean_seconds,
        "mean_cpu_seconds": counts.mean_cpu_seconds,
        "seconds_spent": sum(seconds),
        "worker_seconds_left": counts.seconds_left,
        "at_work": [Owner.read(text).process for text in sorted(owners)],
        "errors": errors,
    }


def status_text(facts: dict[str, Any]) -> str:
    """Return :func:`status_of` as text.

    Example:
        >>> print(status_text(status_of(Build("my-build"))).splitlines()[0])
        six-cells in my-build: 9 of 9 rows done (6 architectures)
    """
    lines = [
        f"{facts['name']} in {facts['folder']}: {facts['rows_done']} of {facts['rows']} rows done"
        + (f", {facts['rows_failed']} failed" if facts["rows_failed"] else "")
        + f" ({facts['architectures']} architectures)",
    ]
    heads = ("condition", "done", "failed", "running", "waiting", "mean (s)", "CPU (s)")
    rows = []
    for condition, states in facts["units"].items():
        means = [facts[name].get(condition) for name in ("mean_seconds", "mean_cpu_seconds")]
        numbers = [str(states[name]) for name in heads[1:5]]
        rows.append([condition, *numbers, *("-" if m is None else f"{m:.1f}" for m in means)])
    lines.append(text_table(heads, rows))
    spent = f"{facts['seconds_spent'] / 3600:.2f} worker hours spent"
    left = facts["worker_seconds_left"]
    lines.append(spent + ("" if left is None else f", about {left / 3600:.2f} left"))
    if facts["at_work"]:
        lines.append(f"processes at work: {', '.join(map(str, facts['at_work']))}")
    lines += [
        f"error: architecture {error['position']}, seed {error['seed']}, {error['condition']} "
        f"(attempt {error['attempts']}): {error['error']}"
        for error in facts["errors"][:_MOST_ERRORS]
    ]
    if (more := len(facts["errors"]) - _MOST_ERRORS) > 0:
        lines.append(f"and {more} more errors; see --json")
    return "\n".join(line if "\n" in line else wrapped(line) for line in lines)
