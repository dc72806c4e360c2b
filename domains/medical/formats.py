"""The formats that a report is written in, by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import NamedTuple

from core.errors import ConfigError
from domains.medical.report import DraftReport
from domains.medical.sign_off import SignedState

Files = Callable[[str], bytes]


class Format(NamedTuple):
    """One format.

    Attributes:
        target: `module:function`, `render(report, version, files) -> bytes`; one that shows times takes `zone` too.
        suffix: of its files.
    """

    target: str
    suffix: str


FORMATS: Mapping[str, Format] = {
    "html": Format("domains.medical.reporting.html:render", "html"),
    "pdf": Format("domains.medical.reporting.pdf:render", "pdf"),
    "sr": Format("domains.medical.reporting.structured_report:render", "dcm"),
    "fhir": Format("domains.medical.reporting.fhir:render", "json"),
    "encapsulated": Format("domains.medical.reporting.encapsulated:render", "dcm"),
    "json": Format("domains.medical.reporting.as_json:render", "json"),
}


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
    if "zone" in inspect.signature(render).parameters:
        return render(report, version, files, zone=zone)
    return render(report, version, files)
