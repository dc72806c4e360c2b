"""De-identify a PNG or JPEG: its pixels alone are kept, with burned-in words covered; what was written beside it is told anew."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from domains.medical.deidentifying.keys import Keys
from domains.medical.deidentifying.words import WordFinder
from domains.medical.reading import Bounds, Decoder, PictureDetails
from domains.medical.reading.pictures import details_beside
from domains.medical.study import Instance

KEPT_VIEWS = frozenset({"PA", "AP", "LL", "RL", "LAT", "LAO", "RAO", "LPO", "RPO", "CC", "MLO"})
_BODY_PARTS = """
    abdomen ankle brain breast cervical chest elbow extremity femur foot hand head heart hip kidney knee leg liver lung neck pelvis
    shoulder skull spine thorax thyroid wrist
"""
KEPT_BODY_PARTS = frozenset(_BODY_PARTS.split())


@dataclass(frozen=True, slots=True)
class CleanedPicture:
    """A de-identified picture.

    Attributes:
        png: its file.
        details: of the file beside it, or None where there was none.
        name: of both files, without an ending.
        counts: of what was done.
    """

    png: bytes = field(repr=False)
    details: PictureDetails | None
    name: str
    counts: Counter[str]


def deidentify_picture(path: Path, keys: Keys, finder: WordFinder, decoder: Decoder, bounds: Bounds) -> CleanedPicture:
    """De-identify a picture.

    Raises:
        InputError: it cannot be decoded, or what stands beside it is damaged. The message quotes nothing.
    """
    from PIL import Image

    with path.open("rb") as file:
        original = file.read(min(bounds.file_bytes, 1 << 30) + 1)
    rgb = np.array(decoder.frame(Instance("", "", "", path, None, 1, 1, 1, "")).values[0])
    covered, boxes = finder.covering(rgb)
    rgb[covered] = 0
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")  # made of the pixels alone: no EXIF, no text, no profile, no thumbnail
    counts = Counter({"boxes of words covered": boxes, "pictures searched for words": 1, "frames": 1})
    return CleanedPicture(out.getvalue(), _told_anew(details_beside(path), keys), keys.name(original), counts)


def _told_anew(details: PictureDetails | None, keys: Keys) -> PictureDetails | None:
    if details is None:
        return None
    kept: dict[str, Any] = {"modality": details.modality.upper() if len(details.modality) == 2 else "OT"}
    if details.body_part.strip().lower() in KEPT_BODY_PARTS:
        kept["body_part"] = details.body_part.strip().lower()
    if details.view.strip().upper() in KEPT_VIEWS:
        kept["view"] = details.view.strip().upper()
    return PictureDetails(
        **kept,
        laterality=details.laterality,
        spacing_mm=details.spacing_mm,
        patient_id=keys.pseudonym(details.patient_issuer, details.patient_id),
        study_uid=keys.uid(details.study_uid) if details.study_uid else None,
    )
