"""A report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from domains.medical.report import DraftReport
from domains.medical.reporting.view import Files, shown, view
from domains.medical.sign_off import SignedState

TEMPLATE = "report.html"


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as HTML, UTF-8.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: gives the bytes of a stored picture by its SHA-256.
        zone: for dates.
    """
    return page(report, version, files, zone=zone, is_print=False).encode("utf-8")


def page(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo, is_print: bool) -> str:
    """The page, for a screen or for paper."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(report=report, version=version, view=view(report, version, files, zone), is_print=is_print)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("domains.medical.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalized(value: Any) -> Any:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
