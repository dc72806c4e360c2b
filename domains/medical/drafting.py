"""From a study to a draft report with its pictures: read, ask the model, say where it looked, compose.

State lives in two places: the decoder's worker process, and the models once they are loaded.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.errors import InputError, ModelError
from core.store.report_values import ReportFile
from domains.medical.config import MedicalSettings
from domains.medical.findings.columns import MOST_IMAGES, Row
from domains.medical.reading import Decoder, PictureDetails, key_images, read_study
from domains.medical.record import Record
from domains.medical.records import belongs, read_record
from domains.medical.report import DraftReport, Finding, Status
from domains.medical.reporting.composing import compose
from domains.medical.reporting.overlay import overlay, png
from domains.medical.study import KeyImage, Patient, Study

if TYPE_CHECKING:
    from domains.medical.findings.folder import FindingsModel
    from domains.medical.findings.regions import Region

log = logging.getLogger(__name__)

MOST_OVERLAYS = 8
MOST_RECORDS = 10_000  # files of a folder that are looked at
PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft with the files that it points at.

    Attributes:
        report: the draft.
        files: key images and overlays; named in the report by the hash of their content.
        seconds: what each step took.
        contents: of these files, by hash.
    """

    report: DraftReport
    files: tuple[ReportFile, ...] = field(repr=False)
    seconds: Mapping[str, float]
    contents: Mapping[str, bytes] = field(repr=False)

    def file(self, sha256: str) -> bytes:
        """The content of one of its files.

        Raises:
            KeyError: there is none of this hash.
        """
        return self.contents[sha256]


