"""The encapsulated PDF is a valid object that gives its PDF back; every format can be asked for by name."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from report_pieces import DRAFT, FINAL, no_files
from test_structured_report import HOSTILE

from domains.medical.formats import FORMATS
from domains.medical.report import DraftReport
from domains.medical.reporting import encapsulated
from domains.medical.sign_off import SignedState

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:weasyprint.*")


def written(report: DraftReport, version: SignedState, content: bytes) -> bytes:
    made = BytesIO()
    encapsulated.document(report, version, content).save_as(made, enforce_file_format=True)
    return made.getvalue()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed: apt install dicom3tools")
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("version", [DRAFT, FINAL], ids=lambda v: v.state)
def test_it_is_valid_for_any_identity(drafted: DraftReport, version: SignedState, name: str, tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(written(drafted.model_copy(update={"subject": HOSTILE[name], "accession": "7" * 40}), version, b"%PDF-1.7 odd"))
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    told = (done.stdout + done.stderr).splitlines()
    assert "EncapsulatedPDF" in told
    assert [line for line in told if line.startswith("Error")] == []


@pytest.mark.parametrize("content", [b"%PDF-1.7 odd!", b"%PDF-1.7 even"])
def test_the_pdf_comes_back_as_it_was(drafted: DraftReport, content: bytes) -> None:
    document = pydicom.dcmread(BytesIO(written(drafted, DRAFT, content)))
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == content
    assert document.VerificationFlag == "UNVERIFIED"
    assert document.DocumentTitle.startswith("DRAFT")
    assert document.SourceInstanceSequence[0].ReferencedSOPInstanceUID == drafted.evidence[0].instance_uid


def test_a_signed_one_is_verified(drafted: DraftReport) -> None:
    document = pydicom.dcmread(BytesIO(written(drafted, FINAL, b"%PDF-1.7")))
    assert (document.VerificationFlag, document.DocumentTitle) == ("VERIFIED", "Imaging report")


STARTS = {
    "html": b"<!doctype html>",
    "pdf": b"%PDF",
    "sr": b"\0" * 128 + b"DICM",
    "fhir": b"{",
    "encapsulated": b"\0" * 128 + b"DICM",
    "json": b"{",
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_asked_for_by_name(drafted: DraftReport, name: str) -> None:
    target, media_type, suffix = FORMATS[name]
    module, _, function = target.partition(":")
    content = getattr(import_module(module), function)(drafted, DRAFT, no_files)
    assert content.startswith(STARTS[name])
    assert "/" in media_type
    assert suffix.startswith(".")
