"""The engine against AutoGluon-MultiModal: same files, same splits, same backbone weights, same cores, whole processes.

Ours reads, encodes (nothing is cached beforehand), compares, chooses, calibrates and writes within its time; the peer has a time
limit. Scores are of the test side, computed by the same code from the probabilities of both.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.benches import autogluon_peer as peer
from core.benches.engine_sets import load
from core.benches.engine_tables import ColumnKind, EngineSet, Tables, write_tables
from core.benches.processes import run_measured
from core.benchmark import BenchContext, Metric
from core.weights import cache_root

SETS = ("openclipart", "recipes", "busbra", "chest films", "occupancy")
ALONE = ("esc10",)  # sound: the peer reads none
SEED = 0
THREADS = 2
BUDGET_S, QUICK_BUDGET_S = 240.0, 100.0
LATENCIES = 20
PEER_EPOCHS: Mapping[str, int] = {"openclipart": 2, "recipes": 2, "busbra": 4, "chest films": 10, "occupancy": 8}
WITHIN = 0.9


@dataclass(frozen=True, slots=True)
class OurResult:
    """What one run of ours gave; see `PeerResult` for the units.

    Attributes:
        probabilities: by test id, in the order of the set's classes.
        subsets: modalities joined by + to the headline measure with its interval.
        shipped: what the card says was chosen.
    """

    probabilities: Mapping[str, tuple[float, ...]]
    time_to_first_step_s: float | None
    fit_s: float
    latency_ms: float
    peak_memory_bytes: int
    wall_s: float
    subsets: Mapping[str, tuple[float, float, float]]
    shipped: str


def run(context: BenchContext) -> list[Metric]:
    """Every set, the peer beside ours where it is installed."""
    python = peer.peer_python()
    if python is None:
        context.say(peer.not_installed())
    budget_s = QUICK_BUDGET_S if context.is_quick else BUDGET_S
    metrics: list[Metric] = []
    for name in (*SETS, *ALONE):
        each = load(name, context.data)
        folder = context.scratch / name.replace(" ", "-")
        tables = write_tables(each, folder / "tables")
        context.say(f"{name}: ours")
        ours = run_ours(each, tables, folder)
        theirs = None
        if python is not None and each.has_peer:
            context.say(f"{name}: {peer.NAME}, {budget_s:.0f} s")
            (folder / "peer").mkdir()
            table_model: peer.TableModel = "ft_transformer" if name == "occupancy" else "mlp"
            told = {"optim.max_epochs": PEER_EPOCHS[name]}
            theirs = peer.run_peer(
                each, folder / "peer", budget_s=budget_s, seed=SEED, threads=THREADS, table_model=table_model, told=told, tables=tables
            )
        metrics += compared(each, ours, theirs)
        for metric in metrics[-6:]:
            context.say(f"  {metric.name}: {metric.value} ({metric.peer_value})")
    return metrics


def run_ours(each: EngineSet, tables: Tables, folder: Path, *, preset: str = "best") -> OurResult:
    """Fit and ask the engine in a process of its own, with an empty feature cache.

    Raises:
        ModelError: it failed; its last words are in the message.
    """
    cache = folder / "cache"
    cache.mkdir(parents=True)
    (cache / "weights").symlink_to(cache_root() / "weights")
    job = {
        "tables": {side: str(getattr(tables, side)) for side in ("train", "validation", "test")},
        "kinds": {name: kind.value for name, kind in each.kinds.items() if kind is not ColumnKind.LABEL},
        "label": each.label,
        "preset": preset,
        "seed": SEED,
        "threads": THREADS,
        "latencies": LATENCIES,
        "subsets": True,
        "model": str(folder / "model"),
        "out": str(folder / "ours.json"),
        "started_s": time.monotonic(),
    }
    (folder / "ours-job.json").write_text(json.dumps(job), encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    limits = {"TRIVIUM_CACHE": str(cache), "PYTHONPATH": str(root), "OMP_NUM_THREADS": str(THREADS)}
    script = Path(__file__).parent / "peer_scripts" / "trivium_run.py"
    measured = run_measured([sys.executable, script, folder / "ours-job.json"], environment=limits, folder=root)
    given = json.loads((folder / "ours.json").read_text(encoding="utf-8"))
    return OurResult(
        {name: tuple(float(row.get(label, 0.0)) for label in each.classes) for name, row in given["probabilities"].items()},
        given["first_step_s"],
        given["fit_s"],
        given["latency_ms"],
        measured.peak_bytes,
        measured.wall_s,
        given["subsets"],
        _shipped(given["card"]),
    )


def compared(each: EngineSet, ours: OurResult, theirs: peer.PeerResult | None) -> list[Metric]:
    """One set's figures, side by side."""
    test = each.splits[0].test
    score = each.score(ours.probabilities, test)
    note = f"{len(test)} test rows, {each.note}; seed {SEED}, {THREADS} threads; {ours.shipped}"
    name = "" if theirs is None else peer.NAME
    metrics = []
    if theirs is None:
        peer_name = f"{peer.NAME}: {'reads no such columns' if not each.has_peer else 'not installed'}"
        metrics.append(Metric(f"{each.name}: {each.measure}", score.value, "", "", None, peer_name, None, (score.low, score.high), note))
    else:
        gap = each.difference(ours.probabilities, theirs.probabilities, test)
        other = each.score(theirs.probabilities, test)
        told = f"{note}; ours minus the peer {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}); the peer's limit {theirs.budget_s:.0f} s"
        metrics.append(
            Metric(
                f"{each.name}: {each.measure}",
                score.value,
                "",
                ">= the peer within the interval",
                gap.high >= 0,
                name,
                other.value,
                (score.low, score.high),
                told,
            )
        )
    best_s = None if theirs is None else (max(theirs.curve, key=lambda point: point[1])[0] if theirs.curve else theirs.fit_s)
    first = None if theirs is None else theirs.time_to_first_step_s
    pairs: list[tuple[str, float | None, str, float | None, float, str]] = [
        ("training time", ours.fit_s, "s", best_s, 0.7, "ours: the whole fit with encoding; the peer: until its best validation score"),
        ("single-sample latency", ours.latency_ms, "ms", theirs.latency_ms if theirs else None, 0.25, _latency_note(theirs)),
        ("peak memory", ours.peak_memory_bytes / 1e9, "GB", theirs.peak_memory_bytes / 1e9 if theirs else None, 0.7, "process tree"),
        ("command to first step", ours.time_to_first_step_s, "s", first, 0.3, "of an optimiser; ours has encoded everything by then"),
    ]
    for what, value, unit, peer_value, factor, said in pairs:
        holds = None if value is None or peer_value is None else value <= factor * peer_value
        metrics.append(
            Metric(f"{each.name}: {what}", value, unit, f"<= {factor:g} x the peer" if theirs else "", holds, name, peer_value, note=said)
        )
    return [*metrics, *subset_metrics(each, ours)]


