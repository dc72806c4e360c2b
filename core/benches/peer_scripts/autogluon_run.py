"""Fit AutoGluon-MultiModal on three tables, predict the test one, time it, and write all of it as JSON.

Runs in the peer's own environment: `python autogluon_run.py JOB.json`. It changes nothing in how the peer learns; it only
looks at when the optimiser first steps and at the probabilities of each validation.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

WARM_UPS = 2


class Watch:
    """When things happened, in seconds since the command was given.

    Attributes:
        first_step_s: after the first step of the optimiser; None before.
        validations: seconds since the fit began, probabilities `[rows, classes]` and encoded labels `[rows]`, one a validation.
    """

    def __init__(self, started_s: float) -> None:
        self.started_s = started_s
        self.fit_began_s = time.monotonic()
        self.first_step_s: float | None = None
        self.validations: list[tuple[float, list[list[float]], list[int]]] = []
        self._rows: list[list[float]] = []
        self._labels: list[int] = []

    def attach(self) -> None:
        """Look at the optimiser and at what each validation predicts."""
        optimizers = import_module("torch.optim.optimizer")
        lit = import_module("autogluon.multimodal.optim.lit_module").LitModule
        score = lit._compute_metric_score

        def stepped(*_: Any) -> None:
            if self.first_step_s is None:
                self.first_step_s = time.monotonic() - self.started_s

        def scored(module: Any, metric: Any, custom_metric_func: Any, logits: Any, label: Any) -> Any:
            self._rows += logits.detach().float().softmax(-1).tolist()
            self._labels += label.detach().tolist()
            return score(module, metric=metric, custom_metric_func=custom_metric_func, logits=logits, label=label)

        def validated(module: Any) -> None:
            if not module.trainer.sanity_checking:
                self.validations.append((time.monotonic() - self.fit_began_s, self._rows, self._labels))
            self._rows, self._labels = [], []

        optimizers.register_optimizer_step_post_hook(stepped)
        lit._compute_metric_score = scored
        lit.on_validation_epoch_end = validated


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job; see `core.benches.autogluon_peer.run_peer` for its keys."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", AUTOMM_DISABLE_PROGRESS_BAR="1")
    torch = import_module("torch")
    torch.set_num_threads(job["threads"])
    predictor_class = import_module("autogluon.multimodal").MultiModalPredictor
    watch = Watch(job["started_s"])
    watch.attach()
    tables = {side: read(Path(job["tables"][side]), job) for side in ("train", "validation", "test")}
    predictor = predictor_class(
        label=job["label"],
        problem_type=job["problem"],
        eval_metric=job["metric"],
        validation_metric=job["metric"],
        path=job["model"],
        verbosity=2,
    )
    watch.fit_began_s = time.monotonic()
    predictor.fit(
        tables["train"].drop(columns=[job["id"]]),
        tuning_data=tables["validation"].drop(columns=[job["id"]]),
        column_types=job["column_types"],
        time_limit=job["budget_s"],
        seed=job["seed"],
        hyperparameters=job["hyperparameters"],
    )
    fit_s = time.monotonic() - watch.fit_began_s
    fit_peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    classes = [str(label) for label in predictor.class_labels]
    test = tables["test"].drop(columns=[job["id"], job["label"]])
    began_s = time.monotonic()
    predicted = predictor.predict_proba(test, as_pandas=False)
    predict_s = time.monotonic() - began_s
    rows = [test.iloc[[place % len(test)]] for place in range(job["latencies"] + WARM_UPS)]
    return {
        "classes": classes,
        "probabilities": dict(zip(tables["test"][job["id"]], predicted.tolist(), strict=True)),
        "fit_s": fit_s,
        "first_step_s": watch.first_step_s,
        "validation_ids": list(tables["validation"][job["id"]]),
        "validations": [
            (seconds, probabilities, [classes[label] for label in labels]) for seconds, probabilities, labels in watch.validations
        ],
        "predict_s": predict_s,
        "latencies_ms": timed(lambda row: predictor.predict_proba(row), rows),
        "realtime_latencies_ms": timed(lambda row: predictor.predict_proba(row, realtime=True), rows),
        "fit_peak_bytes": fit_peak_bytes,
        "parameters": int(predictor.total_parameters),
        "versions": {name: import_module(name).__version__ for name in ("torch", "timm", "transformers", "lightning")},
    }


def read(path: Path, job: dict[str, Any]) -> Any:
    """A table with every cell as the column's kind asks, media paths absolute."""
    pandas = import_module("pandas")
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)[[job["id"], *job["column_types"], job["label"]]]
    for name, kind in job["column_types"].items():
        if kind == "numerical":
            table[name] = pandas.to_numeric(table[name])
        elif kind == "image_path":
            table[name] = [str(path.parent / cell) if cell else None for cell in table[name]]
    return table


def timed(predict: Callable[[Any], object], rows: list[Any]) -> list[float]:
    """Milliseconds of each call but the first few."""
    milliseconds = []
    for row in rows:
        began_s = time.perf_counter()
        predict(row)
        milliseconds.append((time.perf_counter() - began_s) * 1000)
    return milliseconds[WARM_UPS:]


if __name__ == "__main__":
    job_path = Path(sys.argv[1])
    given = json.loads(job_path.read_text(encoding="utf-8"))
    result = main(given)
    Path(given["out"]).write_text(json.dumps(result), encoding="utf-8")
    print(f"fit {result['fit_s']:.1f} s, median {statistics.median(result['latencies_ms']):.0f} ms a sample")
