"""A place becomes studies: files are described one by one, a bad one costs only itself, and what belongs together is put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import ConfigError, InputError
from domains.medical.reading.bounded import data_set_sha256
from domains.medical.reading.bounds import DEFAULT_BOUNDS, Bounds
from domains.medical.reading.geometry import normal_of
from domains.medical.reading.instances import Described, describe_dicom
from domains.medical.reading.pictures import PictureDetails, describe_picture, details_beside
from domains.medical.reading.places import Kind, files_at
from domains.medical.study import Instance, Patient, Series, Study

NAMED_FILES = 5  # how many numbers of files a notice gives


def read_study(
    location: str | Path,
    *,
    scratch: Path,
    timezone: str = "UTC",
    picture: PictureDetails | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> tuple[Study, ...]:
    """Read the headers of all that lies at a place.

    Args:
        location: a DICOM file, a PNG or JPEG, a folder (with all below it), or a ZIP.
        scratch: an existing folder for what is unpacked; keep it as long as the studies' pixels are wanted, then remove it.
        timezone: of times that carry no offset, such as `Europe/Berlin`.
        picture: what holds for pictures that have no `.json` of their own beside them.
        bounds: what is refused beyond.

    Returns:
        Each study once, by time. Files that cannot be used are in its notices, by their number in the order of names.

    Raises:
        InputError: nothing there can be read, or one study names several patients. No identifier and no path is in the message.
        ConfigError: there is no such time zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"there is no time zone {timezone[:64]!r}: write one such as Europe/Berlin") from None
    found = files_at(Path(location), scratch, bounds)
    described: list[Described] = []
    problems: dict[str, list[int]] = defaultdict(list)
    for number, (path, kind) in enumerate(found.files, start=1):
        try:
            one = _describe(path, kind, zone, picture, bounds)
            described += [one] if one else []
        except InputError as error:
            problems[str(error)].append(number)
        except OSError as error:
            problems[f"it cannot be read ({error.strerror})"].append(number)
    left_out = (*found.notices, *(_say(words, numbers, len(found.files)) for words, numbers in problems.items()))
    if not described:
        why = "; ".join(left_out) or "there is no DICOM file and no picture"
        raise InputError(f"the place given holds no study that can be read: {why}")
    if found.others:
        left_out = (*left_out, f"{found.others} file(s) are neither DICOM nor pictures")
    by_study: dict[str, list[Described]] = defaultdict(list)
    for one in described:
        by_study[one.study_uid].append(one)
    studies = [_study(members, left_out, bounds) for members in by_study.values()]
    return tuple(sorted(studies, key=lambda s: (s.taken_wall_s is None, s.taken_wall_s or 0.0, s.uid)))


def _describe(path: Path, kind: Kind, zone: tzinfo, picture: PictureDetails | None, bounds: Bounds) -> Described | None:
    if kind is Kind.DICOM:
        return describe_dicom(path, zone, bounds)
    details = details_beside(path) or picture
    if details is None:
        raise InputError("a picture says nothing of itself; write picture.json beside picture.png with its modality and patient_id")
    return describe_picture(path, details, zone, bounds)


def _study(members: Sequence[Described], notices: Iterable[str], bounds: Bounds) -> Study:
    """One study of its instances.

    Raises:
        InputError: they name several patients.
    """
    patient, said = _one_patient(members)
    kept, doubled = _without_copies(members, bounds)
    by_series: dict[str, list[Described]] = defaultdict(list)
    for one in kept:
        by_series[one.series_uid].append(one)
    first = members[0]
    return Study(
        uid=first.study_uid,
        patient=patient,
        taken_wall_s=min((m.taken_wall_s for m in members if m.taken_wall_s is not None), default=None),
        description=next((m.study_description for m in members if m.study_description), ""),
        accession=next((m.accession for m in members if m.accession), ""),
        series=tuple(_series(uid, those) for uid, those in by_series.items()),
        notices=tuple(dict.fromkeys((*notices, *said, *doubled, *(n for m in kept for n in m.notices)))),
    )


def _series(uid: str, members: Sequence[Described]) -> Series:
    instances = sorted((m.instance for m in members), key=_place)
    return Series(
        uid=uid,
        modality=instances[0].modality,
        description=next((m.series_description for m in members if m.series_description), ""),
        instances=tuple(instances),
    )


def _place(instance: Instance) -> tuple[bool, float, bool, int, str, str]:
    """By geometry where there is one, else by number, else by uid."""
    along = 0.0
    if instance.geometry:
        normal = normal_of(instance.geometry)
        along = round(sum(a * b for a, b in zip(normal, instance.geometry.position_mm, strict=True)), 3)
    return instance.geometry is None, along, instance.number is None, instance.number or 0, instance.uid, instance.sha256


def _one_patient(members: Sequence[Described]) -> tuple[Patient, tuple[str, ...]]:
    """The patient that all name. An empty id is no other patient, but another id, issuer or birth date is.

    Raises:
        InputError: they name several.
    """
    patients = [m.patient for m in members]
    for what, values in (
        ("patient ids", {p.id for p in patients}),
        ("issuers of patient ids", {p.issuer for p in patients}),
        ("birth dates", {p.birth_date for p in patients}),
    ):
        if len(values - {""}) > 1:
            raise InputError(f"a study's files name several patients ({len(values - {''})} different {what}): separate them and read again")
    names = {p.name.casefold() for p in patients} - {""}
    if any(not p.id for p in patients) and len(names) > 1:
        raise InputError(
            f"a study's files name several patients ({len(names)} different names, some without an id): separate them and read again"
        )
    fullest = max(patients, key=lambda p: (bool(p.id), bool(p.birth_date), bool(p.name), bool(p.sex), bool(p.issuer)))
    return fullest, (("the patient's name is not written alike in all files",) if len(names) > 1 else ())


def _without_copies(members: Sequence[Described], bounds: Bounds) -> tuple[list[Described], list[str]]:
    """Copies of one file once; the same UID with another content is kept as well, and said."""
    by_uid: dict[str, list[Described]] = defaultdict(list)
    for one in members:
        by_uid[one.instance.uid].append(one)
    kept: list[Described] = []
    several = 0
    for those in by_uid.values():
        different = list({one.instance.sha256: one for one in those}.values())
        if len(different) > 1:
            different = list({_content(one.instance, bounds): one for one in reversed(different)}.values())[::-1]
        several += len(different) > 1
        kept += different
    notice = f"{several} SOP instance UID(s) stand for files of different content; all of them are kept"
    return kept, [notice] if several else []


def _content(instance: Instance, bounds: Bounds) -> str:
    """Of the data set without its file meta, which says only who sent it."""
    try:
        return data_set_sha256(instance.path, bounds)
    except InputError:
        return instance.sha256


def _say(words: str, numbers: Sequence[int], count: int) -> str:
    if count == 1:
        return words
    which = ", ".join(map(str, numbers[:NAMED_FILES])) + (", ..." if len(numbers) > NAMED_FILES else "")
    return f"{len(numbers)} of {count} files left out (number {which} in the order of names): {words}"
