"""A drawing model's folder: its settings, the drawer's weights, the classifier's weights and its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from core.drawing.classifier import Classifier
from core.drawing.conditions import Conditions
from core.drawing.model import Drawer, DrawerShape
from core.drawing.options import HEADS, DrawingOptions
from core.errors import ModelError
from core.model_folder import check_hashes, read_fitting, read_json, save_whole, write_json

Net = TypeVar("Net", bound=nn.Module)

CONFIG, DRAWER, CLASSIFIER, CARD = "config.json", "drawer.safetensors", "classifier.safetensors", "README.md"


def shape_of(options: DrawingOptions, conditions: Conditions) -> DrawerShape:
    """Of the drawer that these settings describe."""
    return DrawerShape(options.side_px, options.patch_px, options.width, options.depth, HEADS, conditions.width)


def save_drawing(out: Path, config: Mapping[str, Any], drawer: Drawer | None, classifier: Classifier, card: str) -> None:
    """Write it whole; `drawer` is None where a diffusers model draws.

    Raises:
        ModelError: it cannot be written.
    """

    def write(folder: Path) -> None:
        write_json(folder / CONFIG, config)
        if drawer is not None:
            _save(drawer, folder / DRAWER)
        _save(classifier, folder / CLASSIFIER)
        (folder / CARD).write_text(card, "utf-8")

    save_whole(out, write)


def load_drawing(folder: Path, learner: str) -> tuple[Drawer | None, Classifier, DrawingOptions, dict[str, Any]]:
    """Read and check a folder.

    Returns:
        The drawer (None where a diffusers model draws), the classifier, the options, and the whole of `config.json`.

    Raises:
        ModelError: it is missing, damaged, or of another task.
    """
    names = check_hashes(folder)
    config = read_json(folder, CONFIG)
    if config.get("learner") != learner:
        raise ModelError(f"{folder.name} holds a model of another task than {learner}")
    try:
        options = DrawingOptions.model_validate(config["options"])
        conditions = Conditions.from_json(config["conditions"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder.name}: {CONFIG} is not what this version writes; train again") from error
    wanted = {CONFIG, CLASSIFIER, CARD} | ({DRAWER} if options.backend == "flow" else set())
    if set(names) != wanted:
        raise ModelError(f"{folder.name} must hold exactly {', '.join(sorted(wanted))}; train again")
    drawer = _filled(folder, DRAWER, Drawer(shape_of(options, conditions))) if options.backend == "flow" else None
    return drawer, _filled(folder, CLASSIFIER, Classifier(conditions)), options, config


def _save(net: nn.Module, path: Path) -> None:
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, path)


def _filled(folder: Path, name: str, net: Net) -> Net:
    net.load_state_dict(read_fitting(folder, name, net.state_dict()))
    return net.eval()
