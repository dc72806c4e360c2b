"""Studies at a place as samples: pictures, what they are in words, and the record where one lies beside them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.samples import Image, Observation, Payload, Sample, Tabular, Text
from core.table.progress import silent
from domains.medical.config import MedicalSettings
from domains.medical.findings.columns import Row
from domains.medical.findings.preparing import prepare, row_of
from domains.medical.findings.studies_table import read_studies_table
from domains.medical.reading import Decoder, key_images, read_study

TABLE = "studies.csv"


class StudySource:
    """Yields one sample a study."""

    def __init__(self, location: str, settings: MedicalSettings) -> None:
        self._location, self._settings = location, settings
        self._decoder = Decoder()

    def __iter__(self) -> Iterator[Sample]:
        with tempfile.TemporaryDirectory(prefix="trivium-study-") as scratch:
            for study in read_study(self._location, scratch=Path(scratch), timezone=self._settings.timezone):
                images = key_images(study, self._decoder, at_most=self._settings.key_images).images
                name = hashlib.sha256(study.uid.encode()).hexdigest()[:16]
                yield sample_of(row_of(study, images, None, row_id=name), study.taken_wall_s)

    def close(self) -> None:
        """End the decoder's process."""
        self._decoder.close()


def sample_of(row: Row, wall_s: float | None = None) -> Sample:
    """A row as a sample; its observations name no person."""
    held: list[Payload] = [Image(rgb) for rgb in row.images]
    words = (*row.study, *row.record, *(text for text in (row.history, row.symptoms) if text))
    if words:
        held.append(Text(words))
    if row.values:
        held.append(Tabular(row.values))
    observations = tuple(Observation(payload, row.id, wall_start_s=wall_s) for payload in held)
    return Sample(row.id, observations, labels=row.findings, group=row.patient or None)


def labelled_samples(dataset: Path, settings: MedicalSettings) -> tuple[Sample, ...]:
    """The studies of a dataset folder's `studies.csv`.

    Raises:
        InputError: there is no such table, or no study that can be read.
    """
    studies, _ = read_studies_table(dataset / TABLE)
    rows, _ = prepare(studies, timezone=settings.timezone, most_images=settings.key_images, say=silent)
    return tuple(sample_of(row) for row in rows)