def _latency_note(theirs: peer.PeerResult | None) -> str:
    quick = "" if theirs is None else f"; the peer with realtime=True: {theirs.realtime_latency_ms:.0f} ms"
    return f"median of {LATENCIES}, with reading and encoding the row{quick}"


def subset_metrics(each: EngineSet, ours: OurResult) -> list[Metric]:
    """The same model where modalities are missing: the worst set against all, and every set in the note."""
    if len(ours.subsets) < 2:
        return []
    whole, *rest = ours.subsets.items()
    worst, (value, low, high) = min(rest, key=lambda item: item[1][0])
    shown = ", ".join(f"{label} {figures[0]:.3f}" for label, figures in ours.subsets.items())
    target = f">= {WITHIN:g} x all"
    return [
        Metric(
            f"{each.name}: worst set of modalities ({worst})",
            value,
            "",
            target,
            value >= WITHIN * whole[1][0],
            "all modalities",
            whole[1][0],
            (low, high),
            shown,
        )
    ]


def _shipped(card: str) -> str:
    """The card's line about what was chosen."""
    lines = [line.strip("- ").strip() for line in card.splitlines() if "ship" in line.lower() or "wins" in line.lower()]
    return lines[0][:200] if lines else "fusion"


def main(arguments: list[str]) -> None:
    """`python -m core.benches.engine SET DATA`: ours alone on one set, printed."""
    import tempfile

    each = load(arguments[0], Path(arguments[1]))
    with tempfile.TemporaryDirectory(prefix="trivium-engine-") as scratch:
        folder = Path(scratch)
        ours = run_ours(each, write_tables(each, folder / "tables"), folder)
    found: list[Any] = [(m.name, m.value, m.interval, m.note) for m in compared(each, ours, None)]
    print(*found, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
