"""HTML shows all of a report and nothing of it is markup; DRAFT until it is signed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_pieces import AMENDED, CHECKPOINT, DRAFT, FINAL, FINDINGS, MADE_WALL_S, REGIONS, finding, no_files

from core.errors import InputError, StoreError
from core.language.lexicon import listed
from domains.medical.report import DRAFT_NOTICE, Checkpoint, DraftReport, Finding, Section, Status, Subject
from domains.medical.reporting import as_json, html
from domains.medical.reporting.composing import compose
from domains.medical.reporting.overlay import png
from domains.medical.sign_off import PreviousVersion, SignedState
from domains.medical.study import KeyImage, Study

ATTACK = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}</style>=cmd|'/c calc'!A0"
KNOWN_TAGS = listed(
    "html head meta title style body div header p h1 section dl dt dd main ul ol li sup a h2 figure img figcaption b table thead tbody "
    "tr th td span"
)


class Parsed(HTMLParser):
    """Tags, links and words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def ids(self) -> set[str | None]:
        return {attrs["id"] for _, attrs in self.tags if "id" in attrs}


def parsed(report: DraftReport, version: SignedState = DRAFT, files: Callable[[str], bytes] = no_files) -> Parsed:
    return Parsed(html.render(report, version, files).decode())


@pytest.fixture(scope="module")
def stored(film: tuple[Study, tuple[KeyImage, ...]]) -> tuple[DraftReport, dict[str, bytes]]:
    """A report whose pictures are kept."""
    study, images = film
    files = {"11" * 32: png(images[0].rgb), "22" * 32: png(255 - images[0].rgb)}
    report = compose(
        study, images, None, (), FINDINGS, CHECKPOINT, regions=REGIONS, made_wall_s=MADE_WALL_S,
        image_sha256={"image-1": "11" * 32}, overlay_sha256={"pleural effusion": "22" * 32},
    )  # fmt: skip
    return report, files


def test_each_sentence_links_to_evidence_that_is_on_the_page(drafted: DraftReport) -> None:
    page = parsed(drafted)
    links = [str(attrs["href"]) for tag, attrs in page.tags if tag == "a"]
    assert len(links) >= len(drafted.sentences)
    assert {link.removeprefix("#") for link in links} <= page.ids
    for sentence in drafted.sentences:
        assert sentence.text in page.words


def test_findings_show_probability_thresholds_and_what_was_abstained(drafted: DraftReport) -> None:
    words = " ".join(parsed(drafted).words.split())
    assert "absent below 20 %, present from 60 %" in words
    assert "82 %" in words
    assert "Not sure (abstained): consolidation." in words
    assert "image 70 %, record 30 %" in words


def test_a_page_says_by_which_checkpoint_and_what_was_used_and_missing(film: tuple[Study, tuple[KeyImage, ...]]) -> None:
    checkpoint = Checkpoint(name="c-1", sha256="cd" * 32, trained_on="made-up studies", is_synthetic=True, limits=("adults only",))
    words = parsed(compose(*film, None, (), FINDINGS, checkpoint, made_wall_s=MADE_WALL_S)).words
    for said in ("c-1 (trained on synthetic data)", "made-up studies", "adults only", "no record was given", "chest film, PA"):
        assert said in words


@pytest.mark.parametrize("state", ["draft", "amended-draft"])
def test_what_is_not_signed_says_draft(drafted: DraftReport, state: str) -> None:
    earlier = (PreviousVersion(1, "final", "Pryce, Ada", MADE_WALL_S),) if state == "amended-draft" else ()
    page = parsed(drafted, SignedState(state, 2, previous=earlier))  # type: ignore[arg-type]
    assert "not signed" in page.words
    assert DRAFT_NOTICE in page.words
    assert any(attrs.get("class") == "watermark" for _, attrs in page.tags)
    assert ("of an amendment to version 1" in page.words) == (state == "amended-draft")


@pytest.mark.parametrize(
    ("version", "said"), [(FINAL, "Final report, version 2: signed by Pryce, Ada"), (AMENDED, "Amended report, version 4")]
)
def test_what_is_signed_says_by_whom_and_not_draft(drafted: DraftReport, version: SignedState, said: str) -> None:
    page = parsed(drafted, version)
    assert said in page.words
    assert "DRAFT" not in page.words
    assert "The software makes no diagnosis" in page.words
    assert "Version 1 (draft) by software" in page.words


def test_pictures_are_data_and_an_overlay_stands_for_its_picture(stored: tuple[DraftReport, dict[str, bytes]]) -> None:
    report, files = stored
    page = parsed(report, DRAFT, files.__getitem__)
    pictures = [str(attrs["src"]) for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) == 2
    assert [base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True) for source in pictures] == list(files.values())


