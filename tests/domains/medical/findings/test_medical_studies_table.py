"""A person's table of labelled studies: rows that can be used are, the others are told by their lines, nothing outside is read."""

from pathlib import Path

import pytest

from core.errors import InputError
from domains.medical.findings.studies_table import read_studies_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "case1").mkdir()
    (tmp_path / "case1" / "a.dcm").touch()
    for name in ("b.dcm", "record.json", "labs.csv"):
        (tmp_path / name).touch()
    return tmp_path


def table(folder: Path, *rows: str) -> Path:
    path = folder / "studies.csv"
    path.write_text("study,record,symptoms,findings,patient\n" + "\n".join(rows) + "\n", "utf-8")
    return path


def test_a_row_names_its_study_its_record_and_its_findings(folder: Path) -> None:
    (row,), problems = read_studies_table(table(folder, "case1;b.dcm,record.json; labs.csv,cough,Effusion | mass,7"))

    assert problems == ()
    assert [place.name for place in row.places] == ["case1", "b.dcm"]
    assert [place.name for place in row.records] == ["record.json", "labs.csv"]
    assert (row.symptoms, row.findings, dict(row.told), row.line) == ("cough", ("effusion", "mass"), {"patient": "7"}, 2)


def test_nothing_found_and_nobody_looked_are_told_apart(folder: Path) -> None:
    rows, _ = read_studies_table(table(folder, "b.dcm,,,none,", "b.dcm,,,,"))

    assert [row.findings for row in rows] == [(), None]


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "http://example.org/x.dcm", "gone.dcm", ""])
def test_a_study_outside_the_folder_or_not_there_costs_its_row_alone(folder: Path, place: str) -> None:
    rows, problems = read_studies_table(table(folder, "b.dcm,,,none,", f"{place},,,none,"))

    assert len(rows) == 1
    assert [problem.line for problem in problems] == [3]


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (folder / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))

    with pytest.raises(InputError, match="no row can be used"):
        read_studies_table(table(folder, "link,,,none,"))


def test_some_and_none_at_once_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="name some and none"):
        read_studies_table(table(folder, "b.dcm,,,none | mass,"))


def test_a_table_without_studies_says_what_it_has(folder: Path) -> None:
    path = folder / "other.csv"
    path.write_text("film,age\nx,3\n")

    with pytest.raises(InputError, match="no column 'study'; it has: film, age"):
        read_studies_table(path)
