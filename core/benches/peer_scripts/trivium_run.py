"""Fit the engine on one split of a set and predict its test side, in a process of its own: what the bench measures of us.

`python trivium_run.py job.json`; the job names the tables, the preset, the seed and where the result is to be written.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any


def main(job_path: str) -> None:
    """One job."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    first_step_s: list[float] = []

    def stepped(*_: Any) -> None:
        if not first_step_s:
            first_step_s.append(time.monotonic() - job["started_s"])

    from torch.optim.optimizer import register_optimizer_step_post_hook

    from core import read_table, train

    register_optimizer_step_post_hook(stepped)
    tables = {side: read_table(path, kinds=job["kinds"], label=job["label"]) for side, path in job["tables"].items()}
    begun_s = time.monotonic()
    model = train(
        tables["train"],
        out=job["model"],
        validation=tables["validation"],
        say=lambda _: None,
        preset=job["preset"],
        seed=job["seed"],
        threads=job["threads"],
    )
    fit_s = time.monotonic() - begun_s
    test = tables["test"]
    begun_s = time.monotonic()
    answers = list(model.predict(test))
    predict_s = time.monotonic() - begun_s
    latencies_ms = []
    for place in range(min(job["latencies"], len(test))):
        begun_s = time.monotonic()
        list(model.predict(test.select([place])))
        latencies_ms.append(1000 * (time.monotonic() - begun_s))
    subsets: dict[str, tuple[float, float, float]] = {}
    if job["subsets"] and hasattr(model, "subset_scores"):
        subsets = {"+".join(m.value for m in shown): (e.value, e.low, e.high) for shown, e in model.subset_scores(test).items()}
    card = (Path(job["model"]) / "README.md").read_text(encoding="utf-8")
    told = {
        "probabilities": {answer["id"]: answer["probabilities"] for answer in answers},
        "first_step_s": first_step_s[0] if first_step_s else None,
        "fit_s": fit_s,
        "predict_s": predict_s,
        "latency_ms": statistics.median(latencies_ms),
        "subsets": subsets,
        "card": card,
    }
    Path(job["out"]).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
