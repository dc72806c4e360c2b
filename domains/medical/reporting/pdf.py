"""A report as PDF on A4, by WeasyPrint from the page that HTML shows; it fetches nothing from a network or a disk."""

from __future__ import annotations

import logging
from datetime import UTC, tzinfo
from typing import Any

from domains.medical.report import DraftReport
from domains.medical.reporting.html import page
from domains.medical.reporting.view import Files
from domains.medical.sign_off import SignedState

for _logger in ("weasyprint", "fontTools"):
    logging.getLogger(_logger).setLevel(logging.CRITICAL)  # they log pictures, and the letters of a page


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as PDF; DRAFT on every page until it is signed.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: gives the bytes of a stored picture by its SHA-256.
        zone: for dates.
    """
    from weasyprint import HTML

    text = page(report, version, files, zone=zone, is_print=True)
    document = HTML(string=text, base_url=None, url_fetcher=only_data())
    return bytes(document.write_pdf(pdf_tags=True))


def only_data() -> Any:
    """A fetcher that opens `data:` addresses and refuses all others."""
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols={"data"}, allow_redirects=False)
