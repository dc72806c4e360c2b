"""A table of labelled studies, as a person writes it: where each study and its record lie, what was said, what was found.

Columns: `study` (a DICOM file, folder or ZIP, or pictures with a `.json` beside them; several separated by `;`), `record` (FHIR or CSV
files, several separated by `;`), `history`, `symptoms` (words), `findings` (separated by `|`; `none` where it was looked at and nothing
found; empty where nobody said), and, where files say nothing of it, `patient`, `taken` (ISO time), `modality`, `body_part`, `view`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError
from core.table.media_paths import find_media
from core.table.reading import read_table, recast
from core.table.values import ColumnKind, RowProblem
from domains.medical.findings.columns import FINDINGS, HISTORY, PATIENT, RECORD, STUDY, SYMPTOMS

NONE = frozenset({"none", "normal", "no finding"})
SEPARATOR, PLACES = "|", ";"
TOLD = (PATIENT, "taken", "modality", "body_part", "view", "laterality")
COLUMNS = (STUDY, RECORD, HISTORY, SYMPTOMS, FINDINGS, *TOLD)
MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class LabelledStudy:
    """One row.

    Attributes:
        line: in the table.
        places: of the study's files.
        records: of the record's files.
        history, symptoms: free text.
        told: what the table says of a study whose files say nothing: `patient`, `taken`, `modality`, `body_part`, `view`.
        findings: the true ones, or None where nobody said.
    """

    line: int
    places: tuple[Path, ...]
    records: tuple[Path, ...] = ()
    history: str = field(default="", repr=False)
    symptoms: str = field(default="", repr=False)
    told: Mapping[str, str] = field(default_factory=dict, repr=False)
    findings: tuple[str, ...] | None = None


def read_studies_table(path: Path) -> tuple[tuple[LabelledStudy, ...], tuple[RowProblem, ...]]:
    """The rows that can be used, and why others cannot.

    Raises:
        InputError: it is no table, has no column `study`, or no row that can be used.
    """
    read = read_table(path)
    header = [column.name for column in read.columns]
    if STUDY not in header:
        raise InputError(f"{path.name}: there is no column {STUDY!r}; it has: {', '.join(header)[:300]}")
    table = recast(read, {name: ColumnKind.CATEGORY for name in header if name in COLUMNS})
    rows: list[LabelledStudy] = []
    problems = list(table.problems)
    for cells, line in zip(table.rows, table.lines, strict=True):
        given = {name: str(value).strip() for name, value in cells.items() if name in COLUMNS and value is not None}
        try:
            rows.append(_row(table.root, line, given))
        except InputError as error:
            problems.append(RowProblem(line, "", str(error), is_row_left_out=True))
    if not rows:
        raise InputError(f"{path.name}: no row can be used; {problems[0] if problems else 'there is only a header'}")
    return tuple(rows), tuple(problems)


def _row(root: Path, line: int, given: Mapping[str, str]) -> LabelledStudy:
    places = tuple(_place(root, place) for place in _parts(given.get(STUDY, ""), PLACES))
    if not places:
        raise InputError("no study is named")
    records = tuple(_place(root, place) for place in _parts(given.get(RECORD, ""), PLACES))
    told = {name: given[name] for name in TOLD if given.get(name)}
    return LabelledStudy(line, places, records, given.get(HISTORY, ""), given.get(SYMPTOMS, ""), told, _findings(given.get(FINDINGS)))


def _place(root: Path, given: str) -> Path:
    """A file or folder inside the table's own folder."""
    place = (root / given).resolve()
    if place.is_dir() and place.is_relative_to(root.resolve()):
        return place
    return find_media(root, given)


def _parts(cell: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(separator) if part.strip())


def _findings(cell: str | None) -> tuple[str, ...] | None:
    if cell is None or not cell:
        return None
    parts = tuple(dict.fromkeys(part.casefold() for part in _parts(cell, SEPARATOR)))
    if len(parts) > MOST_FINDINGS:
        raise InputError(f"{len(parts)} findings, more than {MOST_FINDINGS}")
    if any(part in NONE for part in parts):
        if len(parts) > 1:
            raise InputError(f"the findings {cell[:60]!r} name some and none; say one or the other")
        return ()
    return parts
