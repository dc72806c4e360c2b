"""Everything from judged findings to documents: drafting, and the formats a report can be written in.

Each format is a function `render(report, version, files, *, zone) -> bytes`; it is imported only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_HERE = "domains.medical.reporting"

FORMATS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {  # name: where its function is, media type, suffix
        "html": (f"{_HERE}.html:render", "text/html; charset=utf-8", ".html"),
        "pdf": (f"{_HERE}.pdf:render", "application/pdf", ".pdf"),
        "sr": (f"{_HERE}.structured_report:render", "application/dicom", ".sr.dcm"),
        "fhir": (f"{_HERE}.fhir:render", "application/fhir+json", ".fhir.json"),
        "encapsulated": (f"{_HERE}.encapsulated:render", "application/dicom", ".pdf.dcm"),
        "json": (f"{_HERE}.as_json:render", "application/json", ".json"),
    }
)
