"""Another vision model may read the pictures: named in the options, kept with the model, refused in one line where it is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ModelError
from core.label_learning.learner import fit_labels, load_labels
from core.label_learning.options import LabelOptions
from core.samples import Modality
from core.table import Table, read_table

ROWS = 24


@pytest.fixture(scope="module")
def vision_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    shape = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 32,
        "patch_size": 8,
    }
    ViTModel(ViTConfig(**shape), add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("pictures")
    lines = ["id,picture,label"]
    for number in range(ROWS):
        is_red = number % 2 == 0
        rgb = np.random.default_rng(number).integers(0, 60, (40, 40, 3), np.uint8)
        rgb[..., 0 if is_red else 2] += 180
        Image.fromarray(rgb).save(folder / f"{number}.png")
        lines.append(f"r{number},{number}.png,{'red' if is_red else 'blue'}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return read_table(folder / "table.csv", label="label")


def test_another_vision_model_reads_the_pictures_and_is_kept(vision_model: Path, table: Table, tmp_path: Path) -> None:
    options = LabelOptions(epochs=2, image_encoder=str(vision_model))
    fit_labels("classification", table, tmp_path / "model", options, say=lambda _: None)

    learned = load_labels("classification", tmp_path / "model")
    rows = learned.encode(table)

    assert rows.means[Modality.IMAGE].shape == (ROWS, 32)  # the width of that model, not of the packaged one
    assert len(list(learned.predict(table))) == ROWS


def test_a_vision_model_that_is_not_there_is_one_clear_error(table: Table, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone"):
        fit_labels("classification", table, tmp_path / "model", LabelOptions(image_encoder=str(tmp_path / "gone")), say=lambda _: None)
    assert not (tmp_path / "model").exists()
