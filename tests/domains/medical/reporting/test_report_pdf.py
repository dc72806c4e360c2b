"""PDF opens, says DRAFT on every page until it is signed, and fetches nothing."""

from __future__ import annotations

import logging
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_pieces import CHECKPOINT, DRAFT, FINAL, FINDINGS, MADE_WALL_S, REGIONS

from domains.medical.record import Record
from domains.medical.report import DraftReport, Subject
from domains.medical.reporting import pdf
from domains.medical.reporting.composing import compose
from domains.medical.reporting.overlay import png
from domains.medical.study import KeyImage, Study

pytestmark = [
    pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed: apt install poppler-utils"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:weasyprint.*"),
]


def pages(path: Path) -> list[str]:
    """The words of each page."""
    done = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True)
    return done.stdout.removesuffix("\f").split("\f")


@pytest.fixture(scope="module")
def pictured(film: tuple[Study, tuple[KeyImage, ...]], record: Record) -> tuple[DraftReport, dict[str, bytes]]:
    study, images = film
    files = {"11" * 32: png(images[0].rgb)}
    report = compose(
        study, images, record, ("Cough for 5 days.",), FINDINGS, CHECKPOINT, regions=REGIONS, made_wall_s=MADE_WALL_S,
        image_sha256={"image-1": "11" * 32},
    )  # fmt: skip
    return report, files


def test_a_draft_opens_and_says_draft_on_every_page(
    pictured: tuple[DraftReport, dict[str, bytes]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    report, files = pictured
    path = tmp_path / "draft.pdf"
    path.write_bytes(pdf.render(report, DRAFT, files.__getitem__))
    assert not caplog.records  # WeasyPrint's and fontTools' hold pictures and letters of names
    told = pages(path)
    assert len(told) >= 2
    for page in told:
        assert "DRAFT" in page
        assert "Müller, Anna" in page
        assert "Not a diagnosis" in page
    assert "Pleural effusion is present, with probability 82 %" in " ".join(told)
    listed = subprocess.run(["pdfimages", "-list", path], check=True, capture_output=True, text=True).stdout
    assert listed.count("image") >= 1
    about = subprocess.run(["pdfinfo", path], check=True, capture_output=True, text=True).stdout
    assert "A4" in about
    assert "Müller" not in about


def test_a_signed_report_says_by_whom_and_not_draft(drafted: DraftReport, tmp_path: Path) -> None:
    path = tmp_path / "final.pdf"
    path.write_bytes(pdf.render(drafted, FINAL, lambda sha256: b""))
    told = pages(path)
    assert not any("DRAFT" in page for page in told)
    assert "signed by Pryce, Ada" in told[0]


class Counting(socketserver.BaseRequestHandler):
    """Notes that somebody called."""

    calls = 0

    def handle(self) -> None:
        type(self).calls += 1


@pytest.fixture
def listener() -> Iterator[int]:
    Counting.calls = 0
    with socketserver.TCPServer(("127.0.0.1", 0), Counting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_nothing_is_fetched_even_where_markup_gets_through(listener: int, tmp_path: Path) -> None:
    from weasyprint import HTML

    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG\r\n\x1a\n")
    elsewhere = f"http://127.0.0.1:{listener}/x"
    page = f'<link rel=stylesheet href="{elsewhere}.css"><img src="{elsewhere}.png"><img src="{secret.as_uri()}">'
    assert HTML(string=page, url_fetcher=pdf.only_data()).write_pdf().startswith(b"%PDF")
    assert Counting.calls == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "https://example.org/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "relative.png"]
)
def test_no_address_but_data_is_opened(url: str) -> None:
    with pytest.raises(ValueError, match=r"disallowed|absolute"):
        pdf.only_data().fetch(url)


def test_data_is_opened() -> None:
    assert pdf.only_data().fetch("data:text/plain,hello").read() == b"hello"


def test_very_long_and_foreign_names_fit(drafted: DraftReport, tmp_path: Path) -> None:
    subject = Subject(name="Ω" * 30_000 + " <script>", patient_id="=cmd()" * 200)
    path = tmp_path / "long.pdf"
    sentence = drafted.sentences[0].model_copy(update={"text": "W" * 2000})
    path.write_bytes(pdf.render(drafted.model_copy(update={"subject": subject, "sentences": (sentence,)}), DRAFT, lambda sha256: b""))
    told = pages(path)
    assert "=cmd()" in told[0]
    assert all("DRAFT" in page for page in told)
