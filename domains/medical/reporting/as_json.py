"""A report as JSON: the value itself with the state of its version, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, tzinfo

from domains.medical.report import DRAFT_NOTICE, DraftReport
from domains.medical.reporting.view import SIGNED_NOTICE, Files
from domains.medical.sign_off import SignedState

FORMAT = "trivium.report-version/1"


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as JSON, UTF-8; pictures by their hashes alone."""
    del files, zone  # pictures stay where they are, and times are Unix times
    shown = {
        "format": FORMAT,
        "notice": SIGNED_NOTICE if version.is_signed else DRAFT_NOTICE,
        "is_draft": not version.is_signed,
        "version": asdict(version),
        "report": report.model_dump(mode="json"),
    }
    return json.dumps(shown, ensure_ascii=True, indent=1).encode("ascii")
