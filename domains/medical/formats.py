"""The formats that a report is written in, by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from core.errors import ConfigError

if TYPE_CHECKING:
    from domains.medical.report import DraftReport
    from domains.medical.reporting.view import Files
    from domains.medical.sign_off import SignedState


class Format(NamedTuple):
    """One format.

    Attributes:
        target: `module:function`, `render(report, version, files, *, zone) -> bytes`.
        media_type: of its files.
        suffix: of its files, with the dot.
    """

    target: str
    media_type: str
    suffix: str


_ROOM = "domains.medical.reporting"
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "html": Format(f"{_ROOM}.html:render", "text/html; charset=utf-8", ".html"),
        "pdf": Format(f"{_ROOM}.pdf:render", "application/pdf", ".pdf"),
        "sr": Format(f"{_ROOM}.structured_report:render", "application/dicom", ".sr.dcm"),
        "fhir": Format(f"{_ROOM}.fhir:render", "application/fhir+json", ".fhir.json"),
        "encapsulated": Format(f"{_ROOM}.encapsulated:render", "application/dicom", ".pdf.dcm"),
        "json": Format(f"{_ROOM}.as_json:render", "application/json", ".json"),
    }
)


def write_as(name: str, report: DraftReport, version: SignedState, files: Files, zone: tzinfo) -> bytes:
    """A version of a report in one of the formats.

    Args:
        name: of `FORMATS`.
        report: the version's body.
        version: draft, or signed by whom: an unsigned one says DRAFT in every format.
        files: gives the bytes of a stored picture by its SHA-256.
        zone: for the times that are shown.

    Raises:
        ConfigError: the format is not there, or what it needs is not installed.
    """
    module, _, function = FORMATS[name].target.partition(":")
    try:
        render: Callable[..., bytes] = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise ConfigError(f"the format {name} is not installed; install it with: pip install 'trivium[medical]'") from error
    return render(report, version, files, zone=zone)
