"""A findings model: trained by patient, saved whole, loaded elsewhere with the same answers, honest where it knows little."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError, ModelError
from core.label_learning.options import LabelOptions
from core.samples import Modality
from domains.medical.findings.columns import Row, as_table, padded
from domains.medical.findings.folder import FindingsModel, coded, shown
from domains.medical.findings.learning import Lesson, finding_names, train_findings
from domains.medical.findings.regions import Region, box_of, regions

COUNT = 48
QUICK = LabelOptions(preset="quick", epochs=2)


def row(number: int, findings: tuple[str, ...] | None = (), patient: str = "") -> Row:
    rng = np.random.default_rng(number)
    return Row(f"s{number}", (rng.integers(0, 255, (40, 60, 3), np.uint8),), patient=patient or f"p{number}", findings=findings)


@pytest.fixture(scope="module")
def ultrasound(shared_data: Path) -> list[Row]:
    folder = shared_data / "multimodal" / "busbra"
    with (folder / "items.csv").open() as file:
        items = list(csv.DictReader(file))[:COUNT]
    return [
        Row(
            item["id"],
            (np.array(Image.open(folder / item["image"]).convert("RGB")),),
            study=("breast ultrasound",),
            values={name: float(item[name]) for name in ("box_tall", "box_area", "box_h")},
            patient=item["group"],
            findings=tuple(
                n for n, is_so in (("malignant", item["label"] == "malignant"), ("tall", float(item["box_tall"]) > 0.7)) if is_so
            ),
        )
        for item in items
    ]


@pytest.fixture(scope="module")
def model(ultrasound: list[Row], tmp_path_factory: pytest.TempPathFactory) -> FindingsModel:
    lesson = Lesson(
        "breast-test", "48 ultrasound pictures", options=QUICK, alpha=0.2, codes={"malignant": "SCT:86049000:malignant neoplasm"}
    )
    return train_findings(ultrasound, tmp_path_factory.mktemp("findings") / "model", lesson, say=lambda _: None)


def test_pictures_keep_their_whole_width_for_the_encoder() -> None:
    wide = np.full((30, 70, 3), 200, np.uint8)

    square = padded(wide)

    assert square.shape == (70, 70, 3)
    assert (square[20:50] == 200).all()
    assert (square[:20] == 0).all()


def test_a_table_of_studies_names_what_they_hold(tmp_path: Path) -> None:
    rows = [
        row(1, ("cyst",)),
        Row("s2", symptoms="cough for 5 days", values={"temperature_degc": 38.4, "sex": "F"}, patient="p2", findings=()),
    ]

    table = as_table(rows, tmp_path)

    assert {c.name: c.kind.value for c in table.columns} == {
        "image_1": "image",
        "symptoms": "text",
        "sex": "category",
        "temperature_degc": "number",
        "id": "id",
        "patient": "group",
        "findings": "label",
    }
    assert table.groups == ("p1", "p2")
    assert table.rows[1]["image_1"] is None


def test_nothing_of_a_person_is_printed() -> None:
    assert "Kim" not in repr(Row("s1", record=("Kim has a cough",), history="Kim", symptoms="Kim", values={"name": "Kim"}))


def test_a_finding_that_everyone_or_nobody_has_cannot_be_learned() -> None:
    with pytest.raises(InputError, match="no study has a finding"):
        finding_names([row(1), row(2)])
    with pytest.raises(InputError, match="every study has the finding 'cyst'"):
        finding_names([row(1, ("cyst",)), row(2, ("cyst", "mass"))])


@pytest.mark.slow
def test_a_model_is_tested_on_patients_it_never_saw(model: FindingsModel, ultrasound: list[Row]) -> None:
    facts = model.facts

    assert facts.findings == ("malignant", "tall")
    assert facts.studies + facts.tested == COUNT
    assert facts.patients == facts.studies
    assert {"malignant: auroc", "malignant: auroc low", "calibration error", "area under risk-coverage"} <= set(facts.figures)


@pytest.mark.slow
def test_findings_carry_their_thresholds_and_what_they_rest_on(model: FindingsModel, ultrasound: list[Row]) -> None:
    found = {finding.name: finding for finding in model.judge(ultrasound[0])}

    assert set(found) == {"malignant", "tall"}
    assert found["malignant"].code == coded("SCT:86049000:malignant neoplasm")
    for name, finding in found.items():
        assert finding.status is model.facts.thresholds[name].status(finding.probability)
        assert sum(finding.contributions.values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_any_part_of_a_study_may_be_missing(model: FindingsModel, ultrasound: list[Row]) -> None:
    whole, picture, record = (model.judge(shown(ultrasound[3], part)) for part in ("both", "image", "record"))

    assert {len(whole), len(picture), len(record)} == {2}
    assert set(record[0].contributions) == {Modality.TABULAR}
    assert set(picture[0].contributions) == {Modality.IMAGE, Modality.TEXT}
    assert model.judge(Row("nothing", study=("breast ultrasound",)))[0].probability == pytest.approx(0.5, abs=0.5)


@pytest.mark.slow
def test_another_process_gives_the_same_answers(
    model: FindingsModel, ultrasound: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = next(tmp_path_factory.getbasetemp().glob("findings*")) / "model"
    picture = tmp_path_factory.mktemp("other") / "picture.npy"
    np.save(picture, ultrasound[5].images[0])
    code = (
        "import json, sys, numpy as np; from pathlib import Path\n"
        "from domains.medical.findings.columns import Row; from domains.medical.findings.folder import FindingsModel\n"
        "model = FindingsModel.load(Path(sys.argv[1]))\n"
        "print(json.dumps([f.probability for f in model.judge(Row('x', (np.load(sys.argv[2]),)))]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(picture)], capture_output=True, text=True, timeout=120, check=True)

    here = [f.probability for f in model.judge(Row("x", ultrasound[5].images))]
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(here, abs=1e-5)


@pytest.mark.slow
def test_a_changed_folder_and_another_kind_of_folder_are_refused(model: FindingsModel, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(tmp_path_factory.getbasetemp().glob("findings*")) / "model"
    with pytest.raises(ModelError, match="no findings model"):
        FindingsModel.load(folder / "model")
    facts = folder / "findings.json"
    before = facts.read_text()
    facts.write_text(before.replace("breast-test", "breast-best"))
    with pytest.raises(ModelError, match="damaged or was changed"):
        FindingsModel.load(folder)
    facts.write_text(before)


@pytest.mark.slow
def test_regions_lie_within_the_picture(model: FindingsModel, ultrasound: list[Row]) -> None:
    study = ultrasound[0]
    found = regions(model, model.encode(study), (study.images[0].shape[:2],))

    for region in found.values():
        assert region.heat.shape == (7, 7)
        assert region.heat.max() == pytest.approx(1)
        x1, y1, x2, y2 = region.box
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1


def test_heat_is_told_over_the_picture_without_its_padding() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[3, 6] = 1
    over = Region(0, heat, (0.0, 0.0, 1.0, 1.0), 0.1).over(35, 70)

    assert over.shape == (28, 56)
    row, column = np.unravel_index(over.argmax(), over.shape)
    assert abs(row - 13.5) <= 1
    assert column >= 50


def test_a_box_is_told_in_the_picture_not_in_the_padding() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[3, 6] = 1  # right edge, middle row
    x1, y1, x2, y2 = box_of(heat, height=35, width=70)

    assert (x1, x2) == (pytest.approx(6 / 7), 1.0)
    assert y1 == pytest.approx((3 / 7 * 70 - 17.5) / 35)
    assert y2 == pytest.approx((4 / 7 * 70 - 17.5) / 35)
