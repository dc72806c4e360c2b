"""The listener's part of the configuration: where it listens, whom it answers, and its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LOOPBACK = "127.0.0.1"
AE_TITLE_CHARACTERS = 16


def _ae_title(title: str) -> str:
    """PS3.5 6.2: at most 16 characters of the default repertoire, no backslash, not only spaces."""
    stripped = title.strip(" ")
    if not stripped or len(stripped) > AE_TITLE_CHARACTERS or "\\" in stripped or not (stripped.isascii() and stripped.isprintable()):
        raise ValueError(f"{title!r} is no application entity title: 1 to 16 printable ASCII characters, no backslash")
    return stripped


AeTitle = Annotated[str, AfterValidator(_ae_title)]


class Section(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Section):
    """Encrypted associations; without this section the listener speaks plainly."""

    certificate: Path = Field(description="PEM file: this listener's certificate, and what it was signed with")
    key: Path = Field(description="PEM file: its private key, without a passphrase")
    client_authority: Path | None = Field(default=None, description="PEM file: only clients whose certificate it signed may connect")


class Peer(Section):
    """Where another application entity listens."""

    host: str
    port: int = Field(ge=1, le=65_535)


class ReceivingSettings(Section):
    """The DICOM listener."""

    host: str = Field(default=LOOPBACK, description="address to listen at; 0.0.0.0 is every network of this machine")
    port: int = Field(default=11_112, ge=0, le=65_535, description="0 takes a free one")
    ae_title: AeTitle = "TRIVIUM"
    check_called: bool = Field(default=True, description="refuse who calls us by another title")
    callers: list[AeTitle] | None = Field(default=None, description="titles that may send; none means anyone who reaches the port")
    tls: TlsSettings | None = None
    associations: int = Field(default=8, ge=1, le=100, description="at once; the next one is rejected")
    pdu_bytes: int = Field(default=131_072, ge=4096, le=1_048_576, description="largest protocol data unit that is taken")
    max_object_mb: float = Field(default=2048.0, gt=0, description="larger objects are cut off")
    request_timeout_s: float = Field(default=10.0, gt=0, description="from the connection to its association request")
    network_timeout_s: float = Field(default=60.0, gt=0, description="an association that is silent for so long is cut off")
    quiet_s: float = Field(default=5.0, ge=0, description="a study is whole so long after its last object, once its associations ended")
    quiet_open_s: float = Field(default=60.0, ge=0, description="the same, while an association that sent of it is still open")
    commitment: bool = Field(default=True, description="answer requests for storage commitment")
    peers: dict[AeTitle, Peer] = Field(
        default_factory=dict, description="where to report a storage commitment; others are told in the association that asked"
    )

    @model_validator(mode="after")
    def _is_limited(self) -> ReceivingSettings:
        if self.callers is not None and not self.callers:
            raise ValueError("callers is an empty list: nobody could send; leave it out to let anyone who reaches the port")
        return self
