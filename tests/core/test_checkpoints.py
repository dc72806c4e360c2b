"""Checkpoints: whole or not at all, and damaged or hostile ones are refused with one line."""

import hashlib
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.calibration import Calibration
from core.cards import Card
from core.checkpoints import FILES, WEIGHTS, Checkpoint, load_checkpoint, save_checkpoint
from core.errors import ModelError
from core.fusion import FusionConfig, ModalityInput, build_model, trained_state
from core.samples import Modality
from core.splits import Split


@pytest.fixture(scope="module")
def checkpoint(tiny_bert: str) -> Checkpoint:
    config = FusionConfig(inputs={Modality.VIDEO: ModalityInput(encoder="v", width=4)}, labels=("fall", "other"), backbone=tiny_bert)
    torch.manual_seed(0)
    model = build_model(config)
    card = Card(title="falls", data="made by a script", licence="CC0", is_synthetic=True, limits=("one room only",))
    calibration = Calibration((1.5,), (0.8,), "lac", 0.1, 30, 0.2, 0.1, ("note",))
    return Checkpoint(config, trained_state(model), model.backbone.identity, calibration, Split(("a",), ("b",)), card, {"accuracy": 0.5})


@pytest.fixture
def folder(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    return save_checkpoint(checkpoint, tmp_path / "falls")


def rehash(folder: Path) -> None:
    """What an attacker would do after changing a file."""
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    (folder / "hashes.json").write_text(json.dumps(hashes))


def edit(folder: Path, name: str, **changes: object) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    rehash(folder)


def test_what_is_saved_is_loaded(checkpoint: Checkpoint, folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.name == checkpoint.name
    assert (loaded.config, loaded.backbone, loaded.split, loaded.card) == (
        checkpoint.config,
        checkpoint.backbone,
        checkpoint.split,
        checkpoint.card,
    )
    assert loaded.calibration == checkpoint.calibration
    assert loaded.metrics == checkpoint.metrics
    assert all(torch.equal(loaded.weights[name], value) for name, value in checkpoint.weights.items())
    loaded.build()


def test_card_says_what_must_be_said(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    for words in ("Trained on synthetic data", "made by a script", "CC0", "one room only", "fall, other", "note"):
        assert words in card


def test_folder_holds_no_pickle_and_nothing_else(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {*FILES, "hashes.json"}
    assert not list(folder.parent.glob(".falls*"))


def test_saving_again_replaces_and_saving_elsewhere_harms_nothing(checkpoint: Checkpoint, folder: Path) -> None:
    save_checkpoint(checkpoint, folder)
    load_checkpoint(folder)
    mine = folder.parent / "photos"
    mine.mkdir()
    (mine / "cat.png").write_bytes(b"cat")
    with pytest.raises(ModelError, match="not a checkpoint"):
        save_checkpoint(checkpoint, mine)
    assert (mine / "cat.png").read_bytes() == b"cat"


def test_failed_save_leaves_the_old_one(checkpoint: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.checkpoints.save_file", full)
    with pytest.raises(ModelError, match="No space left"):
        save_checkpoint(checkpoint, folder)
    load_checkpoint(folder)
    assert [p.name for p in folder.parent.iterdir()] == ["falls"]


@pytest.mark.parametrize("name", FILES)
def test_each_changed_file_is_noticed_and_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ModelError, match=f"{name} is damaged or was changed"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", [*FILES, "hashes.json"])
def test_each_missing_file_is_noticed_and_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_checkpoint(folder)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "nowhere")


def test_path_in_the_hashes_is_not_followed(folder: Path) -> None:
    hashes = json.loads((folder / "hashes.json").read_text())
    (folder / "hashes.json").write_text(json.dumps({**hashes, "../../etc/passwd": "0"}))
    with pytest.raises(ModelError, match="must name exactly"):
        load_checkpoint(folder)


def test_link_in_place_of_a_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / WEIGHTS, tmp_path / "elsewhere")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="not a plain file"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "content",
    [
        (2**62).to_bytes(8, "little") + b"{}",
        (50_000_000).to_bytes(8, "little") + b" " * 100,
        b"",
        b"abc",
        (2).to_bytes(8, "little") + b"{]",
        (90).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'.ljust(90),
        pickle.dumps(print),
    ],
    ids=["header of exabytes", "header past the end", "empty", "three bytes", "no json", "shape past the end", "pickle"],
)
def test_hostile_weights_are_refused(folder: Path, content: bytes) -> None:
    (folder / WEIGHTS).write_bytes(content)
    rehash(folder)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_checkpoint(folder)


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    weights = load_file(folder / WEIGHTS)
    for name, value in changes.items():
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    save_file(weights, folder / WEIGHTS)
    rehash(folder)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.full((1, 16), torch.nan), "'missing' holds numbers that are not finite"),
        (torch.zeros(2, 16), r"'missing' is torch.float32 \[2, 16\], not torch.float32 \[1, 16\]"),
        (torch.zeros(1, 16, dtype=torch.float64), "'missing' is torch.float64"),
        (None, "1 names differ, first 'missing'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, value: torch.Tensor | None, message: str) -> None:
    change_weights(folder, missing=value)
    with pytest.raises(ModelError, match=message):
        load_checkpoint(folder).build()


def test_weights_of_the_frozen_backbone_cannot_be_smuggled_in(folder: Path) -> None:
    change_weights(folder, **{"backbone.module.embeddings.word_embeddings.weight": torch.zeros(30, 16)})
    with pytest.raises(ModelError, match="1 names differ"):
        load_checkpoint(folder).build()


def test_other_backbone_is_noticed(folder: Path, tiny_llama: str) -> None:
    fusion = json.loads((folder / "config.json").read_text())["fusion"]
    edit(folder, "config.json", fusion={**fusion, "backbone": tiny_llama})
    with pytest.raises(ModelError, match="other weights of the backbone"):
        load_checkpoint(folder).build()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("config.json", {"format": 99}, "format 99, this version reads 1"),
        ("config.json", {"fusion": {"labels": ["a"]}}, "config.json"),
        ("config.json", {"fusion": 3}, "config.json"),
        ("config.json", {"backbone": {}}, "'name'"),
        ("config.json", {"card": {"title": "../../etc"}}, "title"),
        ("labels.json", {"labels": ["other", "fall"]}, "different labels"),
        ("calibration.json", {"temperatures": [0.0]}, "above zero"),
        ("calibration.json", {"temperatures": [1.0] * 5}, "5 numbers for 2 labels"),
        ("calibration.json", {"method": "guess"}, "method"),
        ("calibration.json", {"thresholds": "x"}, "calibration.json"),
    ],
)
def test_configuration_that_says_nonsense_is_refused(folder: Path, name: str, changes: dict[str, object], message: str) -> None:
    edit(folder, name, **changes)
    with pytest.raises(ModelError, match=message) as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)


def test_deeply_nested_json_is_refused(folder: Path) -> None:
    (folder / "labels.json").write_text("[" * 200_000)
    rehash(folder)
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        load_checkpoint(folder)
