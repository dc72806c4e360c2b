"""Checkpoints: a folder that holds a trained model without its frozen backbone, and says on what it was trained.

    config.json        format, versions, fusion configuration, which backbone (name and hash)
    model.safetensors  what training changed: projectors, heads, adapters or all of the backbone
    labels.json        the label space
    calibration.json   temperatures, conformal thresholds
    metrics.json       figures of validation and of the training itself
    split.json         which samples were for training and for validation
    README.md          the card
    hashes.json        SHA-256 of each of the above

Nothing in it is run or unpickled. Loading compares hashes first and reads nothing that does not match.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor

from core.backbones import BackboneIdentity
from core.calibration import Calibration
from core.cards import Card, render_card
from core.errors import ModelError
from core.fusion import FusionConfig, FusionModel, build_model, trained_state
from core.model_folder import check_hashes, read_json, read_weights, save_whole, write_json
from core.splits import Split, load_split

FORMAT = 1
WEIGHTS = "model.safetensors"
FILES = ("config.json", WEIGHTS, "labels.json", "calibration.json", "metrics.json", "split.json", "README.md")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model at rest.

    Attributes:
        config: of the fusion model.
        weights: what training changed, by name.
        backbone: what it was trained on top of.
        calibration: of its probabilities.
        split: which samples were for what.
        card: on what it was trained.
        metrics: figures of validation and training.
        name: short and unique: the beginning of the weights' hash.
    """

    config: FusionConfig
    weights: Mapping[str, Tensor]
    backbone: BackboneIdentity
    calibration: Calibration
    split: Split
    card: Card
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.config.labels

    @property
    def name(self) -> str:
        digest = hashlib.sha256()
        for key in sorted(self.weights):
            digest.update(key.encode() + self.weights[key].numpy().tobytes())
        return f"{self.card.title}@{digest.hexdigest()[:12]}"

    def build(self, *, pull: bool = False) -> FusionModel:
        """The model, ready to be asked.

        Raises:
            ModelError: the backbone is not here or is another one, or the weights do not fit.
        """
        model = build_model(self.config, pull=pull)
        if model.backbone.identity.sha256 != self.backbone.sha256:
            raise ModelError(
                f"checkpoint {self.card.title!r} was trained on other weights of the backbone {self.config.backbone!r} "
                f"(sha256 {self.backbone.sha256[:12]}, here {model.backbone.identity.sha256[:12]}); fetch those, or train again"
            )
        load_trained(model, self.weights)
        return model.eval()


def load_trained(model: FusionModel, weights: Mapping[str, Tensor]) -> None:
    """Put trained weights into a model.

    Raises:
        ModelError: a name is missing or too many, a shape differs, or a number is not finite.
    """
    wanted = trained_state(model)
    if extra := sorted(set(weights) ^ set(wanted)):
        raise ModelError(f"the weights do not fit the configuration: {len(extra)} names differ, first {extra[0][:80]!r}; train again")
    for name, value in weights.items():
        if value.shape != wanted[name].shape or value.dtype != wanted[name].dtype:
            shapes = f"{value.dtype} {list(value.shape)}, not {wanted[name].dtype} {list(wanted[name].shape)}"
            raise ModelError(f"the weights do not fit the configuration: {name[:80]!r} is {shapes}; train again")
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"the weights are damaged: {name[:80]!r} holds numbers that are not finite; train again")
    model.load_state_dict(dict(weights), strict=False)


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write it so that the folder is there whole or not at all; an older one of the same name is replaced.

    Raises:
        ModelError: the folder cannot be written, or holds something that is not a checkpoint.
    """
    return save_whole(folder, lambda part: _write(checkpoint, part))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises:
        ModelError: it is missing, damaged, of another version, or hostile; says which file and what is wrong.
    """
    check_hashes(folder, FILES)
    config = read_json(folder, "config.json")
    if config.get("format") != FORMAT:
        raise ModelError(
            f"checkpoint {folder.name}: format {config.get('format')!r}, this version reads {FORMAT}; update Trivium or train again"
        )
    try:
        fusion = FusionConfig.model_validate(config["fusion"])
        backbone = BackboneIdentity(str(config["backbone"]["name"]), str(config["backbone"]["sha256"]))
        card = Card.model_validate(config["card"])
        calibration = read_calibration(read_json(folder, "calibration.json"), len(fusion.labels))
        metrics = {str(k): float(v) for k, v in read_json(folder, "metrics.json").items() if isinstance(v, int | float)}
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"checkpoint {folder.name}: config.json: {'.'.join(map(str, first['loc']))}: {first['msg']}; train again"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"checkpoint {folder.name}: config.json or calibration.json lacks or misstates {error}; train again") from error
    if read_json(folder, "labels.json").get("labels") != list(fusion.labels):
        raise ModelError(f"checkpoint {folder.name}: labels.json and config.json name different labels; train again")
    return Checkpoint(fusion, read_weights(folder, WEIGHTS), backbone, calibration, load_split(folder / "split.json"), card, metrics)


def _write(checkpoint: Checkpoint, folder: Path) -> None:
    import transformers

    config = {
        "format": FORMAT,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "fusion": checkpoint.config.model_dump(mode="json"),
        "backbone": asdict(checkpoint.backbone),
        "card": checkpoint.card.model_dump(mode="json"),
    }
    write_json(folder / "config.json", config)
    write_json(folder / "labels.json", {"labels": list(checkpoint.labels)})
    write_json(folder / "calibration.json", asdict(checkpoint.calibration))
    write_json(folder / "metrics.json", dict(checkpoint.metrics))
    checkpoint.split.save(folder / "split.json")
    save_file({name: value.contiguous() for name, value in checkpoint.weights.items()}, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / "README.md").write_text(render_card(checkpoint), "utf-8")


def read_calibration(values: Mapping[str, Any], labels: int) -> Calibration:
    """A calibration from its plain values.

    Raises:
        KeyError, TypeError, ValueError: it is not one for that many labels.
    """

    def numbers(key: str) -> tuple[float, ...]:
        read = tuple(math.inf if v is None else float(v) for v in values[key])
        if len(read) not in (1, labels):
            raise ValueError(f"{key}: {len(read)} numbers for {labels} labels")
        return read

    temperatures = numbers("temperatures")
    if not all(0 < t < math.inf for t in temperatures):
        raise ValueError("temperatures: each must be above zero")
    method = values["method"]
    if method not in ("lac", "aps", "residual"):
        raise ValueError(f"method {method!r}")
    before, after = (math.nan if values[k] is None else float(values[k]) for k in ("ece_before", "ece_after"))
    notes = tuple(map(str, values["notes"]))
    return Calibration(temperatures, numbers("thresholds"), method, float(values["alpha"]), int(values["rows"]), before, after, notes)
