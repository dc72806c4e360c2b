"""Fine-tune a domain's classifier on somebody's own recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.cards import Card
from core.checkpoints import save_checkpoint
from core.errors import InputError
from core.feature_cache import CachedEncoder, FeatureCache
from core.featuresets import FeatureSet, encode_samples
from core.fusion import FusionConfig
from core.training import TrainingConfig, fit, inputs_of
from domains.contract import Domain


def encoded_examples(domain: Domain, dataset: Path, settings: Any, say: Callable[[str], None], threads: int = 2) -> FeatureSet:
    """The labelled samples of a dataset, encoded; what was encoded before comes from the cache.

    Raises:
        InputError: the dataset cannot be read, or holds one label only.
    """
    say(f"cutting samples from {dataset}")
    samples = domain.examples(dataset)
    counts = Counter(label for sample in samples for label in sample.labels or ())
    if len(counts) < 2:
        raise InputError(f"{dataset}: at least two labels are needed, there is {dict(counts) or 'none'}")
    say(f"encoding {len(samples)} samples: " + ", ".join(f"{count} {label}" for label, count in sorted(counts.items())))
    cache = FeatureCache()
    encoders = {m: CachedEncoder(e, cache) for m, e in domain.encoders(settings, threads).items()}
    return encode_samples(samples, encoders)


def train(
    domain: Domain,
    dataset: Path,
    out: Path,
    settings: Any,
    tuning: str,
    epochs: int | None,
    seed: int,
    backbone: str | None,
    say: Callable[[str], None],
) -> dict[str, object]:
    """Train and save a checkpoint.

    Args:
        domain: whose task it is.
        dataset: a folder of labelled recordings.
        out: the checkpoint's folder; must not exist.
        settings: the domain's part of the configuration.
        tuning: `frozen`, `lora` or `full`.
        epochs: at most this many, or the usual number.
        seed: of everything random.
        backbone: a packaged model, hub id or folder, or the usual one.
        say: told how far it has come.

    Returns:
        What was trained and how well it did on validation.

    Raises:
        InputError: the dataset or the output folder cannot be used.
        ModelError: weights are missing.
    """
    if out.exists():
        raise InputError(f"{out} exists already; name a new folder")
    examples = encoded_examples(domain, dataset, settings, say)
    labels = tuple(sorted({label for row in examples.labels for label in row}))
    config = FusionConfig(inputs=inputs_of(examples), labels=labels, tuning=tuning, **({"backbone": backbone} if backbone else {}))  # type: ignore[arg-type]
    training = TrainingConfig(seed=seed) if epochs is None else TrainingConfig(seed=seed, epochs=epochs)
    card = Card(title=out.name, data=f"{dataset.name}: the user's own recordings", limits=("measured on its own validation groups only",))
    checkpoint = fit(
        examples,
        config,
        training,
        card=card,
        work_folder=out.with_name(out.name + ".work"),
        progress=lambda epoch, figures: say(_line(epoch, training.epochs, figures)),
    )
    save_checkpoint(checkpoint, out)
    _forget(out.with_name(out.name + ".work"))
    return {"checkpoint": str(out), "labels": list(labels), "samples": len(examples), **checkpoint.metrics}


def _line(epoch: int, epochs: int, figures: Mapping[str, float]) -> str:
    return f"epoch {epoch} of {epochs}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


def _forget(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def evaluate(domain: Domain, checkpoint: Path, dataset: Path, settings: Any, say: Callable[[str], None]) -> dict[str, object]:
    """Measure a checkpoint on labelled recordings that it was not trained on.

    Returns:
        Figures with intervals, for every subset of modalities.

    Raises:
        InputError: the dataset cannot be read, or shares samples with the training.
        ModelError: the checkpoint is damaged.
    """
    from core.checkpoints import load_checkpoint
    from core.evaluation import evaluate as measure

    loaded = load_checkpoint(checkpoint)
    found = measure(loaded, encoded_examples(domain, dataset, settings, say))
    rows = [
        {"shown": "+".join(m.value for m in row.modalities)}
        | {name: f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})" for name, e in row.figures.items()}
        for row in found.rows
    ]
    notes = {"abstained": found.abstained, "coverage": found.coverage, "samples": found.samples, "groups": found.groups}
    return {"headline": found.headline, **notes, "figures": rows}
