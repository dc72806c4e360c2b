"""A PNG or JPEG and what a person wrote beside it, as an instance: a picture says nothing of itself."""

from __future__ import annotations

import json
import uuid
import warnings
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydicom.uid import SecondaryCaptureImageStorage

from core.errors import InputError
from domains.medical.reading.bounded import open_bounded
from domains.medical.reading.bounds import Bounds
from domains.medical.reading.fields import clean
from domains.medical.reading.instances import Described, sha256_of
from domains.medical.study import Instance, Patient

FORMATS = ("PNG", "JPEG")
DETAILS_BYTES = 1 << 16
Word = Annotated[str, Field(max_length=256)]


class PictureDetails(BaseModel):
    """What must be said of a picture; nothing is guessed.

    Attributes:
        modality: `CR`, `DX`, `US`...
        time: when it was taken; without an offset, in the settings' time zone.
        study_uid: pictures that share it make one study; without it, those of one patient, accession and time do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    modality: Annotated[str, Field(pattern=r"^[A-Za-z]{2,16}$")]
    body_part: Word = ""
    view: Word = ""
    laterality: Literal["", "L", "R", "B"] = ""
    patient_id: Annotated[str, Field(max_length=64)]
    patient_issuer: Annotated[str, Field(max_length=64)] = ""
    patient_name: Word = ""
    birth_date: date | None = None
    sex: Literal["", "F", "M", "O"] = ""
    time: datetime | None = None
    study_uid: Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")] | None = None
    accession: Annotated[str, Field(max_length=64)] = ""
    description: Annotated[str, Field(max_length=1024)] = ""
    spacing_mm: tuple[Annotated[float, Field(gt=0, lt=1000)], Annotated[float, Field(gt=0, lt=1000)]] | None = None


def details_beside(path: Path) -> PictureDetails | None:
    """What `picture.json` says of `picture.png`, or None where there is none.

    Raises:
        InputError: it is damaged or says something that is not known; the value is not quoted.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return None
    try:
        with beside.open("rb") as file:
            content = file.read(DETAILS_BYTES + 1)
        if len(content) > DETAILS_BYTES:
            raise InputError(f"a picture's .json has more than {DETAILS_BYTES} bytes")
        return PictureDetails.model_validate(json.loads(content))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        known = first["loc"] and str(first["loc"][0]) in PictureDetails.model_fields
        where = str(first["loc"][0]) if known else "an entry"
        raise InputError(
            f"a picture's .json: {where} does not fit ({first['type']}); the known entries are {', '.join(PictureDetails.model_fields)}"
        ) from None
    except (ValueError, RecursionError, OSError):
        raise InputError("a picture's .json is not JSON") from None


def describe_picture(path: Path, details: PictureDetails, zone: tzinfo, bounds: Bounds) -> Described:
    """A picture's size and details; its pixels are not decoded here.

    Raises:
        InputError: it is damaged or too large.
    """
    rows, columns = _size(path, bounds)
    digest = sha256_of(path)
    moment = details.time if details.time is None or details.time.tzinfo else details.time.replace(tzinfo=zone)
    taken_wall_s = moment.timestamp() if moment else None
    study_uid = details.study_uid or _uid("study", details.patient_issuer, details.patient_id, details.accession, str(taken_wall_s))
    instance = Instance(
        uid=_uid("instance", study_uid, digest),
        class_uid=str(SecondaryCaptureImageStorage),
        sha256=digest,
        path=path,
        number=None,
        rows=rows,
        columns=columns,
        frames=1,
        modality=details.modality.upper(),
        body_part=clean(details.body_part).lower(),
        view=clean(details.view).upper(),
        laterality=details.laterality,
        spacing_mm=details.spacing_mm,
        acquired_wall_s=taken_wall_s,
    )
    patient = Patient(
        clean(details.patient_id, 64),
        clean(details.patient_issuer, 64),
        clean(details.patient_name, 256),
        details.birth_date.isoformat() if details.birth_date else "",
        details.sex,
    )
    return Described(
        instance,
        patient,
        study_uid,
        _uid("series", study_uid, instance.modality),
        taken_wall_s,
        clean(details.description),
        "",
        details.accession,
        (),
    )


def check_size(rows: int, columns: int, bounds: Bounds) -> None:
    """Refuse a picture that is larger than is read.

    Raises:
        InputError: it is.
    """
    if rows * columns * 4 > bounds.frame_bytes:
        raise InputError(f"a picture claims {rows} x {columns} pixels, more than {bounds.frame_bytes} bytes hold")


def _size(path: Path, bounds: Bounds) -> tuple[int, int]:
    from PIL import Image

    with open_bounded(path, bounds) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as picture:
                columns, rows = picture.size
        except Image.DecompressionBombError:
            raise InputError("a picture claims more pixels than are read") from None
        except Exception as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"a picture is damaged ({type(error).__name__})") from None
    check_size(rows, columns, bounds)
    return rows, columns


def _uid(*parts: str) -> str:
    """The same for the same, under 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, chr(0).join(parts)).int}"
