"""From judged findings to a draft report: each sentence rests on evidence, and what is not grounded is dropped and named.

Nothing here asks a model or reads a file. A study without a record, without symptoms or without a findings model is drafted all the
same, and the report says what was missing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from domains.medical.record import Entry, EntryKind, Record
from domains.medical.report import Checkpoint, DraftReport, Evidence, Finding, Region, Section, Subject
from domains.medical.reporting.finding_sentences import MAKER, MODEL, finding_lines, in_order, review_line, told_percent
from domains.medical.reporting.record_sentences import HISTORY, indication_lines, label, matters, measurements, not_told, value_lines
from domains.medical.reporting.study_sentences import STUDY, Earlier, comparison_lines, earlier_name, technique_lines
from domains.medical.reporting.telling import plain, settle, short
from domains.medical.study import KeyImage, Study

GIVEN = "given"
Box = tuple[float, float, float, float]
_ORDER = tuple(Section)


def compose(
    study: Study,
    images: Sequence[KeyImage],
    record: Record | None,
    history: Sequence[str],
    findings: Sequence[Finding],
    checkpoint: Checkpoint | None,
    *,
    made_wall_s: float,
    regions: Mapping[str, tuple[str, Box]] | None = None,
    earlier: Sequence[Earlier] = (),
    request: str = "",
    image_sha256: Mapping[str, str] | None = None,
    overlay_sha256: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    report_id: str | None = None,
) -> DraftReport:
    """Draft a report.

    Args:
        study: as it was read.
        images: its key images; their ids become ids of evidence.
        record: only what was known when the study was taken (`Record.known_at`), or None where none was given.
        history: symptoms and history, as somebody wrote them.
        findings: with calibrated probabilities; none where no model was asked.
        checkpoint: of the model that made them, or None.
        made_wall_s: Unix time of the draft.
        regions: finding name -> the key image's id and the box that the model looked at, 0 to 1.
        earlier: studies before this one.
        request: what was asked for; what the study says of itself where it is empty.
        image_sha256: key image's id -> stored PNG.
        overlay_sha256: finding name -> stored PNG with what the model looked at.
        zone: for dates that are told.
        report_id: 32 hexadecimal digits; a new one where none is given.

    Returns:
        The draft; sentences that did not pass the grounding check are named in `dropped`.
    """
    files, overlays = image_sha256 or {}, overlay_sha256 or {}
    held = tuple(text for text in map(plain, history) if text)
    pictures = {image.id: image for image in images}
    marks = _marks(findings, regions or {}, pictures, study, files, overlays)
    asked = _with_evidence(in_order(findings), marks, pictures)
    entries = record.entries if record is not None else ()
    entry_ids = {entry.id: f"record-{number}" for number, entry in enumerate(entries, 1)}
    earlier_ids = tuple(f"earlier-{number}" for number in range(1, len(earlier) + 1))
    telling = matters(record) if record is not None else ()
    evidence = (
        *(_picture(image, study, files) for image in images),
        *marks.values(),
        *_records({e.id: e for e in entries}.values(), entry_ids, zone),
        *(Evidence(id=f"{HISTORY}-{n}", kind="record", label=short(f"history as written: {text}", 400)) for n, text in enumerate(held, 1)),
        *(
            Evidence(id=i, kind="study", label=_earlier_label(e, zone), entry_id=e.entry_id)
            for i, e in zip(earlier_ids, earlier, strict=True)
        ),
        *_models(asked, checkpoint),
        Evidence(id=STUDY, kind="study", label="what the study says of itself"),
        Evidence(id=GIVEN, kind="study", label="what was given with the study"),
        Evidence(id=MAKER, kind="study", label="how this report was made"),
    )
    names = {mark.id: pictures[identity].name for mark, identity in _marked(marks, regions or {})}
    lines = [
        *indication_lines(held, request or study.description, record, entry_ids, GIVEN),
        *technique_lines(study, images),
        *comparison_lines(earlier, earlier_ids, zone),
        *finding_lines(asked, marks, names, was_asked=checkpoint is not None),
        *value_lines(telling, entry_ids),
        review_line(),
    ]
    lines.sort(key=lambda line: _ORDER.index(line.section))
    sentences, dropped = settle(lines, (e.id for e in evidence))
    return DraftReport(
        id=report_id or uuid.uuid4().hex,
        study_uid=study.uid,
        accession=study.accession,
        study_description=study.description,
        modalities=study.modalities,
        study_wall_s=study.taken_wall_s,
        series={s.uid: tuple(i.uid for i in s.instances) for s in study.series},
        class_uids={i.uid: i.class_uid for i in study.instances},
        subject=_subject(study),
        made_wall_s=made_wall_s,
        sentences=sentences,
        findings=asked,
        measurements=measurements(telling, entry_ids),
        evidence=evidence,
        used=_used(images, record, held, earlier),
        missing=_missing(study, images, record, held, findings, checkpoint, earlier),
        dropped=dropped,
        notices=(*study.notices, *((*record.problems, *not_told(record)) if record is not None else ())),
        checkpoint=checkpoint,
    )


def _subject(study: Study) -> Subject:
    patient = study.patient
    return Subject(patient_id=patient.id, issuer=patient.issuer, name=patient.name, birth_date=patient.birth_date, sex=patient.sex)


def _picture(image: KeyImage, study: Study, files: Mapping[str, str], **more: Any) -> Evidence:
    shown = next((i for i in study.instances if i.uid == image.instance_uid), None)
    size = {} if shown is None else {"rows": shown.rows, "columns": shown.columns}
    region = {} if image.region is None else {"region": _region(image.region)}
    values = {"id": image.id, "label": image.name, "image_sha256": files.get(image.id, ""), **region, **size, **more}
    return Evidence(kind="picture", instance_uid=image.instance_uid, frame=image.frame, **values)


def _marks(
    findings: Sequence[Finding],
    regions: Mapping[str, tuple[str, Box]],
    pictures: Mapping[str, KeyImage],
    study: Study,
    files: Mapping[str, str],
    overlays: Mapping[str, str],
) -> dict[str, Evidence]:
    """Finding name -> what the model looked at for it."""
    marks: dict[str, Evidence] = {}
    for number, finding in enumerate(findings, 1):
        image_id, box = regions.get(finding.name, ("", (0.0, 0.0, 1.0, 1.0)))
        if image_id not in pictures:
            continue
        image = pictures[image_id]
        what = {"id": f"{image.id}-mark-{number}", "label": short(f"what the model looked at for {finding.name}, {image.name}", 400)}
        overlay = overlays.get(finding.name, "")
        marks[finding.name] = _picture(image, study, files, region=_region(box), overlay_sha256=overlay, **what)
    return marks


def _marked(marks: Mapping[str, Evidence], regions: Mapping[str, tuple[str, Box]]) -> list[tuple[Evidence, str]]:
    return [(mark, regions[name][0]) for name, mark in marks.items()]


def _region(box: Box) -> Region:
    x1, y1, x2, y2 = (min(max(edge, 0.0), 1.0) for edge in box)
    return Region(x1=min(x1, x2), y1=min(y1, y2), x2=max(x1, x2), y2=max(y1, y2))


def _with_evidence(findings: Sequence[Finding], marks: Mapping[str, Evidence], pictures: Mapping[str, KeyImage]) -> tuple[Finding, ...]:
    """Each with what the model said of it, the pictures it names and its mark."""
    told: list[Finding] = []
    for number, finding in enumerate(findings, 1):
        known = (identity for identity in finding.evidence if identity in pictures)
        mark = (marks[finding.name].id,) if finding.name in marks else ()
        told.append(finding.model_copy(update={"evidence": tuple(dict.fromkeys((f"{MODEL}-{number}", *known, *mark)))}))
    return tuple(told)


def _models(findings: Sequence[Finding], checkpoint: Checkpoint | None) -> list[Evidence]:
    said = [
        Evidence(id=f"{MODEL}-{n}", kind="model", label=short(f"{f.name}: probability {told_percent(f.probability):g} %", 400))
        for n, f in enumerate(findings, 1)
    ]
    if checkpoint is not None:
        said.append(Evidence(id=MODEL, kind="model", label=short(f"checkpoint {checkpoint.name}", 400)))
    return said


def _records(entries: Iterable[Entry], ids: Mapping[str, str], zone: tzinfo) -> list[Evidence]:
    return [Evidence(id=ids[e.id], kind="record", label=label(e, zone), entry_id=e.id) for e in entries]


def _earlier_label(earlier: Earlier, zone: tzinfo) -> str:
    return f"earlier study: {earlier_name(earlier, zone)}"


def _used(images: Sequence[KeyImage], record: Record | None, history: Sequence[str], earlier: Sequence[Earlier]) -> tuple[str, ...]:
    used = [image.name for image in images]
    if record is not None and record.entries:
        kinds: dict[str, int] = {}
        for entry in record.entries:
            kinds[str(entry.kind)] = kinds.get(str(entry.kind), 0) + 1
        used.append("record: " + ", ".join(f"{number} {kind}" for kind, number in kinds.items()))
    if history:
        used.append("symptoms and history as written")
    if earlier:
        used.append(f"names of {len(earlier)} earlier studies" if len(earlier) > 1 else "name of 1 earlier study")
    return tuple(used)


def _missing(
    study: Study,
    images: Sequence[KeyImage],
    record: Record | None,
    history: Sequence[str],
    findings: Sequence[Finding],
    checkpoint: Checkpoint | None,
    earlier: Sequence[Earlier],
) -> tuple[str, ...]:
    has_words = bool(history) or (record is not None and bool(record.of(EntryKind.SYMPTOM, EntryKind.HISTORY)))
    absent = {
        "no pictures were given": not images,
        "no record was given": record is None,
        "the record that was given has no entry that could be used": record is not None and not record.entries,
        "no symptoms or history were given": not has_words,
        "no earlier study was given": not earlier,
        "the study says no time": study.taken_wall_s is None,
        "no findings model was asked": checkpoint is None and not findings,
        "the findings model gave no answer": checkpoint is not None and not findings,
    }
    return tuple(text for text, is_absent in absent.items() if is_absent)
