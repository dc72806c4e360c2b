"""The medical part of the configuration: which models are asked, how studies are read, where the listener listens."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domains.medical.receiving.settings import ReceivingSettings

MOST_KEY_IMAGES = 8


class MedicalSettings(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[Path] = Field(
        default=[], description="folders of findings models; of a study the first is asked that was trained on its kind of picture"
    )
    timezone: str = Field(default="UTC", description="of times that carry no offset, such as Europe/Berlin")
    key_images: int = Field(default=4, ge=1, le=MOST_KEY_IMAGES, description="pictures a study that are shown and asked about")
    records: Path | None = Field(
        default=None,
        description="folder of records (FHIR bundles, a file a patient): a study that is received is drafted with its patient's",
    )
    listen: ReceivingSettings | None = Field(default=None, description="the DICOM listener; `trivium medical listen` also works without it")

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name[:64]!r}; write one such as Europe/Berlin") from None
        return name