class Drafting:
    """Drafts reports of studies; models are loaded when the first study needs them."""

    def __init__(self, settings: MedicalSettings, *, decoder: Decoder | None = None, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._decoder = decoder or Decoder()
        self._now = now
        self._models: tuple[FindingsModel, ...] | None = None

    def __enter__(self) -> Drafting:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder's process."""
        self._decoder.close()

    @property
    def models(self) -> tuple[FindingsModel, ...]:
        """The findings models of the settings.

        Raises:
            ModelError: one of them is missing or damaged.
        """
        if self._models is None:
            from domains.medical.findings.folder import FindingsModel

            self._models = tuple(FindingsModel.load(folder.expanduser()) for folder in self._settings.models)
        return self._models

    def draft_place(
        self,
        place: str | Path,
        *,
        records: Sequence[Path] = (),
        texts: Sequence[str] = (),
        picture: PictureDetails | None = None,
    ) -> Iterator[Drafted]:
        """A draft for each study at a place.

        Args:
            place: a DICOM file, a folder, a ZIP, or a picture.
            records: the patient's record; of one patient, so only for a place that holds one patient's studies.
            texts: history and symptoms in words.
            picture: what is to be known of plain pictures.

        Raises:
            InputError: nothing can be read, or the record is of another patient.
            ModelError: a findings model is missing or damaged.
        """
        record = read_record(records, texts=texts, timezone=self._settings.timezone) if records or texts else None
        with tempfile.TemporaryDirectory(prefix="trivium-study-") as scratch:
            for study in read_study(place, scratch=Path(scratch), timezone=self._settings.timezone, picture=picture):
                yield self.draft(study, record)

    def draft(self, study: Study, record: Record | None = None) -> Drafted:
        """Draft the report of one study.

        Args:
            study: as it was read; its files must still be there.
            record: the patient's, or None.

        Raises:
            InputError: the record is of another patient.
            ModelError: a findings model is missing or damaged.
        """
        begun_s = time.monotonic()
        notices = belongs(record, study) if record is not None and record.patient != Patient() else ()
        known = record.known_at(study.taken_wall_s) if record is not None else None
        images, unshown = self._pictures(study)
        read_s = time.monotonic()
        findings, model, places = self._judge(study, images, record)
        judged_s = time.monotonic()
        shown = {image.id: png(image.rgb) for image in images}
        marked = _overlays(findings, places, images)
        shown_hashes, marked_hashes = ({name: _sha256(content) for name, content in of.items()} for of in (shown, marked))
        report = compose(
            _noted(study, (*notices, *unshown)),
            images,
            known,
            (),
            findings,
            model.checkpoint if model is not None else None,
            made_wall_s=self._now(),
            regions={name: (images[region.image].id, region.box) for name, region in places.items()},
            image_sha256=shown_hashes,
            overlay_sha256=marked_hashes,
            zone=ZoneInfo(self._settings.timezone),
        )
        names = {image.id: image.name for image in images}
        files = [ReportFile("key image", content, PNG, names[identity]) for identity, content in shown.items()]
        files += [ReportFile("overlay", content, PNG, name) for name, content in marked.items()]
        ended_s = time.monotonic()
        seconds = {"read": read_s - begun_s, "judge": judged_s - read_s, "compose": ended_s - judged_s, "all": ended_s - begun_s}
        contents = {hashes[name]: of[name] for hashes, of in ((shown_hashes, shown), (marked_hashes, marked)) for name in of}
        return Drafted(report, tuple(files), seconds, contents)

    def _pictures(self, study: Study) -> tuple[tuple[KeyImage, ...], tuple[str, ...]]:
        try:
            found = key_images(study, self._decoder, at_most=self._settings.key_images)
        except InputError as error:  # a study whose pictures are all damaged is reported as that
            return (), (str(error),)
        return found.images, found.notices

    def _judge(
        self, study: Study, images: Sequence[KeyImage], record: Record | None
    ) -> tuple[tuple[Finding, ...], FindingsModel | None, dict[str, Region]]:
        if not self._settings.models:
            return (), None, {}
        from domains.medical.findings.preparing import row_of
        from domains.medical.findings.regions import regions

        row = row_of(study, images, record, row_id="study")
        model = self._model_for(row)
        if model is None:
            return (), None, {}
        encoded = model.encode(row)
        read = images[:MOST_IMAGES]
        places = regions(model, encoded, tuple(image.rgb.shape[:2] for image in read)) if read else {}
        findings = [_pointing(finding, places, read) for finding in model.judge_encoded(encoded)]
        return tuple(findings), model, places

    def _model_for(self, row: Row) -> FindingsModel | None:
        return next((model for model in self.models if model.knows(row)), None)


def record_of(study: Study, folder: Path, *, timezone: str) -> Record | None:
    """The record in a folder that is of a study's patient; None where there is none.

    Files are looked at in the order of their names; one that cannot be read, or is of another patient, is passed over.
    """
    for path in sorted(folder.glob("*.json"))[:MOST_RECORDS]:
        try:
            record = read_record((path,), timezone=timezone)
            if record.patient != Patient() and not belongs(record, study):
                return record
        except (InputError, ModelError):
            continue
    return None


def _pointing(finding: Finding, places: Mapping[str, Region], images: Sequence[KeyImage]) -> Finding:
    """With the picture that it looked at, or all of them."""
    place = places.get(finding.name)
    pictures = (images[place.image].id,) if place is not None else tuple(image.id for image in images)
    return finding.model_copy(update={"evidence": pictures})


def _overlays(findings: Sequence[Finding], places: Mapping[str, Region], images: Sequence[KeyImage]) -> dict[str, bytes]:
    """Of what was found or left open, the most probable first."""
    told = [finding for finding in findings if finding.name in places and finding.status is not Status.ABSENT]
    told.sort(key=lambda finding: -finding.probability)
    drawn = {}
    for finding in told[:MOST_OVERLAYS]:
        place = places[finding.name]
        image = images[place.image]
        drawn[finding.name] = overlay(image.rgb, heat=place.over(*image.rgb.shape[:2]), box=place.box, title=finding.name)
    return drawn


def _noted(study: Study, notices: Sequence[str]) -> Study:
    return replace(study, notices=(*study.notices, *notices))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