def test_a_region_without_an_overlay_is_drawn_as_a_box(stored: tuple[DraftReport, dict[str, bytes]]) -> None:
    report, files = stored
    without = report.model_copy(update={"evidence": tuple(e.model_copy(update={"overlay_sha256": ""}) for e in report.evidence)})
    boxes = [attrs["style"] for _, attrs in parsed(without, DRAFT, files.__getitem__).tags if attrs.get("class") == "box"]
    assert boxes == ["left:10.00%;top:55.00%;width:35.00%;height:40.00%"]


def test_a_picture_that_is_not_kept_is_said_to_be_gone(stored: tuple[DraftReport, dict[str, bytes]]) -> None:
    def gone(sha256: str) -> bytes:
        raise StoreError("evidence was removed")

    assert "The picture is not kept any more." in parsed(stored[0], DRAFT, gone).words


def test_a_file_that_is_no_picture_is_refused(stored: tuple[DraftReport, dict[str, bytes]]) -> None:
    with pytest.raises(InputError, match="no PNG or JPEG"):
        html.render(stored[0], DRAFT, lambda sha256: b"<svg onload=alert(1)>")


def attacked(report: DraftReport, text: str) -> DraftReport:
    """The text in every place that takes words."""
    sentence = report.sentences[0].model_copy(update={"text": text[:2000] or "-", "by": text})
    return report.model_copy(
        update={
            "subject": Subject(patient_id=text, issuer=text, name=text, birth_date=text, sex=text),
            "accession": text,
            "study_uid": text,
            "study_description": text,
            "modalities": (text,),
            "sentences": tuple(sentence.model_copy(update={"section": section}) for section in Section),
            "findings": tuple(f.model_copy(update={"name": text, "by": text, "contributions": {text: 0.5}}) for f in report.findings),
            "evidence": tuple(e.model_copy(update={"label": text, "entry_id": text}) for e in report.evidence),
            "used": (text,), "missing": (text,), "notices": (text,), "dropped": (text,),
            "checkpoint": Checkpoint(name=text, sha256=text, trained_on=text, limits=(text,)),
        }
    )  # fmt: skip


def test_nothing_of_a_report_is_markup(drafted: DraftReport) -> None:
    version = SignedState("final", 3, ATTACK, MADE_WALL_S, (PreviousVersion(1, "draft", ATTACK, MADE_WALL_S, ATTACK),))
    page = parsed(attacked(drafted, ATTACK), version)
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert page.words.count("<script>alert(1)</script>") > 20
    assert "{{7*7}}" in page.words
    assert html.render(attacked(drafted, ATTACK), version, no_files).count(b"<script") == 0


@given(st.text(max_size=60))
def test_any_words_are_only_words(drafted: DraftReport, text: str) -> None:
    page = parsed(attacked(drafted, text))
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS


def test_words_cannot_turn_the_direction_of_what_is_around_them(drafted: DraftReport) -> None:
    subject = Subject(name="Doe\u202e, Jo\x00\ud800")
    page = html.render(drafted.model_copy(update={"subject": subject}), DRAFT, no_files).decode()
    assert "Doe, Jo" in page
    assert "\u202e" not in page


def test_a_page_asks_for_nothing_from_elsewhere(stored: tuple[DraftReport, dict[str, bytes]]) -> None:
    report, files = stored
    page = html.render(report, DRAFT, files.__getitem__).decode()
    assert not re.findall(r'(?:src|href)="(?!#|data:)|(?:src|href)=[^"]', page)
    assert not re.findall(r"url\(|@import|<script|<link|<iframe", page)
    assert "default-src 'none'" in page


def test_bars_are_as_long_as_the_probability(with_findings: Callable[[Sequence[Finding]], DraftReport]) -> None:
    page = parsed(with_findings((finding("nodule", 0.37),)))
    assert [attrs["style"] for _, attrs in page.tags if attrs.get("class") == "fill"] == ["width:37.0%"]
    assert [attrs["style"] for _, attrs in page.tags if attrs.get("class") == "tick"] == ["left:20.0%", "left:60.0%"]


def test_what_a_person_decided_says_so(drafted: DraftReport) -> None:
    changed = drafted.findings[1].model_copy(update={"status": Status.PRESENT, "by": "Pryce, Ada"})
    words = parsed(drafted.model_copy(update={"findings": (changed,)}), FINAL).words
    assert "(Pryce, Ada)" in words


def test_json_holds_the_report_and_its_state(drafted: DraftReport) -> None:
    told = json.loads(as_json.render(drafted, FINAL, no_files))
    assert told["is_draft"] is False
    assert told["version"]["signer"] == "Pryce, Ada"
    assert DraftReport.model_validate(told["report"]) == drafted
    assert json.loads(as_json.render(drafted, DRAFT, no_files))["notice"] == DRAFT_NOTICE


def test_a_stored_picture_is_no_larger_than_a_page_needs() -> None:
    from io import BytesIO

    from PIL import Image

    large = np.zeros((3000, 1500, 3), np.uint8)
    assert Image.open(BytesIO(png(large))).size == (512, 1024)
