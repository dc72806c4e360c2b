"""A prefix model's folder: written whole, hashes compared first, refused on top of another decoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from core.encoders.contract import Encoder
from core.encoders.tabular import TabularEncoder, TabularState
from core.errors import ModelError
from core.fusion import trained_state
from core.generation.decoder import load_decoder
from core.generation.model import PrefixConfig, PrefixModel
from core.model_folder import check_hashes, read_fitting, read_json, save_whole, write_json
from core.samples import Modality
from core.table.defaults import encoders_of

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


def save_prefix(
    folder: Path, learner: str, model: PrefixModel, encoders: Mapping[Modality, Encoder], about: Mapping[str, Any], card: str
) -> None:
    """Write the folder.

    Args:
        folder: its place.
        learner: the task.
        model: trained.
        encoders: that its features came from.
        about: options, trained ids and whatever the task keeps; plain values.
        card: Markdown.

    Raises:
        ModelError: it cannot be written.
    """
    tabular = encoders.get(Modality.TABULAR)
    config = {
        "learner": learner,
        "prefix": model.settings.model_dump(mode="json"),
        "decoder_sha256": model.decoder.identity.sha256,
        "tabular": tabular.state.to_json() if isinstance(tabular, TabularEncoder) else None,
        **about,
    }

    def write(part: Path) -> None:
        write_json(part / CONFIG, config)
        save_file(trained_state(model), part / WEIGHTS)
        (part / CARD).write_text(card, "utf-8")

    save_whole(folder, write)


def load_prefix(folder: Path, learner: str) -> tuple[PrefixModel, dict[Modality, Encoder], dict[str, Any]]:
    """Read and check a folder.

    Returns:
        The model in evaluation mode, its encoders, and the whole of `config.json`.

    Raises:
        ModelError: it is missing, damaged, of another task, or its decoder is another or not here.
    """
    check_hashes(folder, (CONFIG, WEIGHTS, CARD))
    config = read_json(folder, CONFIG)
    if config.get("learner") != learner:
        raise ModelError(f"{folder.name} holds a model of another task than {learner}")
    try:
        settings = PrefixConfig.model_validate(config["prefix"])
        tabular = None if config["tabular"] is None else TabularState.from_json(config["tabular"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder.name}: {CONFIG} is not what this version writes; train again") from error
    decoder = load_decoder(settings.backbone, tuning=settings.tuning, rank=settings.lora_rank, dropout=settings.dropout)
    if decoder.identity.sha256 != config.get("decoder_sha256"):
        raise ModelError(f"{folder.name} was trained on another {settings.backbone!r} than is here; get the same weights, or train again")
    model = PrefixModel(settings, decoder)
    model.load_state_dict(read_fitting(folder, WEIGHTS, trained_state(model)), strict=False)
    return model.eval(), encoders_of(tuple(settings.inputs), tabular), config
