"""What is said of the study itself: how it was taken, and what there is to compare it with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np

from core.language.facts import Fact
from domains.medical.record import EntryKind, Record
from domains.medical.report import Section
from domains.medical.reporting.telling import Line, day, fact, short
from domains.medical.study import Instance, KeyImage, Series, Study

STUDY = "study"
MOST_LINES = 8
MOST_EARLIER = 10
PLANES = ("sagittal", "coronal", "axial")  # by the axis of the patient that the normal is nearest to
_FILMS = frozenset({"CR", "DX", "RG", "MG", "IO", "PX"})
_SECTIONS = frozenset({"CT", "MR", "PT", "NM"})
_NAMES = {
    "CR": "film",
    "DX": "film",
    "CT": "CT",
    "MR": "MR",
    "PT": "PET",
    "NM": "scintigraphy",
    "US": "ultrasound",
    "XA": "angiography",
    "SC": "secondary capture",
    "OT": "picture",
}
_SIDES = {"L": "left", "R": "right", "B": "bilateral"}
_SIDE_WORDS = {"L": "left side", "R": "right side", "B": "both sides"}
_WINDOW = re.compile(r"([a-z][a-z -]{0,30}) window\b")


@dataclass(frozen=True, slots=True)
class Earlier:
    """A study that was taken before, or its report.

    Attributes:
        modality: `CT`, `DX`..., or empty where only the description says it.
        taken_wall_s: Unix time, or None.
        description: in plain words, such as `chest film`, or empty.
        entry_id: of the record, where it is known from there.
    """

    modality: str
    taken_wall_s: float | None = None
    description: str = field(default="", repr=False)
    entry_id: str = ""


def technique_lines(study: Study, images: Sequence[KeyImage]) -> list[Line]:
    """How the study was taken, a sentence a series or a kind of film."""
    lines: dict[str, Line] = {}
    for series in study.series:
        pictures = tuple(i for i in series.instances if i.has_pixels)
        shown = tuple(image for image in images if image.instance_uid in {i.uid for i in pictures})
        made = [_film(i, shown) for i in pictures] if series.modality in _FILMS else [_block(series, pictures, shown)] if pictures else []
        for line in made:
            known = lines.setdefault(line.text, line)
            lines[line.text] = _resting_on(known, line.evidence)
    if not lines:
        none = Fact("none", "pictures", "state", "given", negated=True)
        return [Line(Section.TECHNIQUE, "No pictures were given.", (none,), (STUDY,))]
    return list(lines.values())[:MOST_LINES]


def comparison_lines(earlier: Sequence[Earlier], ids: Sequence[str], zone: tzinfo) -> list[Line]:
    """What there is to compare with.

    Args:
        earlier: studies before this one.
        ids: of the evidence of each.
        zone: for dates.
    """
    if not earlier:
        none = Fact("none", "earlier study", negated=True)
        return [Line(Section.COMPARISON, "No earlier study was given.", (none,), (STUDY,))]
    lines: list[Line] = []
    for study, identity in list(zip(earlier, ids, strict=True))[:MOST_EARLIER]:
        named = earlier_name(study, zone)
        told = fact("earlier", "earlier study", "kind", named, is_patient_data=True)
        lines.append(Line(Section.COMPARISON, f"Earlier study: {named}.", (told,), (identity,)))
    use = fact("use", "earlier studies", "use", "named here and not compared by the software")
    return [
        *lines,
        Line(Section.COMPARISON, "Earlier studies are named here and not compared by the software.", (use,), tuple(ids[: len(lines)])),
    ]


def earlier_name(study: Earlier, zone: tzinfo) -> str:
    """`CT of 2026-03-02, chest with contrast`, as much of it as is known."""
    known = _NAMES.get(study.modality, study.modality)
    name = known or study.description or "modality not stated"
    dated = f"{name} of {day(study.taken_wall_s, zone)}" if study.taken_wall_s is not None else f"{name}, date not stated"
    return short(f"{dated}, {study.description}" if known and study.description else dated, 120)


def earlier_of(record: Record) -> tuple[Earlier, ...]:
    """The earlier reports that a record has."""
    return tuple(Earlier("", entry.at_wall_s, entry.name, entry.id) for entry in record.of(EntryKind.REPORT))


def _film(instance: Instance, images: Sequence[KeyImage]) -> Line:
    evidence = tuple(image.id for image in images if image.instance_uid == instance.uid) or (STUDY,)
    subject = short(f"{instance.body_part} film" if instance.body_part else "film", 60)
    side = frozenset({_SIDES[instance.laterality]}) if instance.laterality in _SIDES else frozenset()
    view = short(instance.view, 20)
    words = [_capital(subject), *([f"{view} view"] if view else []), *([_SIDE_WORDS[instance.laterality]] if side else [])]
    told = Fact("film", subject, "view", view, laterality=side) if view else Fact("film", subject, laterality=side)
    plainly = Line(Section.TECHNIQUE, "Film.", (Fact("film", "film"),), evidence)
    return Line(Section.TECHNIQUE, ", ".join(words) + ".", (told,), evidence, otherwise=plainly)


def _block(series: Series, instances: Sequence[Instance], images: Sequence[KeyImage]) -> Line:
    """A series of slices, loops or pictures in one sentence."""
    name = _NAMES.get(series.modality, short(series.modality, 20) or "picture")
    part = short(next((i.body_part for i in instances if i.body_part), ""), 60)
    subject = f"{name} of the {part}" if part else name
    facts = [Fact("kind", subject)]
    words = [_capital(subject)]
    plane = _plane(instances) if series.modality in _SECTIONS else ""
    what = f"{plane} slice" if plane else "image"
    facts.append(fact("count", what, "count", float(len(instances))))
    words.append(f"{len(instances)} {what}{'' if len(instances) == 1 else 's'}")
    if plane and (apart_mm := _apart_mm(instances)) is not None:
        facts.append(fact("apart", what, "apart", apart_mm, "mm"))
        words.append(f"{apart_mm:.1f} mm apart")
    frames = sum(i.frames for i in instances)
    if frames > len(instances):
        facts.append(fact("frames", "frame", "count", float(frames)))
        words.append(f"{frames} frames")
    evidence = tuple(image.id for image in images) or (STUDY,)
    text = ", ".join(words)
    plainly = Line(Section.TECHNIQUE, f"{_capital(name)}.", (Fact("kind", name),), evidence)
    if windows := _windows(images):
        facts.append(fact("windows", "window", "kind", windows))
        text += f"; {windows} window{'s' if ' and ' in windows or ',' in windows else ''}"
    return Line(Section.TECHNIQUE, text + ".", tuple(facts), evidence, otherwise=plainly)


def _windows(images: Sequence[KeyImage]) -> str:
    names = list(dict.fromkeys(found[1].strip() for image in images if (found := _WINDOW.search(image.name))))
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _plane(instances: Sequence[Instance]) -> str:
    """The plane of the slices, or empty where the files do not say."""
    geometry = instances[0].geometry if instances else None
    if geometry is None:
        return ""
    normal = np.cross(geometry.row_cosines, geometry.column_cosines)
    return PLANES[int(np.argmax(np.abs(normal)))]


def _apart_mm(instances: Sequence[Instance]) -> float | None:
    """The distance from one slice to the next, to a tenth of a millimetre, or None where slices do not lie one behind the other."""
    placed = [i.geometry for i in instances if i.geometry is not None]
    if len(placed) < 2:
        return None
    normal = np.cross(placed[0].row_cosines, placed[0].column_cosines)
    along = np.sort(np.array([g.position_mm for g in placed]) @ normal)
    apart_mm = round(float(np.median(np.diff(along))), 1)
    return apart_mm if apart_mm > 0 else None


def _resting_on(line: Line, evidence: tuple[str, ...]) -> Line:
    together = tuple(dict.fromkeys((*line.evidence, *evidence)))
    otherwise = None if line.otherwise is None else _resting_on(line.otherwise, evidence)
    return Line(line.section, line.text, line.facts, together, line.quote, line.source, otherwise)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
