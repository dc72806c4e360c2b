"""A study with its key images and record as one row of the findings table."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, TriviumError
from core.samples import ByteArray
from core.table.values import RowProblem
from domains.medical.findings.columns import MOST_IMAGES, Row
from domains.medical.findings.studies_table import LabelledStudy
from domains.medical.reading import Decoder, PictureDetails, key_images, read_study
from domains.medical.record import EntryKind, Record
from domains.medical.records import belongs, read_record, sentences, values
from domains.medical.study import KeyImage, Patient, Study

if TYPE_CHECKING:
    from domains.medical.deidentifying import WordFinder

SPOKEN = (EntryKind.HISTORY, EntryKind.SYMPTOM)
DIGITS = 16
Say = Callable[[str], None]


def row_of(
    study: Study,
    images: Sequence[KeyImage],
    record: Record | None,
    *,
    row_id: str,
    patient: str = "",
    findings: tuple[str, ...] | None = None,
) -> Row:
    """The row of a study.

    Args:
        study: as it was read.
        images: its key images; the first ones are used.
        record: all of it; what was not known when the study was taken is left out here.
        row_id: what the row is called; no identifier of a person.
        patient: what must not be split; no identifier of a person.
        findings: the true ones, where they are known.
    """
    at = study.taken_wall_s
    told = record or Record(Patient())
    return Row(
        id=row_id,
        images=tuple(image.rgb for image in images[:MOST_IMAGES]),
        study=tuple(dict.fromkeys(image.name for image in images[:MOST_IMAGES])),
        record=sentences(replace(told, entries=tuple(e for e in told.entries if e.kind not in SPOKEN)), at),
        history=spoken(told, EntryKind.HISTORY, at),
        symptoms=spoken(told, EntryKind.SYMPTOM, at),
        values={name: value for name, value in values(told, at).items() if value is not None},
        patient=patient,
        findings=findings,
        modality=study.modalities[0] if study.modalities else "",
        body_part=next((i.body_part for i in study.instances if i.body_part), ""),
    )


def prepare(
    studies: Sequence[LabelledStudy],
    *,
    timezone: str = "UTC",
    most_images: int = MOST_IMAGES,
    finder: WordFinder | None = None,
    say: Say = print,
) -> tuple[tuple[Row, ...], tuple[RowProblem, ...]]:
    """Read every study of a table. What cannot be read is left out and told by its line.

    Rows and patients are called by keyed hashes whose key is thrown away: nothing in them leads back to a person.

    Args:
        studies: as the table names them.
        timezone: of times that carry none.
        most_images: a study.
        finder: words in the pictures are blackened that it finds; None leaves them.
        say: told how far it has come.

    Raises:
        InputError: no study could be read.
    """
    key = secrets.token_bytes(32)
    rows: list[Row] = []
    problems: list[RowProblem] = []
    with Decoder() as decoder:
        for number, given in enumerate(studies, start=1):
            try:
                rows.append(_read(given, decoder, key, timezone, most_images, finder))
            except TriviumError as error:
                problems.append(RowProblem(given.line, "", str(error), is_row_left_out=True))
            if number % 20 == 0 or number == len(studies):
                say(f"{number} of {len(studies)} studies read")
    if not rows:
        raise InputError(f"no study of the table could be read; {problems[0]}")
    return tuple(rows), tuple(problems)


def _read(given: LabelledStudy, decoder: Decoder, key: bytes, timezone: str, most_images: int, finder: WordFinder | None) -> Row:
    with tempfile.TemporaryDirectory(prefix="trivium-study-") as scratch:
        study = _study(given, Path(scratch), timezone)
        texts = [text for text in (given.symptoms, given.history) if text]
        record = read_record(given.records, texts=texts, timezone=timezone) if given.records or texts else None
        if record is not None and record.patient != Patient():
            belongs(record, study)
        images = key_images(study, decoder, at_most=most_images).images
        if finder is not None:
            images = tuple(replace(image, rgb=_without_words(image.rgb, finder)) for image in images)
        told = given.told.get("patient") or f"{study.patient.issuer}\0{study.patient.id}"
        patient = _pseudonym(key, told) if told.strip("\0") else ""
        return row_of(study, images, record, row_id=_pseudonym(key, f"{given.line}"), patient=patient, findings=given.findings)


def _without_words(rgb: ByteArray, finder: WordFinder) -> ByteArray:
    """The picture with its words blackened."""
    covered, _ = finder.covering(rgb)
    shown = rgb.copy()
    shown[covered] = 0
    return shown


def _study(given: LabelledStudy, scratch: Path, timezone: str) -> Study:
    """The one study that all places of a row make."""
    picture = _picture(given)
    found: list[Study] = []
    for number, place in enumerate(given.places):
        folder = scratch / str(number)
        folder.mkdir()
        found += read_study(place, scratch=folder, timezone=timezone, picture=picture)
    if len({study.uid for study in found}) > 1 and picture is None:
        raise InputError(f"{len(found)} studies in one row; give each its own")
    first = found[0]
    if len(found) == 1:
        return first
    if any(study.patient != first.patient for study in found):
        raise InputError("the files of this row are of different patients")
    return replace(first, series=tuple(series for study in found for series in study.series))


def _picture(given: LabelledStudy) -> PictureDetails | None:
    """What the table says of plain pictures; None where it says nothing."""
    if "modality" not in given.told:
        return None
    try:
        taken = datetime.fromisoformat(given.told["taken"]) if "taken" in given.told else None
        return PictureDetails(
            modality=given.told["modality"],
            body_part=given.told.get("body_part", ""),
            view=given.told.get("view", ""),
            laterality=given.told.get("laterality", ""),  # type: ignore[arg-type]
            patient_id=given.told.get("patient", f"line {given.line}"),
            time=taken,
        )
    except ValueError as error:
        raise InputError("modality, view, laterality or taken cannot be used as written") from error


def spoken(record: Record, kind: EntryKind, at: float | None) -> str:
    """What a record tells of one kind alone, history or symptoms, as the model reads it."""
    return "; ".join(sentences(Record(Patient(), record.of(kind)), at))


def _pseudonym(key: bytes, told: str) -> str:
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()[:DIGITS]
