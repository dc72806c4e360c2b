"""The peer gets the same files and weights as the engine, its results are read back as they were, and its absence is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.benches import autogluon_peer
from core.benches.autogluon_peer import (
    SCRIPTS,
    PeerResult,
    epochs_within,
    hyperparameters,
    image_backbone,
    load_result,
    not_installed,
    peer_python,
    run_peer,
)
from core.benches.engine_sets import load
from core.benches.engine_tables import ColumnKind, EngineSet, Problem
from core.benches.processes import run_measured
from core.encoders.image import ImageEncoder
from core.errors import InputError, ModelError
from core.splits import Split

KINDS = {
    "id": ColumnKind.ID,
    "size": ColumnKind.NUMBER,
    "width": ColumnKind.NUMBER,
    "noise": ColumnKind.NUMBER,
    "kind": ColumnKind.CATEGORY,
    "label": ColumnKind.LABEL,
    "maker": ColumnKind.GROUP,
}


def needs_peer() -> Path:
    python = peer_python()
    if python is None:
        pytest.skip(not_installed())
    return python


def separable(folder: Path) -> EngineSet:
    """Rows whose label is which of two numbers is larger: all that is left after the peer has normalised the numbers of a row."""
    numbers = np.random.default_rng(0).normal(size=(150, 3))
    rows = []
    for place, (size, width, noise) in enumerate(numbers):
        label = "big" if size > width else "a little"
        cells = (f"s{place}", f"{size:.4f}", f"{width:.4f}", f"{noise:.4f}", "ab"[place % 2], label, f"m{place}")
        rows.append(dict(zip(KINDS, cells, strict=True)))
    ids = [row["id"] for row in rows]
    split = Split(tuple(ids[:90]), tuple(ids[90:120]), tuple(ids[120:]))
    return EngineSet("separable", folder, tuple(rows), KINDS, Problem.BINARY, (split,), "AUROC", "made by hand")


def test_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    result = PeerResult(
        "x", 0, 1, 60.0, {"s1": (0.25, 0.75)}, 50.0, None, ((1.5, 0.5),), 1.0, 80.0, 70.0, 10, 60.0, 90.0, 3, {"a": 1}, {"t": "2"}
    )

    result.save(tmp_path / "deep" / "result.json")

    assert load_result(tmp_path / "deep" / "result.json") == result


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"probabilities": 3}', '{"probabilities": {}, "curve": [], "other": 1}'])
def test_file_that_is_no_result_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(InputError, match=r"result\.json is no result of the peer"):
        load_result(tmp_path / "result.json")


def test_absent_peer_is_said_with_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path / "cache"))

    assert peer_python() is None
    with pytest.raises(ModelError, match=r"not installed; run: python -m core\.benches\.autogluon_peer"):
        run_peer(separable(tmp_path), tmp_path, budget_s=10)


def test_half_installed_peer_counts_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))
    packages = autogluon_peer.environment_folder() / "lib" / "python3.11" / "site-packages"
    (packages / "autogluon_multimodal-1.6.3.dist-info").mkdir(parents=True)
    (autogluon_peer.environment_folder() / "bin").mkdir()
    (autogluon_peer.environment_folder() / "bin" / "python").touch()

    assert peer_python() is None
    (packages / "torch-2.14.1+cpu.dist-info").mkdir()
    assert peer_python() is not None


def test_sound_is_not_given_to_a_peer_without_ears(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reads no sound"):
        run_peer(load("esc10", shared_data), tmp_path, budget_s=10)


def test_table_is_read_by_the_model_that_was_asked_for(tmp_path: Path) -> None:
    each = separable(tmp_path)

    assert hyperparameters(each, tmp_path)["model.names"] == ["numerical_mlp", "categorical_mlp", "fusion_mlp"]
    assert hyperparameters(each, tmp_path, table_model="ft_transformer")["model.names"] == ["ft_transformer"]


def test_epochs_are_counted_by_two_validations_each() -> None:
    result = PeerResult("x", 0, 0, 60.0, {}, 50.0, None, ((20.0, 0.5), (40.0, 0.5), (60.0, 0.6)), 1.0, 8.0, 7.0, 1, 6.0, 9.0, 3)

    assert epochs_within(result, 85.0) == 2
    assert epochs_within(result, 10.0) == 1


@pytest.mark.slow
def test_peer_has_the_same_image_backbone_as_the_engine(tmp_path: Path) -> None:
    python = needs_peer()
    squares = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    squares[1] = 40
    squares[2, :, :112] = 250
    np.save(tmp_path / "squares.npy", squares, allow_pickle=False)

    run_measured([python, SCRIPTS / "timm_folder.py", "embed", image_backbone(python), tmp_path / "squares.npy", tmp_path / "pooled.npy"])

    ours, _ = ImageEncoder().glance(list(squares))
    theirs = np.load(tmp_path / "pooled.npy", allow_pickle=False)
    assert np.abs(ours).max() > 1
    np.testing.assert_allclose(theirs, ours, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_peer_runs_and_its_probabilities_are_in_the_order_of_the_classes(tmp_path: Path) -> None:
    needs_peer()
    each = separable(tmp_path)

    result = run_peer(each, tmp_path, budget_s=60, told={"optim.max_epochs": 12, "optim.lr": 0.01})

    assert each.classes == ("a little", "big")
    assert each.score(result.probabilities, each.splits[0].test).value > 0.9
    assert set(result.probabilities) == set(each.splits[0].test)
    assert result.time_to_first_step_s is not None
    assert 0 < result.time_to_first_step_s < result.wall_s
    assert result.curve[-1][1] > 0.9
    assert [seconds for seconds, _ in result.curve] == sorted(seconds for seconds, _ in result.curve)
    assert result.peak_memory_bytes > 200e6
    assert result.latency_ms > 0
    result.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["set_name"] == "separable"
