"""`trivium medical train`, `evaluate` and `draft --model`: from a table of real pictures to a draft that asked the model."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import cli

COUNT, HELD = 40, 10


@pytest.fixture(scope="module")
def studies(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, source = tmp_path_factory.mktemp("studies"), shared_data / "multimodal" / "busbra"
    with (source / "items.csv").open() as file:
        items = list(csv.DictReader(file))[: COUNT + HELD]
    for name, part in (("train.csv", items[:COUNT]), ("other.csv", items[COUNT:])):
        with (folder / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("study", "patient", "modality", "body_part", "taken", "findings", "symptoms"))
            for item in part:
                picture = Path(item["image"]).name
                shutil.copyfile(source / item["image"], folder / picture)
                finding = "malignant" if item["label"] == "malignant" else "none"
                writer.writerow((picture, item["group"], "US", "breast", "2020-01-01", finding, "a lump for 3 weeks"))
    return folder


def run(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), env={"TRIVIUM_DATA_FOLDER": str(data)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_a_table_of_studies_becomes_a_model_that_drafts_ask(studies: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    said = run(
        tmp_path,
        *("medical", "train", str(studies / "train.csv"), "--title", "breast-test", "--data", "40 pictures", "--out", str(model)),
        *("--preset", "quick", "--leave-words", "--alpha", "0.2", "--json"),
    )
    facts = json.loads(said)
    assert facts["findings"] == ["malignant"]
    assert (facts["modalities"], facts["body_parts"]) == (["US"], ["breast"])
    assert "case0" not in said  # no patient of the table

    figures = json.loads(run(tmp_path, "medical", "evaluate", str(model), str(studies / "other.csv"), "--json"))
    assert figures["studies"] == HELD
    assert {"malignant: auroc", "malignant: auroc, image alone"} <= set(figures["figures"])

    picture = sorted(studies.glob("c*.jpg"))[-1]
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(picture, alone / "film.jpg")
    (alone / "film.json").write_text(json.dumps({"modality": "US", "body_part": "breast", "patient_id": "X-1"}))
    (told,) = json.loads(run(tmp_path, "medical", "draft", str(alone), "--model", str(model), "--out", str(tmp_path / "out"), "--json"))
    assert [finding["name"] for finding in told["findings"]] == ["malignant"]
    assert told["checkpoint"] == "breast-test"
    assert "DRAFT" in Path(told["files"]["html"]).read_text("utf-8")

    (alone / "film.json").write_text(json.dumps({"modality": "CR", "body_part": "chest", "patient_id": "X-1"}))
    (other,) = json.loads(run(tmp_path, "medical", "draft", str(alone), "--model", str(model), "--json"))
    assert other["findings"] == []  # it was never shown such pictures
    assert "no findings model was asked" in other["missing"]


def test_a_place_that_cannot_be_read_costs_itself_and_exit_code_2(sample_data: Path, tmp_path: Path) -> None:
    (tmp_path / "no.dcm").write_text("nothing")
    arguments = ["medical", "draft", str(tmp_path / "no.dcm"), str(sample_data / "medical" / "study"), "--json"]

    done = CliRunner().invoke(cli, arguments, env={"TRIVIUM_DATA_FOLDER": str(tmp_path / "data")})

    assert done.exit_code == 2
    assert "place 1:" in done.stderr
    assert str(tmp_path) not in done.stderr
    assert len(json.loads(done.stdout)) == 1


def test_drafts_that_are_written_are_for_their_owner_alone(sample_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "drafts"
    run(tmp_path, "medical", "draft", str(sample_data / "medical" / "study"), "--out", str(out), "--format", "json", "--format", "html")

    assert [file.stat().st_mode & 0o777 for file in out.iterdir()] == [0o600, 0o600]


def test_a_folder_that_cannot_be_made_is_one_line(sample_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = ["medical", "draft", str(sample_data / "medical" / "study"), "--out", str(tmp_path / "file" / "drafts")]

    done = CliRunner().invoke(cli, arguments, env={"TRIVIUM_DATA_FOLDER": str(tmp_path / "data")})

    assert done.exit_code == 2
    assert "cannot be made" in done.stderr


def test_the_names_in_help_are_those_of_the_formats() -> None:
    from domains.medical.formats import FORMATS
    from pipelines.commands.medical import FORMAT_NAMES

    assert tuple(FORMATS) == FORMAT_NAMES
