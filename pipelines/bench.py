"""Run a benchmark of the engine or of a domain and say at which commit and on which machine its figures were measured."""

from __future__ import annotations

import importlib
import math
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from core.benchmark import Bench, BenchContext, Metric
from core.errors import ConfigError, InputError
from core.registry import domains, nearest
from pipelines.bench_report import Report, ReportedMetric

DATA_VARIABLE = "TRIVIUM_DATA"
REPOSITORY = Path(__file__).resolve().parent.parent
ENGINE = {
    "engine.sets": "core.benches.engine:run",
    "engine.entities": "core.benches.ner:run",
    "engine.words": "core.benches.pictured_words:run",
    "engine.pairs": "core.benches.pairs:run",
    "engine.drawing": "core.benches.drawing:run",
    "engine.language": "core.benches.language:run",
    "engine.export": "core.benches.export:run",
}


def benches() -> dict[str, str]:
    """The engine's benches and every domain's: name to `module:function`."""
    working, _ = domains()
    return ENGINE | {name: target for domain in working.values() for name, target in cast("Any", domain).benches.items()}


def run(name: str, is_quick: bool, only: Sequence[str], say: Callable[[str], None]) -> Report:
    """Run one bench.

    Args:
        name: one of `benches()`, or a part before a dot: `surveillance` runs all of its benches.
        is_quick: the same metrics on less input.
        only: keep metrics whose names contain one of these words; benches of a group whose names do not are not run.
        say: tells a person how far it has come.

    Raises:
        ConfigError: no such bench, or it cannot be imported.
        InputError: the public data sets are not there.
    """
    known = benches()
    chosen = [each for each in known if each == name or each.startswith(f"{name}.")]
    if not chosen:
        near = nearest(name, [*known, *(each.partition(".")[0] for each in known)])
        raise ConfigError(
            f"no bench is named {name!r}; " + (f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}")
        )
    if only and len(chosen) > 1:
        chosen = [each for each in chosen if any(word in each for word in only)] or chosen
    data = data_folder()
    metrics: list[Metric] = []
    for each in chosen:
        bench = _load(each, known[each])
        with tempfile.TemporaryDirectory(prefix="trivium-bench-") as scratch:
            found = bench(BenchContext(data=data, scratch=Path(scratch), is_quick=is_quick, say=say))
        metrics += found
    wanted = [metric for metric in metrics if not only or len(chosen) > 1 or any(word in metric.name for word in only)]
    command = " ".join(["trivium", "bench", name, *(["--quick"] if is_quick else []), *(f"--only {word}" for word in only)])
    return Report(
        bench=name,
        commit=commit(),
        machine=machine(),
        metrics=[_reported(metric) for metric in wanted or metrics],
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        command=command,
    )


def data_folder() -> Path:
    """The folder of public data sets.

    Raises:
        InputError: it is not there.
    """
    folder = Path(os.environ.get(DATA_VARIABLE, REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        raise InputError(f"benches need the public data sets, which are not at {folder}; set {DATA_VARIABLE}")
    return folder


def commit() -> str:
    """The commit of the checkout, or the version of the installed package."""
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        return revision + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return f"version {version('trivium')}"


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on."""
    import psutil

    from pipelines.checkup import processor_name, system_name

    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        "system": f"{system_name()}, {platform.machine()}",
    }


def _reported(metric: Metric) -> ReportedMetric:
    """As JSON can hold it: a figure that is not finite was not measured."""
    values = asdict(metric)
    for name in ("value", "peer_value"):
        found = values[name]
        values[name] = float(found) if found is not None and math.isfinite(found) else None
    interval = values["interval"]
    values["interval"] = tuple(map(float, interval)) if interval is not None and all(map(math.isfinite, interval)) else None
    return ReportedMetric.model_validate(values)


def _load(name: str, target: str) -> Bench:
    module, _, function = target.partition(":")
    try:
        return cast("Bench", getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"bench {name!r} ({target}) cannot be imported: {error}; install what it needs") from error


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603  fixed words, no shell
        ["git", "-C", str(REPOSITORY), *words],  # noqa: S607  the user's own git
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.strip()
